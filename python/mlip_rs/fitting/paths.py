"""Sparse paths of all data and without each fold: several at once where each keeps one thread busy, else in turn."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import SimpleQueue

from threadpoolctl import threadpool_limits

from mlip_rs.arrays import Array, Mask
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.dense_fit import DenseFit
from mlip_rs.fitting.estimators import PathSystem, SparseEstimator
from mlip_rs.fitting.resources import paths_at_once


class _Stopped(Exception):
    """Another path has failed, or the fit is interrupted."""


def followed_paths(
    folds: CrossValidation, dense: DenseFit, method: SparseEstimator, full: PathSystem, grid: Array
) -> list[Mask]:
    """Features (≤ L, F) left at each value of a grid, of all data and then without each fold.

    The same bits whatever the number of threads. Afterwards the memory of `folds` holds another system.

    Parameters
    ----------
    folds
        Equations.
    dense
        Its penalties and its coefficients without each fold.
    method
        That follows the paths.
    full
        System of all data.
    grid
        (L,) values.
    """
    n_at_once = paths_at_once(folds.settings, folds.problem.n_folds, folds.equations.small)
    if n_at_once > 1:
        return _at_once(folds, dense, method, full, grid, n_at_once)
    found = [folds.supports(method, full, grid)]
    for fold in folds.folds:
        system = _without(folds, dense, full, fold)
        found.append(folds.supports(method, system, grid[: min(map(len, found))]))
    return found


def _without(folds: CrossValidation, dense: DenseFit, full: PathSystem, fold: int) -> PathSystem:
    """The system without a fold, in the memory of `folds`."""
    scaled, n_rows = folds.load(fold)
    return replace(full, scaled=scaled, ridge=dense.of_folds[fold], share=n_rows / folds.n_rows, room=2)


def _at_once(
    folds: CrossValidation,
    dense: DenseFit,
    method: SparseEstimator,
    full: PathSystem,
    grid: Array,
    n_at_once: int,
) -> list[Mask]:
    stop, lock = threading.Event(), threading.Lock()
    memories: SimpleQueue[CrossValidation] = SimpleQueue()
    for _ in range(n_at_once - 1):
        memories.put(folds.beside())

    def advance(steps: int) -> None:
        if stop.is_set():
            raise _Stopped
        with lock:
            full.advance(steps)

    def follow_all() -> Mask:
        try:
            return folds.supports(method, replace(full, advance=advance), grid)
        finally:
            memories.put(folds)

    def follow(fold: int) -> Mask:
        own = memories.get()
        try:
            system = _without(own, dense, full, fold)
            return own.supports(method, replace(system, advance=advance), grid)
        finally:
            memories.put(own)

    # One thread of BLAS in all paths: whichever ends first may not set the number for the others.
    with threadpool_limits(1), ThreadPoolExecutor(n_at_once) as threads:
        waiting = [threads.submit(follow_all), *(threads.submit(follow, fold) for fold in folds.folds)]
        try:
            return [own.result() for own in waiting]
        finally:
            stop.set()
            threads.shutdown(wait=False, cancel_futures=True)
