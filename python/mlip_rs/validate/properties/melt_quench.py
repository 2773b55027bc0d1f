"""A crystal melted and quenched at constant volume, with radial distribution functions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.geometry.rdf import get_rdf
from ase.md.langevin import Langevin
from numpy.typing import NDArray

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.errors import ConfigError
from mlip_rs.generate.symmetry import conventional_supercell
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.molecular_dynamics import (
    TIMESTEP,
    RunawayCheck,
    melting_estimate,
    with_velocities,
)
from mlip_rs.validate.property import Property

SUPERHEATING = 2.0
"""Temperature of the melt in the estimated melting temperature, which a perfect crystal of fixed volume exceeds."""

RDF_BINS = 100


@dataclass(frozen=True)
class MeltQuench:
    """A crystal that is melted and quenched at constant volume.

    Attributes
    ----------
    n_atoms, melt_temperature, final_temperature
        Number of atoms, and temperatures of melt and end of the run in K.
    times, temperatures, energies
        Times in ps, temperatures in K, and potential energies in eV/atom relative to the crystal.
    closest
        Shortest distance between two atoms in the whole run, in Å.
    distances
        Distances of the radial distribution functions, in Å.
    melt, quenched
        Radial distribution functions, averaged over the second half of the melt and the last tenth of the quench.

    Examples
    --------
    >>> found = MeltQuench(
    ...     n_atoms=32,
    ...     melt_temperature=2000.0,
    ...     final_temperature=300.0,
    ...     times=(1.0, 2.0),
    ...     temperatures=(2040.0, 310.0),
    ...     energies=(0.5, 0.1),
    ...     closest=2.1,
    ...     distances=(2.2, 2.6, 3.0),
    ...     melt=(0.9, 2.4, 1.2),
    ...     quenched=(0.1, 3.4, 0.3),
    ... )
    >>> found.closest, found.distances[np.argmax(found.quenched)]
    (2.1, 2.6)
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
        """Return numbers for JSON; each key names its unit."""
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


def melt_quench(
    calculator: Calculator,
    supercell: Atoms,
    melt_temperature: float,
    *,
    final_temperature: float = 300.0,
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
    steps
        Number of steps of `TIMESTEP` in each of the two parts.
    seed
        Seed of velocities and thermostat.

    Raises
    ------
    ConfigError
        Fewer than 200 steps, or a melt that is not the hotter part.
    PropertyError
        The temperature grows without limit, or two atoms collapse.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> found = melt_quench(EMT(), bulk("Cu", a=3.59, cubic=True), 2000.0, steps=200)
    >>> print(f"{found.times[-1]:.1f} ps, no atoms collapse: {found.closest > 1.5}")
    0.8 ps, no atoms collapse: True
    """
    if steps < 200 or not 0 < final_temperature < melt_temperature:
        raise ConfigError(
            f"melt and quench: {steps} steps from {melt_temperature:.0f} to {final_temperature:.0f} K;"
            " give at least 200, from hot to cold"
        )
    atoms = with_velocities(calculator, supercell, melt_temperature, seed)
    crystal = supercell.copy()
    crystal.calc = calculator
    ground = float(crystal.get_potential_energy()) / len(atoms)
    runaway = RunawayCheck(atoms, melt_temperature)
    records: list[tuple[float, float, float]] = []
    functions: dict[str, list[NDArray[np.float64]]] = {"melt": [], "quenched": []}
    distances: NDArray[np.float64] = np.empty(0)
    blocks = steps // 20
    thermostat = Langevin(
        atoms,
        TIMESTEP * units.fs,
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
                runaway.check(time)
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
        closest=runaway.closest,
        distances=tuple(distances.tolist()),
        melt=tuple(np.mean(functions["melt"], axis=0).tolist()),
        quenched=tuple(np.mean(functions["quenched"], axis=0).tolist()),
    )


def radial_distribution(
    atoms: Atoms, *, bins: int = RDF_BINS
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Radial distribution function (n,) and distances (n,) in Å, up to half the smallest height of the cell.

    Examples
    --------
    >>> from ase.build import bulk
    >>> value, distances = radial_distribution(bulk("Cu", a=3.6, cubic=True).repeat(2), bins=36)
    >>> print(f"first peak at {distances[np.argmax(value)]:.1f} Å")
    first peak at 2.5 Å
    """
    heights = 1 / np.linalg.norm(np.linalg.inv(np.asarray(atoms.cell[:])), axis=0)
    value, distances = get_rdf(atoms, 0.499 * float(heights.min()), bins)
    return np.asarray(value, dtype=float), np.asarray(distances, dtype=float)


def compute(case: ValidationCase) -> MeltQuench:
    """Run of a supercell, shorter if the case is quick."""
    supercell = conventional_supercell(case.crystal, 12.0)
    temperature = SUPERHEATING * melting_estimate(case.calculator, supercell)
    steps = 1000 if case.quick else 5000
    return melt_quench(case.calculator, supercell, temperature, steps=steps)


PROPERTY = Property("melt-quench", "Melt and quench", MeltQuench, compute)
