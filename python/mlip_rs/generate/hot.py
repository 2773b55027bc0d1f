"""Snapshots of hot crystals and melts, driven by any calculator, and stopped where it leads nowhere."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms, units
from ase.md.langevin import Langevin

from mlip_rs.generate.calculator import Calculator
from mlip_rs.generate.distortions import closeness, compact_supercell, with_volume
from mlip_rs.generate.kinds import Task, noted, occupied
from mlip_rs.generate.melting_points import melting_point
from mlip_rs.generate.parents import Parent

STEP: float = 3.0
"""fs, for atoms of 27 u (Al); in proportion to the root of the smallest mass."""

FRICTION: float = 0.02
"""Of the thermostat, 1/fs at the time step above."""

WARM_UP, BETWEEN, BLOCK = 200, 100, 10
"""Steps before the first snapshot, between two of them, and between two looks at the atoms."""

PER_RUN: int = 3
"""Snapshots of one run."""

LARGEST_FORCE: float = 60.0
"""eV/Å; beyond it a run has exploded."""

LEAST_CLOSENESS: float = 0.6
"""Shortest distance in that of neighbours in fcc, below which a run has collapsed."""

SOLID: tuple[float, ...] = (0.3, 0.6, 0.9, 1.1)
LIQUID: tuple[float, ...] = (1.2, 1.6, 2.2)
"""Temperatures in that of melting; hot crystals of the last of `SOLID` are superheated."""

MELTING: float = 3.0
"""Temperature in which crystals are melted first, in that of melting."""


@dataclass(eq=False)
class Run:
    """One run of dynamics.

    Attributes
    ----------
    snapshots
        Sound structures, `temperature` (K) and `volume_ratio` in their `info`.
    reason
        Why it ended before its time; empty if it did not.
    """

    snapshots: list[Atoms] = field(default_factory=list)
    reason: str = ""


def run_dynamics(calculator: Calculator, parent: Parent, task: Task, n_snapshots: int, melted: bool) -> Run:
    """Heat a supercell of 16 to 32 atoms at constant volume, and take structures from the run.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    parent
        The crystal.
    task
        Number of the run, which chooses the temperature; random numbers.
    n_snapshots
        Structures to be taken.
    melted
        Whether the crystal is melted before.

    Returns
    -------
    The snapshots, fewer where forces or distances became absurd or the calculator raised an error, with the reason.
    """
    temperatures = LIQUID if melted else SOLID
    temperature = melting_point(parent.elements) * temperatures[task.number % len(temperatures)]
    ratio = float(task.rng.uniform(0.9, 1.2) if melted else task.rng.uniform(0.98, 1.06))
    cell = occupied(parent, task, compact_supercell(parent.crystal, int(task.rng.choice([16, 24, 32]))))
    atoms = noted(with_volume(cell, ratio), volume_ratio=ratio, temperature=temperature)
    run = Run()
    try:
        for snapshot in _followed(calculator, atoms, task, temperature, n_snapshots, melted):
            run.snapshots.append(snapshot)
    except _Unsound as error:
        run.reason = str(error)
    except Exception as error:  # the calculator is the user's
        text = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        run.reason = f"the calculator gave an error ({text})"
    return run


class _Unsound(Exception):
    """A run leads nowhere."""


def _followed(
    calculator: Calculator, atoms: Atoms, task: Task, temperature: float, n_snapshots: int, melted: bool
) -> Iterator[Atoms]:
    moving = atoms.copy()
    moving.calc = calculator
    time_step = STEP * float(np.sqrt(min(moving.get_masses()) / 27.0))
    friction = FRICTION * STEP / time_step / units.fs
    spread = np.sqrt(
        2.0 * units.kB * temperature * moving.get_masses()
    )  # half of it becomes potential energy
    moving.set_momenta(spread[:, None] * task.rng.standard_normal(moving.positions.shape))
    dynamics = Langevin(
        moving, time_step * units.fs, temperature_K=temperature, friction=friction, rng=task.rng, fixcm=False
    )
    if melted:
        dynamics.set_temperature(
            temperature_K=max(MELTING * melting_point(moving.get_chemical_symbols()), temperature)
        )
        _advance(dynamics, moving, task, WARM_UP)
        dynamics.set_temperature(temperature_K=temperature)
    _advance(dynamics, moving, task, WARM_UP)
    for _ in range(n_snapshots):
        _advance(dynamics, moving, task, BETWEEN)
        snapshot = Atoms(moving.numbers, moving.positions, cell=moving.cell, pbc=True)
        snapshot.info.update(atoms.info)
        yield snapshot


def _advance(dynamics: Langevin, moving: Atoms, task: Task, n_steps: int) -> None:
    """Take steps, with a look at the atoms now and then.

    Raises
    ------
    _Unsound
        Atoms have come too close, forces are absurd or not finite.
    """
    for _ in range(n_steps // BLOCK):
        dynamics.run(BLOCK)
        forces = np.asarray(moving.get_forces())
        largest = float(np.linalg.norm(forces, axis=1).max())
        if not np.isfinite(moving.positions).all() or not largest < LARGEST_FORCE:
            raise _Unsound(f"a force of {largest:.3g} eV/Å was reached")
        if closeness(moving, task.spheres) < LEAST_CLOSENESS:
            raise _Unsound("atoms came closer than any neighbours are")
