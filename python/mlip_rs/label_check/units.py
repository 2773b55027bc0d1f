"""Factors that wrong units, signs and orders put on labels, so that a regressed slope can be named."""

from collections.abc import Sequence
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
    """

    value: float
    name: str


ENERGY_FACTORS: tuple[Factor, ...] = (
    Factor(1.0 / HARTREE, "Hartree"),
    Factor(1.0 / RYDBERG, "Rydberg"),
    Factor(1.0 / KCAL, "kcal/mol"),
    Factor(1.0 / KJOULE, "kJ/mol"),
    Factor(1000.0, "meV"),
    Factor(-1.0, "energies of the opposite sign"),
)

FORCE_FACTORS: tuple[Factor, ...] = (
    Factor(-1.0, "gradients (forces of the opposite sign)"),
    Factor(BOHR / HARTREE, "Hartree/bohr"),
    Factor(-BOHR / HARTREE, "gradients in Hartree/bohr"),
    Factor(BOHR / RYDBERG, "Rydberg/bohr"),
    Factor(-BOHR / RYDBERG, "gradients in Rydberg/bohr"),
    Factor(1.0 / HARTREE, "Hartree/Å"),
    Factor(1.0 / RYDBERG, "Rydberg/Å"),
    Factor(1.0 / KCAL, "kcal/mol/Å"),
    Factor(-1.0 / KCAL, "gradients in kcal/mol/Å"),
    Factor(1.0 / KJOULE, "kJ/mol/Å"),
    Factor(10.0 / KJOULE, "kJ/mol/nm"),
    Factor(1000.0, "meV/Å"),
    Factor(-1000.0, "gradients in meV/Å"),
    Factor(BOHR, "eV/bohr"),
    Factor(10.0, "eV/nm"),
)

STRESS_FACTORS: tuple[Factor, ...] = (
    Factor(-1.0, "stresses of the opposite sign (positive under compression)"),
    Factor(0.1 / units.GPa * 100.0, "kBar"),
    Factor(-0.1 / units.GPa * 100.0, "kBar, positive under compression (as VASP prints them)"),
    Factor(1.0 / units.GPa, "GPa"),
    Factor(-1.0 / units.GPa, "GPa, positive under compression"),
    Factor(1.0e-3 / units.GPa * 1e6, "MPa"),
    Factor(1.0e4 / units.GPa, "bar"),
    Factor(-1.0e4 / units.GPa, "bar, positive under compression"),
    Factor(BOHR**3 / HARTREE, "Hartree/bohr³"),
    Factor(BOHR**3 / RYDBERG, "Rydberg/bohr³"),
    Factor(-(BOHR**3) / RYDBERG, "Rydberg/bohr³, positive under compression"),
)


def nearest_factor(slope: float, factors: Sequence[Factor], tolerance: float = NEAR) -> Factor | None:
    """Find the factor closest to a slope in ratio; None if none is near."""
    ratios = [(abs(slope / factor.value - 1.0), factor) for factor in factors]
    distance, factor = min(ratios, key=lambda entry: entry[0])
    return factor if distance < tolerance else None
