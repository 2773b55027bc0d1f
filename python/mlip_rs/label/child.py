"""The process that calculates: it builds the calculator once, and labels one structure after another."""

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from ase import Atoms

from mlip_rs.errors import MlipError
from mlip_rs.label.labels import MAX_FORCE, Labels, Unlabellable, labels_of, told
from mlip_rs.label.source import CalculatorSource, Opened, opened


@dataclass(frozen=True)
class Facts:
    """What a process knows of its calculator.

    Parameters
    ----------
    per_structure
        Whether one is made for each structure.
    digest
        Of the file that makes it; empty for installed packages.
    versions
        Of Python and packages.
    """

    per_structure: bool
    digest: str
    versions: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Outcome:
    """Labels of a structure, or the reason why there are none.

    Parameters
    ----------
    labels
        None after a failure.
    kind, reason
        Of a failure, see `Failure`.
    seconds
        Time that the calculation took.
    """

    labels: Labels | None
    kind: str = ""
    reason: str = ""
    seconds: float = 0.0


class _Calculators:
    """The calculator of a process, made anew after a failure, which may have left it in any state."""

    def __init__(self, source: CalculatorSource, threads: int) -> None:
        self._opened: Opened = opened(source, threads)
        self._folder = source.folder
        self._calculator: Any = None

    @property
    def facts(self) -> Facts:
        """What the client asks for."""
        return Facts(self._opened.per_structure, self._opened.digest, self._opened.versions)

    def prepare(self) -> None:
        """Make the calculator, if it is one for all structures, so that its errors are told at once."""
        if not self._opened.per_structure and self._calculator is None:
            self._calculator = self._opened.make(Atoms())

    def outcome(self, atoms: Atoms, folder: str, max_force: float) -> Outcome:
        """Labels of a structure; the calculation, and a factory for each structure, runs in its folder."""
        start = time.monotonic()
        try:
            with told():
                self.prepare()
                os.chdir(folder)
                calculator = (
                    self._opened.make(atoms.copy()) if self._opened.per_structure else self._calculator
                )
            labels = labels_of(atoms, calculator, max_force)
        except Unlabellable as failure:
            self._calculator = None
            return Outcome(None, failure.kind, failure.reason, time.monotonic() - start)
        finally:
            os.chdir(self._folder if Path(self._folder).is_dir() else "/")
        return Outcome(labels, seconds=time.monotonic() - start)


def main(descriptor: int) -> None:
    """Answer one request after another until the other end is closed.

    Parameters
    ----------
    descriptor
        Of a socket. The first message is the pickle of a `CalculatorSource` and the number of threads, and is answered
        by `Facts` or the sentence of an error; each of the others is a structure, its folder and the limit of its
        forces, and is answered by an `Outcome`.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(descriptor)
    requests = _Requests(connection)
    folder = Path.cwd()
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    try:
        source, threads = pickle.loads(requests.next())
        if Path(source.folder).is_dir():
            os.chdir(source.folder)
        sys.path.insert(0, source.folder)
        calculators = _Calculators(source, threads)
        with told():
            calculators.prepare()
    except Unlabellable as failure:
        named = failure.reason.startswith(f"{source.name}: ")
        connection.send(
            failure.reason if named else f"{source.name}: the calculator cannot be made ({failure.reason})"
        )
        return
    except (MlipError, OSError) as error:
        connection.send(str(error))
        return
    except Exception as error:
        connection.send(f"the calculator cannot be made ({type(error).__name__}: {error})")
        return
    connection.send(calculators.facts)
    while True:
        atoms, where, max_force = pickle.loads(requests.next())
        connection.send(calculators.outcome(atoms, where, max_force or MAX_FORCE))


class _Requests:
    """Messages of the other end; when it is gone, this process and all that it has started end, whatever they do."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._messages: list[bytes] = []
        self._ready = threading.Semaphore(0)
        threading.Thread(target=self._receive, daemon=True).start()

    def next(self) -> bytes:
        """Wait for a message."""
        self._ready.acquire()
        return self._messages.pop(0)

    def _receive(self) -> None:
        while True:
            try:
                message = self._connection.recv_bytes()
            except (EOFError, OSError):
                os.killpg(0, signal.SIGKILL)
            self._messages.append(message)
            self._ready.release()
