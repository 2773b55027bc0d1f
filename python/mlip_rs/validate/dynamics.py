"""Does it survive motion: conservation of energy, a melt that is quenched, radial distribution functions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.geometry.rdf import get_rdf
from ase.md.langevin import Langevin
from ase.md.verlet import VelocityVerlet
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.errors import ConfigError, PropertyError

TIMESTEP = 2.0
"""fs; right for atoms heavier than about 20 u at moderate temperatures."""

HOTTEST = 5.0
"""A run whose temperature exceeds this times the one set has exploded."""

CLOSEST = 0.5
"""A run in which two atoms come closer than this times the distance of neighbours has collapsed."""

MELT_FRACTION = 0.06
"""k_B T of the melt in cohesive energies; crystals melt at about 0.03 (Lindemann's rule of thumb for metals)."""

RDF_BINS = 100


@dataclass(frozen=True)
class EnergyConservation:
    """A run at constant energy.

    Attributes
    ----------
    n_atoms, timestep, temperature
        Of the run; fs and K (of the start, half of which goes into potential energy).
    times
        ps.
    energies
        Total energy in meV/atom, relative to the first.
    """

    n_atoms: int
    timestep: float
    temperature: float
    times: tuple[float, ...]
    energies: tuple[float, ...]

    @property
    def drift(self) -> float:
        """Slope of a line through the total energy, in meV/atom/ps."""
        return float(np.polyfit(self.times, self.energies, 1)[0])

    @property
    def fluctuation(self) -> float:
        """Root mean square around that line, in meV/atom."""
        line = np.polyval(np.polyfit(self.times, self.energies, 1), self.times)
        return float(np.sqrt(np.mean((np.array(self.energies) - line) ** 2)))

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, the unit in each key."""
        return {
            "n_atoms": self.n_atoms,
            "timestep_fs": self.timestep,
            "temperature_k": self.temperature,
            "drift_mev_per_atom_ps": self.drift,
            "fluctuation_mev_per_atom": self.fluctuation,
            "times_ps": list(self.times),
            "energies_mev_per_atom": list(self.energies),
        }


@dataclass(frozen=True)
class MeltQuench:
    """A crystal that is molten and quenched at constant volume.

    Attributes
    ----------
    n_atoms, melt_temperature, final_temperature
        Of the run; K.
    times, temperatures, energies
        ps, K, and potential energy in eV/atom relative to the crystal.
    closest
        Shortest distance of two atoms in the whole run, in Å.
    distances
        Bins of the radial distribution functions, in Å.
    melt, quenched
        Radial distribution functions, averaged over the second half of the melt and the last tenth of the quench.
    """

    n_atoms: int
    melt_temperature: float
    final_temperature: float
    times: tuple[float, ...]
    temperatures: tuple[float, ...]
    energies: tuple[float, ...]
    closest: float
    distances: tuple[float, ...]
    melt: tuple[float, ...]
    quenched: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, the unit in each key."""
        return {
            "n_atoms": self.n_atoms,
            "melt_temperature_k": self.melt_temperature,
            "final_temperature_k": self.final_temperature,
            "closest_angstrom": self.closest,
            "times_ps": list(self.times),
            "temperatures_k": list(self.temperatures),
            "energies_ev_per_atom": list(self.energies),
            "rdf_distances_angstrom": list(self.distances),
            "rdf_melt": list(self.melt),
            "rdf_quenched": list(self.quenched),
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
    """Velocity-Verlet run of a crystal, and what becomes of its total energy.

    Parameters
    ----------
    calculator, supercell
        Any ASE calculator and the crystal.
    temperature
        Of the Maxwell distribution at the start, in K.
    timestep, steps
        fs, and how many.
    seed
        Of the velocities.

    Raises
    ------
    ConfigError
        Fewer than 100 steps.
    PropertyError
        The run explodes.
    """
    if steps < 100:
        raise ConfigError(f"energy conservation over {steps} steps; give at least 100")
    atoms = _moving(calculator, supercell, temperature, seed)
    start = atoms.get_total_energy()
    times, energies = [], []
    guard = _Guard(atoms, temperature)
    with VelocityVerlet(atoms, timestep * units.fs) as run:
        for _ in range(steps // 10):
            run.run(10)
            guard.check(run.get_time() / units.fs / 1000)
            times.append(run.get_time() / units.fs / 1000)
            energies.append(1000 * (atoms.get_total_energy() - start) / len(atoms))
    return EnergyConservation(
        len(atoms), timestep, temperature, tuple(map(float, times)), tuple(map(float, energies))
    )


def melt_quench(
    calculator: Calculator,
    supercell: Atoms,
    melt_temperature: float,
    *,
    final_temperature: float = 300.0,
    timestep: float = TIMESTEP,
    steps: int = 2000,
    seed: int = 0,
) -> MeltQuench:
    """Langevin run: `steps` at the temperature of the melt, then `steps` of linear cooling.

    Parameters
    ----------
    calculator, supercell
        Any ASE calculator and the crystal.
    melt_temperature, final_temperature
        K.
    timestep, steps
        fs, and how many in each part.
    seed
        Of velocities and thermostat.

    Raises
    ------
    ConfigError
        Fewer than 100 steps, or a melt that is not the hotter part.
    PropertyError
        The run explodes, or atoms collapse on each other.
    """
    if steps < 100 or not 0 < final_temperature < melt_temperature:
        raise ConfigError(
            f"melt and quench: {steps} steps from {melt_temperature:.0f} to {final_temperature:.0f} K;"
            " give at least 100, from hot to cold"
        )
    atoms = _moving(calculator, supercell, melt_temperature, seed)
    crystal = supercell.copy()
    crystal.calc = calculator
    ground = float(crystal.get_potential_energy()) / len(atoms)
    guard = _Guard(atoms, melt_temperature)
    records: list[tuple[float, float, float]] = []
    functions: dict[str, list[NDArray[np.float64]]] = {"melt": [], "quenched": []}
    distances: NDArray[np.float64] = np.empty(0)
    blocks = steps // 20
    thermostat = Langevin(
        atoms,
        timestep * units.fs,
        temperature_K=melt_temperature,
        friction=0.02 / units.fs,
        fixcm=False,  # sampling is exact only so; a crystal that drifts as a whole is no harm
        rng=np.random.default_rng(seed + 1),
    )
    with thermostat as run:
        for part in functions:
            for block in range(blocks):
                if part == "quenched":
                    share = (block + 1) / blocks
                    run.set_temperature(
                        temperature_K=melt_temperature + share * (final_temperature - melt_temperature)
                    )
                run.run(20)
                time = float(run.get_time()) / units.fs / 1000
                guard.check(time)
                energy = float(atoms.get_potential_energy()) / len(atoms) - ground
                records.append((time, float(atoms.get_temperature()), energy))
                if 2 * block >= blocks if part == "melt" else 10 * block >= 9 * blocks:
                    value, distances = radial_distribution(atoms)
                    functions[part].append(value)
    times, temperatures, energies = zip(*records, strict=True)
    return MeltQuench(
        n_atoms=len(atoms),
        melt_temperature=melt_temperature,
        final_temperature=final_temperature,
        times=times,
        temperatures=temperatures,
        energies=energies,
        closest=guard.closest,
        distances=tuple(distances.tolist()),
        melt=tuple(np.mean(functions["melt"], axis=0).tolist()),
        quenched=tuple(np.mean(functions["quenched"], axis=0).tolist()),
    )


def radial_distribution(
    atoms: Atoms, *, bins: int = RDF_BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radial distribution function (n,) and distances (n,) in Å, up to half the smallest height of the cell."""
    heights = 1 / np.linalg.norm(np.linalg.inv(np.asarray(atoms.cell[:])), axis=0)
    value, distances = get_rdf(atoms, 0.499 * float(heights.min()), bins)
    return np.asarray(value, dtype=float), np.asarray(distances, dtype=float)


class _Guard:
    """Stops a run that has left the physical world."""

    def __init__(self, atoms: Atoms, temperature: float) -> None:
        self._atoms, self._temperature = atoms, temperature
        spacing = (float(atoms.get_volume()) / len(atoms)) ** (1 / 3)
        self._reach = 1.2 * spacing
        self._limit = CLOSEST * float(neighbor_list("d", atoms, 2 * spacing).min())
        self.closest = float("inf")

    def check(self, time: float) -> None:
        temperature = float(self._atoms.get_temperature())
        if not np.isfinite(temperature) or temperature > HOTTEST * self._temperature:
            raise PropertyError(
                f"the run exploded after {time:.2f} ps: {temperature:.3g} K where {self._temperature:.0f} K were set"
            )
        near = neighbor_list("d", self._atoms, self._reach)
        self.closest = min(self.closest, float(near.min(initial=self._reach)))
        if self.closest < self._limit:
            raise PropertyError(
                f"two atoms came as close as {self.closest:.2f} Å after {time:.2f} ps: a collapse"
            )


def _moving(calculator: Calculator, supercell: Atoms, temperature: float, seed: int) -> Atoms:
    atoms = supercell.copy()
    atoms.calc = calculator
    # Maxwell's distribution, without the motion of the whole; by hand because ASE has renamed its own.
    spread = np.sqrt(atoms.get_masses() * units.kB * temperature)[:, None]
    momenta = spread * np.random.default_rng(seed).normal(size=(len(atoms), 3))
    momenta -= atoms.get_masses()[:, None] * momenta.sum(axis=0) / atoms.get_masses().sum()
    atoms.set_momenta(momenta)
    return atoms
