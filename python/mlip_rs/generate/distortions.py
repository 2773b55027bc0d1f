"""Distortions of crystals: volume, strain, displacements, and supercells of any shape."""

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from mlip_rs.generate.out_of_domain import Spheres

Array = NDArray[np.float64]

VOIGT: tuple[tuple[int, int], ...] = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Components of a strain in the order xx yy zz yz xz xy."""

FARTHEST: float = 1.2
"""Distances above, in those of touching spheres, are not told apart."""

REACH: int = 4
"""Lattice vectors so many steps away along each direction are compared, where supercells shall be compact."""

MOST_COMPARED: int = 300
"""The shortest of these lattice vectors are looked at."""


def with_volume(crystal: Atoms, ratio: float) -> Atoms:
    """A copy with `ratio` times the volume, in the same shape.

    Examples
    --------
    >>> from ase.build import bulk
    >>> print(f"{with_volume(bulk('Al', a=4.0), 1.5).get_volume():.1f} Å³")
    24.0 Å³
    """
    copy = crystal.copy()
    copy.set_cell(copy.cell.array * ratio ** (1 / 3), scale_atoms=True)
    return copy


def strained(crystal: Atoms, strain: Array) -> Atoms:
    """A copy whose cell and positions are multiplied by 1 + `strain`, (3, 3) without unit."""
    copy = crystal.copy()
    copy.set_cell(copy.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return copy


def single_strain(component: int, size: float) -> Array:
    """Strain (3, 3) with one component in the order of `VOIGT`; half of a shear stands on either side.

    Examples
    --------
    >>> single_strain(5, 0.02)[0].tolist()
    [0.0, 0.01, 0.0]
    """
    strain = np.zeros((3, 3))
    i, j = VOIGT[component]
    strain[i, j] += 0.5 * size
    strain[j, i] += 0.5 * size
    return strain


def random_strain(size: float, rng: np.random.Generator) -> Array:
    """Symmetric strain (3, 3) without change of volume to first order, components of standard deviation `size`."""
    strain = rng.normal(0.0, size, (3, 3))
    strain = (strain + strain.T) / 2
    return np.asarray(strain - np.eye(3) * np.trace(strain) / 3)


def moved(crystal: Atoms, length: float, rng: np.random.Generator) -> Atoms:
    """A copy in which every atom is displaced by exactly `length`, Å, in a direction of its own."""
    copy = crystal.copy()
    directions = rng.normal(size=(len(copy), 3))
    copy.positions += length * directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return copy


def one_moved(crystal: Atoms, length: float, rng: np.random.Generator) -> Atoms:
    """A copy in which one atom is displaced by `length`, Å: forces of one column of the force constants."""
    copy = crystal.copy()
    direction = rng.normal(size=3)
    copy.positions[rng.integers(len(copy))] += length * direction / np.linalg.norm(direction)
    return copy


def supercell_of(crystal: Atoms, matrix: NDArray[np.int64]) -> Atoms:
    """The crystal with lattice vectors `matrix` (3, 3, whole numbers) times its own, made as short as they can be.

    Examples
    --------
    >>> from ase.build import bulk
    >>> supercell_of(bulk("Al", a=4.0), np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])).cell.lengths().tolist()
    [4.0, 4.0, 4.0]
    """
    cell, _ = minkowski_reduce(np.asarray(matrix) @ crystal.cell.array)
    multiple = round(abs(float(np.linalg.det(matrix))))
    # Each coset of the lattice has a representative among these.
    shifts = np.stack(np.meshgrid(*[np.arange(multiple)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    fractions = shifts @ crystal.cell.array @ np.linalg.inv(cell)
    keys = np.round((fractions - np.floor(fractions + 1e-7)) * multiple).astype(int)
    _, first = np.unique(keys, axis=0, return_index=True)
    chosen = shifts[np.sort(first)] @ crystal.cell.array
    positions = (chosen[:, None] + crystal.positions).reshape(-1, 3)
    copy = Atoms(np.tile(crystal.numbers, len(chosen)), positions, cell=cell, pbc=True)
    copy.wrap()
    return copy


def hermite_normal_forms(multiple: int) -> list[NDArray[np.int64]]:
    """All superlattices of a multiple of the volume: lattice vectors in rows, upper triangular (3, 3).

    Examples
    --------
    >>> [len(hermite_normal_forms(multiple)) for multiple in (1, 2, 3, 4)]
    [1, 7, 13, 35]
    """
    return [
        np.array([[a, b, d], [0, c, e], [0, 0, multiple // a // c]], dtype=np.int64)
        for a in range(1, multiple + 1)
        if multiple % a == 0
        for c in range(1, multiple // a + 1)
        if (multiple // a) % c == 0
        for b in range(c)
        for d in range(multiple // a // c)
        for e in range(multiple // a // c)
    ]


def random_supercell(crystal: Atoms, multiple: int, rng: np.random.Generator) -> Atoms:
    """One of the superlattices of a multiple of the volume; of three drawn, the most compact one."""
    forms = hermite_normal_forms(multiple)
    drawn = [supercell_of(crystal, forms[k]) for k in rng.integers(len(forms), size=min(3, len(forms)))]
    return min(drawn, key=_longest)


def compact_supercell(crystal: Atoms, n_atoms: int) -> Atoms:
    """The supercell of about `n_atoms` whose shortest lattice vectors are longest, and most of equal length."""
    forms = np.array(hermite_normal_forms(max(1, round(n_atoms / len(crystal)))))
    reduced, change = minkowski_reduce(crystal.cell.array)
    steps = np.stack(np.meshgrid(*[np.arange(-REACH, REACH + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    lengths = np.round(np.linalg.norm(steps @ reduced, axis=1), 6)
    nearest = np.argsort(lengths, kind="stable")[1:MOST_COMPARED]  # the first is no step at all
    fractions = (steps[nearest] @ change) @ np.linalg.inv(
        forms
    )  # a step belongs to a superlattice if these are whole
    belongs = np.abs(fractions - np.round(fractions)).max(axis=-1) < 1e-6
    found = np.where(belongs, lengths[nearest], np.inf)
    shortest = found.min(axis=1)
    equal = (found < shortest[:, None] + 1e-6).sum(axis=1)
    return supercell_of(crystal, forms[np.lexsort((-equal, -shortest))[0]])


def _longest(crystal: Atoms) -> float:
    return round(float(crystal.cell.lengths().max()), 6)


def closeness(atoms: Atoms, spheres: Spheres) -> float:
    """Shortest distance of two atoms, in the distance of their elements in `spheres`; 1.2 if none is closer.

    Examples
    --------
    >>> from ase.build import bulk
    >>> spheres = Spheres(("Al",), np.array([[2.9]]), np.array([16.6]))
    >>> print(f"{closeness(bulk('Al', a=4.05), spheres):.2f}")
    0.99
    """
    reach = FARTHEST * float(spheres.closest.max())
    i, j, distances = neighbor_list("ijd", atoms, reach)
    if not len(distances):
        return FARTHEST
    species = spheres.species(atoms.get_chemical_symbols())
    return float(min(FARTHEST, (distances / spheres.closest[species[i], species[j]]).min()))
