"""Conservation of the total energy in molecular dynamics."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.md.verlet import VelocityVerlet

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.calculators.watch import watch_by_default
from mlip_rs.errors import ConfigError
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.molecular_dynamics import TIMESTEP, RunawayCheck, with_velocities
from mlip_rs.validate.property import Property

ENERGY_DRIFT = 0.1
"""meV/atom/ps; after a nanosecond such a drift changes the temperature by about 400 K."""


@dataclass(frozen=True)
class EnergyConservation:
    """A run at constant energy.

    Attributes
    ----------
    n_atoms, timestep, temperature
        Number of atoms, time step in fs, and initial temperature in K, half of which turns into potential energy.
    times
        Times in ps.
    energies
        Total energies in meV/atom, relative to the first.

    Examples
    --------
    >>> found = EnergyConservation(4, 2.0, 600.0, times=(0.0, 1.0, 2.0), energies=(0.0, 0.06, 0.1))
    >>> print(f"{found.drift:.2f} meV/atom/ps")
    0.05 meV/atom/ps
    """

    n_atoms: int
    timestep: float
    temperature: float
    times: tuple[float, ...]
    energies: tuple[float, ...]

    @property
    def drift(self) -> float:
        """Slope of a line fitted to the total energy, in meV/atom/ps."""
        return float(np.polyfit(self.times, self.energies, 1)[0])

    @property
    def fluctuation(self) -> float:
        """Root mean square deviation from that line, in meV/atom."""
        line = np.polyval(np.polyfit(self.times, self.energies, 1), self.times)
        return float(np.sqrt(np.mean((np.array(self.energies) - line) ** 2)))

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "n_atoms": self.n_atoms,
            "timestep_fs": self.timestep,
            "temperature_k": self.temperature,
            "drift_mev_per_atom_ps": self.drift,
            "fluctuation_mev_per_atom": self.fluctuation,
            "times_ps": list(self.times),
            "energies_mev_per_atom": list(self.energies),
        }


def energy_conservation(
    calculator: Calculator,
    supercell: Atoms,
    *,
    temperature: float = 600.0,
    timestep: float = TIMESTEP,
    steps: int = 2000,
    seed: int = 0,
) -> EnergyConservation:
    """Follow the total energy of a crystal in a velocity-Verlet run.

    Parameters
    ----------
    calculator, supercell
        Any ASE calculator, and the crystal.
    temperature
        Temperature in K of the initial Maxwell distribution.
    timestep, steps
        Time step in fs, and number of steps.
    seed
        Seed of the velocities.

    Raises
    ------
    ConfigError
        Fewer than 100 steps.
    PropertyError
        The temperature grows without limit, or two atoms collapse.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = energy_conservation(EMT(), bulk("Cu", a=3.59, cubic=True), steps=100)
    >>> print(f"{found.fluctuation:.2f} meV/atom")
    0.01 meV/atom
    """
    if steps < 100:
        raise ConfigError(f"energy conservation over {steps} steps; give at least 100")
    atoms = with_velocities(calculator, supercell, temperature, seed)
    start = atoms.get_total_energy()
    times, energies = [], []
    runaway = RunawayCheck(atoms, temperature)
    with VelocityVerlet(atoms, timestep * units.fs) as run:
        watch_by_default(run, atoms, "energy-conservation")
        for _ in range(steps // 10):
            run.run(10)
            runaway.check(run.get_time() / units.fs / 1000)
            times.append(run.get_time() / units.fs / 1000)
            energies.append(1000 * (atoms.get_total_energy() - start) / len(atoms))
    return EnergyConservation(
        len(atoms), timestep, temperature, tuple(map(float, times)), tuple(map(float, energies))
    )


def compute(case: ValidationCase) -> EnergyConservation:
    """Run of a supercell, shorter if the case is quick."""
    supercell = case.supercell(12.0)
    return energy_conservation(case.calculator, supercell, steps=1000 if case.quick else 5000)


def failures(found: EnergyConservation) -> tuple[str, ...]:
    """A drift of the total energy."""
    if abs(found.drift) <= ENERGY_DRIFT:
        return ()
    return (f"the total energy drifts by {found.drift:.2g} meV/atom/ps (allowed: {ENERGY_DRIFT})",)


PROPERTY = Property(
    "energy-conservation", "Energy conservation", EnergyConservation, compute, failures=failures
)
