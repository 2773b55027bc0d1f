"""What a calculator says about a structure, and how answers are compared."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError

from mlip_rs.arrays import Array
from mlip_rs.calculators.calculations import Calculator

ROUNDING: float = 64.0 * float(np.finfo(np.float64).eps)
"""Relative error of a sum of terms as large as itself."""


@dataclass(frozen=True, eq=False)
class Answer:
    """What a calculator says about one structure.

    Parameters
    ----------
    energy
        eV.
    forces
        (N, 3) eV/Å.
    stress
        (6,) eV/Å³, ASE's sign and order; None if the calculator gives none, or the cell has no volume.
    """

    energy: float
    forces: Array
    stress: Array | None

    def same_bits(self, other: "Answer") -> bool:
        """Whether not a single bit differs."""
        return self._bytes() == other._bytes()

    def _bytes(self) -> bytes:
        stress = b"" if self.stress is None else self.stress.tobytes()
        return np.float64(self.energy).tobytes() + self.forces.tobytes() + stress


def forgotten(calculator: Calculator, atoms: Atoms) -> Atoms:
    """A copy of the atoms with the calculator, which has forgotten its last results."""
    if hasattr(calculator, "reset"):
        calculator.reset()
    attached = atoms.copy()
    attached.calc = calculator
    return attached


def largest(array: Array) -> float:
    """Largest absolute value; 0 of none."""
    return float(np.abs(array).max(initial=0.0))


def rms(forces: Array) -> float:
    """Root mean square; 0 of none."""
    return float(np.sqrt(np.mean(forces**2))) if forces.size else 0.0


def stress_of(attached: Any) -> Array | None:  # noqa: ANN401 (Atoms, to the checker)
    """Stress (6,) in eV/Å³; None unless the structure is periodic and the calculator has stresses."""
    if not attached.pbc.all():
        return None
    try:
        return np.array(attached.get_stress(voigt=True), dtype=float)
    except (PropertyNotImplementedError, NotImplementedError):
        return None
