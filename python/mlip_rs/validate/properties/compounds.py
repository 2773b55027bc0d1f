"""Ordered compounds of two elements: equations of state and energies of formation."""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.errors import MlipError, NotApplicableError, PropertyError
from mlip_rs.generate.prototypes import BINARY_PROTOTYPES, binary_prototype
from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.criteria import Quantity
from mlip_rs.validate.eos import EnergyVolumeFit
from mlip_rs.validate.properties.prototypes import VOLUME, phase_threshold
from mlip_rs.validate.property import Property
from mlip_rs.validate.prototype_energies import (
    ELEMENTAL,
    curve_around_minimum,
    expected_volume,
    prototype_energies,
)

_UNEQUAL = ("L1_2", "C1")
"""Compounds with different numbers of the two elements."""


@dataclass(frozen=True)
class Compound:
    """One ordered compound.

    Attributes
    ----------
    name
        Structure and elements: "L1_2 AuCu", the rarer element first.
    curve
        Equation of state.
    formation
        Energy of formation in eV/atom; negative if stable against the pure elements.

    Examples
    --------
    >>> curve = EnergyVolumeFit("L1_2", (), (), 13.5, -3.7, 150.0, 5.0, lattice_constant=3.78)
    >>> compound = Compound("L1_2 AuCu", curve, formation=-0.01)
    >>> print(f"{compound.name}: {compound.formation} eV/atom, {compound.curve.bulk_modulus} GPa")
    L1_2 AuCu: -0.01 eV/atom, 150.0 GPa
    """

    name: str
    curve: EnergyVolumeFit
    formation: float


@dataclass(frozen=True)
class Compounds:
    """Compounds of all pairs of elements.

    Attributes
    ----------
    compounds
        Compounds with an energy minimum.
    failures
        (compound, reason) of those without one.

    Examples
    --------
    >>> curve = EnergyVolumeFit("L1_2", (), (), 13.5, -3.7, 150.0, 5.0, lattice_constant=3.78)
    >>> found = Compounds((Compound("L1_2 AuCu", curve, formation=-0.01),))
    >>> {compound.name: compound.formation for compound in found.compounds}
    {'L1_2 AuCu': -0.01}
    """

    compounds: tuple[Compound, ...]
    failures: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "compounds": [
                {
                    "name": found.name,
                    "formation_mev_per_atom": MEV_PER_EV * found.formation,
                    "curve": found.curve.to_dict(),
                }
                for found in self.compounds
            ],
            "failures": [list(failure) for failure in self.failures],
        }


def compound_energies(calculator: Calculator, elements: tuple[str, ...]) -> Compounds:
    """Compute equations of state and energies of formation of `BINARY_PROTOTYPES` for every pair of elements.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    elements
        Chemical symbols, two or more.

    Returns
    -------
    Compounds
        A compound without a minimum is listed with the reason.

    Raises
    ------
    NotApplicableError
        Fewer than two elements.
    PropertyError
        An element has no crystal with an energy minimum.

    Examples
    --------
    >>> from ase.calculators.lj import LennardJones
    >>> found = compound_energies(LennardJones(sigma=2.4, epsilon=0.4, rc=3.0), ("Cu", "Au"))
    >>> formation = {compound.name: compound.formation for compound in found.compounds}
    >>> print(f"{formation['B2 AuCu']:.2f} eV/atom")
    0.18 eV/atom
    """
    if len(elements) < 2:
        raise NotApplicableError("compounds need two elements")
    grounds = {}
    for symbol in elements:
        curves = prototype_energies(calculator, symbol, names=ELEMENTAL)
        if not curves.curves:
            raise PropertyError(f"{symbol} has no crystal to refer the energies of formation to")
        grounds[symbol] = min(curve.equilibrium_energy for curve in curves.curves)
    compounds, failures = [], []
    for a, b in combinations(sorted(elements), 2):  # whoever lists them, compounds have the same names
        for structure in BINARY_PROTOTYPES:
            for first, second in ((a, b), (b, a)) if structure in _UNEQUAL else ((a, b),):
                name = f"{structure} {first}{second}"
                expected = (expected_volume(first) + expected_volume(second)) / 2
                atoms = binary_prototype(structure, first, second, expected)
                try:
                    curve = curve_around_minimum(calculator, structure, atoms)
                except MlipError as error:
                    failures.append((name, str(error)))
                    continue
                apart = sum(grounds[symbol] for symbol in atoms.get_chemical_symbols()) / len(atoms)
                compounds.append(Compound(name, curve, curve.equilibrium_energy - apart))
    return Compounds(tuple(compounds), tuple(failures))


def quantities(found: Compounds) -> tuple[Quantity, ...]:
    """Equilibrium volumes and energies of formation."""
    result = []
    for compound in found.compounds:
        size, formation = compound.curve.equilibrium_volume, MEV_PER_EV * compound.formation
        result.append(Quantity(f"V0 {compound.name}", "Å³/atom", size, VOLUME))
        result.append(
            Quantity(
                f"formation {compound.name}", "meV/atom", formation, phase_threshold(formation), signed=True
            )
        )
    return tuple(result)


def failures(found: Compounds) -> tuple[str, ...]:
    """Compounds without an equation of state."""
    return tuple(f"{name}: {reason}" for name, reason in found.failures)


PROPERTY = Property(
    "compounds",
    "Ordered compounds",
    Compounds,
    lambda case: compound_energies(case.calculator, case.elements),
    quantities,
    failures,
)
