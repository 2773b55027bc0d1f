"""Which structures have surroundings of one kind: only these are compared with each other.

Dimers, small molecules and free atoms beside crystals have nothing that a small fit could carry from one to the other.
What is compared is decided by positions alone, before any label is looked at.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.data import Dataset, Frame
from mlip_rs.data.core_structures import core_structure
from mlip_rs.errors import StructureError

DENSE: int = 12
"""Atoms within the cutoff of the small basis, the median of a structure: one shell of a close-packed crystal. With
fewer, all atoms see all others, and every formula is a world of its own; fcc has 42, diamond 16, a layer 18."""

THIN: float = 0.25
"""Atoms within the cutoff over those of the typical dense structure, below which a structure is another world."""


@dataclass(frozen=True)
class Comparable:
    """Structures to compare, and those that are left out.

    Parameters
    ----------
    chosen, rest
        Indices of the frames, in order.
    """

    chosen: tuple[int, ...]
    rest: tuple[int, ...]


def comparable(dataset: Dataset, cutoff: float, least: int) -> Comparable:
    """Find the structures whose surroundings are of one kind: of all kinds the one with most atoms.

    Parameters
    ----------
    cutoff
        Of the small basis, in the unit of the positions.
    least
        Structures without which a kind is not looked at, if another has as many.
    """
    counts = neighbor_counts(dataset, cutoff)
    dense = counts >= DENSE
    if dense.any():
        sizes = np.array([frame.n_atoms for frame in dataset])
        typical = _weighted_median(counts[dense], sizes[dense])
        dense &= counts >= THIN * typical
    kinds: dict[object, list[int]] = defaultdict(list)
    for k, frame in enumerate(dataset):
        if counts[k] > 0:
            kinds["dense" if dense[k] else _formula(frame)].append(k)
    largest = max(kinds.values(), key=lambda own: (len(own) >= least, _atoms(dataset, own)), default=[])
    chosen = set(largest)
    return Comparable(tuple(largest), tuple(k for k in range(len(dataset)) if k not in chosen))


def neighbor_counts(dataset: Dataset, cutoff: float) -> NDArray[np.float64]:
    """(n,) other atoms within a cutoff, the median over the atoms of each structure."""
    counts = np.zeros(len(dataset))
    for k, frame in enumerate(dataset):
        try:
            first = _core.neighbor_list(core_structure(frame), cutoff)[0]
        except StructureError:
            continue
        counts[k] = np.median(np.bincount(np.asarray(first, dtype=np.intp), minlength=frame.n_atoms))
    return counts


def _weighted_median(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, 0.5 * total[-1])])


def _formula(frame: Frame) -> bytes:
    return np.sort(frame.numbers).tobytes()


def _atoms(dataset: Dataset, indices: Sequence[int]) -> int:
    return sum(dataset[k].n_atoms for k in indices)
