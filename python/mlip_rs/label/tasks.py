"""One structure, one task: what runs on a thread of the client, or on a worker of Dask."""

import pickle
import secrets
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from mlip_rs.errors import ConfigError
from mlip_rs.files import atomic_file
from mlip_rs.label.child import Facts, Outcome
from mlip_rs.label.child_process import ChildProcess, Limits
from mlip_rs.label.labels import Unlabellable
from mlip_rs.label.source import CalculatorSource

IDLE: float = 1800.0
"""Seconds after which a process that waits is ended."""

KEPT: str = ".outcome"
"""Suffix of outcomes that are kept."""


@dataclass(frozen=True, eq=False)
class Job:
    """What all tasks of a run have in common.

    Parameters
    ----------
    source
        Pickle of the source of calculators, with which the work begins in a new process.
    limits
        What a calculation may take.
    work
        Folder for the folders of structures; where it cannot be made, one for temporary files.
    keep
        Whether outcomes are kept in that folder until the client has written them: a worker may outlive its client.
    run
        A word that no other run has.
    """

    source: bytes
    limits: Limits
    work: str
    keep: bool
    run: str

    @classmethod
    def of(cls, source: CalculatorSource, limits: Limits, work: Path, keep: bool) -> "Job":
        """The job of a source."""
        return cls(pickle.dumps(source), limits, str(work.absolute()), keep, secrets.token_hex(4))


class Children:
    """Processes with calculators in this process, kept from one task to the next.

    All tasks of a process share them; a task has one for itself while it runs.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[tuple[str, float, ChildProcess]] = []  # run, since when, process
        self._busy: list[tuple[str, ChildProcess]] = []
        self._ended: set[str] = set()

    def take(self, job: Job) -> ChildProcess:
        """A process with the calculator of a job, a new one if none is idle.

        Raises
        ------
        ConfigError
            The calculator cannot be made.
        Unlabellable
            The process ended while it was made.
        """
        with self._lock:
            if job.run in self._ended:
                raise ConfigError("the run has been ended")
            self._forget_old()
            own = next((entry for entry in self._idle if entry[0] == job.run and entry[2].alive), None)
            if own is not None:
                self._idle.remove(own)
            child = ChildProcess(job.source, job.limits) if own is None else own[2]
            self._busy.append((job.run, child))
        if own is None:
            try:
                child.facts = child.open()
            except BaseException:
                self.give_back(job, child)
                raise
        return child

    def give_back(self, job: Job, child: ChildProcess) -> None:
        """Keep a process for the next task, if it is alive."""
        with self._lock:
            if (job.run, child) in self._busy:
                self._busy.remove((job.run, child))
                if child.alive:
                    self._idle.append((job.run, time.monotonic(), child))
                    return
        child.close()

    def close(self, run: str) -> None:
        """End all processes of a run, also those that calculate."""
        with self._lock:
            self._ended.add(run)
            idle = [entry for entry in self._idle if entry[0] == run]
            busy = [entry for entry in self._busy if entry[0] == run]
            self._idle = [entry for entry in self._idle if entry not in idle]
            self._busy = [entry for entry in self._busy if entry not in busy]
        for *_, child in idle:
            child.close()
        for _, child in busy:
            child.kill()  # its task sees that, and forgets it

    def _forget_old(self) -> None:
        """End processes that have waited for long, such as those of clients that were killed."""
        now = time.monotonic()
        for entry in [entry for entry in self._idle if now - entry[1] > IDLE or not entry[2].alive]:
            self._idle.remove(entry)
            entry[2].close()


CHILDREN: Children = Children()
"""Those of this process."""


def facts_of(job: Job) -> Facts | str:
    """Make a calculator, and say what it is; the sentence of an error if that is not possible."""
    for attempt in (1, 2):
        try:
            child = CHILDREN.take(job)
        except ConfigError as error:
            return str(error)
        except Unlabellable as ended:
            if ended.kind == "killed" and attempt == 1:
                continue
            name = pickle.loads(job.source).name
            return f"{name}: the calculator cannot be made ({ended.reason})"
        CHILDREN.give_back(job, child)
        assert child.facts is not None
        return child.facts
    raise AssertionError


def outcome_of(job: Job, name: str, atoms: Atoms) -> Outcome:
    """Labels of a structure, or the reason why there are none; nothing is raised.

    Parameters
    ----------
    job
        The job.
    name
        Of the folder of the structure.
    atoms
        The structure.
    """
    try:
        child = CHILDREN.take(job)
    except Unlabellable as ended:
        return Outcome(None, ended.kind, ended.reason)
    except ConfigError as error:
        return Outcome(None, "error", str(error))
    except OSError as error:
        return Outcome(None, "error", f"no process can be started ({error.strerror})")
    try:
        outcome = child.outcome(atoms, _folder(job.work) / name)
        if job.keep and outcome.labels is not None and _folder(job.work) == Path(job.work):
            with suppress(OSError), atomic_file(Path(job.work, name + KEPT), "wb") as file:
                pickle.dump((job.source, outcome), file)
        return outcome
    except OSError as error:
        return Outcome(None, "error", f"{error.filename}: {error.strerror}")
    finally:
        CHILDREN.give_back(job, child)


def kept_outcome(job: Job, name: str) -> Outcome | None:
    """Outcome of a structure from a run before with the same source, whose client did not live to see it; or None."""
    try:
        source, outcome = pickle.loads(Path(job.work, name + KEPT).read_bytes())
    except (OSError, pickle.UnpicklingError, EOFError, ValueError):
        return None
    return outcome if source == job.source and isinstance(outcome, Outcome) else None


def forget_outcome(job: Job, name: str) -> None:
    """Remove an outcome that is kept: it has been written."""
    with suppress(OSError):
        Path(job.work, name + KEPT).unlink()


def close_children(run: str) -> None:
    """End the processes of a run in this process."""
    CHILDREN.close(run)


def _folder(work: str) -> Path:
    """The folder of a job, or one for temporary files on a machine that cannot make it."""
    try:
        Path(work).mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir(), "mlip-rs-label")
    return Path(work)
