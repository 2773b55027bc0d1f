"""`label`: structures to labels, one calculation after another or many at a time, to be interrupted at any moment."""

import os
import shutil
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlip_rs.errors import ConfigError, LabelError
from mlip_rs.label.child import Facts, Outcome
from mlip_rs.label.child_process import Limits
from mlip_rs.label.derivatives import compared, variants
from mlip_rs.label.failures import Failure, FailureJournal
from mlip_rs.label.labelled_frames import LabelledFrames
from mlip_rs.label.labels import MAX_FORCE
from mlip_rs.label.record import LabelRecord
from mlip_rs.label.source import CalculatorSource, source_of
from mlip_rs.label.summary import LabelSummary
from mlip_rs.label.tasks import Job, facts_of, forget_outcome, kept_outcome, outcome_of
from mlip_rs.label.unlabelled import Structures, Unlabelled, unlabelled
from mlip_rs.label.workers import Scheduler, Workers, workers_for
from mlip_rs.locks import lock_file
from mlip_rs.progress import Progress, Silent
from mlip_rs.settings import check_integer, check_number

FIRST: int = 5
"""If so many structures fail before any is labelled, the run ends."""

IN_A_ROW: int = 25
"""If so many structures fail one after another, the run ends."""

FROM_OUTSIDE: tuple[str, ...] = ("killed", "worker lost")
"""Kinds of failures that are tried again at least once."""

LOOK: float = 1.0
"""Seconds between two looks at the scheduler."""

CHECKED: int = 3
"""Structures that are tried for the check of derivatives, should the first fail."""

NOTED: int = 10
"""Failures that are told while the run goes on."""


def label(
    structures: Structures,
    calculator: Any,  # noqa: ANN401 (text, a factory, a calculator)
    out: str | os.PathLike[str],
    *,
    arguments: Mapping[str, Any] | None = None,
    scheduler: Scheduler | None = None,
    n_workers: int | None = None,
    threads: int = 1,
    retries: int = 0,
    retry_failed: bool = False,
    time_limit: float | None = None,
    memory_limit: float | None = None,
    max_force: float = MAX_FORCE,
    check: bool = True,
    work: str | os.PathLike[str] | None = None,
    index: str = ":",
    format: str | None = None,
    types: Sequence[str] = (),
    progress: Progress | None = None,
) -> LabelSummary:
    """Label structures with energy, forces and stress by a calculator, and append them to a file as they are finished.

    Every calculation runs in a process that may crash, hang or run out of memory: the structure is noted as failed,
    with the reason, and the next goes on. The same call again resumes: what is in the file is not calculated again.

    Parameters
    ----------
    structures
        Files that ASE reads, ASE's `Atoms`, or a list of either; labels that they have are ignored.
    calculator
        "module:factory" or "path/to/file.py:factory", a function or class that returns a calculator of ASE, called
        once in each process, or with every structure if it has one parameter without default; the file of a
        potential; "chgnet", "7net-0"; a function or class itself, or a calculator that can be pickled.
    out
        Extended XYZ (.extxyz). Each frame keeps what it carried, such as `config_type`, and gets `energy` (eV; that
        whose derivative the forces are), `forces`, `stress` (eV/Å³, positive under tension), `label_id`. Beside it
        are OUT.label.json, what made the labels, and OUT.failures.jsonl, structures that failed, with reasons.
    arguments
        Keyword arguments of the factory.
    scheduler
        Address of a scheduler of Dask, the file that it writes, or a client; None: this machine.
    n_workers
        Calculations at a time on this machine; None: as many as there are cores for.
    threads
        Threads of each calculation.
    retries
        How often a structure that fails is tried again.
    retry_failed
        Try structures again that failed in a run before.
    time_limit
        Seconds after which a calculation is stopped and has failed.
    memory_limit
        GB of memory above which a calculation is stopped and has failed.
    max_force
        Forces above this (eV/Å) count as a failure.
    check
        Compare forces and stress with differences of the energy of the smallest structure before anything is
        written, in three calculations.
    work
        Folder in which each structure is calculated in a folder of its own, kept if that fails; OUT.work by default.
    index, format, types
        As for `mlip_rs.read_dataset`.
    progress
        Receiver of progress reports.

    Returns
    -------
    LabelSummary
        Numbers of labels and failures, and the time.

    Raises
    ------
    ConfigError
        The calculator cannot be made, is not the one of the labels that are in the file, or another process writes it.
    LabelError
        Forces or stress are not derivatives of the energy, all structures fail, or the scheduler is gone.
    DataError
        Structures cannot be read, or the file holds something else than labels.
    OSError
        The file cannot be written; what it holds is whole.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from ase.build import bulk
    >>> with TemporaryDirectory() as folder:
    ...     cells = [bulk("Al", a=a) for a in (3.9, 4.0, 4.1)]
    ...     summary = label(cells, "ase.calculators.emt:EMT", f"{folder}/al.extxyz", n_workers=1)
    >>> summary.n_labelled, summary.n_failed
    (3, 0)
    """
    _check_settings(
        retries, threads, n_workers, time_limit=time_limit, memory_limit=memory_limit, max_force=max_force
    )
    path, receiver = Path(out), progress or Silent()
    source = source_of(calculator, arguments)
    frames = LabelledFrames(path)
    _check_inputs(path, structures)
    given = unlabelled(structures, index=index, format=format, types=types, note=receiver.note)
    limits = Limits(time_limit, memory_limit, float(max_force), threads)
    job = Job.of(source, limits, Path(work) if work else path.with_suffix(".work"), scheduler is not None)
    busy = f"{path}: {{}} is writing labels there; wait until it ends, or choose another output (-o)"
    with lock_file(path.with_name(f".{path.name}.lock"), busy):
        run = _Run(source, job, frames, given, receiver, retries)
        todo = run.resume(retry_failed)
        if todo:
            workers = workers_for(scheduler, n_workers, threads)
            try:
                run.label(todo, workers, check)
            finally:
                workers.close(job.run)
                _tidy(Path(job.work), scheduler is None or run.done)
        return run.finished()


class _Run:
    """One run with one output."""

    def __init__(
        self,
        source: CalculatorSource,
        job: Job,
        frames: LabelledFrames,
        given: Sequence[Unlabelled],
        progress: Progress,
        retries: int,
    ) -> None:
        self._source, self._job, self._frames, self._given = source, job, frames, given
        self._progress, self._retries = progress, retries
        path = frames.path
        self._journal = FailureJournal(path.with_suffix(".failures.jsonl"))
        self._record = LabelRecord(path.with_suffix(".label.json"))
        self._summary = LabelSummary(path, self._journal.path, len(given), 0)
        self._failed: dict[str, Failure] = {}
        self._in_a_row = 0
        self.done = False
        self._begin = time.monotonic()

    def resume(self, retry_failed: bool) -> deque[Unlabelled]:
        """Structures that are to be calculated, after a look at what there is."""
        self._frames.recover()
        if self._frames.torn:
            self._progress.note(f"{self._frames.path}: an unfinished frame at the end was cut off")
        done, failed = self._frames.ids, self._journal.read()
        self._record.check(self._source.document(), len(done))
        self._summary.n_before = sum(one.label_id in done for one in self._given)
        todo = deque(one for one in self._given if one.label_id not in done)
        if done and not retry_failed:
            self._failed = {one.label_id: failed[one.label_id] for one in todo if one.label_id in failed}
            todo = deque(one for one in todo if one.label_id not in failed)
        if self._summary.n_before or self._failed:
            left = f"; {len(self._failed)} failed before and are left out" if self._failed else ""
            self._progress.note(f"{self._summary.n_before} of {len(self._given)} are labelled already{left}")
        return todo

    def label(self, todo: deque[Unlabelled], workers: Workers, check: bool) -> None:
        """Calculate and write."""
        facts = self._facts(workers)
        settings = self._source.document() | {"digest": facts.digest}
        self._record.check(settings, len(self._frames.ids))
        for remark in self._record.other_versions(facts.versions):
            self._progress.note(remark)
        n_labelled = len(self._frames.ids)
        if not n_labelled:
            self._record.document = {}
        self._record.write(**settings, versions=dict(facts.versions))
        self._progress.start("labels", len(todo))
        if check and not self._record.checked:
            self._check_derivatives(todo, workers)
        self._calculate(self._not_kept(todo), workers)
        self.done = True

    def finished(self) -> LabelSummary:
        """Numbers of the run."""
        self._summary.failures = list(self._failed.values())
        self._summary.seconds = time.monotonic() - self._begin
        return self._summary

    def _facts(self, workers: Workers) -> Facts:
        future = workers.submit(facts_of, self._job)
        facts: Facts | str | BaseException = _result(future, workers)
        if isinstance(facts, BaseException):
            raise LabelError(f"no worker can make the calculator ({_words(facts)})")
        if isinstance(facts, str):
            raise ConfigError(facts)
        return facts

    def _not_kept(self, todo: deque[Unlabelled]) -> deque[Unlabelled]:
        """Structures that no worker has finished for a client that was killed; labels of the others are written."""
        left: deque[Unlabelled] = deque()
        for structure in todo:
            outcome = kept_outcome(self._job, structure.label_id)
            if outcome is None:
                left.append(structure)
            else:
                self._take(structure, outcome)
        return left

    def _calculate(self, todo: deque[Unlabelled], workers: Workers) -> None:
        """Keep the workers busy, and take results as they come."""
        attempts: dict[str, int] = {}
        running: dict[Future[Outcome], Unlabelled] = {}
        while todo or running:
            while todo and len(running) < workers.ahead:
                structure = todo.popleft()
                running[self._submit(structure, workers)] = structure
            finished, _ = wait(running, LOOK, FIRST_COMPLETED)
            if not finished:
                workers.check()
            for future in finished:
                structure = running.pop(future)
                outcome = _outcome(future, workers)
                tried = attempts[structure.label_id] = attempts.get(structure.label_id, 0) + 1
                retries = max(self._retries, outcome.kind in FROM_OUTSIDE)
                if outcome.labels is None and tried <= retries:
                    todo.append(structure)
                else:
                    self._take(structure, outcome, tried)

    def _submit(self, structure: Unlabelled, workers: Workers) -> Future[Outcome]:
        return workers.submit(outcome_of, self._job, structure.label_id, structure.atoms)

    def _take(self, structure: Unlabelled, outcome: Outcome, attempts: int = 1) -> None:
        """Write the labels of a structure, or its failure."""
        if outcome.labels is None:
            failure = Failure.of(structure, outcome.kind, outcome.reason, attempts, outcome.seconds)
            self._journal.append(failure)
            self._failed[structure.label_id] = failure
            self._in_a_row += 1
            self._progress.advance()
            if len(self._failed) <= NOTED:
                self._progress.note(f"failed: {failure.sentence}")
            self._check_worth(failure)
            return
        self._frames.append(structure, outcome.labels, outcome.seconds)
        forget_outcome(self._job, structure.label_id)
        self._in_a_row = 0
        summary = self._summary
        summary.n_labelled += 1
        summary.n_atoms += len(structure.atoms)
        summary.seconds_calculating += outcome.seconds
        if outcome.labels.stress is None and structure.atoms.pbc.all():
            summary.without_stress += 1
        if outcome.labels.energy_zero_smearing is not None and summary.n_labelled == 1:
            summary.notes.append(
                "energies are free energies, to which the forces belong; those extrapolated to no smearing are kept as "
                "energy_zero_smearing"
            )
        self._progress.advance()

    def _check_worth(self, last: Failure) -> None:
        """End a run in which nothing succeeds."""
        limit = IN_A_ROW if self._frames.ids else FIRST
        if self._in_a_row < limit:
            return
        which = "first" if not self._frames.ids else "last"
        raise LabelError(
            f"the {which} {self._in_a_row} structures failed, and the run was ended; {last.sentence}; all reasons are "
            f"in {self._journal.path}"
        )

    def _check_derivatives(self, todo: deque[Unlabelled], workers: Workers) -> None:
        """Compare the labels of the smallest structure with differences of its energy, before anything is written.

        Raises
        ------
        LabelError
            They contradict each other.
        """
        candidates = sorted((one for one in todo if len(one.atoms) > 1), key=lambda one: len(one.atoms))
        if not candidates:
            self._summary.notes.append("forces were not checked: no structure has two atoms or more")
        for structure in candidates[:CHECKED]:
            todo.remove(structure)
            outcome = _outcome(self._submit(structure, workers), workers)
            if outcome.labels is None:
                self._take(structure, outcome)
                continue
            atoms = [structure.atoms, *variants(structure.atoms, outcome.labels)]
            futures = [
                workers.submit(outcome_of, self._job, f"{structure.label_id}-check-{k}", one)
                for k, one in enumerate(atoms[1:])
            ]
            others = [_outcome(future, workers) for future in futures]
            labels = [outcome.labels, *(other.labels for other in others)]
            known = [one for one in labels if one is not None]
            if len(known) < len(labels):
                self._summary.notes.append(
                    "forces and stress were not checked: a displaced or strained structure failed"
                )
            else:
                found = compared(atoms, known)
                if found.fault:
                    raise LabelError(f"{structure.location}: {found.fault}; nothing was written")
                self._record.write(check={"structure": structure.location, **asdict(found)})
                self._summary.notes += found.notes
            self._take(structure, outcome)
            return


def _outcome(future: "Future[Outcome]", workers: Workers) -> Outcome:
    """What a task has given; a failure if its worker is gone."""
    found: Outcome | BaseException = _result(future, workers)
    if isinstance(found, BaseException):
        return Outcome(None, "worker lost", f"{_words(found)}")
    return found


def _result(future: "Future[Any]", workers: Workers) -> Any:  # noqa: ANN401 (what the task gives)
    """Wait for a task; what it raised is returned.

    Raises
    ------
    LabelError
        The scheduler is gone.
    """
    while not future.done():
        wait([future], LOOK)
        workers.check()
    try:
        return future.result()
    except CancelledError:
        workers.check()
        raise LabelError(
            "the scheduler has dropped the work; the labels so far are kept, run the same command again to resume"
        ) from None
    except Exception as error:
        return error


def _words(error: BaseException) -> str:
    """An error of a worker in one line."""
    name = type(error).__name__
    if name == "KilledWorker":
        return "the worker ended while it calculated, and so did those that tried after it"
    return " ".join(f"{name}: {error}".split())


def _check_settings(retries: int, threads: int, n_workers: int | None, **limits: float | None) -> None:
    """Refuse settings that make no sense."""
    check_integer("retries", retries, 0)
    check_integer("threads", threads, 1)
    if n_workers is not None:
        check_integer("n_workers", n_workers, 1)
    for name, value in limits.items():
        if value is None:
            continue
        check_number(name, value)
        if value <= 0.0:
            raise ConfigError(f"{name} is {value!r}; it must be positive")
    if limits.get("memory_limit") is not None:
        from importlib.util import find_spec

        if find_spec("psutil") is None:
            raise ConfigError("a limit of memory needs psutil: pip install psutil, or leave out memory_limit")


def _check_inputs(out: Path, structures: Structures) -> None:
    """Refuse an output that is read from as well."""
    named = [structures] if isinstance(structures, str | os.PathLike) else structures
    for one in named if isinstance(named, list | tuple) else []:
        if isinstance(one, str | os.PathLike) and out.exists() and Path(one).exists() and out.samefile(one):
            raise ConfigError(f"{out}: is read from as well; choose another output (-o)")


def _tidy(folder: Path, alone: bool) -> None:
    """Leave only what belongs to failures; what attempts of killed workers left, only if no other can be going on."""
    with suppress(OSError):
        for place in folder.iterdir():
            if "-check-" in place.name or (alone and "." in place.name):
                if place.is_dir():
                    shutil.rmtree(place, ignore_errors=True)
                else:
                    place.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()
