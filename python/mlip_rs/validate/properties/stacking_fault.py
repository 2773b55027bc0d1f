"""Generalised stacking-fault curves: a crystal slides over itself (V. Vítek, Phil. Mag. 18, 773 (1968))."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.constraints import FixedLine

from mlip_rs.calculators.calculations import Calculator, optimized, potential_energy
from mlip_rs.calculators.relaxations import relaxation
from mlip_rs.errors import ConfigError, PropertyError
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.criteria import Quantity, Threshold
from mlip_rs.validate.cubic_metal import CubicMetal
from mlip_rs.validate.properties.surfaces import (
    EV_PER_ANGSTROM2_IN_J_PER_M2,
)
from mlip_rs.validate.property import Property

LAYERS = 12
"""Planes between a fault and its periodic image."""

POINTS = 11
"""Points of a curve, including both ends."""

_SYSTEMS = {
    # structure: (name, in-plane vectors, vector to the next plane, slip), in lattice constants
    "fcc": ("{111}⟨112⟩", ((0.5, -0.5, 0), (0, 0.5, -0.5)), (0.5, 0.5, 0), None),
    "bcc": ("{110}⟨111⟩", ((0.5, 0.5, 0.5), (0.5, 0.5, -0.5)), (0.5, -0.5, 0.5), (0.5, 0.5, 0.5)),
}

FAULT = Threshold(0.20, relative=True)


@dataclass(frozen=True)
class StackingFault:
    """Fault energy against slip.

    Attributes
    ----------
    system
        Plane and direction.
    slips
        Fractions of the full slip (n,): a partial dislocation in fcc, where the last point is the intrinsic fault; a
        full one in bcc.
    energies
        J/m² (n,), planes relaxed along their normal.

    Examples
    --------
    >>> found = StackingFault("{111}⟨112⟩", slips=(0.0, 0.5, 1.0), energies=(0.0, 0.18, 0.05))
    >>> found.unstable, found.stable
    (0.18, 0.05)
    """

    system: str
    slips: tuple[float, ...]
    energies: tuple[float, ...]

    @property
    def unstable(self) -> float:
        """Unstable fault energy in J/m²: the highest point."""
        return max(self.energies)

    @property
    def stable(self) -> float:
        """Energy of the last point in J/m²: the intrinsic fault of fcc, 0 in bcc."""
        return self.energies[-1]

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "system": self.system,
            "slips": list(self.slips),
            "energies_j_per_m2": list(self.energies),
            "unstable_j_per_m2": self.unstable,
            "stable_j_per_m2": self.stable,
        }


def stacking_fault(
    calculator: Calculator,
    metal: CubicMetal,
    *,
    points: int = POINTS,
    layers: int = LAYERS,
    relax: bool = True,
    fmax: float = 0.01,
) -> StackingFault:
    """Slide a crystal along fcc {111}⟨112⟩ or bcc {110}⟨111⟩.

    A cell of `layers` planes is sheared at its boundary only, so that it holds one fault and no surface. Its height is
    kept, atoms relax along the normal.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    metal
        The fcc or bcc crystal.
    points, layers
        Points of the curve, and planes of the cell.
    relax, fmax
        Relax along the normal, down to this largest force in eV/Å.

    Raises
    ------
    ConfigError
        Another structure, or fewer than 3 points or layers.
    PropertyError
        A relaxation does not converge, or an energy is not finite.

    Examples
    --------
    >>> from ase.calculators.emt import EMT
    >>> copper = CubicMetal("fcc", "Cu", lattice_constant=3.59)
    >>> found = stacking_fault(EMT(), copper, points=3, layers=6, relax=False)
    >>> print(f"{found.unstable:.2f} J/m²")
    0.18 J/m²
    """
    if metal.structure not in _SYSTEMS:
        raise ConfigError(f"stacking faults of {metal.structure}: known are those of {', '.join(_SYSTEMS)}")
    if points < 3 or layers < 3:
        raise ConfigError(f"stacking fault: {points} points and {layers} layers; give at least 3")
    name, plane, step, slip = _SYSTEMS[metal.structure]
    frame = metal.lattice_constant * np.array([*plane, step])
    normal = np.cross(frame[0], frame[1])
    normal /= np.linalg.norm(normal)
    # In fcc the next plane lies over one kind of hollow; its offset once more leads to the other kind.
    path = (
        frame[2] - (frame[2] @ normal) * normal if slip is None else metal.lattice_constant * np.array(slip)
    )
    if slip is None:
        path = _shortest(path, frame[0], frame[1])
    positions = np.arange(layers)[:, None] * frame[2]
    area = float(np.linalg.norm(np.cross(frame[0], frame[1])))
    slips = np.linspace(0, 1, points)
    energies = []
    for fraction in slips:
        cell = [frame[0], frame[1], layers * frame[2] + fraction * path]
        atoms = Atoms([metal.symbol] * layers, positions=positions, cell=cell, pbc=True)
        if relax:
            atoms = _relaxed_along(calculator, atoms, normal, fmax)
        energies.append(potential_energy(calculator, atoms))
    excess = (np.array(energies) - energies[0]) / area * EV_PER_ANGSTROM2_IN_J_PER_M2
    return StackingFault(name, tuple(slips.tolist()), tuple(excess.tolist()))


def _shortest(vector: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shortest of the vectors that differ by lattice vectors of the plane."""
    images = [vector + i * a + j * b for i in (-1, 0, 1) for j in (-1, 0, 1)]
    return min(images, key=lambda image: float(np.linalg.norm(image)))


def _relaxed_along(calculator: Calculator, atoms: Atoms, normal: np.ndarray, fmax: float) -> Atoms:
    return relaxation(calculator, atoms, lambda start: _relaxed_planes(calculator, start, normal, fmax))


def _relaxed_planes(calculator: Calculator, atoms: Atoms, normal: np.ndarray, fmax: float) -> Atoms:
    moving = atoms.copy()
    moving.set_constraint(FixedLine(list(range(len(atoms))), normal))
    moving.calc = calculator
    if not optimized(moving, fmax, 300):
        raise PropertyError("the planes around a stacking fault did not relax in 300 steps")
    result = moving.copy()
    result.set_constraint()
    return result


def compute(case: ValidationCase) -> StackingFault:
    """Curve of the crystal, with fewer points if the case is quick."""
    metal = case.cubic_metal
    points = 7 if case.quick else 11
    return stacking_fault(case.calculator, metal, points=points)


def quantities(found: StackingFault) -> tuple[Quantity, ...]:
    """Unstable fault energy, and the intrinsic one of fcc."""
    result = [Quantity("unstable", "mJ/m²", 1000 * found.unstable, FAULT)]
    if abs(found.stable) > 1e-6:
        result.append(Quantity("intrinsic", "mJ/m²", 1000 * found.stable, FAULT, signed=True))
    return tuple(result)


PROPERTY = Property("stacking-fault", "Stacking fault", StackingFault, compute, quantities)
