"""Repeated and concurrent evaluations: identical results, constant memory."""

import gc
import os
import sys
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from threading import Barrier

from ase import Atoms

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.cost.benchmark import peak_memory
from mlip_rs.text import counted
from mlip_rs.verify.answer import Answer
from mlip_rs.verify.invariance import INVARIANCE_TOLERANCE
from mlip_rs.verify.result import Measured
from mlip_rs.verify.verified_calculator import VerifiedCalculator

N_CALLS: int = 100
"""Calls in each round of the memory check."""

N_ROUNDS: int = 6
"""Rounds of the memory check."""

MEMORY_LIMIT: float = 400.0
"""Largest growth in bytes per call; less than one array of forces of the cells used."""

N_WORKERS: int = 4
"""Concurrent threads."""

N_CONCURRENT: int = 25
"""Calls of each thread."""

TIMEOUT: float = 60.0
"""Seconds that the threads wait for each other at the start."""


def check_determinism(verified: VerifiedCalculator) -> list[Measured]:
    """New calculators give identical results; one used for other structures before agrees up to rounding."""
    found = []
    used = verified.make()
    for name, atoms in verified.samples.named().items():
        first, second = verified.answer(atoms, verified.make()), verified.answer(atoms, verified.make())
        found += _same_bits(first, second, f"of the {name} from two new calculators")
        found += verified.differences(
            first, verified.answer(atoms, used), atoms, INVARIANCE_TOLERANCE, f"of the {name} after others"
        )
        for step in range(3):
            moved = atoms.copy()
            moved.rattle(0.02 * (step + 1), seed=step)
            verified.answer(moved, used)
        found += verified.differences(
            first, verified.answer(atoms, used), atoms, INVARIANCE_TOLERANCE, f"of the {name} evaluated again"
        )
    return found


def check_memory(verified: VerifiedCalculator) -> list[Measured]:
    """Memory does not grow with the number of calls."""
    atoms = verified.samples.crystal.repeat((2, 2, 1))
    sizes = []
    with _traced_memory():
        for _ in range(N_ROUNDS):
            for call in range(N_CALLS):
                atoms.positions[0, 0] += 1e-4 if call % 2 else -1e-4
                verified.answer(atoms)
            gc.collect()
            sizes.append((float(tracemalloc.get_traced_memory()[0]), resident_memory()))
    found = []
    for name, measured in zip(("by Python", "by the process"), zip(*sizes, strict=True), strict=True):
        # What is lost grows in every round; allocators take more in some. The first round warms up.
        growth = max(min(after - before for before, after in pairwise(measured)), 0.0)
        where = f"lost {name} in {N_CALLS} calls with {counted(len(atoms), 'atom')}"
        found.append(Measured(growth / N_CALLS, MEMORY_LIMIT, "bytes/call", where))
    return found


def check_threads(verified: VerifiedCalculator) -> list[Measured]:
    """Concurrent calls, or several threads inside one call, give results identical to those of a single thread."""
    structures = list(verified.samples.named().values())[:N_WORKERS]
    expected = [verified.answer(atoms, verified.make()) for atoms in structures]
    differing = _concurrent(verified, structures, expected, [verified.make() for _ in structures])
    where = f"{N_WORKERS} threads, each with its calculator"
    found = [Measured(float(differing), 0.0, "answers", where)]
    if verified.potential is None:
        return found
    potential = verified.potential
    shared = [potential.calculator(threads=1, index=False)] * len(structures)
    # The structures have different cells: none is evaluated with the neighbour list of another, so bits are the same.
    differing = _concurrent(verified, structures, expected, shared)
    found.append(Measured(float(differing), 0.0, "answers", f"{N_WORKERS} threads, one calculator"))
    wide = verified.samples.crystal.repeat((3, 3, 2))
    one, two = (verified.answer(wide, potential.calculator(threads=n, index=False)) for n in (1, 2))
    return found + _same_bits(one, two, "with one and two threads inside")


def resident_memory() -> float:
    """Memory that this process holds, bytes: now on Linux, the largest so far elsewhere; 0 if nothing tells."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return float(int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
    return (peak_memory() or 0.0) * 2**20


def _same_bits(one: Answer, other: Answer, where: str) -> list[Measured]:
    return [Measured(float(not one.same_bits(other)), 0.0, "answers", f"bits {where}")]


def _concurrent(
    verified: VerifiedCalculator,
    structures: list[Atoms],
    expected: list[Answer],
    calculators: list[Calculator],
) -> int:
    """Number of results that differ from those of a single thread."""
    barrier = Barrier(len(structures))

    def work(k: int) -> int:
        barrier.wait(TIMEOUT)
        answers = (verified.answer(structures[k], calculators[k]) for _ in range(N_CONCURRENT))
        return sum(not answer.same_bits(expected[k]) for answer in answers)

    with _frequent_switches(), ThreadPoolExecutor(len(structures)) as pool:
        return sum(pool.map(work, range(len(structures))))


@contextmanager
def _frequent_switches() -> Iterator[None]:
    """Let threads take turns so often that a race is likely met."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


@contextmanager
def _traced_memory() -> Iterator[None]:
    """Let Python count what it allocates, NumPy's arrays included."""
    if tracemalloc.is_tracing():
        yield
        return
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()
