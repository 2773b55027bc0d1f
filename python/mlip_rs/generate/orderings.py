"""All ordered occupations of a lattice by some elements, up to a number of atoms in the cell.

Superlattices are listed by Hermite normal forms, and occupations of their sites are compared under the symmetry of the
lattice (G. L. W. Hart and R. W. Forcade, Phys. Rev. B 77, 224115 (2008)).
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import spglib
from ase import Atoms
from ase.geometry import minkowski_reduce
from numpy.typing import NDArray

from mlip_rs.errors import ConfigError
from mlip_rs.generate.distortions import hermite_normal_forms
from mlip_rs.generate.symmetry import SYMMETRY_PRECISION

Integers = NDArray[np.int64]
Array = NDArray[np.float64]
MOST_OCCUPATIONS: int = 70_000
"""Occupations of one superlattice that are compared, at most: two elements on 16 sites, three on ten."""


def orderings(lattice: Atoms, elements: Sequence[str], most_atoms: int) -> Iterator[Atoms]:
    """All occupations with every element at least once, each once, smallest cells first.

    Parameters
    ----------
    lattice
        Primitive cell of a crystal; which elements occupy it does not matter.
    elements
        Two or more chemical symbols.
    most_atoms
        Atoms of the cells, at most.

    Yields
    ------
    Primitive cells with the volume per atom of the lattice. Those that differ by exchange of elements are different.

    Raises
    ------
    ConfigError
        There are too many occupations to compare.

    Examples
    --------
    >>> from ase.build import bulk
    >>> [atoms.get_chemical_formula() for atoms in orderings(bulk("Au"), ["Au", "Cu"], 3)]
    ['AuCu', 'AuCu', 'Au2Cu', 'AuCu2', 'Au2Cu', 'AuCu2', 'Au2Cu', 'AuCu2']
    """
    check_number(len(elements), most_atoms)
    operations = _operations(lattice)
    for multiple in range(1, most_atoms // len(lattice) + 1):
        for form in _distinct(hermite_normal_forms(multiple), operations[0]):
            sites = _Sites(lattice, form)
            for labels in _occupations(sites.permutations(operations), multiple, len(elements)):
                yield sites.occupied([elements[k] for k in labels])


def check_number(n_elements: int, most_atoms: int) -> None:
    """Refuse orderings that are too many to compare.

    Raises
    ------
    ConfigError
        They are more than `MOST_OCCUPATIONS`; names the number of atoms that is possible.

    Examples
    --------
    >>> check_number(3, 12)
    Traceback (most recent call last):
    mlip_rs.errors.ConfigError: orderings of 3 elements on 12 sites are too many to compare; ask for 10 atoms at most
    """
    if n_elements**most_atoms > MOST_OCCUPATIONS:
        most = int(np.log(MOST_OCCUPATIONS) / np.log(n_elements))
        raise ConfigError(
            f"orderings of {n_elements} elements on {most_atoms} sites are too many to compare; ask for {most} atoms "
            "at most"
        )


def _operations(lattice: Atoms) -> tuple[Integers, Array]:
    """Rotations (n, 3, 3) and translations (n, 3) of the lattice in fractional coordinates, x' = W x + w."""
    cell = (lattice.cell.array, lattice.get_scaled_positions(), np.ones(len(lattice), dtype=int))
    found = spglib.get_symmetry(cell, symprec=SYMMETRY_PRECISION)
    return np.asarray(found["rotations"], dtype=np.int64), np.asarray(found["translations"], dtype=float)


def _distinct(forms: Sequence[Integers], rotations: Integers) -> Iterator[Integers]:
    """Superlattices that no rotation turns into one before."""
    kept: list[Array] = []
    for form in forms:
        turned = form @ rotations.transpose(0, 2, 1)
        if not any(_whole(turned @ inverse).all(axis=(1, 2)).any() for inverse in kept):
            kept.append(np.linalg.inv(form))
            yield form


def _whole(values: Array) -> NDArray[np.bool_]:
    return np.asarray(np.abs(values - np.round(values)) < 1e-6)


class _Sites:
    """Sites of a lattice within a superlattice, and how symmetry permutes them."""

    def __init__(self, lattice: Atoms, form: Integers) -> None:
        self._lattice, self._form = lattice, form
        self._inverse = np.linalg.inv(form)
        edges = np.diag(form)
        # of an upper triangular form: every coset has one representative in this box
        self._cosets = np.array(list(product(*map(range, edges))), dtype=np.int64)
        self._index = {self._key(coset): k for k, coset in enumerate(self._cosets)}
        self._basis = lattice.get_scaled_positions()

    def _key(self, translation: Array | Integers) -> tuple[int, ...]:
        fractions = translation @ self._inverse
        multiple = len(self._cosets)
        return tuple(np.round((fractions - np.floor(fractions + 1e-6)) * multiple).astype(int).tolist())

    def permutations(self, operations: tuple[Integers, Array]) -> Integers:
        """Permutations (P, N) of the sites by all operations that keep the superlattice; translations come first."""
        rotations, translations = operations
        keep = _whole((self._form @ rotations.transpose(0, 2, 1)) @ self._inverse).all(axis=(1, 2))
        found = [self._permuted(np.eye(3, dtype=np.int64), coset.astype(float)) for coset in self._cosets]
        for rotation, shift in zip(rotations[keep], translations[keep], strict=True):
            image = self._permuted(rotation, shift)
            found += [translation[image] for translation in found[: len(self._cosets)]]
        return np.array(found, dtype=np.int64)

    def _permuted(self, rotation: Integers, shift: Array) -> Integers:
        """The site to which each site goes; site number = coset × basis + place in the basis."""
        n_basis = len(self._basis)
        image = np.empty(len(self._cosets) * n_basis, dtype=np.int64)
        for k, place in enumerate(self._basis):
            moved = rotation @ place + shift
            (target,) = np.flatnonzero(_close(self._basis, moved))
            offset = np.round(moved - self._basis[target])
            for j, coset in enumerate(self._cosets):
                image[j * n_basis + k] = self._index[self._key(rotation @ coset + offset)] * n_basis + target
        return image

    def occupied(self, symbols: Sequence[str]) -> Atoms:
        """The structure with these elements on the sites, in a compact cell."""
        cell = self._lattice.cell.array
        compact, _ = minkowski_reduce(self._form @ cell)
        fractions = (self._cosets[:, None] + self._basis).reshape(-1, 3)
        atoms = Atoms(list(symbols), fractions @ cell, cell=compact, pbc=True)
        atoms.wrap()
        return atoms


def _close(basis: Array, place: Array) -> NDArray[np.bool_]:
    difference = basis - place
    return np.asarray((np.abs(difference - np.round(difference)) < 1e-3).all(axis=1))


def _occupations(permutations: Integers, n_translations: int, n_elements: int) -> Integers:
    """Labels (M, N) of the sites, one of each class of equivalent ones: all elements occur, no smaller cell does."""
    n_sites = permutations.shape[1]
    labels = np.array(list(product(range(n_elements), repeat=n_sites)), dtype=np.int64)
    labels = labels[[len(set(row)) == n_elements for row in labels.tolist()]]
    powers = n_elements ** np.arange(n_sites)[::-1]
    codes = labels @ powers
    keep = np.ones(len(labels), dtype=bool)
    for number, permutation in enumerate(permutations):
        images = labels[:, permutation] @ powers
        keep &= codes <= images
        if 0 < number < n_translations:
            keep &= codes != images
    return labels[keep]
