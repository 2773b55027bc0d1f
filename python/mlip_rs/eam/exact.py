"""Potentials of pairwise sums up to second order as tables: a pair function, and densities with embedding F = ± ρ²."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.eam.polynomial import DensityPolynomial, density_polynomials
from mlip_rs.eam.quadratic import diagonal_form, positive_form
from mlip_rs.eam.radial import PairFunctions
from mlip_rs.eam.tables import EamTables, EmbeddedTerm
from mlip_rs.errors import ConfigError
from mlip_rs.potential import Potential
from mlip_rs.potential.compression import Compression
from mlip_rs.potential.short_range import shortest_distances

SPACING: float = 0.0015
"""Distance of the points of a table, Å, about: forces of tables then agree with functions to some 1e-7 eV/Å."""

DENSITY_POINTS: int = 5001
"""Points of an embedding function."""

CROWDED: float = 0.6
"""Embedding functions reach the density of a close-packed crystal with this fraction of the shortest distance."""


@dataclass(frozen=True, eq=False)
class ExactForm:
    """A potential whose features are products of at most two pairwise sums, in tables.

    Parameters
    ----------
    potential
        The potential.
    spacing
        Distance of the points of the tables, Å, at most.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs import Basis
    >>> from mlip_rs.data.core_structures import arrays_from_atoms
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair-poly", n_radial=2, pair_degree=2)
    >>> potential = Potential.from_coefficients(basis, [1.0, -0.1, 0.01, 0.02, 0.0], {"Al": -3.0})
    >>> tables = ExactForm(potential, spacing=0.01).tables()
    >>> energies, _ = tables.evaluate(arrays_from_atoms(bulk("Al")))
    >>> len(tables.terms), bool(abs(energies[0] - potential.predict(bulk("Al")).energy) < 1e-6)
    (4, True)
    """

    potential: Potential
    spacing: float = SPACING

    def tables(self) -> EamTables:
        """The potential in tables; the switching of atoms by their local density is left out.

        Raises
        ------
        ConfigError
            A feature that depends on angles, or products of three pairwise sums.
        """
        if self.obstacle:
            raise ConfigError(self.obstacle)
        pair = pair_table(self.functions, self.distances, self._linear)
        constants = [self.potential.reference_energies[p.element] + p.constant for p in self.polynomials]
        forms = [self._squares(polynomial) for polynomial in self.polynomials]
        terms = [self._term(k, forms) for k in range(max(len(signs) for signs, _ in forms))]
        return with_constants(EamTables(self.potential.elements, self.cutoff, pair, tuple(terms)), constants)

    @property
    def cutoff(self) -> float:
        """Å."""
        return self.potential.cutoff

    @cached_property
    def functions(self) -> PairFunctions:
        """Radial functions and close-range repulsion."""
        return PairFunctions(self.potential.spec)

    @cached_property
    def polynomials(self) -> tuple[DensityPolynomial, ...]:
        """Energies of the centres."""
        return density_polynomials(self.potential)

    @cached_property
    def distances(self) -> Array:
        """(R,) points of the tables, Å."""
        return np.linspace(0.0, self.cutoff, max(int(np.ceil(self.cutoff / self.spacing)), 8) + 1)

    @cached_property
    def obstacle(self) -> str:
        """Why the potential has no exact form, and what to do; empty if it has."""
        try:
            cubic = [polynomial.element for polynomial in self.polynomials if polynomial.degree > 2]
        except ConfigError as error:
            return str(error)
        if not cubic:
            return ""
        return (
            f"the potential multiplies three pairwise sums ({', '.join(cubic)}): its embedding is no sum of squares; "
            "give data (--data) on which it is projected, or fit with --pair-degree 2"
        )

    @cached_property
    def _radial(self) -> dict[tuple[str, str], dict[int, Array]]:
        """Values of the radial functions by centre and neighbour, and number."""
        found = {}
        for center in self.potential.elements:
            for neighbor in self.potential.elements:
                values = self.functions.radial(center, neighbor, self.distances)
                found[center, neighbor] = dict(zip(self.functions.numbers(neighbor), values, strict=True))
        return found

    def values(self, polynomial: DensityPolynomial, neighbor: str) -> Array:
        """(V, R) radial function of each variable that counts neighbours of an element; zero for the others."""
        radial = self._radial[polynomial.element, neighbor]
        zero = np.zeros_like(self.distances)
        return np.array(
            [radial[n] if symbol == neighbor else zero for symbol, n in polynomial.variables]
        ).reshape(len(polynomial.variables), len(self.distances))

    @cached_property
    def _linear(self) -> Array:
        """(E, E, R) what a neighbour of the second element adds linearly to a centre of the first, eV."""
        return np.array(
            [
                [
                    polynomial.linear @ self.values(polynomial, neighbor)
                    for neighbor in self.potential.elements
                ]
                for polynomial in self.polynomials
            ]
        )

    def _squares(self, polynomial: DensityPolynomial) -> tuple[Array, Array]:
        """Signs (K,) and densities (K, E, R) of one element of the centre."""
        values = np.array([self.values(polynomial, neighbor) for neighbor in self.potential.elements])
        shells = values * self.distances
        metric = np.einsum("evr,ewr->vw", shells, shells)
        signs, vectors = diagonal_form(polynomial.quadratic, metric)
        densities = np.einsum("kv,evr->ker", vectors, values)
        return positive_form(signs, densities, np.sqrt((values**2).sum(axis=1)))

    def _term(self, k: int, forms: list[tuple[Array, Array]]) -> EmbeddedTerm:
        """The k-th square of every element of the centre."""
        n = len(self.potential.elements)
        density, signs = np.zeros((n, n, len(self.distances))), np.zeros(n)
        for element, (own, densities) in enumerate(forms):
            if k < len(own):
                density[element], signs[element] = densities[k], own[k]
        largest = crowded_density(self.potential, density, self.distances) or 1.0
        grid = np.linspace(0.0, largest, DENSITY_POINTS)
        return EmbeddedTerm(density, signs[:, None] * grid**2, float(grid[1]))


def pair_table(functions: PairFunctions, distances: Array, linear: Array) -> Array:
    """(E, E, R) r φ(r), eV Å, from linear contributions (E, E, R) of neighbours to centres and the ZBL of close pairs.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=3)
    >>> r = np.linspace(0.0, 5.0, 11)
    >>> pair_table(PairFunctions(basis.to_dict()), r, np.ones((1, 1, 11)))[0, 0, :3].tolist()
    [0.0, 1.0, 2.0]
    """
    table = (linear + linear.transpose(1, 0, 2)) * distances
    for i, first in enumerate(functions.elements):
        for j, second in enumerate(functions.elements[: i + 1]):
            repelled = distances * functions.repulsion(first, second, distances)
            if repelled.any():
                repelled[0] = 3.0 * (repelled[1] - repelled[2]) + repelled[3]  # 0 · ∞, but smooth
                table[i, j] += repelled
                table[j, i] = table[i, j]
    return np.asarray(table)


def crowded_density(potential: Potential, density: Array, distances: Array) -> float:
    """Largest density that (E, E, R) tables give in close-packed crystals at `CROWDED` times the shortest distance."""
    shortest = shortest_distances(potential)
    largest = 0.0
    for i in range(len(potential.elements)):
        for j, neighbor in enumerate(potential.elements):
            (shells,) = Compression.crystal("fcc", neighbor).shells
            values = np.interp(shells.ratios * CROWDED * shortest[i][j], distances, density[i, j], right=0.0)
            largest = max(largest, float(shells.counts @ values))
    return largest


def with_constants(tables: EamTables, constants: list[float]) -> EamTables:
    """Put the energies (E,) of atoms without neighbours, eV, into the first embedding function, made if there is none.

    Examples
    --------
    >>> tables = with_constants(EamTables(("Al",), 3.0, np.zeros((1, 1, 9)), ()), [-2.0])
    >>> tables.terms[0].embedding[0, :2].tolist()
    [-2.0, -2.0]
    """
    first, *others = tables.terms or [
        EmbeddedTerm(np.zeros_like(tables.pair), np.zeros((len(constants), DENSITY_POINTS)), 1.0)
    ]
    shifted = EmbeddedTerm(first.density, first.embedding + np.array(constants)[:, None], first.spacing)
    return EamTables(tables.elements, tables.cutoff, tables.pair, (shifted, *others))
