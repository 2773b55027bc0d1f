"""Duplicates: frames with the same structure up to translation and wrapping, found in O(n) by hashing.

Each frame is reduced to a few numbers that do not change under translation and wrapping: random projections
of the cell and of the phases exp(2πi (s − s₀)) of its relative fractional coordinates. Equal structures fall
into the same or a neighbouring bucket; whatever shares one is compared exactly. Rotated or renumbered copies
are not recognised.
"""

import itertools
from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from mlip_rs.data.dataset import Dataset
from mlip_rs.data.distances import completed_cell
from mlip_rs.data.frames import Frame

DISPLACEMENT: float = 1e-4
"""Positions and lattice vectors (Å) that differ by less are equal."""

PHASE_WIDTH: float = 3.0 * 4.0 * np.pi * DISPLACEMENT
LATTICE_WIDTH: float = 9.0 * DISPLACEMENT

_NEIGHBORS = tuple(itertools.product((-1, 0, 1), repeat=3))


def duplicate_labels(dataset: Dataset) -> NDArray[np.int64]:
    """Return (n,) for each frame the index of the first frame with the same structure.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from mlip_rs.data import Dataset, read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> first, second = read_dataset(DATA_PATH, index=":2")
    >>> moved = replace(first, positions=first.positions + 0.3)
    >>> duplicate_labels(Dataset((first, second, moved))).tolist()
    [0, 1, 0]
    """
    labels = np.arange(len(dataset), dtype=np.int64)
    weights = _weights(max((frame.n_atoms for frame in dataset), default=0))
    fractions: list[NDArray[np.float64]] = []
    kinds: dict[bytes, dict[tuple[int, ...], list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, frame in enumerate(dataset):
        cell = completed_cell(frame.cell, frame.pbc)
        relative = np.linalg.solve(cell.T, (frame.positions - frame.positions[0]).T).T
        fractions.append(relative)
        buckets = kinds[frame.numbers.tobytes() + frame.pbc.tobytes()]
        bucket = _bucket(frame, cell, relative, weights)
        candidates = (
            first
            for offset in _NEIGHBORS
            for first in buckets.get(
                (bucket[0] + offset[0], bucket[1] + offset[1], bucket[2] + offset[2]), ()
            )
        )
        same = next(
            (first for first in candidates if _equal(dataset[first], fractions[first], frame, relative)), None
        )
        if same is None:
            buckets[bucket].append(index)
        else:
            labels[index] = same
    return labels


def duplicate_groups(dataset: Dataset) -> tuple[tuple[int, ...], ...]:
    """Return the groups of two or more frames with the same structure, ordered by their first frame.

    Examples
    --------
    >>> from mlip_rs.data import Dataset, read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> first, second = read_dataset(DATA_PATH, index=":2")
    >>> duplicate_groups(Dataset((first, second, first)))
    ((0, 2),)
    """
    groups: dict[int, list[int]] = defaultdict(list)
    for index, label in enumerate(duplicate_labels(dataset).tolist()):
        groups[label].append(index)
    return tuple(tuple(members) for members in groups.values() if len(members) > 1)


def _weights(n_atoms: int) -> NDArray[np.float64]:
    """Draw fixed random numbers (n_atoms + 3, 3, 2) in [−1, 1]; the last three rows are for the cell."""
    return np.random.default_rng(20140701).uniform(-1.0, 1.0, size=(n_atoms + 3, 3, 2))


def _bucket(
    frame: Frame, cell: NDArray[np.float64], relative: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[int, int, int]:
    """Return the bucket of a frame; structures within `DISPLACEMENT` differ by at most one in each number.

    Each of the three phases of an atom moves by at most 2π · 2 DISPLACEMENT / h, h the height of the cell: 1
    Å along non-periodic directions, taken as at least 1 Å along the others.
    """
    phases = 2.0 * np.pi * relative
    used = weights[: frame.n_atoms]
    scale = float(frame.n_atoms)
    cosines = float(np.sum(used[:, :, 0] * np.cos(phases))) / scale
    sines = float(np.sum(used[:, :, 1] * np.sin(phases))) / scale
    lattice = float(np.sum(weights[-3:, :, 0] * np.where(frame.pbc[:, None], frame.cell, 0.0)))
    return (
        int(np.floor(cosines / PHASE_WIDTH)),
        int(np.floor(sines / PHASE_WIDTH)),
        int(np.floor(lattice / LATTICE_WIDTH)),
    )


def _equal(
    first: Frame, first_fractions: NDArray[np.float64], second: Frame, second_fractions: NDArray[np.float64]
) -> bool:
    """Tell whether frames with the same atoms in the same order agree up to translation and wrapping."""
    if first.pbc.any() and np.abs((first.cell - second.cell)[first.pbc]).max() > DISPLACEMENT:
        return False
    difference = second_fractions - first_fractions
    difference[:, first.pbc] -= np.round(difference[:, first.pbc])
    shift = difference @ completed_cell(first.cell, first.pbc)
    shift -= shift.mean(axis=0)
    return bool(np.abs(shift).max() <= DISPLACEMENT)
