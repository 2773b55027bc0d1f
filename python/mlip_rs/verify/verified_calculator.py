"""The calculator that is verified: its results for structures, and comparisons of results."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.errors import PropertyError
from mlip_rs.potential import Potential
from mlip_rs.verify.answer import ROUNDING, Answer, forgotten, largest, rms, stress_of
from mlip_rs.verify.curves import Curve, curves
from mlip_rs.verify.result import Measured
from mlip_rs.verify.structures import Samples


@dataclass(frozen=True)
class VerifiedCalculator:
    """A calculator to be verified.

    Parameters
    ----------
    make
        Returns a new calculator at each call.
    elements
        Chemical symbols that the calculator is made for.
    cutoff
        Distance in Å beyond which atoms do not interact.
    name
        Name in messages.
    potential
        Potential behind the calculator, for the checks of its file and its evaluators; None for other calculators.
    """

    make: Callable[[], Calculator]
    elements: tuple[str, ...]
    cutoff: float
    name: str
    potential: Potential | None = None

    @cached_property
    def samples(self) -> Samples:
        """Structures that the checks use."""
        return Samples(self.elements, self.cutoff)

    @cached_property
    def curves(self) -> tuple[Curve, ...]:
        """Curves that should be smooth, dimers of all pairs of elements first."""
        return tuple(
            curves(
                self.answer, self.elements, self.cutoff, self.samples, with_crystal=self.potential is not None
            )
        )

    @cached_property
    def calculator(self) -> Calculator:
        """A calculator that is reused."""
        return self.make()

    def answer(self, atoms: Atoms, calculator: Calculator = None) -> Answer:
        """Compute energy, forces and stress without using stored results.

        Raises
        ------
        PropertyError
            The result has the wrong shape or is not finite.
        """
        calculator = self.calculator if calculator is None else calculator
        attached = forgotten(calculator, atoms)
        with np.errstate(all="ignore"):
            energy = float(attached.get_potential_energy())
            forces = np.array(attached.get_forces(), dtype=float)
            stress = stress_of(attached)
        if forces.shape != (len(atoms), 3):
            raise PropertyError(f"forces of {len(atoms)} atoms have the shape {forces.shape}")
        for name, array in (("energy", np.array(energy)), ("forces", forces), ("stress", stress)):
            if array is not None and not np.isfinite(array).all():
                raise PropertyError(f"{name} of {atoms.get_chemical_formula()}: not finite")
        return Answer(energy, forces, stress)

    def energy(self, atoms: Atoms) -> float:
        """Compute the energy in eV without using stored results."""
        with np.errstate(all="ignore"):
            return float(forgotten(self.calculator, atoms).get_potential_energy())

    @cached_property
    def force_scale(self) -> float:
        """Root mean square force in a rattled crystal in eV/Å, the scale of all tolerances."""
        forces = self.answer(self.samples.crystal).forces
        return max(float(np.sqrt(np.mean(forces**2))), 1e-6)

    def differences(
        self, one: Answer, other: Answer, atoms: Atoms, tolerance: float, where: str
    ) -> list[Measured]:
        """Largest differences of energy, forces and stress between two results that should be equal.

        Parameters
        ----------
        atoms
            Structure of both results.
        tolerance
            Tolerance relative to the larger of the force scale and the forces, times 1 Å for energies per atom.
        where
            Description of the compared results, for the sentence.
        """
        force = max(self.force_scale, rms(one.forces), rms(other.forces))
        rounding = ROUNDING * (abs(one.energy) + abs(other.energy))
        energy_limit = tolerance * force * max(len(atoms), 1) + rounding
        found = [
            Measured(abs(one.energy - other.energy), energy_limit, "eV", f"energy {where}"),
            Measured(largest(one.forces - other.forces), tolerance * force, "eV/Å", f"forces {where}"),
        ]
        if (one.stress is None) != (other.stress is None):
            raise PropertyError(f"{where}: one structure has a stress, the other has none")
        if one.stress is not None and other.stress is not None:
            limit = tolerance * max(force * len(atoms) / atoms.get_volume(), largest(one.stress))
            found.append(Measured(largest(one.stress - other.stress), limit, "eV/Å³", f"stress {where}"))
        return found
