"""Interatomic distances of one structure, with periodic images, in O(N).

Images of the atoms are added around the cell up to the search radius, then a k-d tree finds the pairs. Cells may be
skewed, with any mix of periodic directions. The neighbour list of the core is not used, because frames are searched
for atoms on one spot before they are valid structures of the core.
"""

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

NEIGHBOR_RADII: tuple[float, ...] = (4.0, 8.0)
"""Radii (Å) of the search for nearest neighbours, in order; an atom without one within the last is isolated."""


def periodic_volume(cell: NDArray[np.float64], pbc: NDArray[np.bool_]) -> float:
    """Return the length, area or volume (Å, Å² or Å³) spanned by the periodic lattice vectors; 1 without any.

    Parameters
    ----------
    cell
        (3, 3) lattice vectors in rows, Å.
    pbc
        (3,) periodic directions.
    """
    vectors = cell[pbc]
    if len(vectors) == 3:
        return float(abs(np.linalg.det(vectors)))
    return float(np.sqrt(max(np.linalg.det(vectors @ vectors.T), 0.0))) if len(vectors) else 1.0


def completed_cell(cell: NDArray[np.float64], pbc: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Replace non-periodic lattice vectors by unit vectors perpendicular to all others; return the cell (3, 3).

    With it, fractional coordinates exist for every structure, and a height along a non-periodic direction is
    1 Å.
    """
    if pbc.all():
        return cell
    complete = np.array(cell)
    _, _, rotation = np.linalg.svd(np.where(pbc[:, None], cell, 0.0))
    complete[~pbc] = rotation[int(pbc.sum()) :]
    return complete


def wrapped_fractions(
    positions: NDArray[np.float64], cell: NDArray[np.float64], pbc: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return fractional coordinates (N, 3) in a `completed_cell`, wrapped into [0, 1) along periodic directions."""
    fractions = np.linalg.solve(cell.T, positions.T).T
    fractions[:, pbc] -= np.floor(fractions[:, pbc])
    return np.asarray(fractions)


CUBE: float = 2.0
"""Å; edge of the cubes in which atoms are counted."""

MOST_IN_A_CUBE: int = 1000
"""More atoms are no matter: the densest crystals have two."""

MOST_IMAGES: float = 5e7
"""Most atoms and images within `NEIGHBOR_RADII[-1]` of a cell."""


def with_ghosts(
    positions: NDArray[np.float64], cell: NDArray[np.float64], pbc: NDArray[np.bool_], radius: float
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """List the wrapped atoms, followed by all their images within `radius` of the cell.

    Returns
    -------
    points : (M, 3) Å; the first N are the atoms themselves, wrapped.
    owners : (M,) index of the atom each point is an image of.
    """
    complete = completed_cell(cell, pbc)
    fractions = wrapped_fractions(positions, complete, pbc)
    owners = np.arange(len(positions))
    if not pbc.any():
        return positions, owners
    heights = 1.0 / np.linalg.norm(np.linalg.inv(complete), axis=0)
    margins = radius / heights + 1e-9
    for axis in np.flatnonzero(pbc):
        margin = margins[axis]
        copies, indices = [fractions], [owners]
        for shift in itertools.chain(range(-int(margin) - 1, 0), range(1, int(margin) + 2)):
            moved = fractions[:, axis] + shift
            inside = (moved >= -margin) & (moved <= 1.0 + margin)
            if inside.any():
                image = fractions[inside]
                image[:, axis] += shift
                copies.append(image)
                indices.append(owners[inside])
        fractions, owners = np.concatenate(copies), np.concatenate(indices)
    return fractions @ complete, owners


def is_crowded(positions: NDArray[np.float64], cell: NDArray[np.float64], pbc: NDArray[np.bool_]) -> bool:
    """Whether so many atoms or images share a place that pairs of them would fill the memory.

    >>> is_crowded(np.zeros((3000, 3)), np.eye(3), np.array([False, False, False]))
    True
    >>> is_crowded(np.zeros((1, 3)), 0.001 * np.eye(3), np.array([True, True, False]))
    True
    """
    complete = completed_cell(cell, pbc)
    heights = 1.0 / np.linalg.norm(np.linalg.inv(complete), axis=0)
    images = np.prod(1.0 + 2.0 * NEIGHBOR_RADII[-1] / heights[pbc])
    if len(positions) * images > MOST_IMAGES:
        return True
    if len(positions) <= MOST_IN_A_CUBE:
        return False
    cubes = np.floor(wrapped_fractions(positions, complete, pbc) @ complete / CUBE)
    return int(np.unique(cubes, axis=0, return_counts=True)[1].max()) > MOST_IN_A_CUBE


def pairs_within(
    positions: NDArray[np.float64], cell: NDArray[np.float64], pbc: NDArray[np.bool_], radius: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Find all pairs i ≤ j closer than `radius` (Å), periodic images included (i = j: an atom and its image).

    >>> i, j, distances = pairs_within(np.zeros((1, 3)), 2.8 * np.eye(3), np.array([True, True, True]), 3.0)
    >>> len(distances), float(distances.max())
    (6, 2.8)

    Returns
    -------
    i, j : (P,) atom indices.
    distances : (P,) Å.
    """
    points, owners = with_ghosts(positions, cell, pbc, radius)
    n_atoms = len(positions)
    if len(points) < 2:
        empty = np.empty(0, dtype=np.intp)
        return empty, empty, np.empty(0)
    close = cKDTree(points).query_pairs(radius, output_type="ndarray")
    close = close[(close < n_atoms).any(axis=1)]  # query_pairs: first < second, so the first is a real atom
    distances = np.linalg.norm(points[close[:, 0]] - points[close[:, 1]], axis=1)
    i, j = owners[close[:, 0]], owners[close[:, 1]]
    return np.minimum(i, j), np.maximum(i, j), distances


def nearest_distances(
    positions: NDArray[np.float64], cell: NDArray[np.float64], pbc: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the distance (N,), Å, of each atom to its nearest neighbour; inf beyond `NEIGHBOR_RADII[-1]`."""
    nearest = np.full(len(positions), np.inf)
    for radius in NEIGHBOR_RADII:
        points, _ = with_ghosts(positions, cell, pbc, radius)
        if len(points) > 1:
            found, _ = cKDTree(points).query(points[: len(positions)], k=2, distance_upper_bound=radius)
            nearest = found[:, 1]
        if np.isfinite(nearest).all():
            break
    return np.asarray(nearest, dtype=float)
