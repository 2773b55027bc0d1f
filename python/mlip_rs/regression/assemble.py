"""From structures to normal equations on disk, fold by fold, resumable after a kill."""

import hashlib
import json
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.basis import Basis
from mlip_rs.data import Dataset, ReferenceEnergies
from mlip_rs.errors import FitError
from mlip_rs.files import atomic_file, write_atomically
from mlip_rs.progress import Progress, Silent
from mlip_rs.regression.equations import Array, NormalEquations, System, accumulate, symmetrize

CHECKPOINT_SECONDS: float = 30.0
"""Time between saves of an unfinished fold."""

BATCH_ROWS: int = 4096
"""Rows of one call of the core; Ctrl-C takes effect between calls."""


DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a file raises that is missing, cut short or overwritten."""


@dataclass(frozen=True)
class Problem:
    """What the equations are made from.

    Parameters
    ----------
    basis
        Candidate features.
    dataset
        Labelled structures.
    reference
        Energies of the isolated atoms.
    structure_weights
        (S, 3).
    folds
        (S,) fold of each structure.
    """

    basis: Basis
    dataset: Dataset
    reference: ReferenceEnergies
    structure_weights: Array
    folds: NDArray[np.int64]

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return int(self.folds.max()) + 1

    def members(self, fold: int) -> list[int]:
        """Structures of a fold, in order."""
        return [int(i) for i in np.flatnonzero(self.folds == fold)]

    def fingerprint(self) -> str:
        """SHA-256 of everything that the equations depend on."""
        digest = hashlib.sha256(_core.__version__.encode())
        digest.update(json.dumps(self.basis.to_dict(), sort_keys=True).encode())
        digest.update(self.dataset.fingerprint().encode())
        digest.update(json.dumps(dict(self.reference.values), sort_keys=True).encode())
        digest.update(np.ascontiguousarray(self.structure_weights).tobytes())
        digest.update(np.ascontiguousarray(self.folds).tobytes())
        return digest.hexdigest()


class FoldEquations:
    """Normal equations of each fold, kept on disk; one fold is in memory at a time.

    Parameters
    ----------
    directory
        Holds `fold-K.gram.npy` (3, F, F) and `fold-K.npz` for each finished fold and `manifest.json`.
    n_folds
        Number of folds.
    n_features
        F that finished folds must have; any if None.
    """

    def __init__(self, directory: Path, n_folds: int, n_features: int | None = None) -> None:
        self.directory = directory
        self.n_folds = n_folds
        self.n_features = n_features

    def gram(self, fold: int, property_weights: Array) -> Array:
        """Weighted Gram matrix (F, F) of one fold."""
        stored = np.load(self._gram_path(fold), mmap_mode="r")
        total = np.zeros(stored.shape[1:])
        for weight, part in zip(property_weights, stored, strict=True):
            if weight > 0:
                total += weight * part
        return total

    def system(self, fold: int, property_weights: Array) -> System:
        """Weighted equations of one fold."""
        with np.load(self._sums_path(fold)) as sums:
            rows = int(sums["n_rows"][property_weights > 0].sum())
            moment, yty = property_weights @ sums["moment"], float(property_weights @ sums["yty"])
        return System(self.gram(fold, property_weights), moment, yty, rows)

    def total(self, property_weights: Array) -> System:
        """Weighted equations of all folds together."""
        parts = self.system(0, property_weights)
        gram, moment, yty, rows = parts.gram, parts.moment, parts.yty, parts.n_rows
        for fold in range(1, self.n_folds):
            part = self.system(fold, property_weights)
            gram += part.gram
            moment = moment + part.moment
            yty, rows = yty + part.yty, rows + part.n_rows
        return System(gram, moment, yty, rows)

    def finished(self, fold: int) -> bool:
        """Whether the fold was completed, and its files can be read."""
        try:
            gram = np.load(self._gram_path(fold), mmap_mode="r")
            # Opened here: on a damaged file `np.load` would leave it open.
            with self._sums_path(fold).open("rb") as file, np.load(file) as sums:
                n_features = sums["moment"].shape[-1]
                shapes = gram.shape, sums["moment"].shape, sums["yty"].shape, sums["n_rows"].shape
        except DAMAGE:
            return False  # not there, or damaged: computed again
        n = n_features if self.n_features is None else self.n_features
        return shapes == ((3, n, n), (3, n), (3,), (3,))

    def save(self, fold: int, equations: NormalEquations) -> None:
        """Store a finished fold; the sums come last and mark it as finished."""
        with atomic_file(self._gram_path(fold), "wb") as file:
            np.save(file, equations.gram)
        with atomic_file(self._sums_path(fold), "wb") as file:
            np.savez(file, moment=equations.moment, yty=equations.yty, n_rows=equations.n_rows)
        self.partial_path(fold).unlink(missing_ok=True)

    def partial_path(self, fold: int) -> Path:
        """Checkpoint of an unfinished fold."""
        return self.directory / f"fold-{fold}.partial.npz"

    def _gram_path(self, fold: int) -> Path:
        return self.directory / f"fold-{fold}.gram.npy"

    def _sums_path(self, fold: int) -> Path:
        return self.directory / f"fold-{fold}.npz"


def assemble(
    problem: Problem,
    directory: Path,
    *,
    threads: int = 0,
    progress: Progress | None = None,
    overwrite: bool = False,
) -> FoldEquations:
    """Sum the normal equations of every fold; folds and blocks finished before are not computed again.

    The result does not depend on the number of threads or on interruptions, to the last bit.

    Parameters
    ----------
    directory
        Where the equations are kept; made if it does not exist.
    threads
        0 takes the default.
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
    equations = FoldEquations(directory, problem.n_folds, problem.basis.n_features)
    progress.start("normal equations: structures", len(problem.dataset))
    for fold in range(problem.n_folds):
        if equations.finished(fold):
            progress.advance(len(problem.members(fold)))
        else:
            equations.save(fold, _sum_fold(problem, equations, fold, threads, progress))
    return equations


def _claim(directory: Path, fingerprint: str, overwrite: bool) -> None:
    """Write whose equations these are, or check it; equations without a readable manifest belong to another fit."""
    manifest = directory / "manifest.json"
    old_files = list(directory.glob("fold-*.np[yz]"))
    if manifest.exists() or old_files:
        try:
            owner = json.loads(manifest.read_text(encoding="utf-8"))["fingerprint"]
        except (OSError, ValueError, KeyError, TypeError):
            owner = None
        if owner == fingerprint:
            return
        if not overwrite:
            raise FitError(
                f"{directory} holds the equations of another fit (other data, basis, weights or package); "
                "choose another output directory, or overwrite this one"
            )
        for old in old_files:
            old.unlink()
    write_atomically(manifest, json.dumps({"fingerprint": fingerprint}))


def _sum_fold(
    problem: Problem, equations: FoldEquations, fold: int, threads: int, progress: Progress
) -> NormalEquations:
    members = problem.members(fold)
    partial = equations.partial_path(fold)
    sums, done = NormalEquations.zeros(problem.basis.n_features), 0
    if partial.exists():
        try:
            loaded, n_done = NormalEquations.load(partial)
        except DAMAGE:
            progress.note(f"{partial}: damaged; this fold is computed from its start")
        else:
            if loaded.moment.shape == sums.moment.shape:
                sums, done = loaded, n_done
                progress.advance(done)
    saved = time.monotonic()
    for batch in _batches(problem, members[done:]):
        frames = [problem.dataset[i] for i in batch]
        accumulate(sums, problem.basis, frames, problem.reference, problem.structure_weights[batch], threads)
        done += len(batch)
        progress.advance(len(batch))
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            sums.save(partial, done)
            saved = time.monotonic()
    symmetrize(sums)
    return sums


def _batches(problem: Problem, members: Sequence[int]) -> Iterator[list[int]]:
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
