"""How long a potential takes: µs per atom of energy, forces and stress together."""

import statistics
import time
from dataclasses import dataclass
from typing import Any

from ase import Atoms

from mlip_rs import _core
from mlip_rs.data.core_structures import arrays_from_atoms
from mlip_rs.errors import ConfigError
from mlip_rs.potential import Potential

MIN_SECONDS: float = 0.01
"""Evaluations are repeated until a sample takes at least this long."""

LIST_SECONDS: float = 0.06
"""Neighbour lists are built until they have taken at least this long in all: a difference of two times needs more."""

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
    evaluation = _Evaluation(potential, atoms, threads)
    evaluation.run()
    times = []
    for _ in range(samples):
        count, elapsed, begin = 0, 0.0, evaluation.clock()
        while elapsed < MIN_SECONDS:
            evaluation.run()
            count += 1
            elapsed = evaluation.clock() - begin
        times.append(elapsed / count)
    return Timing(len(atoms), threads, statistics.median(times) / len(atoms) * 1e6)


def measure_list(potential: Potential, atoms: Atoms, *, threads: int = 1, samples: int = 3) -> float:
    """Median time of building the neighbour list anew, µs per atom, by the clock of `measure`.

    It is the extra time of an evaluation whose atoms come back from a crystal so much wider that the list is of no use.

    Raises
    ------
    ConfigError
        No atoms.
    """
    evaluation = _Evaluation(potential, atoms, threads)
    building: list[float] = []
    reusing: list[float] = []
    while len(building) < samples or sum(building) < LIST_SECONDS:
        evaluation.run(1.0 + 2.0 * SKIN / potential.cutoff)
        building.append(evaluation.seconds())
        reusing.append(evaluation.seconds())
    return max(0.0, statistics.median(building) - statistics.median(reusing)) / len(atoms) * 1e6


class _Evaluation:
    """Evaluations of one structure, and the clock that times them."""

    def __init__(self, potential: Potential, atoms: Atoms, threads: int) -> None:
        if len(atoms) == 0:
            raise ConfigError("a structure without atoms takes no time")
        self.evaluator = _core.Evaluator(potential.core, SKIN, threads)
        self.arrays = arrays_from_atoms(atoms)
        self.clock = time.process_time if threads == 1 else time.perf_counter

    def run(self, widening: float = 1.0) -> None:
        """Evaluate the structure, all lengths times a factor."""
        numbers, positions, cell, pbc = self.arrays
        if widening != 1.0:
            positions, cell = positions * widening, cell * widening
        self.evaluator.compute(numbers, positions, cell, pbc)

    def seconds(self) -> float:
        """Time of one evaluation."""
        begin = self.clock()
        self.run()
        return self.clock() - begin
