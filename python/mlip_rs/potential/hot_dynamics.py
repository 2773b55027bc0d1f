"""Langevin dynamics of small structures, to see where a potential leads.

Configurations are wanted, not times, and their distribution does not depend on the masses. All atoms have the same
mass here, such that at the given temperature an atom moves by `STEP` in each direction and step (integrator: BAOAB, B.
Leimkuhler and C. Matthews, J. Chem. Phys. 138, 174102 (2013)).
"""

from dataclasses import dataclass

import numpy as np
from ase import Atoms, units

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.data.core_structures import arrays_from_atoms
from mlip_rs.errors import StructureError
from mlip_rs.potential.potential import Potential

STEP: float = 0.015
"""Å; standard deviation of the displacement of an atom in one step and direction."""

FRICTION: float = 0.05
"""Part of the velocities that is exchanged with the thermostat in each step, about."""

SKIN: float = 0.5
"""Å; of the neighbour list."""

LONGEST_STEP: float = 0.3
"""Å; no atom moves farther in one step, so that close atoms drift apart instead of being shot."""


@dataclass(frozen=True, eq=False)
class Course:
    """The course of the energy.

    Parameters
    ----------
    energies
        (K,) eV per atom, the first before the first step; the last is NaN where a structure cannot be evaluated.
    temperatures
        (K,) kinetic temperatures, K.
    atoms
        The last structure.
    """

    energies: Array
    temperatures: Array
    atoms: Atoms


def hot_dynamics(
    potential: Potential,
    atoms: Atoms,
    temperature: float,
    n_steps: int,
    floor: float,
    rng: np.random.Generator,
) -> Course:
    """Follow a structure until its energy per atom lies below `floor`, or `n_steps` have been taken.

    Parameters
    ----------
    temperature
        K.
    floor
        eV per atom.
    """
    thermal = units.kB * temperature
    mobility = STEP**2 / thermal  # Å per step² per eV/Å
    kept = np.exp(-FRICTION)
    numbers, positions, cell, pbc = arrays_from_atoms(atoms)
    positions = positions.copy()
    evaluator = _core.Evaluator(potential.core, SKIN, 1)
    velocities = STEP * rng.normal(size=positions.shape)
    energies: list[float] = []
    temperatures: list[float] = []

    def step_forces() -> Array:
        """Forces, after the energy has been noted."""
        try:
            of_atoms, forces, _, _ = evaluator.compute(numbers, positions, cell, pbc)
        except StructureError:  # atoms on one spot, or beyond all bounds
            energies.append(np.nan)
            return np.zeros_like(positions)
        energies.append(float(of_atoms.mean()))
        return forces

    forces = step_forces()
    for _ in range(n_steps):
        if not energies[-1] >= floor:
            break
        temperatures.append(float((velocities**2).mean() / STEP**2 * temperature))
        velocities += 0.5 * mobility * forces
        moved = 0.5 * velocities
        velocities = kept * velocities + np.sqrt(1.0 - kept**2) * STEP * rng.normal(size=positions.shape)
        moved += 0.5 * velocities
        longest = float(np.abs(moved).max())
        if longest > LONGEST_STEP:
            moved *= LONGEST_STEP / longest
            velocities *= LONGEST_STEP / longest
        positions += moved
        forces = step_forces()
        velocities += 0.5 * mobility * forces
    temperatures.append(float((velocities**2).mean() / STEP**2 * temperature))
    last = atoms.copy()
    last.positions = positions
    return Course(np.array(energies), np.array(temperatures), last)
