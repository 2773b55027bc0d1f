"""Crystal symmetry, found by spglib: name, class, and the rotations that act on tensors."""

from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms
from numpy.typing import NDArray

from mlip_rs.errors import PropertyError

SYMMETRY_PRECISION = 1e-4
"""Å within which two positions count as equal."""

_LAST_NUMBER = (
    (2, "triclinic"),
    (15, "monoclinic"),
    (74, "orthorhombic"),
    (142, "tetragonal"),
    (167, "trigonal"),
    (194, "hexagonal"),
    (230, "cubic"),
)
"""Last space group of each crystal system (International Tables for Crystallography, vol. A)."""


@dataclass(frozen=True)
class CrystalSymmetry:
    """Symmetry of a crystal.

    Attributes
    ----------
    space_group, number
        Hermann–Mauguin symbol and number.
    system
        One of the seven crystal systems.

    Examples
    --------
    >>> from ase.build import bulk
    >>> symmetry = crystal_symmetry(bulk("Ti"))
    >>> symmetry.number, symmetry.system
    (194, 'hexagonal')
    """

    space_group: str
    number: int
    system: str


def crystal_symmetry(atoms: Atoms, *, precision: float = SYMMETRY_PRECISION) -> CrystalSymmetry:
    """Space group and crystal system.

    Parameters
    ----------
    atoms
        A crystal, periodic in all directions.
    precision
        Å within which two positions count as equal.

    Raises
    ------
    PropertyError
        spglib finds no symmetry: atoms on top of each other, or a cell that is broken.

    Examples
    --------
    >>> from ase.build import bulk
    >>> crystal_symmetry(bulk("Si"))
    CrystalSymmetry(space_group='Fd-3m', number=227, system='cubic')
    """
    dataset = _dataset(atoms, precision)
    number = int(dataset.number)
    system = next(name for last, name in _LAST_NUMBER if number <= last)
    return CrystalSymmetry(str(dataset.international), number, system)


def rotations(atoms: Atoms, *, precision: float = SYMMETRY_PRECISION) -> NDArray[np.float64]:
    """Rotations (n, 3, 3) of the point group in Cartesian coordinates, x' = R x.

    Raises
    ------
    PropertyError
        spglib finds no symmetry.
    """
    fractional = np.unique(np.asarray(_dataset(atoms, precision).rotations), axis=0)
    columns = np.asarray(atoms.cell[:], dtype=float).T
    return np.asarray(columns @ fractional @ np.linalg.inv(columns), dtype=float)


def conventional_supercell(atoms: Atoms, length: float) -> Atoms:
    """Supercell of the standardised conventional cell whose opposite faces are about `length` Å apart.

    Raises
    ------
    PropertyError
        spglib finds no symmetry.

    Examples
    --------
    >>> from ase.build import bulk
    >>> len(conventional_supercell(bulk("Cu"), 7.2))
    32
    """
    dataset = _dataset(atoms, SYMMETRY_PRECISION)
    cell = Atoms(
        numbers=dataset.std_types, scaled_positions=dataset.std_positions, cell=dataset.std_lattice, pbc=True
    )
    heights = 1 / np.linalg.norm(np.linalg.inv(np.asarray(cell.cell[:])), axis=0)
    return cell.repeat([max(1, round(length / height)) for height in heights.tolist()])


def smallest_cell(atoms: Atoms, *, precision: float = SYMMETRY_PRECISION) -> Atoms:
    """The primitive cell of a structure, not rotated.

    Raises
    ------
    PropertyError
        spglib finds no symmetry.

    Examples
    --------
    >>> from ase.build import bulk
    >>> len(smallest_cell(bulk("Si", cubic=True).repeat(2)))
    2
    """
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    reason = "no answer"
    try:
        found = spglib.standardize_cell(cell, to_primitive=True, no_idealize=True, symprec=precision)
    except Exception as error:  # as below
        found, reason = None, str(error)
    if found is None:
        raise PropertyError(f"no symmetry found in {atoms.get_chemical_formula()}: {reason}")
    lattice, positions, numbers = found
    return Atoms(numbers=numbers, scaled_positions=positions, cell=lattice, pbc=True)


def _dataset(atoms: Atoms, precision: float) -> spglib.SpglibDataset:
    cell = (np.asarray(atoms.cell[:]), atoms.get_scaled_positions(), atoms.numbers)
    reason = "no answer"
    try:
        dataset = spglib.get_symmetry_dataset(cell, symprec=precision)
    except Exception as error:  # spglib's own errors have changed their class between versions
        dataset, reason = None, str(error)
    if dataset is None:
        raise PropertyError(f"no symmetry found in {atoms.get_chemical_formula()}: {reason}")
    return dataset
