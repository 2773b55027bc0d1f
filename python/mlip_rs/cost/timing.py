"""How long a potential takes: µs per atom of energy, forces and stress together."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ase import Atoms

from mlip_rs import _core
from mlip_rs.data.core_structures import arrays_from_atoms
from mlip_rs.errors import ConfigError
from mlip_rs.potential import Potential

MIN_SECONDS: float = 0.01
"""Evaluations are repeated until a sample takes at least this long."""

SKIN: float = 0.5
"""Distance beyond the cutoff up to which neighbours are listed, Å: that of the calculator."""


@dataclass(frozen=True)
class Timing:
    """One measurement.

    Parameters
    ----------
    n_atoms
        Size of the structure.
    threads
        Threads used.
    us_per_atom
        Median time of one evaluation over the number of atoms, neighbour list reused: core time for one thread, which
        other work on the machine does not count into; wall time for several.
    """

    n_atoms: int
    threads: int
    us_per_atom: float

    def to_dict(self) -> dict[str, Any]:
        """Plain record."""
        return {"n_atoms": self.n_atoms, "threads": self.threads, "us_per_atom": self.us_per_atom}


def measure(potential: Potential, atoms: Atoms, *, threads: int = 1, samples: int = 3) -> Timing:
    """Median time of an evaluation along a run: the neighbour list is reused, atoms hardly move.

    Raises
    ------
    ConfigError
        No atoms.
    """
    if len(atoms) == 0:
        raise ConfigError("a structure without atoms takes no time")
    evaluator = _core.Evaluator(potential.core, SKIN, threads)
    arrays = arrays_from_atoms(atoms)
    evaluator.compute(*arrays)
    times = []
    clock = time.process_time if threads == 1 else time.perf_counter
    for _ in range(samples):
        count, elapsed, begin = 0, 0.0, clock()
        while elapsed < MIN_SECONDS:
            evaluator.compute(*arrays)
            count += 1
            elapsed = clock() - begin
        times.append(elapsed / count)
    return Timing(len(atoms), threads, statistics.median(times) / len(atoms) * 1e6)


def measure_list(potential: Potential, atoms: Atoms, *, threads: int = 1, samples: int = 3) -> float:
    """Median time of building the neighbour list anew, µs per atom, by the clock of `measure`.

    It is what an evaluation takes longer when atoms come back from a crystal so much wider that the list is of no use.

    Raises
    ------
    ConfigError
        No atoms.
    """
    if len(atoms) == 0:
        raise ConfigError("a structure without atoms takes no time")
    evaluator = _core.Evaluator(potential.core, SKIN, threads)
    numbers, positions, cell, pbc = arrays_from_atoms(atoms)
    widening = 1.0 + 2.0 * SKIN / potential.cutoff
    clock = time.process_time if threads == 1 else time.perf_counter

    def seconds(work: Callable[[], object]) -> float:
        begin = clock()
        work()
        return clock() - begin

    def compute() -> object:
        return evaluator.compute(numbers, positions, cell, pbc)

    building: list[float] = []
    reusing: list[float] = []
    while len(building) < samples or sum(building) < samples * MIN_SECONDS:
        evaluator.compute(numbers, positions * widening, cell * widening, pbc)
        building.append(seconds(compute))
        reusing.append(seconds(compute))
    return max(0.0, statistics.median(building) - statistics.median(reusing)) / len(atoms) * 1e6
