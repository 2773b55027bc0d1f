"""Sum normal equations on disk, fold by fold; an interrupted computation resumes."""

import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from pathlib import Path

from mlip_rs.dask_client import Scheduler, connected
from mlip_rs.errors import FitError
from mlip_rs.files import write_atomically
from mlip_rs.fitting.fold_store import FoldEquations
from mlip_rs.fitting.normal_equations import NormalEquations, accumulate, symmetrize
from mlip_rs.fitting.open_fold import Checkpoint, OpenFold
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.shares import Share, shares
from mlip_rs.fitting.shares_on_dask import DaskShares
from mlip_rs.fitting.stored_pieces import remove_pieces
from mlip_rs.progress import Progress, Silent

MANIFEST: str = "manifest.json"
"""File with the fingerprint of the problem to which the equations beside it belong."""


def assemble(
    problem: Problem,
    directory: Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
    scheduler: Scheduler | None = None,
    held_bytes: int | None = None,
) -> FoldEquations:
    """Sum the normal equations of every fold; folds and blocks finished before are not computed again.

    The result does not depend on the number of threads or workers or on interruptions, to the last bit, on processors
    of one kind.

    Parameters
    ----------
    directory
        Folder of the equations; made if it does not exist.
    threads
        As for `Potential.predict`.
    overwrite
        Drop the equations of another problem that the directory may hold.
    scheduler
        Address of a scheduler of Dask, or the file that it writes, whose workers sum; None: this machine.
    held_bytes
        As for `FoldEquations`.

    Raises
    ------
    FitError
        The directory belongs to another problem; the scheduler or all workers are lost.
    ConfigError
        Dask is not installed, the scheduler cannot be reached, workers have another version of the package.
    StructureError
        A structure cannot be evaluated; names file, frame and atom.
    """
    progress = progress or Silent()
    directory.mkdir(parents=True, exist_ok=True)
    _claim(directory, problem.fingerprint(), overwrite)
    equations = FoldEquations(
        directory,
        problem.n_folds,
        problem.basis.n_features,
        problem.group_weights,
        persistent=problem.persistent,
        held_bytes=held_bytes,
    )
    progress.start("normal equations: structures", len(problem.dataset))
    unfinished = [fold for fold in range(problem.n_folds) if not equations.finished(fold)]
    progress.advance(len(problem.dataset) - sum(len(problem.members(fold)) for fold in unfinished))
    if scheduler is not None and unfinished:
        equations.n_workers = _sum_elsewhere(problem, equations, unfinished, scheduler, threads, progress)
        return equations
    saved: Future[None] | None = None
    with ThreadPoolExecutor(1) as beside:  # a small fold is saved while the next is summed
        for fold in unfinished:
            sums = _sum_here(problem, equations, fold, threads, progress)
            completed = _completed(sums, threads)
            if saved is not None:
                saved.result()
            saved = beside.submit(equations.save, fold, completed)
            if not equations.small:
                saved.result()
                saved = None
            del sums, completed  # a large one shall not stay while the next is summed
    if saved is not None:
        saved.result()
    return equations


def _completed(fold: OpenFold, threads: int | None) -> NormalEquations:
    """The equations of a fold of which all shares are summed."""
    sums = NormalEquations.zeros(*fold.shape) if fold.total is None else fold.total
    symmetrize(sums, threads)
    return sums


def owner(directory: Path) -> str | None:
    """Fingerprint of the problem whose equations a directory holds; None without a readable manifest."""
    try:
        return str(json.loads((directory / MANIFEST).read_text(encoding="utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _claim(directory: Path, fingerprint: str, overwrite: bool) -> None:
    """Write the manifest, or compare it; equations without a readable manifest belong to another fit."""
    manifest = directory / MANIFEST
    old_files = list(directory.glob("fold-*.np[yz]"))
    if manifest.exists() or old_files:
        if owner(directory) == fingerprint:
            return
        if not overwrite:
            raise FitError(
                f"{directory} holds the equations of another fit (other data, basis, weights or package); "
                "choose another output directory (-o), or replace it (--overwrite)"
            )
        for old in old_files:
            old.unlink()
        remove_pieces(directory)
    write_atomically(manifest, json.dumps({"fingerprint": fingerprint}))


def _opened(problem: Problem, equations: FoldEquations, fold: int, progress: Progress) -> OpenFold:
    """A fold that is not finished, as far as it was summed before."""
    shape = problem.basis.n_features, len(problem.group_weights)
    found = OpenFold.load(equations.partial_path(fold), shape, progress)
    ends = {0, *(share.end for share in shares(problem, problem.members(fold)))}
    return found if found.closed in ends else OpenFold(shape)


def _sum_here(
    problem: Problem, equations: FoldEquations, fold: int, threads: int | None, progress: Progress
) -> OpenFold:
    """Sum a fold on this machine."""
    sums = _opened(problem, equations, fold, progress)
    checkpoint = Checkpoint(equations.partial_path(fold))
    weights = problem.row_weights
    progress.advance(sums.done)
    for share in shares(problem, problem.members(fold)):
        end = share.start
        for batch in map(list, share.batches):
            end += len(batch)
            if end <= sums.done:
                continue
            frames = [problem.dataset[i] for i in batch]
            core, held = problem.basis.core, problem.held_rows
            accumulate(sums.opened(), core, frames, problem.reference, weights[batch], threads, held=held)
            sums.done = end
            if end == share.end:
                sums.close()
            progress.advance(len(batch))
            checkpoint.save_if_due(sums)
    return sums


def _sum_elsewhere(
    problem: Problem,
    equations: FoldEquations,
    folds: Sequence[int],
    scheduler: Scheduler,
    threads: int | None,
    progress: Progress,
) -> int:
    """Sum folds on workers of Dask; how many took part."""
    opened = {fold: _opened(problem, equations, fold, progress) for fold in folds}
    left: dict[int, list[Share]] = {}
    for fold, sums in opened.items():
        sums.drop_share()
        progress.advance(sums.done)
        left[fold] = [share for share in shares(problem, problem.members(fold)) if share.start >= sums.closed]
    client, own = connected(scheduler)
    try:
        arriving = DaskShares(client, problem, chain.from_iterable(left.values()), progress)
        for fold in folds:
            sums = opened.pop(fold)
            checkpoint = Checkpoint(equations.partial_path(fold))
            for share in left[fold]:
                next(arriving).add_to(sums.finished())
                sums.closed = sums.done = share.end
                progress.advance(share.end - share.start)
                checkpoint.save_if_due(sums)
            equations.save(fold, _completed(sums, threads))
    finally:
        if own:
            with suppress(Exception):
                client.close()
    return len(arriving.workers)
