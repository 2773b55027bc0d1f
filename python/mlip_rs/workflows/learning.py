"""A learning loop from files to a potential: what one command of `mlip-rs learn` does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ase.io
from ase import Atoms

from mlip_rs.basis import Basis
from mlip_rs.data import Dataset
from mlip_rs.evaluate.labelled_file import LabelledFile
from mlip_rs.fitting import FitSettings
from mlip_rs.label import label
from mlip_rs.label.unlabelled import label_id, stored_id, unlabelled
from mlip_rs.learn import LearnSettings, learn
from mlip_rs.learn.loop import Learned
from mlip_rs.progress import Progress, Silent
from mlip_rs.workflows.fit_job import Job, JobResult, Sources

LABELS: str = "labels.extxyz"
"""File with the labels of a loop, in its directory."""

TRAINING: str = "training.extxyz"
"""File with the labels in the order in which structures were chosen, for the final fit."""

FIT: str = "fit"
"""Folder of the final fit, in the directory of a loop."""


@dataclass(frozen=True)
class FileLabeller:
    """Labels structures by `mlip_rs.label.label`, into one file.

    Parameters
    ----------
    path
        The file.
    calculator, arguments
        As for `label`.
    options
        Other keyword arguments of `label`.
    progress
        Receives the advance.
    """

    path: Path
    calculator: Any
    arguments: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    progress: Progress = field(default_factory=Silent)

    def __call__(self, structures: Sequence[Atoms]) -> list[Atoms]:
        """Those structures that have labels, now or from before."""
        label(
            list(structures),
            self.calculator,
            self.path,
            arguments=self.arguments,
            progress=self.progress,
            **self.options,
        )
        wanted = {label_id(atoms) for atoms in structures}
        return [atoms for atoms in ase.io.iread(self.path, ":") if stored_id(atoms) in wanted]


@dataclass(frozen=True)
class LearnJob:
    """A loop from files to a potential.

    Parameters
    ----------
    pool
        Structures that may be labelled.
    directory
        Of record, labels, the final fit and the report.
    labeller
        Labels structures.
    start
        Files with labelled structures that there are already; None for none.
    settings
        Of the loop.
    basis, fit
        Of the final fit; the fits in the loop take size and weights from them.
    """

    pool: Sources
    directory: Path
    labeller: FileLabeller
    start: Sources | None = None
    settings: LearnSettings = field(default_factory=LearnSettings)
    basis: Basis = field(default_factory=Basis)
    fit: FitSettings = field(default_factory=FitSettings)

    def run(self, progress: Progress | None = None) -> tuple[Learned, JobResult]:
        """Learn, fit everything that is labelled with all tests, and write the report.

        Raises
        ------
        ConfigError, DataError, FitError, LabelError
            As `learn`, `label` and `Job.run`.
        OSError
            The directory cannot be written to.
        """
        from mlip_rs.report.learning import write_learning_report

        receiver = progress or Silent()
        structures = unlabelled(
            list(self.pool.train),
            index=self.pool.index,
            format=self.pool.format,
            types=self.pool.types,
            note=receiver.note,
        )
        start: Dataset | None = None if self.start is None else self.start.training()
        learned = learn(
            [one.atoms for one in structures],
            self.labeller,
            self.directory,
            start=start,
            basis=self.basis if self.basis.size is not None else None,
            fit=self.fit,
            settings=self.settings,
            progress=receiver,
        )
        receiver.note(learned.outcome)
        self._write_in_order(learned)
        files = (str(self.directory / TRAINING), *(() if self.start is None else self.start.train))
        job = Job(
            Sources(files),
            basis=self.basis,
            settings=self.fit,
            directory=self.directory / FIT,
            overwrite=True,
        )
        result = job.run(receiver)
        write_learning_report(self.directory, learned, result.run)
        return learned, result

    def _write_in_order(self, learned: Learned) -> None:
        """Write the labels in the order of the choice: in their file, those that were calculated again come later."""
        chosen = [one.label_id for cycle in learned.cycles for one in cycle.chosen]
        order = {own: place for place, own in enumerate(chosen)}
        frames = sorted(
            ase.io.iread(self.labeller.path, ":"),
            key=lambda atoms: (order.get(stored_id(atoms), len(order)), stored_id(atoms)),
        )
        LabelledFile(self.directory / TRAINING).write(frames)
