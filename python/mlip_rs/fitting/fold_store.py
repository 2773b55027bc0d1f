"""Normal equations of the folds: on disk, read some rows at a time, so that one F × F matrix in memory is enough.

Small ones stay in memory, and are not written at all unless they are to outlive the fit.
"""

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs.arrays import Array
from mlip_rs.files import atomic_file
from mlip_rs.fitting.normal_equations import NormalEquations, System

HELD_BYTES: int = 512 << 20
"""Matrices of all folds that are no larger than this together stay in memory, unless more is allowed."""

CHUNK_BYTES: int = 16 << 20
"""Part of a matrix that is read at a time."""

DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
"""Exceptions of reading a file that is missing, cut short or overwritten."""


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

    def checksum(self) -> int:
        """CRC-32 of all numbers, as `zlib.crc32` gives it for the array."""
        found = 0
        with self.path.open("rb") as file:
            file.seek(self.offset)
            while part := file.read(CHUNK_BYTES):
                found = zlib.crc32(part, found)
        return found


@dataclass(frozen=True)
class Sums:
    """XᵀWy (F,), yᵀWy and the number of rows with weight of a fold, beside its Gram matrix."""

    xty: Array
    yty: float
    n_rows: int

    @classmethod
    def weighted(cls, weights: Array, xty: Array, yty: Array, n_rows: NDArray[np.int64]) -> "Sums":
        """Weighted sum over the properties of XᵀWy (G, F), yᵀWy (G,) and numbers of rows (G,)."""
        return cls(weights @ xty, float(weights @ yty), int(n_rows[weights > 0].sum()))


class FoldEquations:
    """Normal equations of each fold and their weighted sums.

    Parameters
    ----------
    directory
        Holds `fold-K.gram.npy` (G, F, F) and `fold-K.npz` for each finished fold and `manifest.json`. The second one
        has the checksum of the first one, and as a zip file one of itself.
    n_folds
        Number of folds.
    n_features
        F.
    weights
        (G,) weights with which the matrices of a fold are summed.
    persistent
        Whether the files outlive this object.
    held_bytes
        Largest size of the matrices of all folds with which they stay in memory; None: `HELD_BYTES`.

    Attributes
    ----------
    n_workers
        Workers of Dask that took part in the sums made by this process.
    """

    def __init__(
        self,
        directory: Path,
        n_folds: int,
        n_features: int,
        weights: Array,
        *,
        persistent: bool = True,
        held_bytes: int | None = None,
    ) -> None:
        self.directory = directory
        self.n_folds = n_folds
        self.n_features = n_features
        self.weights = weights
        self.persistent = persistent
        self.held_bytes = HELD_BYTES if held_bytes is None else held_bytes
        self.n_workers = 0
        self._held: dict[int, Array] = {}
        self._sums: dict[int, Sums] = {}
        self._total: Array | None = None

    def weighted(self, weights: Array) -> "FoldEquations":
        """Equations of the same files, summed with other weights (G,); files are read when they are needed."""
        return FoldEquations(
            self.directory,
            self.n_folds,
            self.n_features,
            weights,
            persistent=self.persistent,
            held_bytes=self.held_bytes,
        )

    def finished(self, fold: int) -> bool:
        """Whether the fold was completed, and its files are what was written."""
        try:
            gram = Matrices.open(self._gram_path(fold))
            # Opened here: on a damaged file `np.load` would leave it open.
            with self._sums_path(fold).open("rb") as file, np.load(file) as sums:
                shapes = gram.shape, sums["moment"].shape, sums["yty"].shape, sums["n_rows"].shape
                checksum = int(sums["gram_crc32"])
        except DAMAGE:
            return False  # not there, or damaged: computed again
        groups, n = len(self.weights), self.n_features
        expected = (groups, n, n), (groups, n), (groups,), (groups,)
        return shapes == expected and gram.checksum() == checksum

    @property
    def small(self) -> bool:
        """Whether the matrices of all folds stay in memory."""
        return 8 * self.n_folds * self.n_features**2 <= self.held_bytes

    def save(self, fold: int, equations: NormalEquations) -> None:
        """Store a finished fold; on disk the sums come last and mark it as finished."""
        self._sums[fold] = Sums.weighted(self.weights, equations.xty, equations.yty, equations.n_rows)
        self._held.pop(fold, None)
        if self.small:
            self._held[fold] = self._combined(lambda k: equations.gram[k].copy())
            if not self.persistent:
                return
        with self._written(self._gram_path(fold)) as file:
            np.save(file, equations.gram)
        checksum = zlib.crc32(np.ascontiguousarray(equations.gram).data)
        with self._written(self._sums_path(fold)) as file:
            np.savez(
                file, moment=equations.xty, yty=equations.yty, n_rows=equations.n_rows, gram_crc32=checksum
            )
        self.partial_path(fold).unlink(missing_ok=True)

    @contextmanager
    def totalled(self) -> Iterator[None]:
        """Context in which there is the sum over all folds, from which `system` subtracts one; on disk unless small."""
        try:
            if self.small:
                self._total = np.concatenate(list(self._sum_over_folds()))
            else:
                with self._total_path.open("wb") as file:
                    shape = (1, self.n_features, self.n_features)
                    header = {"descr": np.dtype(float).str, "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(file, header)
                    for part in self._sum_over_folds():
                        file.write(part.data)
            yield
        finally:
            self._total = None
            self._total_path.unlink(missing_ok=True)

    def system(self, out: Array, left_out: int | None = None) -> System:
        """Weighted equations of all folds but one; needs `totalled`.

        Parameters
        ----------
        out
            (F, F), becomes the Gram matrix: the only one of this size in memory, unless all are small.
        left_out
            None leaves out nothing.
        """
        for rows in chunks(self.n_features):
            total = self._total_rows(rows)
            if left_out is None:
                out[rows] = total
            else:
                np.subtract(total, self._weighted(left_out, rows), out=out[rows])
        xty, yty, n_rows = np.zeros(self.n_features), 0.0, 0
        for k in range(self.n_folds):
            if k != left_out:
                sums = self.sums(k)
                xty += sums.xty
                yty += sums.yty
                n_rows += sums.n_rows
        return System(out, xty, yty, n_rows)

    def sums(self, fold: int) -> Sums:
        """XᵀWy, yᵀWy and number of rows of a fold."""
        if fold not in self._sums:
            with np.load(self._sums_path(fold)) as stored:
                parts = (stored[name] for name in ("moment", "yty", "n_rows"))
                self._sums[fold] = Sums.weighted(self.weights, *parts)
        return self._sums[fold]

    def squares(self, fold: int, coefficients: Array) -> tuple[float, Array]:
        """Weighted sum of the squared residuals of one fold, `yᵀWy − 2 wᵀb + wᵀGw`, and its derivative (F,) by w."""
        parts = [self._weighted(fold, rows) @ coefficients for rows in chunks(self.n_features)]
        product = np.concatenate(parts)
        sums = self.sums(fold)
        squares = sums.yty - 2.0 * float(coefficients @ sums.xty) + float(coefficients @ product)
        return max(squares, 0.0), 2.0 * (product - sums.xty)

    def products(self, fold: int, vectors: Array) -> Array:
        """(K, F) products of vectors (K, F) and the weighted Gram matrix of a fold."""
        return np.concatenate(
            [vectors @ self._weighted(fold, rows).T for rows in chunks(self.n_features)], axis=1
        )

    def quadratic(self, fold: int, vectors: Array) -> Array:
        """(K,) values `vᵀGv` of vectors (K, F) with the weighted Gram matrix of a fold."""
        parts = [self._weighted(fold, rows) @ vectors.T for rows in chunks(self.n_features)]
        return np.asarray((np.concatenate(parts) * vectors.T).sum(axis=0))

    def gram_rows(self, fold: int, rows: slice) -> Array:
        """Some rows of the weighted Gram matrix of a fold; not to be changed."""
        return self._weighted(fold, rows)

    def _written(self, path: Path) -> AbstractContextManager[IO[Any]]:
        """A file to write, atomically if it outlives this object."""
        return atomic_file(path, "wb") if self.persistent else path.open("wb")

    def partial_path(self, fold: int) -> Path:
        """Checkpoint of an unfinished fold."""
        return self.directory / f"fold-{fold}.partial.npz"

    def _sum_over_folds(self) -> Iterator[Array]:
        """Some rows at a time of the sum of the weighted matrices of all folds."""
        for rows in chunks(self.n_features):
            total = self._weighted(0, rows).copy()
            for fold in range(1, self.n_folds):
                total += self._weighted(fold, rows)
            yield total

    def _weighted(self, fold: int, rows: slice) -> Array:
        """Some rows of the sum of the matrices of a fold; not to be changed."""
        if not self.small:
            return self._read(fold, rows)
        if fold not in self._held:
            parts = [self._read(fold, part) for part in chunks(self.n_features)]
            self._held[fold] = np.concatenate(parts)
        return self._held[fold][rows]

    def _read(self, fold: int, rows: slice) -> Array:
        """Some rows of the sum of the matrices of a fold, from disk."""
        stored = Matrices.open(self._gram_path(fold))
        return self._combined(lambda k: stored.rows(k, rows))

    def _combined(self, part: Callable[[int], Array]) -> Array:
        """Weighted sum over the properties of the matrices that `part` gives, which may be overwritten."""
        total: Array | None = None
        for k in np.flatnonzero(self.weights > 0):
            own = part(int(k))
            if self.weights[k] != 1.0:
                own *= self.weights[k]
            if total is None:
                total = own
            else:
                total += own
        return np.zeros_like(part(0)) if total is None else total

    def _total_rows(self, rows: slice) -> Array:
        """Some rows of the matrix of all folds; not to be changed."""
        if self._total is None:
            return Matrices.open(self._total_path).rows(0, rows)
        return self._total[rows]

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
