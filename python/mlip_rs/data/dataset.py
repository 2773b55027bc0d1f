"""An immutable collection of frames with their common properties."""

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
    """Numbers of frames of a dataset with each label.

    Parameters
    ----------
    n_frames
        Number of frames.
    energies, forces, stresses
        Number of frames with that label.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> read_dataset(DATA_PATH, index=":5").labels
    LabelCounts(n_frames=5, energies=5, forces=5, stresses=5)
    """

    n_frames: int
    energies: int
    forces: int
    stresses: int


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled structures in the order in which they were read.

    >>> frames = [Frame([13], [[0.0, 0.0, 0.0]], a * np.eye(3), [True] * 3, energy=a) for a in (2.8, 2.9)]
    >>> dataset = Dataset(tuple(frames))
    >>> len(dataset), dataset.n_atoms, dataset.labels.energies
    (2, 2, 2)

    Parameters
    ----------
    frames
        Structures with their labels.
    energy_source
        Energy that was read: "free_energy", "energy", the key named by the user, "mixed" (after adding
        datasets that differ) or "none".
    notices
        Decisions and warnings of the reader, one sentence each.
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
        """Return the frames at `indices` in that order, or those selected by a boolean mask (n,).

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
        """Return all frames except those at `indices`."""
        dropped = {int(index) for index in indices}
        return self.subset([index for index in range(len(self)) if index not in dropped])

    @cached_property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols in the data, ordered by atomic number."""
        numbers: set[int] = set()
        for frame in self.frames:
            numbers.update(frame.numbers.tolist())
        return tuple(chemical_symbols[number] for number in sorted(numbers))

    @cached_property
    def n_atoms(self) -> int:
        """Number of atoms in all frames."""
        return sum(frame.n_atoms for frame in self.frames)

    @cached_property
    def config_types(self) -> tuple[str, ...]:
        """Config types, in the order of their first frame."""
        return tuple(dict.fromkeys(frame.config_type for frame in self.frames))

    @cached_property
    def label_sources(self) -> dict[str, int]:
        """Numbers of frames by what made their labels, where the files tell it."""
        return dict(Counter(frame.label_source for frame in self.frames if frame.label_source))

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Names of the source files, in order."""
        return tuple(dict.fromkeys(frame.file for frame in self.frames))

    @cached_property
    def labels(self) -> LabelCounts:
        """Numbers of frames with each label."""
        present = Counter[str]()
        for frame in self.frames:
            present["energy"] += frame.energy is not None
            present["forces"] += frame.forces is not None
            present["stress"] += frame.stress is not None
        return LabelCounts(len(self), present["energy"], present["forces"], present["stress"])

    def n_labels(self, properties: Sequence[bool] | NDArray[np.bool_] = (True, True, True)) -> int:
        """Count the energies, force components and stress components in the data.

        Parameters
        ----------
        properties
            Whether to count energies, forces and stresses.
        """
        energy, forces, stress = map(bool, properties)
        return sum(
            (energy and frame.energy is not None)
            + 3 * frame.n_atoms * (forces and frame.forces is not None)
            + 6 * (stress and frame.stress is not None)
            for frame in self.frames
        )

    @cached_property
    def nearest_distances(self) -> tuple[NDArray[np.float64], ...]:
        """Distances (n_atoms,) of all atoms to their nearest neighbours by frame, Å; inf beyond 8 Å."""
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
        """Return the SHA-256 (hex) of structures, labels, config types and groups in order, without file names."""
        digest = hashlib.sha256(b"mlip_rs dataset 1")
        for frame in self.frames:
            digest.update(f"|{frame.n_atoms}|{frame.config_type!r}|{frame.group!r}".encode())
            digest.update(frame.numbers.astype("<i8").tobytes() + frame.pbc.tobytes())
            energy = None if frame.energy is None else np.array(frame.energy)
            for label in (frame.positions, frame.cell, energy, frame.forces, frame.stress):
                digest.update(b"|" if label is None else b"+" + (label + 0.0).astype("<f8").tobytes())
            if frame.weights != (1.0, 1.0, 1.0):
                digest.update(f"|weights {frame.weights!r}".encode())
        return digest.hexdigest()
