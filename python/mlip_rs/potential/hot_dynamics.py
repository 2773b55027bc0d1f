"""Langevin dynamics of small structures, to see where a potential leads; the core does the steps.

Configurations are wanted, not times, and their distribution does not depend on the masses. All atoms have the same
mass here, such that at the given temperature an atom moves by `STEP` in each direction and step (integrator: BAOAB, B.
Leimkuhler and C. Matthews, J. Chem. Phys. 138, 174102 (2013)).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms, units

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.potential.potential import Potential
from mlip_rs.threads import number_of_threads

STEP: float = 0.015
"""Å; standard deviation of the displacement of an atom in one step and direction."""

FRICTION: float = 0.05
"""Part of the velocities that is exchanged with the thermostat in each step, about."""

LONGEST_STEP: float = 0.3
"""Å; no coordinate changes by more in one step, so that close atoms drift apart instead of being shot."""


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


def thermostat_noise(structures: Sequence[Atoms], n_steps: int, rng: np.random.Generator) -> list[Array]:
    """((n_steps + 1) N, 3) random numbers of the first velocities and of the steps of each structure."""
    return [rng.normal(size=((n_steps + 1) * len(atoms), 3)) for atoms in structures]


def hot_dynamics(
    potential: Potential,
    structures: Sequence[Atoms],
    temperature: float,
    floors: Sequence[float],
    noises: Sequence[Array],
    threads: int | None = None,
) -> list[Course]:
    """Follow structures until their energy per atom lies below their floor, or the noise has been used up.

    Parameters
    ----------
    temperature
        K.
    floors
        eV per atom, one for each structure.
    noises
        `thermostat_noise` of each structure.
    threads
        As for `Potential.predict`; the result does not depend on it.
    """
    courses = _core.langevin(
        potential.core,
        [structure_from_atoms(atoms) for atoms in structures],
        list(floors),
        list(noises),
        STEP,
        float(units.kB) * temperature,
        FRICTION,
        LONGEST_STEP,
        number_of_threads(threads),
    )
    found = []
    for atoms, (energies, temperatures, positions) in zip(structures, courses, strict=True):
        last = atoms.copy()
        last.positions = positions
        found.append(Course(energies, temperature * temperatures, last))
    return found
