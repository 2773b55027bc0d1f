"""Parts shared by the runs of molecular dynamics: temperatures, velocities, and a check for runaway trajectories."""

import numpy as np
from ase import Atoms, units
from ase.neighborlist import neighbor_list

from mlip_rs.calculators.calculations import Calculator, forces
from mlip_rs.errors import PropertyError

TIMESTEP = 2.0
"""fs; right for atoms heavier than about 20 u at moderate temperatures."""

HOTTEST = 5.0
"""Temperature, in that set for the run, above which the run counts as exploded."""

CLOSEST = 0.5
"""Distance of two atoms, in the nearest-neighbour distance of the crystal, below which the run counts as collapsed."""

LINDEMANN = 0.085
"""RMS displacement of harmonic atoms, in nearest-neighbour distances, at which crystals from Al to Mo and Si melt.

With the restoring force on one displaced atom for the stiffness; melting temperatures come out within 30 %."""

DISPLACED = 0.02
"""Displacement for that restoring force, in nearest-neighbour distances."""


def melting_estimate(calculator: Calculator, supercell: Atoms) -> float:
    """Melting temperature in K by Lindemann's rule, 3 k_B T = k (0.085 d)², k the stiffness of an atom on its site.

    The energy of isolated atoms does not matter to it. J. J. Gilvarry, Phys. Rev. 102, 308 (1956).

    Parameters
    ----------
    calculator, supercell
        Any ASE calculator, and the crystal in a cell wider than the range of the forces. d is its shortest distance, k
        the mean over one atom of each element.

    Raises
    ------
    PropertyError
        A displaced atom is not pushed back, or a force is not finite.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> print(f"{melting_estimate(EMT(), bulk('Cu', a=3.59, cubic=True).repeat(3)):.0f} K")  # 1358 K in nature
    1462 K
    """
    spacing = (float(supercell.get_volume()) / len(supercell)) ** (1 / 3)
    nearest = float(neighbor_list("d", supercell, 2 * spacing).min())
    symbols = supercell.get_chemical_symbols()
    step, stiffness = DISPLACED * nearest, []
    for index in sorted(symbols.index(symbol) for symbol in set(symbols)):
        for axis in range(3):
            moved = supercell.copy()
            moved.positions[index, axis] += step
            stiffness.append(-float(forces(calculator, moved)[index, axis]) / step)
    mean = sum(stiffness) / len(stiffness)
    if mean <= 0:
        raise PropertyError(
            f"an atom displaced by {step:.2f} Å is not pushed back to its site: the crystal is not stable"
        )
    return float(mean * (LINDEMANN * nearest) ** 2 / (3 * units.kB))


class RunawayCheck:
    """Stops a run that heats up without limit or in which atoms collapse.

    Parameters
    ----------
    atoms
        The moving atoms.
    temperature
        Temperature set for the run, in K.
    """

    def __init__(self, atoms: Atoms, temperature: float) -> None:
        self._atoms, self.temperature = atoms, temperature
        spacing = (float(atoms.get_volume()) / len(atoms)) ** (1 / 3)
        self._search_radius = 1.2 * spacing
        self._limit = CLOSEST * float(neighbor_list("d", atoms, 2 * spacing).min())
        self.closest = float("inf")

    def check(self, time: float) -> None:
        """Raise `PropertyError` if the run has become too hot or two atoms have collapsed, at a time in ps."""
        temperature = float(self._atoms.get_temperature())
        if not np.isfinite(temperature) or temperature > HOTTEST * self.temperature:
            raise PropertyError(
                f"the run exploded after {time:.2f} ps: {temperature:.3g} K where {self.temperature:.0f} K were set"
            )
        near = neighbor_list("d", self._atoms, self._search_radius)
        self.closest = min(self.closest, float(near.min(initial=self._search_radius)))
        if self.closest < self._limit:
            raise PropertyError(
                f"two atoms came as close as {self.closest:.2f} Å after {time:.2f} ps: a collapse"
            )


def with_velocities(calculator: Calculator, supercell: Atoms, temperature: float, seed: int) -> Atoms:
    """Copy of a supercell with velocities of Maxwell's distribution at a temperature in K, without drift."""
    atoms = supercell.copy()
    atoms.calc = calculator
    # By hand because ASE has renamed its own function.
    spread = np.sqrt(atoms.get_masses() * units.kB * temperature)[:, None]
    momenta = spread * np.random.default_rng(seed).normal(size=(len(atoms), 3))
    momenta -= atoms.get_masses()[:, None] * momenta.sum(axis=0) / atoms.get_masses().sum()
    atoms.set_momenta(momenta)
    return atoms
