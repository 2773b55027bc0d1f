"""Findings of the check of the labels, and how the unambiguous ones are corrected."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs.data import Dataset, Frame
from mlip_rs.data.paths import shown_name
from mlip_rs.errors import DataError

LABELS: tuple[str, ...] = ("energy", "forces", "stress", "positions")

CURE_IN_DOUBT: str = "find out which label has another sign or unit, and convert it to eV and Å"

FRAMES_NAMED: int = 5
"""Frames that a message names; the others are counted."""


@dataclass(frozen=True)
class Correction:
    """How a label in a file becomes the label in eV and Å.

    Parameters
    ----------
    label
        One of `LABELS`; positions take their cell with them.
    factor
        Multiplies the label.
    per_atom
        Added to the energy for every atom after that, eV.
    times_atoms
        Energies per atom become those of all atoms.
    over_volume
        Virials become stresses: divided by the volume.
    remove
        The label says nothing and is left out.
    order
        Component of the file that belongs at each place of xx yy zz yz xz xy; None if they are in place.

    Examples
    --------
    >>> frame = Frame([13], [[0.0, 0.0, 0.0]], 2.8 * np.eye(3), [True] * 3, energy=-0.125)
    >>> round(Correction("energy", factor=27.2114).applied(frame).energy, 3)  # from Hartree
    -3.401
    """

    label: str
    factor: float = 1.0
    per_atom: float = 0.0
    times_atoms: bool = False
    over_volume: bool = False
    remove: bool = False
    order: tuple[int, ...] | None = None

    def applied(self, frame: Frame) -> Frame:
        """Return the frame with the corrected label."""
        if self.remove:
            return replace(
                frame,
                energy=None if self.label == "energy" else frame.energy,
                forces=None if self.label == "forces" else frame.forces,
                stress=None if self.label == "stress" else frame.stress,
            )
        if self.label == "energy" and frame.energy is not None:
            size = frame.n_atoms if self.times_atoms else 1
            return replace(frame, energy=frame.energy * self.factor * size + self.per_atom * frame.n_atoms)
        if self.label == "forces" and frame.forces is not None:
            return replace(frame, forces=frame.forces * self.factor)
        if self.label == "stress" and frame.stress is not None and frame.volume is not None:
            stress = frame.stress if self.order is None else frame.stress[list(self.order)]
            return replace(frame, stress=stress * self.factor / (frame.volume if self.over_volume else 1.0))
        if self.label == "positions":
            return replace(frame, positions=frame.positions * self.factor, cell=frame.cell * self.factor)
        return frame


@dataclass(frozen=True)
class Finding:
    """Labels that contradict other labels.

    Parameters
    ----------
    kind
        Such as "forces: sign" or "energy: single frame".
    certain
        Whether a fit should refuse; the others are warnings.
    message
        One sentence: what is wrong where, with the numbers that show it.
    cure
        What to do about it.
    frames
        Indices of the frames concerned, in the dataset.
    files, config_types
        Where they come from.
    evidence
        The numbers.
    correction
        None if what is right cannot be told.

    Examples
    --------
    >>> Finding("energy: single frame", certain=True, message="…", cure="drop it", frames=(17,)).correction is None
    True
    """

    kind: str
    certain: bool
    message: str
    cure: str
    frames: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    config_types: tuple[str, ...] = ()
    evidence: Mapping[str, float] = field(default_factory=dict)
    correction: Correction | None = None

    @property
    def label(self) -> str:
        """One of `LABELS`, the first word of the kind."""
        return self.kind.split(":")[0]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {
            "kind": self.kind,
            "certain": self.certain,
            "message": self.message,
            "cure": self.cure,
            "frames": list(self.frames),
            "files": list(self.files),
            "config_types": list(self.config_types),
            "evidence": {name: float(value) for name, value in self.evidence.items()},
            "correctable": self.correction is not None,
        }


def finding(
    dataset: Dataset,
    kind: str,
    certain: bool,
    message: str,
    cure: str,
    frames: Iterable[int] | NDArray[np.intp],
    evidence: Mapping[str, float],
    correction: Correction | None = None,
) -> Finding:
    """Make a finding; the files and config types follow from the frames."""
    indices = tuple(int(k) for k in frames)
    return Finding(
        kind,
        certain,
        message,
        cure,
        indices,
        tuple(dict.fromkeys(dataset[k].file for k in indices)),
        tuple(dict.fromkeys(dataset[k].config_type for k in indices)),
        evidence,
        correction,
    )


def place(dataset: Dataset, frames: Sequence[int]) -> str:
    """Say where frames are: the whole set, files, config types, or frame by frame."""
    chosen = set(frames)
    if len(chosen) == len(dataset):
        names = [shown_name(Path(file)) for file in dataset.files]
        return ", ".join(names) if len(names) <= FRAMES_NAMED else f"all {len(names)} files"
    partly = {frame.file for k, frame in enumerate(dataset) if k not in chosen}
    whole = [file for file in dataset.files if file not in partly]
    if len(whole) <= FRAMES_NAMED and len(chosen) == sum(frame.file in whole for frame in dataset):
        return ", ".join(shown_name(Path(file)) for file in whole)
    kinds = dict.fromkeys((dataset[k].file, dataset[k].config_type) for k in frames)
    members = [k for k, frame in enumerate(dataset) if (frame.file, frame.config_type) in kinds]
    if set(members) == chosen:
        names = [f"'{kind}' of {shown_name(Path(file))}" for file, kind in kinds]
        if len(names) > FRAMES_NAMED:
            names = [f"'{kind}'" for kind in dict.fromkeys(kind for _, kind in kinds)]
        return ", ".join(names)
    named = ", ".join(dataset[k].location for k in frames[:FRAMES_NAMED])
    more = f" and {len(frames) - FRAMES_NAMED} more" if len(frames) > FRAMES_NAMED else ""
    return named + more


def corrected(dataset: Dataset, found: Finding) -> Dataset:
    """Return the dataset with the labels of a finding put right, and a notice that says so.

    Raises
    ------
    DataError
        The finding does not tell what would be right.

    Examples
    --------
    >>> frame = Frame([13], [[0.0, 0.0, 0.0]], 2.8 * np.eye(3), [True] * 3, energy=3.4)
    >>> correction = Correction("energy", factor=-1.0)
    >>> found = Finding("energy: unit", True, "energies of al.extxyz look odd.", "…", (0,), correction=correction)
    >>> data = corrected(Dataset((frame,)), found)
    >>> data[0].energy, data.notices
    (-3.4, ('corrected in 1 frame: energies of al.extxyz look odd.',))
    """
    if found.correction is None:
        raise DataError(
            f"{found.message} This cannot be corrected without knowing what is right; {found.cure}"
        )
    chosen = set(found.frames)
    frames = [found.correction.applied(f) if k in chosen else f for k, f in enumerate(dataset)]
    done = "left out" if found.correction.remove else "corrected"
    notice = f"{done} in {len(chosen)} frame{'s' if len(chosen) > 1 else ''}: {found.message}"
    return replace(dataset, frames=tuple(frames), notices=(*dataset.notices, notice))
