"""Parts shared by the runs of molecular dynamics: initial velocities, and a check for runaway trajectories."""

import numpy as np
from ase import Atoms, units
from ase.neighborlist import neighbor_list

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.errors import PropertyError

TIMESTEP = 2.0
"""fs; right for atoms heavier than about 20 u at moderate temperatures."""

HOTTEST = 5.0
"""Temperature, in that set for the run, above which the run counts as exploded."""

CLOSEST = 0.5
"""Distance of two atoms, in the nearest-neighbour distance of the crystal, below which the run counts as collapsed."""


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
        self._atoms, self._temperature = atoms, temperature
        spacing = (float(atoms.get_volume()) / len(atoms)) ** (1 / 3)
        self._search_radius = 1.2 * spacing
        self._limit = CLOSEST * float(neighbor_list("d", atoms, 2 * spacing).min())
        self.closest = float("inf")

    def check(self, time: float) -> None:
        """Raise `PropertyError` if the run has become too hot or two atoms have collapsed, at a time in ps."""
        temperature = float(self._atoms.get_temperature())
        if not np.isfinite(temperature) or temperature > HOTTEST * self._temperature:
            raise PropertyError(
                f"the run exploded after {time:.2f} ps: {temperature:.3g} K where {self._temperature:.0f} K were set"
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
