"""Normal equations of folds on disk, read row by row: one F × F matrix in memory is enough for all of them."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlip_rs.files import atomic_file
from mlip_rs.regression.equations import Array, NormalEquations, System

HELD_BYTES: int = 512 << 20
"""Matrices of all folds that are no larger than this together stay in memory once they were read."""

CHUNK_BYTES: int = 16 << 20
"""Part of a matrix that is read at a time."""

DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
"""What reading a file raises that is missing, cut short or overwritten."""


@dataclass(frozen=True)
class Matrices:
    """Matrices (G, F, F) in an .npy file, of which some rows at a time are read.

    Read, not mapped: pages of a mapped file would count as memory of the process.
    """

    path: Path
    shape: tuple[int, ...]
    offset: int

    @classmethod
    def open(cls, path: Path) -> "Matrices":
        """Read the header; raises one of `DAMAGE` if the file is not there or not whole."""
        mapped = np.load(path, mmap_mode="r")
        return cls(path, mapped.shape, mapped.offset)

    def rows(self, matrix: int, rows: slice) -> Array:
        """Some rows of one of the matrices."""
        n = self.shape[-1]
        count = (rows.stop - rows.start) * n
        first = (matrix * n + rows.start) * n
        return np.fromfile(self.path, count=count, offset=self.offset + 8 * first).reshape(-1, n)


class FoldEquations:
    """Normal equations of each fold, kept on disk, and their weighted sums.

    Parameters
    ----------
    directory
        Holds `fold-K.gram.npy` (G, F, F) and `fold-K.npz` for each finished fold and `manifest.json`.
    n_folds
        Number of folds.
    n_features
        F.
    weights
        (G,) weights with which the matrices of a fold are summed.
    """

    def __init__(self, directory: Path, n_folds: int, n_features: int, weights: Array) -> None:
        self.directory = directory
        self.n_folds = n_folds
        self.n_features = n_features
        self.weights = weights
        self._held: dict[Path, Array] = {}

    def finished(self, fold: int) -> bool:
        """Whether the fold was completed, and its files can be read."""
        try:
            gram = Matrices.open(self._gram_path(fold))
            # Opened here: on a damaged file `np.load` would leave it open.
            with self._sums_path(fold).open("rb") as file, np.load(file) as sums:
                shapes = gram.shape, sums["moment"].shape, sums["yty"].shape, sums["n_rows"].shape
        except DAMAGE:
            return False  # not there, or damaged: computed again
        groups, n = len(self.weights), self.n_features
        return shapes == ((groups, n, n), (groups, n), (groups,), (groups,))

    def save(self, fold: int, equations: NormalEquations) -> None:
        """Store a finished fold; the sums come last and mark it as finished."""
        self._held.pop(self._gram_path(fold), None)
        with atomic_file(self._gram_path(fold), "wb") as file:
            np.save(file, equations.gram)
        with atomic_file(self._sums_path(fold), "wb") as file:
            np.savez(file, moment=equations.moment, yty=equations.yty, n_rows=equations.n_rows)
        self.partial_path(fold).unlink(missing_ok=True)

    @contextmanager
    def total_on_disk(self) -> Iterator[None]:
        """Keep the matrix of all folds together on disk, from which `system` subtracts one."""
        try:
            with self._total_path.open("wb") as file:
                shape = (1, self.n_features, self.n_features)
                header = {"descr": np.dtype(float).str, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(file, header)
                stored = [Matrices.open(self._gram_path(fold)) for fold in range(self.n_folds)]
                for rows in chunks(self.n_features):
                    total = self._weighted(stored[0], rows)
                    for fold in stored[1:]:
                        total += self._weighted(fold, rows)
                    file.write(total.tobytes())
            yield
        finally:
            self._total_path.unlink(missing_ok=True)

    def system(self, out: Array, left_out: int | None = None) -> System:
        """Weighted equations of all folds but one; needs `total_on_disk`.

        Parameters
        ----------
        out
            (F, F), becomes the Gram matrix: the only one of this size in memory.
        left_out
            None leaves out nothing.
        """
        total = Matrices.open(self._total_path)
        fold = None if left_out is None else Matrices.open(self._gram_path(left_out))
        for rows in chunks(self.n_features):
            out[rows] = total.rows(0, rows)
            if fold is not None:
                out[rows] -= self._weighted(fold, rows)
        moment, yty, n_rows = np.zeros(self.n_features), 0.0, 0
        for k in range(self.n_folds):
            if k != left_out:
                with np.load(self._sums_path(k)) as sums:
                    moment += self.weights @ sums["moment"]
                    yty += float(self.weights @ sums["yty"])
                    n_rows += int(sums["n_rows"][self.weights > 0].sum())
        return System(out, moment, yty, n_rows)

    def squares(self, fold: int, coefficients: Array) -> tuple[float, Array]:
        """Weighted sum of the squared residuals of one fold, `yᵀWy − 2 wᵀb + wᵀGw`, and its derivative (F,) by w."""
        stored = Matrices.open(self._gram_path(fold))
        parts = [self._weighted(stored, rows) @ coefficients for rows in chunks(self.n_features)]
        product = np.concatenate(parts)
        with np.load(self._sums_path(fold)) as sums:
            moment, yty = self.weights @ sums["moment"], float(self.weights @ sums["yty"])
        squares = yty - 2.0 * float(coefficients @ moment) + float(coefficients @ product)
        return max(squares, 0.0), 2.0 * (product - moment)

    def partial_path(self, fold: int) -> Path:
        """Checkpoint of an unfinished fold."""
        return self.directory / f"fold-{fold}.partial.npz"

    def _weighted(self, stored: Matrices, rows: slice) -> Array:
        """Some rows of the sum of the matrices of a fold."""
        if 8 * self.n_folds * self.n_features**2 > HELD_BYTES:
            return self._summed(stored, rows)
        if stored.path not in self._held:
            whole = [self._summed(stored, part) for part in chunks(self.n_features)]
            self._held[stored.path] = np.concatenate(whole)
        return self._held[stored.path][rows].copy()

    def _summed(self, stored: Matrices, rows: slice) -> Array:
        used = [(k, weight) for k, weight in enumerate(self.weights) if weight > 0]
        total = np.zeros((rows.stop - rows.start, self.n_features))
        for k, weight in used:
            part = stored.rows(k, rows)
            part *= weight
            total += part
        return total

    @property
    def _total_path(self) -> Path:
        return self.directory / "total.gram.npy"

    def _gram_path(self, fold: int) -> Path:
        return self.directory / f"fold-{fold}.gram.npy"

    def _sums_path(self, fold: int) -> Path:
        return self.directory / f"fold-{fold}.npz"


def chunks(n_features: int) -> Iterator[slice]:
    """Consecutive rows of an F × F matrix, `CHUNK_BYTES` at a time."""
    step = max(1, CHUNK_BYTES // (8 * max(1, n_features)))
    for start in range(0, n_features, step):
        yield slice(start, min(n_features, start + step))
