"""A potential against first principles: a table of physical properties, each passed or failed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from mlip_rs.calculators.calculations import Calculator, isolated_atom_energy
from mlip_rs.errors import MlipError
from mlip_rs.generate.prototypes import prototype
from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.elastic import ElasticConstants, elastic_constants
from mlip_rs.validate.eos import EnergyVolumeFit, equation_of_state
from mlip_rs.validate.phonons_frozen import ZoneBoundaryPhonons, zone_boundary_phonons
from mlip_rs.validate.reference import Reference
from mlip_rs.validate.thresholds import COHESION, DEFECT, FREQUENCY, LATTICE, MODULUS, PHASE, Threshold
from mlip_rs.validate.vacancy import cubic_fcc_supercell, vacancy_formation

STRESS_ENERGY_TOLERANCE = 0.2
"""Fraction by which the bulk moduli by stresses and by energies may differ; not 0: the curve is wide."""


_FREQUENCIES = {"X long.": "x_long", "X trans.": "x_trans", "L long.": "l_long", "L trans.": "l_trans"}

DEFAULT_THRESHOLDS: Mapping[str, Threshold] = MappingProxyType(
    {
        "a0": LATTICE,
        **dict.fromkeys(("B", "C11", "C12", "C44"), MODULUS),
        **dict.fromkeys(("bcc − fcc", "hcp − fcc"), PHASE),
        "cohesive energy": COHESION,
        "vacancy": DEFECT,
        **dict.fromkeys((f"phonon {name}" for name in _FREQUENCIES), FREQUENCY),
    }
)
"""By property: those of `mlip_rs.validate.thresholds`."""


@dataclass(frozen=True)
class PropertyRow:
    """One property. `potential` is None when it could not be computed; `message` then says why.

    Values, reference and `threshold` (largest deviation that passes) are in `unit`.
    """

    name: str
    unit: str
    potential: float | None
    reference: float
    threshold: float
    passed: bool
    message: str = ""

    @property
    def deviation(self) -> float | None:
        """Potential − reference, in `unit`."""
        return None if self.potential is None else self.potential - self.reference

    def to_dict(self) -> dict[str, Any]:
        """Keys property, unit, potential, reference, deviation, threshold, pass, message."""
        return {
            "property": self.name,
            "unit": self.unit,
            "potential": self.potential,
            "reference": self.reference,
            "deviation": self.deviation,
            "threshold": self.threshold,
            "pass": self.passed,
            "message": self.message,
        }


@dataclass(frozen=True)
class Comparison:
    """Outcome of `compare`.

    Attributes
    ----------
    element
        Chemical symbol.
    rows
        One per property.
    curves
        The potential's equations of state that could be fitted; energies relative to its isolated atom.
    """

    element: str
    rows: tuple[PropertyRow, ...]
    curves: Mapping[str, EnergyVolumeFit]

    @property
    def passed(self) -> bool:
        """Every property is within its threshold."""
        return all(row.passed for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Keys element, passed, properties (a list of rows), energy_volume (by structure)."""
        return {
            "element": self.element,
            "passed": self.passed,
            "properties": [row.to_dict() for row in self.rows],
            "energy_volume": {name: curve.to_dict() for name, curve in self.curves.items()},
        }

    def table(self) -> str:
        """Plain text, one line per property."""
        lines = [
            f"{'property':<16} {'unit':<9}"
            + "".join(f" {title:>10}" for title in ("potential", "reference", "deviation", "allowed"))
        ]
        for row in self.rows:
            value = "–" if row.potential is None else f"{row.potential:.4g}"
            deviation = "–" if row.deviation is None else f"{row.deviation:+.3g}"
            verdict = "pass" if row.passed else "FAIL"
            lines.append(
                f"{row.name:<16} {row.unit:<9} {value:>10} {row.reference:>10.4g} {deviation:>10}"
                f" {row.threshold:>10.2g}  {verdict}{'  ' + row.message if row.message else ''}"
            )
        return "\n".join(lines)


def compare(
    calculator: Calculator,
    reference: Reference,
    *,
    thresholds: Mapping[str, Threshold] = DEFAULT_THRESHOLDS,
    atom_energy: float | None = None,
) -> Comparison:
    """Compute the reference's properties with a potential.

    Elastic constants, phonons and the vacancy are taken at the potential's own equilibrium volume, as the
    reference's are at its own. Energies are relative to the isolated atom on both sides.

    Parameters
    ----------
    calculator
        Any ASE calculator with energy, forces and stress.
    reference
        First-principles values.
    thresholds
        Largest deviation of each property; those left out have the default.
    atom_energy
        Energy of the isolated atom on the calculator's scale, in eV; None: ask the calculator.

    Returns
    -------
    Comparison
        Always: a property that cannot be computed is a failed row with the reason.
    """
    computed = _Properties(calculator, reference, atom_energy)
    allowed = {**DEFAULT_THRESHOLDS, **thresholds}
    rows = tuple(
        _row(quantity, allowed.get(quantity.name, PHASE)) for quantity in _quantities(computed, reference)
    )
    return Comparison(reference.element, rows, dict(computed.curves))


@dataclass(frozen=True)
class _Value:
    """A computed number, and the reason why it must not be believed, if there is one."""

    number: float
    objection: str = ""


@dataclass(frozen=True)
class _Quantity:
    name: str
    unit: str
    reference: float
    compute: Callable[[], _Value]


class _Properties:
    """Properties of one potential, each computed when first asked for; asking raises where that fails."""

    def __init__(self, calculator: Calculator, reference: Reference, atom_energy: float | None) -> None:
        self._calculator, self._reference = calculator, reference
        self._given_atom_energy = atom_energy
        self.curves: dict[str, EnergyVolumeFit] = {}

    @cached_property
    def atom_energy(self) -> float:
        if self._given_atom_energy is not None:
            return self._given_atom_energy
        return isolated_atom_energy(self._calculator, self._reference.element)

    def curve(self, name: str) -> EnergyVolumeFit:
        """Equation of state over the same volumes as the reference's."""
        if name not in self.curves:
            volumes = self._reference.curves[name].volumes
            self.curves[name] = equation_of_state(
                self._calculator, name, self._reference.element, volumes, atom_energy=self.atom_energy
            )
        return self.curves[name]

    @property
    def volume(self) -> float:
        return self.curve("fcc").equilibrium_volume

    @cached_property
    def elastic(self) -> ElasticConstants:
        return elastic_constants(self._calculator, prototype("fcc", self._reference.element, self.volume))

    @cached_property
    def elastic_objection(self) -> str:
        if not self.elastic.is_stable:
            return f"mechanically unstable: an eigenvalue of C is {self.elastic.smallest_eigenvalue:.3g} GPa"
        by_stress, by_energy = self.elastic.bulk_modulus, self.curve("fcc").bulk_modulus
        if abs(by_stress - by_energy) > STRESS_ENERGY_TOLERANCE * by_energy:
            return (
                f"stress and energy disagree: B is {by_stress:.4g} GPa by stresses,"
                f" {by_energy:.4g} GPa by energies"
            )
        return ""

    @cached_property
    def phonons(self) -> ZoneBoundaryPhonons:
        edge = (4 * self.volume) ** (1 / 3)
        return zone_boundary_phonons(self._calculator, self._reference.element, edge)

    @cached_property
    def vacancy(self) -> float:
        repeat = round((self._reference.vacancy_sites / 4) ** (1 / 3))
        crystal = cubic_fcc_supercell(self._reference.element, self.volume, repeat)
        return vacancy_formation(self._calculator, crystal, relax=False).unrelaxed


def _quantities(computed: _Properties, reference: Reference) -> list[_Quantity]:
    fcc, elastic, phonons = reference.curves["fcc"], reference.elastic, reference.phonons

    def phase(name: str) -> _Quantity:
        def above_fcc(curve: Callable[[str], EnergyVolumeFit]) -> float:
            return MEV_PER_EV * (curve(name).equilibrium_energy - curve("fcc").equilibrium_energy)

        return _Quantity(
            f"{name} − fcc",
            "meV/atom",
            above_fcc(reference.curves.__getitem__),
            lambda: _Value(above_fcc(computed.curve)),
        )

    def constant(name: str, value: float) -> _Quantity:
        return _Quantity(
            name,
            "GPa",
            value,
            lambda: _Value(getattr(computed.elastic, name.lower()), computed.elastic_objection),
        )

    def phonon(name: str, field: str) -> _Quantity:
        def frequency() -> _Value:
            value = float(getattr(computed.phonons, field))
            return _Value(value, "imaginary: fcc is unstable against this displacement" if value < 0 else "")

        return _Quantity(name, "THz", float(getattr(phonons, field)), frequency)

    return [
        _Quantity("a0", "Å", _edge(fcc), lambda: _Value(_edge(computed.curve("fcc")))),
        _Quantity("B", "GPa", fcc.bulk_modulus, lambda: _Value(computed.curve("fcc").bulk_modulus)),
        constant("C11", elastic.c11),
        constant("C12", elastic.c12),
        constant("C44", elastic.c44),
        *(phase(name) for name in reference.curves if name != "fcc"),
        _Quantity(
            "cohesive energy",
            "eV/atom",
            reference.cohesive_energy,
            lambda: _Value(-computed.curve("fcc").equilibrium_energy),
        ),
        _Quantity("vacancy", "eV", reference.vacancy_unrelaxed, lambda: _Value(computed.vacancy)),
        *(phonon(f"phonon {name}", field) for name, field in _FREQUENCIES.items()),
    ]


def _edge(curve: EnergyVolumeFit) -> float:
    return float((4 * curve.equilibrium_volume) ** (1 / 3))


def _row(quantity: _Quantity, threshold: Threshold) -> PropertyRow:
    limit = threshold.limit(quantity.reference)
    try:
        value = quantity.compute()
    except Exception as error:  # a calculator may raise anything; the other properties are still wanted
        reason = str(error) if isinstance(error, MlipError) else f"{type(error).__name__}: {error}"
        return PropertyRow(quantity.name, quantity.unit, None, quantity.reference, limit, False, reason)
    passed = abs(value.number - quantity.reference) <= limit and not value.objection
    return PropertyRow(
        quantity.name, quantity.unit, value.number, quantity.reference, limit, passed, value.objection
    )
