"""Sum normal equations on disk, fold by fold; an interrupted computation resumes."""

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlip_rs.errors import FitError
from mlip_rs.files import write_atomically
from mlip_rs.fitting.fold_store import DAMAGE, FoldEquations
from mlip_rs.fitting.normal_equations import NormalEquations, accumulate, symmetrize
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.stored_pieces import remove_pieces
from mlip_rs.progress import Progress, Silent

CHECKPOINT_SECONDS: float = 30.0
"""Time between saves of an unfinished fold, at least."""

CHECKPOINT_SHARE: float = 0.05
"""Saves take at most this share of the time."""

CHECKPOINT_SPEED: float = 2e8
"""Bytes per second that a save is expected to write as long as none was timed."""

MANIFEST: str = "manifest.json"
"""File with the fingerprint of the problem to which the equations beside it belong."""

BATCH_ROWS: int = 4096
"""Rows of one call of the core; Ctrl-C takes effect between calls."""


def assemble(
    problem: Problem,
    directory: Path,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> FoldEquations:
    """Sum the normal equations of every fold; folds and blocks finished before are not computed again.

    The result does not depend on the number of threads or on interruptions, to the last bit.

    Parameters
    ----------
    directory
        Folder of the equations; made if it does not exist.
    threads
        As for `Potential.predict`.
    overwrite
        Drop the equations of another problem that the directory may hold.

    Raises
    ------
    FitError
        The directory belongs to another problem.
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
    )
    progress.start("normal equations: structures", len(problem.dataset))
    for fold in range(problem.n_folds):
        if equations.finished(fold):
            progress.advance(len(problem.members(fold)))
        else:
            equations.save(fold, _sum_fold(problem, equations, fold, threads, progress))
    return equations


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


def _sum_fold(
    problem: Problem, equations: FoldEquations, fold: int, threads: int | None, progress: Progress
) -> NormalEquations:
    members = problem.members(fold)
    checkpoint = _Checkpoint(equations.partial_path(fold))
    sums, done = checkpoint.load(problem, progress)
    weights = problem.row_weights
    progress.advance(done)
    for batch in batches(problem, members[done:]):
        frames = [problem.dataset[i] for i in batch]
        accumulate(sums, problem.basis, frames, problem.reference, weights[batch], threads)
        done += len(batch)
        progress.advance(len(batch))
        checkpoint.save_if_due(sums, done)
    symmetrize(sums, threads)
    return sums


class _Checkpoint:
    """File of an unfinished fold, saved so rarely that saving takes a small part of the time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last = time.monotonic()
        self._seconds: float | None = None

    def load(self, problem: Problem, progress: Progress) -> tuple[NormalEquations, int]:
        """Sums and number of structures of the last save; the sum over nothing if there is none."""
        if self.path.exists():
            try:
                sums, done = NormalEquations.load(self.path)
            except DAMAGE:
                progress.note(f"{self.path}: damaged; this fold is computed from its start")
            else:
                if sums.xty.shape == (len(problem.group_weights), problem.basis.n_features):
                    return sums, done
        return NormalEquations.zeros(problem.basis.n_features, len(problem.group_weights)), 0

    def save_if_due(self, sums: NormalEquations, done: int) -> None:
        """Save unless the last time is too short ago, or saving would take too large a share of the time."""
        seconds = sums.gram.nbytes / CHECKPOINT_SPEED if self._seconds is None else self._seconds
        begin = time.monotonic()
        if begin - self._last > max(CHECKPOINT_SECONDS, seconds / CHECKPOINT_SHARE):
            sums.save(self.path, done)
            self._last = time.monotonic()
            self._seconds = self._last - begin


def batches(problem: Problem, members: Sequence[int]) -> Iterator[list[int]]:
    """Consecutive structures of about `BATCH_ROWS` rows.

    Cut from the front and saved at their ends only, so that the batches after a checkpoint, and with them the order
    of all sums, are those of a run without interruption.
    """
    batch: list[int] = []
    rows = 0
    for index in members:
        batch.append(index)
        rows += 7 + 3 * problem.dataset[index].n_atoms
        if rows >= BATCH_ROWS:
            yield batch
            batch, rows = [], 0
    if batch:
        yield batch
