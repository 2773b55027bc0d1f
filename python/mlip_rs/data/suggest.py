"""Cutoff and shortest resolved distance of a basis, suggested from the distances in the data."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from mlip_rs.data.dataset import Dataset
from mlip_rs.data.distances import pairs_within
from mlip_rs.errors import DataError

LOW_ENERGY: float = 0.1
"""Fraction of the structures, those with the lowest energies, in which nearest neighbours are measured."""

CUTOFF_RATIO: float = 2.2
"""Ratio of cutoff to nearest-neighbour distance: beyond the third shell of bcc and fcc, the fourth of diamond."""

CUTOFF_RANGE: tuple[float, float] = (4.5, 8.0)
"""Smallest and largest suggested cutoff, Å."""

REACH: float = 2.0
"""Largest ratio of the cutoff to the longest distance in the data: nothing determines a potential far beyond it."""

MARGIN: float = 0.1
"""Distance from the start of the radial functions to the shortest distance in the data, Å."""

LEAST_RATIO: float = 0.4
"""Smallest resolved distance over the nearest-neighbour distance; shorter ones are left to the repulsion."""


def nearest_neighbor_distance(dataset: Dataset) -> float:
    """Return the nearest-neighbour distance (Å), the median over the tenth of structures of lowest energy.

    Each structure counts once, with the median of its atoms, so that many large ones at high temperature do not
    outweigh the perfect crystal. Energies are compared among structures of the same elements, relative to a
    least-squares sum of energies per element; without energies all structures count.

    Raises
    ------
    DataError
        No two atoms are within 8 Å of each other.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> round(nearest_neighbor_distance(read_dataset(DATA_PATH, index="::8")), 2)
    2.81
    """
    distances = [dataset.nearest_distances[k] for k in _low_energies(dataset)]
    medians = [float(np.median(d[np.isfinite(d)])) for d in distances if np.isfinite(d).any()]
    return float(np.median(medians if medians else _finite(dataset)))


def suggest_cutoff(dataset: Dataset) -> float:
    """Suggest a cutoff (Å), 2.2 times the nearest-neighbour distance within 4.5 to 8 Å, rounded to 0.1 Å.

    Small molecules without others around them have no distances that would determine a potential up to there: their
    cutoff is twice the longest distance of two atoms.

    Raises
    ------
    DataError
        No two atoms are within 8 Å of each other.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> suggest_cutoff(read_dataset(DATA_PATH, index="::8"))
    6.2
    """
    low, high = CUTOFF_RANGE
    cutoff = round(min(max(CUTOFF_RATIO * nearest_neighbor_distance(dataset), low), high), 1)
    longest = 0.0
    for frame in dataset:
        _, _, distances = pairs_within(frame.positions, frame.cell, frame.pbc, cutoff)
        longest = max(longest, float(distances.max(initial=0.0)))
        if REACH * longest >= cutoff:
            return cutoff
    return math.floor(10.0 * REACH * longest) / 10.0 if longest else cutoff


def suggest_r_min(dataset: Dataset) -> float:
    """Suggest the distance (Å) from which radial functions start, just below the shortest in the data.

    Raises
    ------
    DataError
        No two atoms are within 8 Å of each other.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> suggest_r_min(read_dataset(DATA_PATH, index="::8"))
    2.0
    """
    shortest = float(_finite(dataset).min()) - MARGIN
    return round(max(shortest, LEAST_RATIO * nearest_neighbor_distance(dataset)), 1)


def absent_pairs(dataset: Dataset, elements: Sequence[str], cutoff: float) -> tuple[tuple[str, str], ...]:
    """List pairs of elements that are never closer than the cutoff (Å) in the data.

    Examples
    --------
    >>> from mlip_rs.data import Dataset, Frame
    >>> alloy = Frame([13, 28], [[0.0, 0.0, 0.0], [1.45, 1.45, 1.45]], 2.9 * np.eye(3), [True] * 3)
    >>> absent_pairs(Dataset((alloy,)), ["Al", "Ni"], cutoff=2.7)  # B2: Al and Ni have only each other nearby
    (('Al', 'Al'), ('Ni', 'Ni'))
    """
    missing = {
        tuple(sorted((atomic_numbers[a], atomic_numbers[b]))): (a, b)
        for a, b in itertools.combinations_with_replacement(elements, 2)
    }
    for frame in dataset:
        if not missing:
            break
        present = set(frame.numbers.tolist())
        if not any(set(pair) <= present for pair in missing):
            continue
        i, j, _ = pairs_within(frame.positions, frame.cell, frame.pbc, cutoff)
        found = np.unique(np.sort(np.stack([frame.numbers[i], frame.numbers[j]], axis=1), axis=1), axis=0)
        for first, second in found.tolist():
            missing.pop((first, second), None)
    return tuple(missing.values())


def _finite(dataset: Dataset) -> NDArray[np.float64]:
    """Return all finite nearest-neighbour distances, Å."""
    distances = np.concatenate([*dataset.nearest_distances, np.empty(0)])
    distances = distances[np.isfinite(distances)]
    if not distances.size:
        raise DataError("no two atoms of the data are within 8 Å of each other; give the cutoff and r_min")
    return np.asarray(distances)


def _low_energies(dataset: Dataset) -> list[int]:
    """Return the indices of structures of lowest energy among those of the same elements; all without energies."""
    known = [k for k, frame in enumerate(dataset) if frame.energy is not None]
    if not known:
        return list(range(len(dataset)))
    counts = dataset.compositions()[known]
    sizes = counts.sum(axis=1)
    energies = np.array([float(dataset[k].energy or 0.0) for k in known]) / sizes
    fractions = counts / sizes[:, None]
    rest = energies - fractions @ np.linalg.lstsq(fractions, energies, rcond=None)[0]
    chosen = []
    kinds = counts > 0
    for kind in np.unique(kinds, axis=0):
        members = np.flatnonzero((kinds == kind).all(axis=1))
        chosen.extend(members[rest[members] <= np.quantile(rest[members], LOW_ENERGY)].tolist())
    return [known[k] for k in sorted(chosen)]
