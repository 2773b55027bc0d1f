"""An immutable collection of frames, and what is known about all of them together."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from mlip_rs.data.distances import nearest_distances
from mlip_rs.data.frames import Frame
from mlip_rs.errors import DataError


@dataclass(frozen=True)
class LabelCounts:
    """How many frames of a dataset carry each label.

    Parameters
    ----------
    n_frames
        All frames.
    energies, forces, stresses
        Frames with that label.
    """

    n_frames: int
    energies: int
    forces: int
    stresses: int

    @property
    def missing_energies(self) -> int:
        """Frames without energy."""
        return self.n_frames - self.energies

    @property
    def missing_forces(self) -> int:
        """Frames without forces."""
        return self.n_frames - self.forces

    @property
    def missing_stresses(self) -> int:
        """Frames without stress."""
        return self.n_frames - self.stresses


@dataclass(frozen=True, eq=False)
class Dataset:
    """Frames in the order read.

    Parameters
    ----------
    frames
        The structures.
    energy_source
        Which energy was taken: "free_energy", "energy", the key named by the user, "mixed" (after adding
        datasets that differ) or "none".
    notices
        What the reader decided or found odd, one sentence each, for the report.
    """

    frames: tuple[Frame, ...]
    energy_source: str = "energy"
    notices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", tuple(self.frames))
        object.__setattr__(self, "notices", tuple(self.notices))

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.frames)

    def __getitem__(self, index: int) -> Frame:
        return self.frames[index]

    def __add__(self, other: "Dataset") -> "Dataset":
        if not isinstance(other, Dataset):
            return NotImplemented
        sources = {part.energy_source for part in (self, other) if part.energy_source != "none"}
        notices = [*self.notices, *(notice for notice in other.notices if notice not in self.notices)]
        if len(sources) > 1:
            notices.append(f"datasets with different energies were joined: {', '.join(sorted(sources))}")
        source = sources.pop() if len(sources) == 1 else ("mixed" if sources else "none")
        return Dataset((*self.frames, *other.frames), source, tuple(notices))

    def subset(self, indices: Iterable[int] | NDArray[np.intp] | NDArray[np.bool_]) -> "Dataset":
        """Frames at `indices`, in that order; a boolean mask of length n selects instead.

        Raises
        ------
        DataError
            An index out of range, or a mask of the wrong length.
        """
        chosen = np.asarray(indices if isinstance(indices, np.ndarray) else list(indices))
        if chosen.dtype == np.bool_:
            if chosen.shape != (len(self),):
                raise DataError(f"a mask of shape {chosen.shape} cannot select from {len(self)} frames")
            chosen = np.flatnonzero(chosen)
        if chosen.size and not (-len(self) <= chosen.min() and chosen.max() < len(self)):
            raise DataError(f"index out of range: the dataset has {len(self)} frames")
        return replace(self, frames=tuple(self.frames[int(index)] for index in chosen))

    def without(self, indices: Iterable[int]) -> "Dataset":
        """All frames but those at `indices` (counted from 0, in order)."""
        dropped = {int(index) for index in indices}
        return self.subset([index for index in range(len(self)) if index not in dropped])

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols that occur, by atomic number."""
        numbers: set[int] = set()
        for frame in self.frames:
            numbers.update(frame.numbers.tolist())
        return tuple(chemical_symbols[number] for number in sorted(numbers))

    @cached_property
    def n_atoms(self) -> int:
        """Atoms in all frames."""
        return sum(frame.n_atoms for frame in self.frames)

    @cached_property
    def config_types(self) -> tuple[str, ...]:
        """Kinds of structures, in the order of their first frame."""
        return tuple(dict.fromkeys(frame.config_type for frame in self.frames))

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Files the frames come from, in order."""
        return tuple(dict.fromkeys(frame.file for frame in self.frames))

    @cached_property
    def labels(self) -> LabelCounts:
        """Frames with and without each label."""
        present = Counter[str]()
        for frame in self.frames:
            present["energy"] += frame.energy is not None
            present["forces"] += frame.forces is not None
            present["stress"] += frame.stress is not None
        return LabelCounts(len(self), present["energy"], present["forces"], present["stress"])

    def n_labels(self, properties: Sequence[bool] | NDArray[np.bool_] = (True, True, True)) -> int:
        """Numbers that a potential can be fitted to: energies, components of forces and of stresses, if wanted."""
        energy, forces, stress = map(bool, properties)
        return sum(
            (energy and frame.energy is not None)
            + 3 * frame.n_atoms * (forces and frame.forces is not None)
            + 6 * (stress and frame.stress is not None)
            for frame in self.frames
        )

    @cached_property
    def nearest_distances(self) -> tuple[NDArray[np.float64], ...]:
        """Distance of every atom to its nearest neighbour, Å, by frame; inf beyond 8 Å."""
        return tuple(nearest_distances(frame.positions, frame.cell, frame.pbc) for frame in self.frames)

    def compositions(self) -> NDArray[np.float64]:
        """Count the atoms of each of `elements`, (n_frames, n_elements)."""
        columns = {chemical_symbols.index(symbol): column for column, symbol in enumerate(self.elements)}
        counts = np.zeros((len(self), len(columns)))
        for row, frame in enumerate(self.frames):
            for number, count in Counter(frame.numbers.tolist()).items():
                counts[row, columns[number]] = count
        return counts

    def fingerprint(self) -> str:
        """SHA-256 (hex) of structures, labels, config types and groups in order; file names do not matter."""
        digest = hashlib.sha256(b"mlip_rs dataset 1")
        for frame in self.frames:
            digest.update(f"|{frame.n_atoms}|{frame.config_type!r}|{frame.group!r}".encode())
            digest.update(frame.numbers.astype("<i8").tobytes() + frame.pbc.tobytes())
            energy = None if frame.energy is None else np.array(frame.energy)
            for label in (frame.positions, frame.cell, energy, frame.forces, frame.stress):
                digest.update(b"|" if label is None else b"+" + (label + 0.0).astype("<f8").tobytes())
        return digest.hexdigest()
