"""Elastic constants with clamped and relaxed ions, their symmetry, mechanical stability, polycrystal averages."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.generate.symmetry import crystal_symmetry, rotations
from mlip_rs.validate.criteria import Quantity
from mlip_rs.validate.elastic_constants import STRAIN, ElasticConstants, elastic_constants
from mlip_rs.validate.properties.prototypes import MODULUS
from mlip_rs.validate.property import Property
from mlip_rs.validate.stiffness import (
    PolycrystalAverages,
    independent_constants,
    polycrystal_averages,
    symmetrized,
)

ASYMMETRY = 0.05
"""Largest asymmetry of C, and largest deviation from the symmetry of the crystal, in its largest element."""

_CONSTANTS = {
    "cubic": ((1, 1), (1, 2), (4, 4)),
    "hexagonal": ((1, 1), (3, 3), (1, 2), (1, 3), (4, 4)),
}

_ALL_CONSTANTS = ((1, 1), (2, 2), (3, 3), (1, 2), (1, 3), (2, 3), (4, 4), (5, 5), (6, 6))


@dataclass(frozen=True)
class ElasticAnalysis:
    """Elastic constants of one crystal.

    Attributes
    ----------
    space_group, system
        Space group and crystal system of the unstrained crystal.
    n_independent
        Number of independent elastic constants of this symmetry.
    clamped, relaxed
        Stiffness with the ions following the strain, and with the ions relaxed under it, in GPa.
    symmetry_deviation
        Largest `|C − C averaged over the point group|` of the relaxed constants, in GPa.
    averages
        Averages of the relaxed constants; None if the crystal is unstable.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = elastic_analysis(EMT(), bulk("Cu", a=3.59))
    >>> print(f"{found.relaxed.c11:.0f} GPa, {found.averages.bulk_hill:.0f} GPa, stable: {found.is_stable}")
    172 GPa, 134 GPa, stable: True
    """

    space_group: str
    system: str
    n_independent: int
    clamped: ElasticConstants
    relaxed: ElasticConstants
    symmetry_deviation: float
    averages: PolycrystalAverages | None

    @property
    def is_stable(self) -> bool:
        """True if Born's condition holds with relaxed ions."""
        return self.relaxed.is_stable

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "space_group": self.space_group,
            "crystal_system": self.system,
            "n_independent": self.n_independent,
            "clamped": self.clamped.to_dict(),
            "relaxed": self.relaxed.to_dict(),
            "symmetry_deviation_gpa": self.symmetry_deviation,
            "stable": self.is_stable,
            "averages": None if self.averages is None else self.averages.to_dict(),
        }


def elastic_analysis(
    calculator: Calculator, atoms: Atoms, *, strain: float = STRAIN, fmax: float = 1e-3
) -> ElasticAnalysis:
    """Elastic tensor with clamped and relaxed ions, checked against the symmetry of the crystal.

    Parameters
    ----------
    calculator
        Any ASE calculator with stresses.
    atoms
        The crystal at its equilibrium; the primitive cell is the cheapest.
    strain, fmax
        Strain of the central differences, and largest remaining force in eV/Å of the relaxed ions.

    Raises
    ------
    ConfigError
        The strain is not small, or the structure is not periodic in three directions.
    PropertyError
        No symmetry can be found, a stress is not finite, or a relaxation does not converge.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = elastic_analysis(EMT(), bulk("Cu", a=3.59))
    >>> found.space_group, found.system, found.n_independent
    ('Fm-3m', 'cubic', 3)
    """
    clamped = elastic_constants(calculator, atoms, strain=strain)
    relaxed = elastic_constants(calculator, atoms, strain=strain, relax_ions=True, fmax=fmax)
    symmetry, group = crystal_symmetry(atoms), rotations(atoms)
    symmetric = symmetrized(relaxed.matrix, group)
    return ElasticAnalysis(
        space_group=symmetry.space_group,
        system=symmetry.system,
        n_independent=independent_constants(group),
        clamped=clamped,
        relaxed=relaxed,
        symmetry_deviation=float(np.abs(relaxed.matrix - symmetric).max()),
        averages=polycrystal_averages(symmetric) if relaxed.is_stable else None,
    )


def quantities(found: ElasticAnalysis) -> tuple[Quantity, ...]:
    """Independent elastic constants and Hill's averages."""
    pairs = _CONSTANTS.get(found.system, _ALL_CONSTANTS)
    c = found.relaxed.matrix
    result = [Quantity(f"C{i}{j}", "GPa", float(c[i - 1, j - 1]), MODULUS, signed=i != j) for i, j in pairs]
    if found.averages is not None:
        result.append(Quantity("K (Hill)", "GPa", found.averages.bulk_hill, MODULUS))
        result.append(Quantity("G (Hill)", "GPa", found.averages.shear_hill, MODULUS))
    return tuple(result)


def failures(found: ElasticAnalysis) -> tuple[str, ...]:
    """Mechanical instability, and stresses that are inconsistent with the energy or the symmetry."""
    largest = float(np.abs(found.relaxed.matrix).max())
    broken = []
    if not found.is_stable:
        lowest = found.relaxed.smallest_eigenvalue
        broken.append(f"mechanically unstable (Born): an eigenvalue of C is {lowest:.3g} GPa")
    if found.relaxed.asymmetry > ASYMMETRY * largest:
        broken.append(
            f"C is asymmetric by {found.relaxed.asymmetry:.3g} GPa: stresses are no derivatives of the energy"
        )
    if found.symmetry_deviation > ASYMMETRY * largest:
        broken.append(f"C breaks the symmetry of the crystal by {found.symmetry_deviation:.3g} GPa")
    return tuple(broken)


PROPERTY = Property(
    "elastic",
    "Elastic constants",
    ElasticAnalysis,
    lambda case: elastic_analysis(case.calculator, case.crystal),
    quantities,
    failures,
)
