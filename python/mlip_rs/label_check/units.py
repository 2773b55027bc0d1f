"""Factors that wrong units, signs and orders put on labels, so that a regressed slope can be named."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ase import units

HARTREE, RYDBERG, BOHR = units.Hartree, units.Rydberg, units.Bohr
KCAL, KJOULE = units.kcal / units.mol, units.kJ / units.mol

NEAR: float = 0.12
"""Relative distance of a regressed slope from a factor at which the factor is named."""


@dataclass(frozen=True)
class Factor:
    """A label in the file divided by the label in eV and Å.

    Parameters
    ----------
    value
        The factor; 1 if the label is right.
    name
        In words, to follow "look like".
    unusual
        Whether it is hardly met.
    """

    value: float
    name: str
    unusual: bool = False


RIGHT: Factor = Factor(1.0, "eV and Å")

ENERGY_FACTORS: tuple[Factor, ...] = (
    Factor(1.0 / HARTREE, "Hartree"),
    Factor(1.0 / RYDBERG, "Rydberg"),
    Factor(1.0 / KCAL, "kcal/mol"),
    Factor(1.0 / KJOULE, "kJ/mol"),
    Factor(1000.0, "meV", unusual=True),
    Factor(-1.0, "energies of the opposite sign"),
)


def _either_sign(opposite: str, factors: Sequence[Factor]) -> tuple[Factor, ...]:
    """All factors, and those of the opposite sign; the name of that with a blank for the unit."""
    negative = (Factor(-one.value, opposite.format(one.name), one.unusual) for one in factors)
    return tuple(one for pair in zip(factors, negative, strict=True) for one in pair)


FORCE_FACTORS: tuple[Factor, ...] = (
    Factor(-1.0, "gradients (forces of the opposite sign)"),
    *_either_sign(
        "gradients in {}",
        (
            Factor(BOHR / HARTREE, "Hartree/bohr"),
            Factor(BOHR / RYDBERG, "Rydberg/bohr"),
            Factor(1.0 / HARTREE, "Hartree/Å", unusual=True),
            Factor(1.0 / RYDBERG, "Rydberg/Å", unusual=True),
            Factor(1.0 / KCAL, "kcal/mol/Å"),
            Factor(1.0 / KJOULE, "kJ/mol/Å"),
            Factor(10.0 / KJOULE, "kJ/mol/nm"),
            Factor(1000.0, "meV/Å", unusual=True),
            Factor(BOHR, "eV/bohr", unusual=True),
            Factor(10.0, "eV/nm", unusual=True),
        ),
    ),
)

STRESS_FACTORS: tuple[Factor, ...] = (
    Factor(-1.0, "stresses of the opposite sign (positive under compression)"),
    Factor(0.1 / units.GPa * 100.0, "kBar"),
    Factor(-0.1 / units.GPa * 100.0, "kBar, positive under compression (as VASP prints them)"),
    *_either_sign(
        "{}, positive under compression",
        (
            Factor(1.0 / units.GPa, "GPa"),
            Factor(1.0e3 / units.GPa, "MPa", unusual=True),
            Factor(1.0e4 / units.GPa, "bar"),
            Factor(BOHR**3 / HARTREE, "Hartree/bohr³"),
            Factor(BOHR**3 / RYDBERG, "Rydberg/bohr³"),
        ),
    ),
)

SYSTEMS: frozenset[tuple[float, float]] = frozenset(
    {
        (1.0 / HARTREE, BOHR / HARTREE),
        (1.0 / RYDBERG, BOHR / RYDBERG),
        (1.0 / HARTREE, 1.0 / HARTREE),
        (1.0 / RYDBERG, 1.0 / RYDBERG),
        (1.0 / KCAL, 1.0 / KCAL),
        (1.0 / KJOULE, 1.0 / KJOULE),
        (1.0 / KJOULE, 10.0 / KJOULE),
        (1000.0, 1000.0),
    }
)
"""Factors of energies and forces that one program writes together."""


NEIGHBOURS: float = 1.25
"""Ratio of two factors up to which the forces of one structure do not tell them apart."""


def neighbouring(factors: Iterable[float]) -> list[tuple[float, ...]]:
    """Gather factors of one sign that follow each other at ratios below `NEIGHBOURS`, sorted.

    Examples
    --------
    >>> neighbouring([0.0389, -1.0, 0.0194, 0.0367])
    [(-1.0,), (0.0194,), (0.0367, 0.0389)]
    """
    found: list[tuple[float, ...]] = []
    for value in sorted(factors):
        near = found and found[-1][-1] * value > 0.0
        if near and 1.0 / NEIGHBOURS < value / found[-1][-1] < NEIGHBOURS:
            found[-1] = (*found[-1], value)
        else:
            found.append((value,))
    return found


def nearest_factor(slope: float, factors: Sequence[Factor], tolerance: float = NEAR) -> Factor | None:
    """Find the factor closest to a slope in ratio; None if none is near."""
    ratios = [(abs(slope / factor.value - 1.0), factor) for factor in factors]
    distance, factor = min(ratios, key=lambda entry: entry[0])
    return factor if distance < tolerance else None
