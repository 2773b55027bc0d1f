"""A process that calculates, seen from outside: it may crash, hang or eat memory, and only its structure is lost."""

import os
import pickle
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import Any

from ase import Atoms

from mlip_rs.errors import ConfigError
from mlip_rs.label.child import Facts, Outcome
from mlip_rs.label.labels import Unlabellable
from mlip_rs.label.source import CalculatorSource
from mlip_rs.progress import duration

LOOK: float = 0.25
"""Seconds between two looks at the memory of a process."""

START_LIMIT: float = 1800.0
"""Seconds after which a calculator that has not been made is given up."""

THREADS: tuple[str, ...] = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "MLIP_RS_NUM_THREADS",
)
"""Variables of the environment that limit the threads of libraries."""

FROM_OUTSIDE: tuple[str, ...] = ("SIGKILL", "SIGTERM", "SIGHUP")
"""Signals by which others end a process."""

OUTPUT: str = "output.txt"
"""File for what a calculator has printed, in the folder of a structure that failed."""


@dataclass(frozen=True)
class Limits:
    """What one calculation may take.

    Parameters
    ----------
    time_limit
        Seconds; None: any.
    memory_limit
        GB of a process with all that it has started; None: any.
    max_force
        eV/Å; larger forces are failures.
    threads
        Of each calculation.
    """

    time_limit: float | None
    memory_limit: float | None
    max_force: float
    threads: int


class ChildProcess:
    """A process with a calculator.

    Parameters
    ----------
    source
        Pickle of the `CalculatorSource`.
    limits
        Those of each calculation.
    """

    def __init__(self, source: bytes, limits: Limits) -> None:
        self.source, self.limits = source, limits
        self.facts: Facts | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the process)
        self._connection, other = Pipe()
        environment = os.environ | dict.fromkeys(THREADS, str(limits.threads))
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        command = f"from mlip_rs.label.child import main; main({other.fileno()})"
        self._process = subprocess.Popen(
            [sys.executable, "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=environment,
            pass_fds=[other.fileno()],
            start_new_session=True,  # Ctrl-C is for the client, and all that it starts ends with it
        )
        other.close()

    def open(self) -> Facts:
        """Wait until the calculator is made.

        Raises
        ------
        ConfigError
            It cannot be made; one sentence.
        Unlabellable
            The process has ended meanwhile.
        """
        loaded: CalculatorSource = pickle.loads(self.source)
        try:
            self._connection.send_bytes(pickle.dumps((loaded, self.limits.threads)))
            answer = self._answer(START_LIMIT)
        except (Unlabellable, OSError) as ended:
            self.kill()
            raise ended if isinstance(ended, Unlabellable) else self._death() from None
        if not isinstance(answer, Facts):
            self.kill()
            raise ConfigError(answer)
        return answer

    @property
    def alive(self) -> bool:
        """Whether it can label."""
        return self._process.poll() is None

    def outcome(self, atoms: Atoms, folder: Path) -> Outcome:
        """Labels of a structure, calculated in a new folder, which becomes `folder` if that fails.

        Whatever happens to the process is told as an outcome; a process that has ended is of no use any more.
        """
        # No other attempt has this one, not even that of a worker whose client was killed.
        place = folder.with_name(f"{folder.name}.{secrets.token_hex(3)}")
        place.mkdir(parents=True)
        os.truncate(self._log.fileno(), 0)
        os.lseek(self._log.fileno(), 0, os.SEEK_SET)
        start = time.monotonic()
        try:
            self._connection.send_bytes(pickle.dumps((atoms, str(place), self.limits.max_force)))
            outcome = self._answer(self.limits.time_limit)
        except Unlabellable as ended:
            self.kill()
            outcome = Outcome(None, ended.kind, ended.reason, time.monotonic() - start)
        except OSError:
            self.kill()
            outcome = Outcome(None, "crash", "the process is gone", time.monotonic() - start)
        assert isinstance(outcome, Outcome)
        if outcome.labels is not None:
            shutil.rmtree(place, ignore_errors=True)
            return outcome
        printed = self._printed()
        with suppress(OSError):
            if printed:
                (place / OUTPUT).write_bytes(printed)
            shutil.rmtree(folder, ignore_errors=True)
            if any(place.iterdir()):
                place.rename(folder)
            else:
                place.rmdir()
        return outcome

    def kill(self) -> None:
        """End the process and all that it has started."""
        descendants: list[Any] = []
        with suppress(Exception):
            import psutil

            descendants = psutil.Process(self._process.pid).children(recursive=True)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for one in descendants:
            with suppress(Exception):
                one.kill()
        self._process.wait()
        self._connection.close()

    def close(self) -> None:
        """End the process, and forget what it has printed."""
        self.kill()
        self._log.close()

    def _answer(self, limit: float | None) -> Any:  # noqa: ANN401 (what the other end sends)
        start = time.monotonic()
        while True:
            left = LOOK if limit is None else min(LOOK, start + limit - time.monotonic())
            try:
                if self._connection.poll(max(left, 0.0)):
                    return self._connection.recv()
            except (EOFError, OSError):
                raise self._death() from None
            if limit is not None and time.monotonic() - start >= limit:
                raise Unlabellable("time limit", f"stopped after {duration(limit)}")
            self._check_memory()

    def _check_memory(self) -> None:
        if self.limits.memory_limit is None:
            return
        import psutil

        used = 0
        with suppress(psutil.Error):
            process = psutil.Process(self._process.pid)
            for one in [process, *process.children(recursive=True)]:
                with suppress(psutil.Error):
                    used += one.memory_info().rss
        if used > self.limits.memory_limit * 1e9:
            raise Unlabellable(
                "memory",
                f"took {used / 1e9:.2g} GB of memory, above the limit of {self.limits.memory_limit:g} GB",
            )

    def _death(self) -> Unlabellable:
        """How the process has ended, with the last line that it has printed."""
        try:
            code = self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            code = 0
        lines = self._printed().decode("utf-8", "replace").split("\n")
        last = next((f": {line.strip()}" for line in reversed(lines) if line.strip()), "")
        if code < 0:
            name = signal.Signals(-code).name
            memory = ", as the system does when memory runs out" if name == "SIGKILL" else ""
            kind = "killed" if name in FROM_OUTSIDE else "crash"
            return Unlabellable(kind, f"the process was killed by {name}{memory}{last}")
        return Unlabellable("crash", f"the process ended with exit code {code}{last}")

    def _printed(self) -> bytes:
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), 100_000, max(size - 100_000, 0))
