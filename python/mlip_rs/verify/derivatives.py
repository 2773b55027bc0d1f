"""Forces and stress compared with numerical derivatives of the energy."""

from collections.abc import Callable

import numpy as np
from ase import Atoms

from mlip_rs.errors import PropertyError
from mlip_rs.units import VOIGT
from mlip_rs.verify.answer import ROUNDING, largest
from mlip_rs.verify.result import Measured
from mlip_rs.verify.verified_calculator import VerifiedCalculator

STEPS: tuple[float, ...] = (1e-2, 1e-3, 1e-4)
"""Steps in Å, or of the strain; the smallest error of all steps counts, as truncation and rounding vary oppositely."""

DERIVATIVE_TOLERANCE: float = 1e-5
"""Largest error of a derivative, relative to the forces."""


def check_forces(verified: VerifiedCalculator) -> list[Measured]:
    """Every force component equals −dE/dr, in a crystal, in a small cell and in a free cluster."""
    found = []
    for name in ("crystal", "small cell", "cluster"):
        atoms = verified.samples.named()[name]
        answer = verified.answer(atoms)
        errors = [
            smallest_error(_along(verified, atoms, atom, axis), -answer.forces[atom, axis])
            for atom in range(len(atoms))
            for axis in range(3)
        ]
        worst = int(np.argmax(errors))
        limit = DERIVATIVE_TOLERANCE * max(verified.force_scale, largest(answer.forces))
        limit += ROUNDING * abs(answer.energy) / STEPS[0]
        found.append(Measured(errors[worst], limit, "eV/Å", f"atom {worst // 3} of the {name}"))
    return found


def check_virial(verified: VerifiedCalculator) -> list[Measured]:
    """The stress equals the derivative of the energy with respect to the strain, divided by the volume."""
    found = []
    for name in ("crystal", "small cell"):
        atoms = verified.samples.named()[name]
        answer = verified.answer(atoms)
        if answer.stress is None:
            raise PropertyError("the calculator gives no stress for a periodic structure")
        volume = atoms.get_volume()
        errors = [
            smallest_error(_strained(verified, atoms, component), answer.stress[component] * volume) / volume
            for component in range(6)
        ]
        virial = max(
            verified.force_scale * verified.samples.spacing * len(atoms) / volume, largest(answer.stress)
        )
        limit = DERIVATIVE_TOLERANCE * virial + ROUNDING * abs(answer.energy) / STEPS[0] / volume
        label = ("xx", "yy", "zz", "yz", "xz", "xy")[int(np.argmax(errors))]
        found.append(Measured(max(errors), limit, "eV/Å³", f"{label} of the {name}"))
    return found


def smallest_error(function: Callable[[float], float], derivative: float) -> float:
    """Smallest deviation of a derivative at 0 from central differences of fourth order with several steps."""
    return min(abs(central_difference(function, step) - derivative) for step in STEPS)


def central_difference(function: Callable[[float], float], step: float) -> float:
    """Return f'(0) = (8 [f(h) − f(−h)] − [f(2h) − f(−2h)]) / 12h + O(h⁴)."""
    near = function(step) - function(-step)
    far = function(2.0 * step) - function(-2.0 * step)
    return (8.0 * near - far) / (12.0 * step)


def _along(verified: VerifiedCalculator, atoms: Atoms, atom: int, axis: int) -> Callable[[float], float]:
    """Energy against the displacement of one atom along one axis, Å."""

    def energy(offset: float) -> float:
        moved = atoms.copy()
        moved.positions[atom, axis] += offset
        return verified.energy(moved)

    return energy


def _strained(verified: VerifiedCalculator, atoms: Atoms, component: int) -> Callable[[float], float]:
    """Energy against one component of a symmetric strain; off-diagonal ones count half on either side."""
    a, b = VOIGT[component]
    direction = np.zeros((3, 3))
    direction[a, b] += 0.5
    direction[b, a] += 0.5

    def energy(strain: float) -> float:
        deformed = atoms.copy()
        deformed.set_cell(atoms.cell.array @ (np.eye(3) + strain * direction), scale_atoms=True)
        return verified.energy(deformed)

    return energy
