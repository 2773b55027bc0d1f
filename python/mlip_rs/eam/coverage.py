"""Where structures tell something about embedded-atom functions: distances of pairs, and densities of atoms."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.eam.density_rows import DensityRows
from mlip_rs.eam.gauge import EffectiveForm

DISTANCE_GAP: float = 0.2
"""Å without a pair that count as not covered."""

DENSITY_GAP: float = 0.2
"""Densities, in that of the crystal, without an atom that count as not covered."""


@dataclass(frozen=True, eq=False)
class Coverage:
    """What structures cover, as intervals (M, 2), ascending.

    Parameters
    ----------
    elements
        Chemical symbols.
    distances
        By numbers of the elements of a pair, the smaller first, Å.
    densities
        By element, in the densities of a form.
    """

    elements: tuple[str, ...]
    distances: dict[tuple[int, int], Array]
    densities: tuple[Array, ...]

    def to_dict(self) -> dict[str, Any]:
        """Record of the intervals, the unit in each key."""
        names = {key: f"{self.elements[key[0]]}-{self.elements[key[1]]}" for key in self.distances}
        return {
            "distances_angstrom": {names[key]: own.round(4).tolist() for key, own in self.distances.items()},
            "densities": {
                symbol: own.round(4).tolist()
                for symbol, own in zip(self.elements, self.densities, strict=True)
            },
        }


def coverage(form: EffectiveForm, rows: DensityRows) -> Coverage:
    """Find what structures cover of the functions of a form.

    Parameters
    ----------
    form
        Functions of the elements of the structures, in the same order.
    rows
        The structures.
    """
    n, pairs = len(form.elements), rows.pairs
    rho, distances = np.zeros(len(pairs.species)), {}
    for a in range(n):
        for b in range(n):
            own = rows.kinds == n * a + b
            r = pairs.distances[own]
            density = np.interp(r, form.distances, form.density[a, b], right=0.0)
            rho += np.bincount(pairs.centers[own], density, len(rho))
            if a <= b:
                distances[a, b] = intervals(r, DISTANCE_GAP)
    densities = tuple(intervals(rho[pairs.species == k], DENSITY_GAP) for k in range(n))
    return Coverage(form.elements, distances, densities)


def intervals(values: Array, gap: float) -> Array:
    """Return the intervals (M, 2) that values cover: they end where the next one is more than a gap away.

    >>> intervals(np.array([1.0, 3.0, 1.2, 1.3]), 0.5).tolist()
    [[1.0, 1.3], [3.0, 3.0]]
    """
    ordered = np.sort(values)
    if not len(ordered):
        return np.zeros((0, 2))
    cuts = np.flatnonzero(np.diff(ordered) > gap)
    return np.column_stack([ordered[np.append(0, cuts + 1)], ordered[np.append(cuts, -1)]])


def inside(values: Array, covered: Array) -> np.ndarray:
    """Tell which values lie in intervals.

    >>> inside(np.array([0.5, 1.1, 2.0]), np.array([[1.0, 1.3], [1.9, 2.5]])).tolist()
    [False, True, True]
    """
    return np.asarray(((values[:, None] >= covered[:, 0]) & (values[:, None] <= covered[:, 1])).any(axis=1))


def uncovered(covered: Sequence[Array], low: float, high: float) -> Array:
    """Return the intervals (M, 2) between two limits that none of some others covers.

    >>> uncovered([np.array([[1.0, 2.0]]), np.array([[1.5, 3.0], [4.0, 5.0]])], 0.0, 4.5).tolist()
    [[0.0, 1.0], [3.0, 4.0]]
    """
    found, start = [], low
    for first, last in sorted(np.concatenate(covered).tolist()):
        if first > start:
            found.append((start, min(first, high)))
        start = max(start, last)
    if start < high:
        found.append((start, high))
    return np.array([own for own in found if own[1] > own[0]]).reshape(-1, 2)
