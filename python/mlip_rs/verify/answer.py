"""Results of a calculator for one structure, and their comparison."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError

from mlip_rs.arrays import Array
from mlip_rs.calculators.calculations import Calculator

ROUNDING: float = 64.0 * float(np.finfo(np.float64).eps)
"""Relative rounding error of a sum."""


@dataclass(frozen=True, eq=False)
class Answer:
    """Energy, forces and stress of one structure.

    Parameters
    ----------
    energy
        Energy in eV.
    forces
        Forces (N, 3) in eV/Å.
    stress
        Stress (6,) in eV/Å³, ASE's sign and order; None if the calculator has none, or the cell has no volume.
    """

    energy: float
    forces: Array
    stress: Array | None

    def same_bits(self, other: "Answer") -> bool:
        """True if all numbers are identical, bit for bit."""
        return self._bytes() == other._bytes()

    def _bytes(self) -> bytes:
        stress = b"" if self.stress is None else self.stress.tobytes()
        return np.float64(self.energy).tobytes() + self.forces.tobytes() + stress


def forgotten(calculator: Calculator, atoms: Atoms) -> Atoms:
    """Copy of the atoms with the calculator, whose stored results are cleared."""
    if hasattr(calculator, "reset"):
        calculator.reset()
    attached = atoms.copy()
    attached.calc = calculator
    return attached


def largest(array: Array) -> float:
    """Largest absolute value; 0 for an empty array."""
    return float(np.abs(array).max(initial=0.0))


def rms(forces: Array) -> float:
    """Root mean square; 0 for an empty array."""
    return float(np.sqrt(np.mean(forces**2))) if forces.size else 0.0


def stress_of(attached: Any) -> Array | None:  # noqa: ANN401 (Atoms, to the checker)
    """Stress (6,) in eV/Å³; None unless the structure is periodic and the calculator has stresses."""
    if not attached.pbc.all():
        return None
    try:
        return np.array(attached.get_stress(voigt=True), dtype=float)
    except (PropertyNotImplementedError, NotImplementedError):
        return None
