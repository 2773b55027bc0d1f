"""Crystals with an atom too few or too many, surfaces, and crystals that have slid over themselves."""

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce

from mlip_rs.generate.distortions import compact_supercell
from mlip_rs.generate.interstitial_sites import holes
from mlip_rs.generate.out_of_domain import Spheres, push_apart
from mlip_rs.generate.symmetry import conventional_supercell, smallest_cell

Indices = tuple[int, int, int]

GAP: float = 10.0
"""Å of vacuum between a slab or cluster and its periodic images."""

ROOM: float = 0.8
"""Atoms around an interstitial are pushed apart to this distance, in that of touching spheres."""

REACH: int = 5
"""Lattice vectors so many steps away along each direction are looked at for planes."""


def vacancy(crystal: Atoms, n_atoms: int, rng: np.random.Generator) -> Atoms:
    """A supercell of about `n_atoms` sites, one of which is empty."""
    cell = compact_supercell(crystal, n_atoms)
    del cell[int(rng.integers(len(cell)))]
    return cell


def interstitial(
    crystal: Atoms, n_atoms: int, symbol: str, spheres: Spheres, rng: np.random.Generator
) -> Atoms:
    """A supercell of about `n_atoms` atoms with one more in one of its large holes, neighbours pushed apart."""
    cell = compact_supercell(crystal, n_atoms)
    places = holes(crystal)
    cell.append(symbol)
    cell.positions[-1] = places[int(rng.integers(len(places)))].position
    cell.wrap()
    push_apart(cell, ROOM * spheres.distances(cell.get_chemical_symbols()))
    return cell


def slab(crystal: Atoms, indices: Indices, thickness: float) -> Atoms:
    """Planes of a crystal between vacuum, in the smallest cell in the plane; periodic in all directions.

    Parameters
    ----------
    crystal
        Any cell of a crystal.
    indices
        Miller indices of the conventional cell.
    thickness
        Å; as many layers of lattice points as are needed for it, at least one.

    Examples
    --------
    >>> from ase.build import bulk
    >>> len(slab(bulk("Al"), (1, 1, 1), 6.0)), len(slab(bulk("Al"), (1, 0, 0), 4.0))
    (3, 2)
    """
    planes = _planes(crystal, indices)
    cell = planes.cell.array
    normal = np.cross(cell[0], cell[1])
    normal /= np.linalg.norm(normal)
    layers = max(1, int(np.ceil(thickness / float(cell[2] @ normal) - 1e-6)))
    atoms = planes.repeat((1, 1, layers))
    height = float(np.ptp(atoms.positions @ normal))
    atoms.set_cell([cell[0], cell[1], (height + GAP) * normal])
    atoms.wrap()
    return atoms


def slid(crystal: Atoms, indices: Indices, layers: int, slip: tuple[float, float]) -> Atoms:
    """A crystal without surface that has slid over itself in one plane of each cell (V. Vítek, 1968).

    Parameters
    ----------
    crystal, indices
        As of `slab`.
    layers
        Layers of lattice points between two planes of slip.
    slip
        Displacement in fractions of the two shortest lattice vectors in the plane.
    """
    planes = _planes(crystal, indices)
    atoms = planes.repeat((1, 1, layers))
    cell = atoms.cell.array.copy()
    cell[2] += slip[0] * cell[0] + slip[1] * cell[1]
    atoms.set_cell(cell)
    return atoms


def _planes(crystal: Atoms, indices: Indices) -> Atoms:
    """Primitive cell of a crystal: two vectors in a plane, the third to the next layer; cut in the widest gap."""
    unit = conventional_supercell(crystal, 0.0)
    normal = np.asarray(unit.cell.reciprocal()[:]).T @ np.array(indices)
    normal /= np.linalg.norm(normal)
    primitive = smallest_cell(unit)
    reduced, _ = minkowski_reduce(primitive.cell.array)
    steps = np.stack(np.meshgrid(*[np.arange(-REACH, REACH + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = steps @ reduced
    vectors = vectors[np.lexsort((*np.round(vectors.T, 6), np.round(np.linalg.norm(vectors, axis=1), 6)))][1:]
    heights = np.round(vectors @ normal, 6)
    flat = vectors[heights == 0.0]
    independent = np.linalg.norm(np.cross(flat[0], flat), axis=1) > 1e-3 * np.linalg.norm(flat[0])
    rise = heights[heights > 0.0].min()
    first, second, step = flat[0], flat[independent][0], vectors[heights == rise][0]
    if np.cross(first, second) @ normal < 0.0:
        second = -second
    planes = Atoms(primitive.numbers, primitive.positions, cell=[first, second, step], pbc=True)
    levels = np.sort((planes.positions @ normal) % rise)
    gaps = np.diff(np.append(levels, levels[0] + rise))
    widest = int(np.argmax(np.round(gaps, 6)))
    planes.positions -= (levels[widest] + 0.5 * gaps[widest]) * normal
    planes.wrap()
    return planes
