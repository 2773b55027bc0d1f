"""Pair potentials as tables of LAMMPS' `pair_style table`, and their evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.interpolate import CubicSpline

from mlip_rs.arrays import Array
from mlip_rs.data.core_structures import StructureArrays
from mlip_rs.eam.polynomial import density_polynomials
from mlip_rs.eam.tables import PairList
from mlip_rs.errors import ConfigError
from mlip_rs.potential import Potential
from mlip_rs.potential.compression import Compression

POINTS: int = 8001
"""Points of a table, evenly spaced in r²."""

CLOSEST: float = 0.2
"""First distance of a table, Å: LAMMPS stops where two atoms are closer."""


@dataclass(frozen=True, eq=False)
class PairTables:
    """Energy and force of each pair of elements at distances that are evenly spaced in r².

    Parameters
    ----------
    elements
        Chemical symbols.
    distances
        (K,) Å.
    energies, forces
        (K,) φ in eV and −dφ/dr in eV/Å by numbers of the elements, the first not larger than the second.

    Examples
    --------
    >>> from ase.build import molecule
    >>> from mlip_rs.data.core_structures import arrays_from_atoms
    >>> r = np.sqrt(np.linspace(0.04, 9.0, 1001))
    >>> tables = PairTables(("H",), r, {(0, 0): (3.0 - r) ** 2}, {(0, 0): 2.0 * (3.0 - r)})
    >>> energies, forces = tables.evaluate(arrays_from_atoms(molecule("H2")))
    >>> round(float(energies.sum()), 4), round(float((3.0 - molecule("H2").get_distance(0, 1)) ** 2), 4)
    (5.1204, 5.1204)
    """

    elements: tuple[str, ...]
    distances: Array
    energies: Mapping[tuple[int, int], Array]
    forces: Mapping[tuple[int, int], Array]

    def evaluate(self, arrays: StructureArrays) -> tuple[Array, Array]:
        """Energies of the atoms (N,) in eV and forces (N, 3) in eV/Å of a structure, without reference energies."""
        pairs = PairList.of(arrays, self.elements, float(self.distances[-1]))
        half, slopes = np.zeros((2, len(pairs.distances)))
        for first in range(len(self.elements)):
            for second in range(len(self.elements)):
                own = pairs.of_elements(first, second)
                energy, force = self._splines[min(first, second), max(first, second)]
                squared = pairs.distances[own] ** 2
                half[own], slopes[own] = 0.5 * energy(squared), -0.5 * force(squared) * pairs.distances[own]
        energies = np.bincount(pairs.centers, half, len(pairs.species)).astype(float)
        return energies, pairs.forces(slopes)

    @cached_property
    def _splines(self) -> dict[tuple[int, int], tuple[CubicSpline, CubicSpline]]:
        """Energy, and force by distance, as cubic splines in r²: what LAMMPS makes of such a table."""
        squared = self.distances**2
        return {
            pair: (CubicSpline(squared, energy), CubicSpline(squared, self.forces[pair] / self.distances))
            for pair, energy in self.energies.items()
        }


def pair_tables(potential: Potential, points: int = POINTS) -> PairTables:
    """Take energy and force of every pair of elements from dimers, which are exact at all distances.

    Raises
    ------
    ConfigError
        The potential is no pair potential.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=1)
    >>> tables = pair_tables(Potential.from_coefficients(basis, [1.0], {"Al": -3.0}), points=5)
    >>> tables.distances.round(2).tolist(), round(float(tables.energies[0, 0][-1]), 9)
    ([0.2, 2.51, 3.54, 4.33, 5.0], 0.0)
    """
    for polynomial in density_polynomials(potential):
        if polynomial.degree > 1:
            raise ConfigError(
                f"the potential is no pair potential ({polynomial.element} has products of pairwise sums), and a "
                "table holds nothing else; export to eam/alloy or eam/fs"
            )
    squares = np.linspace(CLOSEST**2, potential.cutoff**2, points)
    distances = np.sqrt(squares)
    distances[[0, -1]] = CLOSEST, potential.cutoff
    energies, forces = {}, {}
    constants = [
        potential.reference_energies[s] + potential.coefficients(s).get("1", 0.0) for s in potential.elements
    ]
    for i, first in enumerate(potential.elements):
        for j, second in enumerate(potential.elements[i:], start=i):
            dimers = Compression.dimer(first, second).structures(distances)
            found = potential.core.evaluate_many(dimers, 1)
            energies[i, j] = np.array([own.sum() for own, _, _ in found]) - constants[i] - constants[j]
            forces[i, j] = np.array([own[1, 2] for _, own, _ in found])
    return PairTables(potential.elements, distances, energies, forces)
