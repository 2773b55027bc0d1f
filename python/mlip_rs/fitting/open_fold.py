"""A fold that is being summed, and its file, from which an interrupted sum goes on."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlip_rs.files import atomic_file
from mlip_rs.fitting.fold_store import DAMAGE
from mlip_rs.fitting.normal_equations import NormalEquations
from mlip_rs.progress import Progress

CHECKPOINT_SECONDS: float = 30.0
"""Time between saves of an unfinished fold, at least."""

CHECKPOINT_SHARE: float = 0.05
"""Saves take at most this share of the time."""

CHECKPOINT_SPEED: float = 2e8
"""Bytes per second that a save is expected to write as long as none was timed."""

PARTS: tuple[str, ...] = ("gram", "xty", "yty", "n_rows")
"""Arrays of a sum."""


@dataclass
class OpenFold:
    """Sums of the first structures of a fold.

    Parameters
    ----------
    shape
        Numbers of features and of sums.
    closed
        Number of structures in the shares that are finished.
    done
        Number of structures in all.
    total
        Sum of the finished shares, in order; None before the first is finished.
    share
        Sum of the structures after them; None if there are none.
    """

    shape: tuple[int, int]
    closed: int = 0
    done: int = 0
    total: NormalEquations | None = None
    share: NormalEquations | None = None

    @property
    def nbytes(self) -> int:
        """Size of the matrices."""
        return sum(sums.gram.nbytes for sums in (self.total, self.share) if sums is not None)

    def opened(self) -> NormalEquations:
        """The sum of the share that is being summed, to add to."""
        if self.share is None:
            self.share = NormalEquations.zeros(*self.shape)
        return self.share

    def finished(self) -> NormalEquations:
        """The sum of the finished shares, to add one to."""
        if self.total is None:
            self.total = NormalEquations.zeros(*self.shape)
        return self.total

    def close(self) -> None:
        """The share is finished: add it to the others."""
        if self.total is None:
            self.total = self.opened()
        else:
            self.total.add(self.opened())
        self.share, self.closed = None, self.done

    def drop_share(self) -> None:
        """Forget the share that is not finished."""
        self.share, self.done = None, self.closed

    def save(self, path: Path) -> None:
        """Write to an .npz file, atomically."""
        arrays = {
            f"{name}_{part}": getattr(sums, part)
            for name, sums in (("total", self.total), ("share", self.share))
            if sums is not None
            for part in PARTS
        }
        with atomic_file(path, "wb") as file:
            np.savez(file, closed=self.closed, done=self.done, **arrays)

    @classmethod
    def load(cls, path: Path, shape: tuple[int, int], progress: Progress) -> "OpenFold":
        """Read a file written by `save`; the sum over nothing if there is none, or if it is damaged."""
        if not path.exists():
            return cls(shape)
        try:
            with (
                path.open("rb") as stream,
                np.load(stream) as file,
            ):  # np.load would leave a damaged file open
                sums = [
                    NormalEquations(*(file[f"{name}_{part}"] for part in PARTS))
                    if f"{name}_gram" in file
                    else None
                    for name in ("total", "share")
                ]
                found = cls(shape, int(file["closed"]), int(file["done"]), *sums)
        except DAMAGE:
            progress.note(f"{path}: damaged; this fold is computed from its start")
            return cls(shape)
        n_features, n_groups = shape
        fits = all(own is None or own.gram.shape == (n_groups, n_features, n_features) for own in sums)
        return found if fits else cls(shape)


class Checkpoint:
    """File of an open fold, saved so rarely that saving takes a small part of the time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._last = time.monotonic()
        self._seconds: float | None = None

    def save_if_due(self, fold: OpenFold) -> None:
        """Save unless the last time is too short ago, or saving would take too large a share of the time."""
        seconds = fold.nbytes / CHECKPOINT_SPEED if self._seconds is None else self._seconds
        begin = time.monotonic()
        if begin - self._last > max(CHECKPOINT_SECONDS, seconds / CHECKPOINT_SHARE):
            fold.save(self.path)
            self._last = time.monotonic()
            self._seconds = self._last - begin
