"""One run of labelling: what is left to do, keeping the workers busy, and taking results as they come."""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import asdict
from typing import Any

import numpy as np

from mlip_rs.errors import ConfigError, LabelError
from mlip_rs.label.child import Facts, Outcome
from mlip_rs.label.derivatives import compared, variants
from mlip_rs.label.failures import Failure, FailureJournal
from mlip_rs.label.labelled_frames import LabelledFrames
from mlip_rs.label.record import LabelRecord
from mlip_rs.label.source import CalculatorSource
from mlip_rs.label.summary import LabelSummary
from mlip_rs.label.tasks import Job, facts_of, forget_outcome, kept_outcome, outcome_of
from mlip_rs.label.unlabelled import Unlabelled
from mlip_rs.label.workers import Workers
from mlip_rs.progress import Progress

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


class LabelSession:
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
        self._in_a_row = self._n_told = 0
        self._made_by = source.name
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
        self._made_by = self._source.described(facts.versions)
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
            self._n_told += 1
            self._progress.advance()
            if self._n_told <= NOTED:
                self._progress.note(f"failed: {failure.sentence}")
            self._check_worth(failure)
            return
        self._frames.append(structure, outcome.labels, outcome.seconds, self._made_by)
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
        """Compare the labels of a small structure with differences of its energy, before anything is written.

        Raises
        ------
        LabelError
            They contradict each other.
        """
        candidates = _candidates(todo)
        if not candidates:
            self._summary.notes.append("forces were not checked: no structure has two atoms or more")
        for structure in candidates:
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


def _candidates(structures: Iterable[Unlabelled]) -> list[Unlabelled]:
    """The best structures for the check of derivatives: of few atoms, but not one, and a common volume."""
    several = [one for one in structures if len(one.atoms) > 1]
    volumes = [np.cbrt(one.atoms.cell.volume / len(one.atoms)) for one in several]
    common = np.median(volumes) if volumes else 0.0
    order = sorted(range(len(several)), key=lambda k: (len(several[k].atoms), abs(volumes[k] - common)))
    return [several[k] for k in order[:CHECKED]]


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
