"""Finished pieces of a computation on disk, so that one that is killed goes on where it was.

A piece is what a function returned, a few arrays, under the digest of all that the function depends on. Pieces are
collected in memory and written together, every `SAVE_SECONDS` at most, so that a fast computation writes nothing and a
slow one loses no more than that. Each file begins with the checksum of the rest: a damaged one counts as not there.
"""

import hashlib
import io
import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs.files import atomic_file

PIECES: str = "pieces"
"""Folder of the files, beside the equations of a fit."""

SAVE_SECONDS: float = 20.0
"""Time between two saves, at least; a piece that took longer is saved when it is finished."""

Arrays = tuple[NDArray[Any], ...]
"""A piece."""


class StoredPieces:
    """Pieces of one computation, for any number of threads.

    Parameters
    ----------
    folder
        Of the files, made when there is something to save. None stores nothing.
    question
        What all pieces depend on: arrays, and anything that JSON holds.
    note
        Receives a sentence if the pieces cannot be saved; the computation goes on without.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     first = StoredPieces(Path(folder), ["roots"])
    ...     _ = first.piece("root", [2.0], lambda: (np.sqrt([2.0]),))
    ...     first.save()
    ...     again = StoredPieces(Path(folder), ["roots"])
    ...     again.piece("root", [2.0], lambda: (np.array([0.0]),))
    (array([1.41421356]),)
    """

    def __init__(
        self, folder: Path | None, question: Sequence[object], note: Callable[[str], None] = lambda _: None
    ) -> None:
        self._folder = folder
        self._question = digest(question)
        self._note = note
        self._found: dict[str, Arrays] = {}
        self._pending: dict[str, Arrays] = {}
        self._saved = time.monotonic()
        self._number = 0
        self._lock = threading.RLock()
        for path in _files(folder, self._question):
            self._number = 1 + int(path.stem.rpartition("-")[2])
            self._found |= _load(path)

    def __enter__(self) -> "StoredPieces":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save what is finished if the computation is interrupted or fails."""
        if kind is not None:
            self.save()

    def piece(self, name: str, inputs: Sequence[object], compute: Callable[[], Sequence[Any]]) -> Arrays:
        """A piece that was stored, to the last bit, or else what `compute` returns.

        Parameters
        ----------
        name
            Kind of the piece.
        inputs
            What it depends on beside the question: arrays, and anything that JSON holds.
        compute
            Returns the arrays.
        """
        key = digest([name, *inputs])
        found = self._found.get(key)
        if found is None:
            found = tuple(np.asarray(array) for array in compute())
            self._put(key, found)
        return found

    def checkpoint(self, name: str, inputs: Sequence[object]) -> "Checkpoint":
        """A place for the state of a piece that takes long."""
        return Checkpoint(self, digest([name, *inputs]))

    def save(self) -> None:
        """Write the pieces that are not on disk yet."""
        with self._lock:
            self._save()

    def _save(self) -> None:
        self._saved = time.monotonic()
        if self._folder is None or not self._pending:
            return
        arrays = {
            f"{key}.{len(piece)}.{k}": array
            for key, piece in self._pending.items()
            for k, array in enumerate((*piece, np.empty(0)))
        }
        stream = io.BytesIO()
        np.savez(stream, **arrays)  # type: ignore[arg-type]
        content = stream.getvalue()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with atomic_file(self._folder / f"{self._question[:16]}-{self._number:06d}.pieces", "wb") as file:
                file.write(hashlib.sha256(content).hexdigest().encode() + b"\n")
                file.write(content)
        except OSError as error:
            self._note(
                f"notice: what is finished cannot be stored in {self._folder} ({error.strerror}); a fit that is killed "
                "would compute it again"
            )
            self._folder = None
            return
        self._pending.clear()
        self._number += 1

    def _put(self, key: str, arrays: Arrays) -> None:
        if self._folder is None:
            return
        with self._lock:
            self._pending[key] = arrays
            if time.monotonic() - self._saved >= SAVE_SECONDS:
                self._save()


class Checkpoint:
    """The newest state of one unfinished piece.

    Parameters
    ----------
    pieces
        Where it is stored.
    key
        Digest of what the piece depends on.

    Examples
    --------
    >>> checkpoint = StoredPieces(None, []).checkpoint("sum", [])
    >>> checkpoint.load() is None  # nothing stored before
    True
    """

    def __init__(self, pieces: StoredPieces, key: str) -> None:
        self._pieces, self._key = pieces, key

    def load(self) -> Arrays | None:
        """The state that was stored last; None for none."""
        return self._pieces._found.get(self._key)

    def store(self, *state: NDArray[Any]) -> None:
        """Remember a state; on disk with the next save."""
        self._pieces._put(self._key, state)


def remove_pieces(equations: Path) -> None:
    """Delete the pieces of all computations beside some equations."""
    folder = equations / PIECES
    for path in folder.glob("*.pieces"):
        path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def digest(parts: Sequence[object]) -> str:
    """SHA-256 of arrays, with their types and shapes, and of anything that JSON holds.

    >>> digest([np.zeros(2)]) == digest([np.zeros((2, 1))])
    False
    """
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            total.update(f"{part.dtype.str}{part.shape}".encode())
            total.update(np.ascontiguousarray(part).tobytes())
        else:
            total.update(json.dumps(part, sort_keys=True).encode())
        total.update(b"\0")
    return total.hexdigest()


def _files(folder: Path | None, question: str) -> list[Path]:
    """Files with pieces of a question, oldest first."""
    return [] if folder is None else sorted(folder.glob(f"{question[:16]}-" + "[0-9]" * 6 + ".pieces"))


def _load(path: Path) -> dict[str, Arrays]:
    """Pieces of a file; none if it is damaged."""
    try:
        checksum, _, content = path.read_bytes().partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() != checksum:
            return {}
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except OSError:
        return {}
    pieces: dict[str, Arrays] = {}
    for name in arrays:
        key, count, k = name.split(".")
        if k == "0":
            pieces[key] = tuple(arrays[f"{key}.{count}.{i}"] for i in range(int(count)))
    return pieces


NO_CHECKPOINT: Checkpoint = StoredPieces(None, []).checkpoint("", [])
"""Stores nothing."""
