"""One structure, one task: what runs on a thread of the client, or on a worker of Dask."""

import pickle
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms

from mlip_rs.errors import ConfigError
from mlip_rs.label.child import Facts, Outcome
from mlip_rs.label.child_process import ChildProcess, Limits
from mlip_rs.label.source import CalculatorSource


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
    """

    source: bytes
    limits: Limits
    work: str

    @classmethod
    def of(cls, source: CalculatorSource, limits: Limits, work: Path) -> "Job":
        """The job of a source."""
        return cls(pickle.dumps(source), limits, str(work.absolute()))


class Children:
    """Processes with calculators in this process, kept from one task to the next.

    All tasks of a process share them; a task has one for itself while it runs.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[ChildProcess] = []
        self._busy: list[ChildProcess] = []

    def take(self, job: Job) -> ChildProcess:
        """A process with the calculator of a job, a new one if none is idle.

        Raises
        ------
        ConfigError
            The calculator cannot be made.
        """
        with self._lock:
            others = [one for one in self._idle if (one.source, one.limits) != (job.source, job.limits)]
            for one in others:  # of a run that has ended
                self._idle.remove(one)
                one.close()
            idle = bool(self._idle)
            child = self._idle.pop() if idle else ChildProcess(job.source, job.limits)
            self._busy.append(child)
        if not idle:
            try:
                child.facts = child.open()
            except BaseException:
                self.give_back(child)
                raise
        return child

    def give_back(self, child: ChildProcess) -> None:
        """Keep a process for the next task, if it is alive."""
        with self._lock:
            if child in self._busy:
                self._busy.remove(child)
                if child.alive:
                    self._idle.append(child)
                    return
        child.close()

    def close(self) -> None:
        """End all processes, also those that calculate."""
        with self._lock:
            idle, busy, self._idle, self._busy = self._idle, self._busy, [], []
        for child in idle:
            child.close()
        for child in busy:
            child.kill()  # its task sees that


CHILDREN: Children = Children()
"""Those of this process."""


def facts_of(job: Job) -> Facts | str:
    """Make a calculator, and say what it is; the sentence of an error if that is not possible."""
    try:
        child = CHILDREN.take(job)
    except ConfigError as error:
        return str(error)
    CHILDREN.give_back(child)
    assert child.facts is not None
    return child.facts


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
    except ConfigError as error:
        return Outcome(None, "error", str(error))
    except OSError as error:
        return Outcome(None, "error", f"no process can be started ({error.strerror})")
    try:
        return child.outcome(atoms, _folder(job.work) / name)
    except OSError as error:
        return Outcome(None, "error", f"{error.filename}: {error.strerror}")
    finally:
        CHILDREN.give_back(child)


def close_children() -> None:
    """End the processes of this process."""
    CHILDREN.close()


def _folder(work: str) -> Path:
    """The folder of a job, or one for temporary files on a machine that cannot make it."""
    try:
        Path(work).mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir(), "mlip-rs-label")
    return Path(work)
