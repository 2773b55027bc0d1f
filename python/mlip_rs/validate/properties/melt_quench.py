"""A crystal melted and quenched at constant volume, with radial distribution functions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.geometry.rdf import get_rdf
from ase.md.langevin import Langevin
from numpy.typing import NDArray

from mlip_rs.calculators.calculations import Calculator, potential_energy
from mlip_rs.calculators.watch import watch_by_default
from mlip_rs.errors import ConfigError
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.melting import MOBILE, ORDER, MeltingWatch
from mlip_rs.validate.molecular_dynamics import (
    TIMESTEP,
    RunawayCheck,
    melting_estimate,
    with_velocities,
)
from mlip_rs.validate.property import Property

SUPERHEATING = 2.0
"""Temperature of the melt in the estimated melting temperature, which a perfect crystal of fixed volume exceeds."""

HOTTER = 1.4
"""Factor to the temperature if a crystal has not melted."""

ATTEMPTS = 3

STRIDE = 20
"""Steps between records."""

DID_NOT_MELT = "did not melt"
"""Status of a run whose crystal has stayed one."""

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
        Radial distribution functions, averaged over the second half of the last melt and the last tenth of the quench;
        the second one is empty if nothing has melted.
    melted
        Whether atoms diffused and the long-range order of the crystal was gone, see `mlip_rs.validate.melting`.
    displacements, orders
        Mean square displacement from the sites of the crystal in Å², and long-range order, 1 for the crystal at rest.
    diffusion
        Mean square displacement over the second half of the last melt, divided by 6 and its time, in Å²/ps.

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
    melted: bool = True
    displacements: tuple[float, ...] = ()
    orders: tuple[float, ...] = ()
    diffusion: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return numbers for JSON; each key names its unit."""
        return {
            "n_atoms": self.n_atoms,
            "melt_temperature_k": self.melt_temperature,
            "final_temperature_k": self.final_temperature,
            "melted": self.melted,
            "diffusion_angstrom2_per_ps": self.diffusion,
            "closest_angstrom": self.closest,
            "times_ps": list(self.times),
            "temperatures_k": list(self.temperatures),
            "energies_ev_per_atom": list(self.energies),
            "mean_square_displacements_angstrom2": list(self.displacements),
            "long_range_orders": list(self.orders),
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
    attempts: int = ATTEMPTS,
    seed: int = 0,
) -> MeltQuench:
    """Langevin run: `steps` at the temperature of the melt, then, if it has melted, `steps` of linear cooling.

    A crystal that has not melted is heated again for `steps`, `HOTTER` each time.

    Parameters
    ----------
    calculator, supercell
        Any ASE calculator and the crystal.
    melt_temperature, final_temperature
        K; the first one is that of the first attempt.
    steps
        Number of steps of `TIMESTEP` in each part.
    attempts
        Number of temperatures that are tried for the melt.
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
    1.2 ps, no atoms collapse: True
    """
    if steps < 200 or not 0 < final_temperature < melt_temperature:
        raise ConfigError(
            f"melt and quench: {steps} steps from {melt_temperature:.0f} to {final_temperature:.0f} K;"
            " give at least 200, from hot to cold"
        )
    run = _Run(calculator, supercell, melt_temperature, seed)
    blocks = steps // 20
    melted = False
    for attempt in range(attempts):
        temperature = melt_temperature * HOTTER**attempt
        melted = run.melt(temperature, blocks)
        if melted:
            break
    quenched = run.quench(temperature, final_temperature, blocks) if melted else ()
    times, temperatures, energies, displacements, orders = zip(*run.records, strict=True)
    return MeltQuench(
        n_atoms=len(supercell),
        melt_temperature=temperature,
        final_temperature=final_temperature,
        times=times,
        temperatures=temperatures,
        energies=energies,
        closest=run.runaway.closest,
        distances=tuple(run.distances.tolist()),
        melt=run.melt_function,
        quenched=quenched,
        melted=melted,
        displacements=displacements,
        orders=orders,
        diffusion=run.diffusion,
    )


class _Run:
    """A Langevin run in parts, with its records.

    These are time (ps), temperature (K), energy above the crystal (eV/atom), mean square displacement (Å²) and order.
    """

    def __init__(self, calculator: Calculator, supercell: Atoms, temperature: float, seed: int) -> None:
        self.atoms = atoms = with_velocities(calculator, supercell, temperature, seed)
        self._ground = potential_energy(calculator, supercell) / len(atoms)
        self.runaway = RunawayCheck(atoms, temperature)
        self._watch = MeltingWatch(atoms)
        self.records: list[tuple[float, float, float, float, float]] = []
        self.distances: NDArray[np.float64] = np.empty(0)
        self.melt_function: tuple[float, ...] = ()
        self.diffusion = 0.0
        self._thermostat = Langevin(
            atoms,
            TIMESTEP * units.fs,
            temperature_K=temperature,
            friction=0.02 / units.fs,
            fixcm=False,  # sampling is exact only so; a crystal that drifts as a whole is no harm
            rng=np.random.default_rng(seed + 1),
        )
        watch_by_default(self._thermostat, atoms, "melt-quench")

    def melt(self, temperature: float, blocks: int) -> bool:
        """Run at a temperature in K; True if atoms diffuse and the order of the crystal is gone in the second half."""
        self.runaway.temperature = temperature
        self._thermostat.set_temperature(temperature_K=temperature)
        functions, orders, middle = [], [], self._watch.start
        for block in range(blocks):
            self._block()
            if 2 * block < blocks:
                middle = self.atoms.positions.copy()
                continue
            functions.append(self._distribution())
            orders.append(self.records[-1][-1])
        self.melt_function = tuple(np.mean(functions, axis=0).tolist())
        square = self._watch.mean_square_displacement(middle)
        self.diffusion = square / (6 * len(orders) * STRIDE * TIMESTEP / 1000)
        return square > (MOBILE * self._watch.nearest) ** 2 and float(np.mean(orders)) < ORDER

    def quench(self, hot: float, cold: float, blocks: int) -> tuple[float, ...]:
        """Cool linearly; the radial distribution function of the last tenth."""
        functions = []
        for block in range(blocks):
            temperature = hot + (block + 1) / blocks * (cold - hot)
            self._thermostat.set_temperature(temperature_K=temperature)
            self._block()
            if 10 * block >= 9 * blocks:
                functions.append(self._distribution())
        return tuple(np.mean(functions, axis=0).tolist())

    def _block(self) -> None:
        self._thermostat.run(STRIDE)
        time = len(self.records) * STRIDE * TIMESTEP / 1000 + STRIDE * TIMESTEP / 1000
        self.runaway.check(time)
        atoms, watch = self.atoms, self._watch
        energy = float(atoms.get_potential_energy()) / len(atoms) - self._ground
        square = watch.mean_square_displacement(watch.start)
        self.records.append((time, float(atoms.get_temperature()), energy, square, watch.order()))

    def _distribution(self) -> NDArray[np.float64]:
        value, self.distances = radial_distribution(self.atoms)
        return value


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
    supercell = case.supercell(12.0)
    temperature = SUPERHEATING * melting_estimate(case.calculator, supercell)
    steps = 1000 if case.quick else 5000
    return melt_quench(case.calculator, supercell, temperature, steps=steps)


def undecided(found: MeltQuench) -> tuple[str, str] | None:
    """A crystal that has not melted says nothing about the melt."""
    if found.melted:
        return None
    return DID_NOT_MELT, (
        f"still a crystal after {found.times[-1]:.1f} ps at up to {found.melt_temperature:.0f} K (long-range order "
        f"{found.orders[-1]:.2f}, diffusion {found.diffusion:.2g} Å²/ps); melt_quench of mlip_rs.validate takes higher "
        "temperatures and more steps; if it stays a crystal there, the potential is too stiff far from its sites"
    )


PROPERTY = Property("melt-quench", "Melt and quench", MeltQuench, compute, undecided=undecided)
