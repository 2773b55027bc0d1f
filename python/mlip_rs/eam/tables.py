"""Tables of an embedded-atom potential, or of a sum of several, evaluated as LAMMPS does."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase.data import chemical_symbols

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.data.core_structures import StructureArrays
from mlip_rs.data.frames import Frame
from mlip_rs.eam.splines import LammpsSpline, extended
from mlip_rs.errors import StructureError


@dataclass(frozen=True, eq=False)
class EmbeddedTerm:
    """One density with its embedding functions.

    Parameters
    ----------
    density
        (E, E, R) density that a neighbour of the second element makes at a centre of the first, at r = 0, h, 2h, …
    embedding
        (E, D) embedding energy of a centre of each element at ρ = 0, k, 2k, …, eV.
    spacing
        k, in the unit of the density.

    Examples
    --------
    >>> term = EmbeddedTerm(np.ones((1, 1, 9)), np.arange(9.0).reshape(1, 9) ** 2, 1.0)
    >>> term.largest_density
    8.0
    """

    density: Array
    embedding: Array
    spacing: float

    @property
    def largest_density(self) -> float:
        """Beyond, embedding functions go on along their last slope."""
        return float((self.embedding.shape[1] - 1) * self.spacing)


@dataclass(frozen=True, eq=False)
class PairList:
    """Pairs of neighbours of one structure, each from both ends.

    Parameters
    ----------
    species
        (N,) elements of the atoms, numbers in the order of the tables.
    centers, neighbors
        (P,) atoms.
    distances
        (P,) Å.
    directions
        (P, 3) unit vectors from the centre to the neighbour.
    """

    species: np.ndarray
    centers: np.ndarray
    neighbors: np.ndarray
    distances: Array
    directions: Array

    @classmethod
    def of(cls, arrays: StructureArrays, elements: Sequence[str], cutoff: float) -> "PairList":
        """List the pairs of a structure within a cutoff (Å).

        Raises
        ------
        StructureError
            An element that is not listed.

        Examples
        --------
        >>> from ase.build import bulk
        >>> from mlip_rs.data.core_structures import arrays_from_atoms
        >>> len(PairList.of(arrays_from_atoms(bulk("Al", a=4.05)), ["Al"], 3.0).distances)
        12
        """
        symbols = [chemical_symbols[number] for number in arrays.numbers]
        for atom, symbol in enumerate(symbols):
            if symbol not in elements:
                raise StructureError(f"atom {atom}: element {symbol} is not among {', '.join(elements)}")
        species = np.array([list(elements).index(symbol) for symbol in symbols], dtype=np.int64)
        first, second, _, vectors = _core.neighbor_list(_core.Structure(*arrays), cutoff, 1)
        distances = np.linalg.norm(vectors, axis=1)
        return cls(species, first, second, distances, vectors / distances[:, None])

    def of_elements(self, first: int, second: int) -> np.ndarray:
        """Indices of the pairs with a centre of the first and a neighbour of the second element."""
        return np.flatnonzero(
            (self.species[self.centers] == first) & (self.species[self.neighbors] == second)
        )

    def forces(self, slopes: Array) -> Array:
        """(N, 3) forces, eV/Å, from the derivatives of the energy by the distance of each listed pair (P,)."""
        pull = slopes[:, None] * self.directions
        n = len(self.species)
        return np.column_stack(
            [
                np.bincount(self.centers, pull[:, axis], n) - np.bincount(self.neighbors, pull[:, axis], n)
                for axis in range(3)
            ]
        )


@dataclass(frozen=True, eq=False)
class EamTables:
    """E = Σ_i Σ_k F_k(Σ_j ρ_k(r_ij)) + ½ Σ_ij φ(r_ij), all functions as LAMMPS interpolates their tables.

    Parameters
    ----------
    elements
        Chemical symbols, E of them.
    cutoff
        Last distance of the tables, Å.
    pair
        (E, E, R) r φ(r) at r = 0, h, 2h, …, eV Å; symmetric in the elements.
    terms
        Embedded-atom terms.
    constants
        (E,) energy of an atom without neighbours that the tables leave out, eV: it is added to what they give.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs.data.core_structures import arrays_from_atoms
    >>> r = np.linspace(0.0, 3.0, 301)
    >>> tables = EamTables(("Al",), 3.0, (r * (r - 3.0) ** 2).reshape(1, 1, -1), ())
    >>> energies, forces = tables.evaluate(arrays_from_atoms(bulk("Al", a=4.0)))
    >>> round(float(energies[0]), 6), round(6.0 * (8.0**0.5 - 3.0) ** 2, 6)
    (0.176624, 0.176624)
    """

    elements: tuple[str, ...]
    cutoff: float
    pair: Array
    terms: tuple[EmbeddedTerm, ...]
    constants: tuple[float, ...] = ()

    @property
    def spacing(self) -> float:
        """h, Å."""
        return float(self.cutoff / (self.pair.shape[-1] - 1))

    def evaluate(self, arrays: StructureArrays) -> tuple[Array, Array]:
        """Energies of the atoms (N,) in eV and forces (N, 3) in eV/Å of a structure."""
        pairs = PairList.of(arrays, self.elements, self.cutoff)
        energies = np.array(self.constants or [0.0] * len(self.elements))[pairs.species]
        value, slope = self._by_elements(self._pair_splines, pairs)
        phi = value / pairs.distances
        half, slopes = 0.5 * phi, 0.5 * (slope - phi) / pairs.distances
        energies += np.bincount(pairs.centers, half, len(pairs.species))
        for k in range(len(self.terms)):
            own, more = self._embedded(k, pairs)
            energies += own
            slopes += more
        return energies, pairs.forces(slopes)

    def _by_elements(self, splines: Sequence[Sequence[LammpsSpline]], pairs: PairList) -> tuple[Array, Array]:
        values, slopes = np.zeros((2, len(pairs.distances)))
        for first in range(len(self.elements)):
            for second in range(len(self.elements)):
                own = pairs.of_elements(first, second)
                values[own], slopes[own] = splines[first][second](pairs.distances[own])
        return values, slopes

    def _embedded(self, k: int, pairs: PairList) -> tuple[Array, Array]:
        densities, embeddings = self._term_splines[k]
        contributions, falls = self._by_elements(densities, pairs)
        density = np.bincount(pairs.centers, contributions, len(pairs.species))
        energies, slopes = np.zeros((2, len(density)))
        for element, embedding in enumerate(embeddings):
            own = pairs.species == element
            energies[own], slopes[own] = embedding.continued(density[own])
        return energies, slopes[pairs.centers] * falls

    @cached_property
    def _pair_splines(self) -> list[list[LammpsSpline]]:
        return self._of_distances(self.pair)

    @cached_property
    def _term_splines(self) -> list[tuple[list[list[LammpsSpline]], list[LammpsSpline]]]:
        return [
            (self._of_distances(term.density), [LammpsSpline(own, term.spacing) for own in term.embedding])
            for term in self.terms
        ]

    def _of_distances(self, tables: Array) -> list[list[LammpsSpline]]:
        return [[LammpsSpline(extended(own), self.spacing) for own in row] for row in tables]


def arrays_of(frame: Frame) -> StructureArrays:
    """The arrays of a frame, as the core takes them.

    >>> arrays_of(Frame([13], [[0.0, 0.0, 0.0]], 4.0 * np.eye(3), [True] * 3)).numbers.tolist()
    [13]
    """
    numbers = frame.numbers.astype(np.uint8)
    return StructureArrays(numbers, frame.positions, frame.cell, [bool(periodic) for periodic in frame.pbc])
