"""Memory and disk of a fit: one that would run out of either is refused before it starts."""

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mlip_rs import _core
from mlip_rs.errors import FitError
from mlip_rs.fitting.estimators.choice import estimator_of
from mlip_rs.fitting.fold_store import HELD_BYTES
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.residuals import BATCH_STRUCTURES
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.fitting.shares import SHARE_ROWS
from mlip_rs.fitting.structure_clusters import N_CLUSTERS, thinned
from mlip_rs.fitting.unseen_errors import MOST_NUMBERS
from mlip_rs.threads import number_of_threads

NUMBER: int = 8
"""Bytes of a number."""

PACKAGE_BYTES: int = 300 << 20
"""Interpreter, libraries, small data."""

LATER_BYTES: int = 256 << 20
"""Addresses that libraries take when they are first used: buffers of BLAS, stacks of threads, drawing."""

BLOCK_NUMBERS: int = 1 << 24
"""Entries of the design rows that the core holds at once, unless `BLOCK_ROWS` rows are more."""

BLOCK_ROWS: int = 1024
"""Design rows that it holds at least."""

PANEL: int = 256
"""Columns of the matrix that the factorisation holds besides."""

GIB: int = 1 << 30

PART_HELD: int = 16
"""Equations of all folds stay in memory where this is so many times as large."""

MOST_HELD_BYTES: int = 2 << 30
"""Larger ones do not, however large it is."""

TO_LOWER: str = "size, n_radial, n_angular, max_l, max_n, the orders or the degrees of the basis"
"""Settings on which the number of features depends."""


@dataclass(frozen=True)
class Resources:
    """Peak needs of a fit, in bytes.

    Parameters
    ----------
    memory
        While the equations are summed or solved, whichever is more.
    disk
        Equations of all folds.
    """

    memory: int
    disk: int


def held_bytes(settings: FitSettings) -> int:
    """Largest size of the matrices of all folds with which they stay in memory.

    A part of the memory that the fit is allowed, or else of that of the machine, within limits.
    """
    whole = total_memory() if settings.memory_gib is None else int(settings.memory_gib * GIB)
    return min(max(HELD_BYTES, whole // PART_HELD), MOST_HELD_BYTES)


def holding_rows(problem: Problem, settings: FitSettings) -> Problem:
    """The problem with memory for its design rows, if they take no more than the matrices of all folds may.

    Rows for which the fit leaves no memory at the moment are computed whenever they are needed, to the same bits.
    """
    n_rows = sum(7 + 3 * frame.n_atoms for frame in problem.dataset)
    most = held_bytes(settings)
    if NUMBER * (problem.basis.n_features + 1) * n_rows > most:
        return problem
    memory = available_memory() if settings.memory_gib is None else int(settings.memory_gib * GIB)
    room = most if memory is None else max(0, min(most, memory - estimate(problem, settings).memory))
    return replace(problem, held_rows=_core.HeldRows(problem.basis.core, room))


def paths_at_once(settings: FitSettings, n_folds: int, small: bool) -> int:
    """Systems whose paths are followed at once: as many as threads where the equations of all folds are small."""
    if not small or not estimator_of(settings).one_thread:
        return 1
    return min(number_of_threads(settings.threads or None), n_folds + 1)


def folds_at_once(settings: FitSettings, n_folds: int, small: bool) -> int:
    """Folds without which fits are made at once: as many as threads where the equations of all folds are small."""
    return min(number_of_threads(settings.threads or None), n_folds) if small else 1


def estimate(problem: Problem, settings: FitSettings) -> Resources:
    """Peak memory and disk of a fit, from above."""
    n, groups = problem.basis.n_features, len(problem.group_weights)
    matrix = NUMBER * n * n
    most_rows = max((7 + 3 * frame.n_atoms for frame in problem.dataset), default=0)
    block = _block_bytes(problem)
    n_vectors = max(len(settings.ridge_penalties), settings.n_path + 1)
    n_not_yet_stored = problem.n_folds * (n_vectors + settings.n_prior)
    vectors = NUMBER * n * (4 * n_vectors + n_not_yet_stored)
    rows_of_structures = NUMBER * n * most_rows * number_of_threads(settings.threads or None)
    values = NUMBER * n_vectors * most_rows * min(BATCH_STRUCTURES, len(problem.dataset))
    predicting = rows_of_structures + values
    solving = NUMBER * estimator_of(settings).solver_numbers(n)
    solving = max(NUMBER * n * PANEL, solving)
    small = problem.n_folds * matrix <= held_bytes(settings)
    held = (problem.n_folds + 1) * matrix if small else 0
    anchored = matrix if settings.anchor_weight and problem.basis.repulsion is not None else 0
    held_beside = anchored if matrix <= HELD_BYTES else 0
    several = _several_shares(problem)  # the sum of finished ones and that of an open one
    summing = (1 + several + small) * groups * matrix + held + block  # a small fold is saved beside
    beside = matrix + max(held + held_beside, anchored) + vectors
    paths = paths_at_once(settings, problem.n_folds, small)
    searching = folds_at_once(settings, problem.n_folds, small)
    searching = searching * max(solving, anchored) + (searching - 1) * matrix
    selecting = beside + max(predicting, searching, paths * solving + (paths - 1) * matrix)
    with_clusters = matrix <= HELD_BYTES
    committees = NUMBER * n * n_vectors * (2 * N_CLUSTERS * with_clusters + problem.n_folds)
    clusters = 5 * matrix + max(matrix, 2 * block) if with_clusters else 0
    if with_clusters and thinned(sum(7 + 3 * frame.n_atoms for frame in problem.dataset), n) > 1:
        clusters += (N_CLUSTERS + 1) * matrix
    clusters += matrix * small  # of the draws, made at the same time
    judging = beside + committees + max(clusters, NUMBER * MOST_NUMBERS + rows_of_structures)
    again = held + matrix if settings.hold_out_classes else 0
    # Beside the finished folds there is an old and a new checkpoint of the last, or its matrix and the total.
    disk = 0 if small and not problem.persistent else (problem.n_folds + 1 + 2 * several) * groups * matrix
    disk += anchored - held_beside
    return Resources(PACKAGE_BYTES + max(summing, selecting, judging) + again, disk)


def worker_memory(problem: Problem) -> int:
    """Peak memory in bytes of a worker that sums a share elsewhere, from above.

    Its sum, the triangles that it sends, those of a share that waits to be fetched, and the design rows.
    """
    matrices = NUMBER * len(problem.group_weights) * problem.basis.n_features**2
    return PACKAGE_BYTES + 2 * matrices + _block_bytes(problem)


def _block_bytes(problem: Problem) -> int:
    """Design rows that the core holds at once; those of structures without some elements also without their columns."""
    n = problem.basis.n_features
    rows = [7 + 3 * frame.n_atoms for frame in problem.dataset]
    several = len(problem.dataset.elements) > 1
    return (1 + several) * NUMBER * n * min(sum(rows), max(BLOCK_NUMBERS // n, BLOCK_ROWS, *rows))


def _several_shares(problem: Problem) -> bool:
    """Whether the sum of a fold is that of several shares."""
    rows = np.array([7 + 3 * frame.n_atoms for frame in problem.dataset])
    return bool(np.bincount(problem.folds, rows).max(initial=0) > SHARE_ROWS)


def check_resources(problem: Problem, settings: FitSettings, directory: Path | None) -> None:
    """Refuse a fit that would run out of memory or disk.

    Parameters
    ----------
    directory
        Of the equations, which may hold some already; None for a temporary one.

    Raises
    ------
    FitError
        Names the need, the amount available, and the settings to lower.
    """
    needed = estimate(problem, settings)
    n_features = problem.basis.n_features
    memory = available_memory() if settings.memory_gib is None else settings.memory_gib * GIB
    if memory is not None and needed.memory > memory:
        origin = "available" if settings.memory_gib is None else "allowed by memory_gib"
        cure = "raise memory_gib to try nevertheless"
        allowed = _address_space_left()
        if settings.memory_gib is None and allowed is not None and allowed < needed.memory:
            origin, cure = "left by the limit of this process (ulimit -v)", f"raise the limit, or {cure}"
        raise FitError(
            f"{n_features} features need about {_gib(needed.memory)} of memory, {_gib(memory)} are {origin}; "
            f"lower {TO_LOWER}, or {cure}"
        )
    place = Path(tempfile.gettempdir()) if directory is None else directory
    present = sum(file.stat().st_size for file in place.glob("fold-*.np[yz]")) if directory else 0
    free = available_disk(place)
    if free is not None and needed.disk - present > free:
        raise FitError(
            f"{n_features} features in {problem.n_folds} folds need about {_gib(needed.disk - present)} of disk in "
            f"{place}, {_gib(free)} are free; lower n_folds, or {TO_LOWER}, or choose another output directory"
        )


def available_memory() -> int | None:
    """Bytes that can be allocated without swapping; None if the system does not say."""
    limits = []
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                limits.append(1024 * int(line.split()[1]))
    limits += _limits()
    if not limits:
        limits += _physical_memory()
    return min(limits) if limits else None


def total_memory() -> int:
    """Bytes of the machine, or of the container or process if they are allowed less; 0 if the system does not say."""
    return min([*_physical_memory(), *_limits()], default=0)


def _physical_memory() -> list[int]:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    return []


def _limits() -> list[int]:
    """Bytes that a container and the process are allowed, where there are limits."""
    limits = []
    with contextlib.suppress(OSError, ValueError):  # a container's own limit; "max" if it has none
        limits.append(int(Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")))
    allowed = _address_space_left()
    return limits if allowed is None else [*limits, allowed]


def _address_space_left() -> int | None:
    """Bytes that the limit of the process (`ulimit -v`) leaves beside libraries that are loaded later; None without."""
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    except (ImportError, OSError, ValueError, AttributeError):
        return None
    return None if limit == resource.RLIM_INFINITY else max(0, limit - used + PACKAGE_BYTES - LATER_BYTES)


def available_disk(directory: Path) -> int | None:
    """Free bytes where a directory is or will be; None if the system does not say."""
    existing = next((path for path in (directory, *directory.absolute().parents) if path.exists()), None)
    if existing is None:
        return None
    try:
        return shutil.disk_usage(existing).free
    except OSError:
        return None


def _gib(size: float) -> str:
    return f"{size / GIB:.3g} GiB"
