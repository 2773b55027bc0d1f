"""A learning loop from files to a potential: what one command of `mlip-rs learn` does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms

from mlip_rs.arrays import Mask
from mlip_rs.basis import Basis
from mlip_rs.data import Dataset, Frame, dataset_from_atoms
from mlip_rs.errors import DataError
from mlip_rs.evaluate.labelled_file import LabelledFile
from mlip_rs.fitting import FitSettings
from mlip_rs.fitting.label_review import agreeing
from mlip_rs.label import label
from mlip_rs.label.unlabelled import label_id, stored_id, unlabelled
from mlip_rs.learn import LearnSettings, learn
from mlip_rs.learn.loop import Learned
from mlip_rs.progress import Progress, Silent
from mlip_rs.text import counted
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
        notice = self._write_in_order(learned)
        if notice:
            receiver.note(notice)
        files = (str(self.directory / TRAINING), *(() if self.start is None else self.start.train))
        job = Job(
            Sources(files),
            basis=self.basis,
            settings=self.fit,
            directory=self.directory / FIT,
            overwrite=True,
        )
        result = job.run(receiver, again=False)
        write_learning_report(self.directory, learned, result.run, notice)
        return learned, result

    def _write_in_order(self, learned: Learned) -> str:
        """Write the labels in the order of the choice: in their file, those that were calculated again come later.

        Those that contradict the others are left out; returns a sentence on these, empty if there are none.
        """
        chosen = [one.label_id for cycle in learned.cycles for one in cycle.chosen]
        order = {own: place for place, own in enumerate(chosen)}
        frames = sorted(
            ase.io.iread(self.labeller.path, ":"),
            key=lambda atoms: (order.get(stored_id(atoms), len(order)), stored_id(atoms)),
        )
        path = self.directory / TRAINING
        labelled = [replace(frame, file=path.name) for frame in dataset_from_atoms(frames)]
        keep, left_out = agreeing_labels(self.labeller.path, labelled, self.fit.seed)
        LabelledFile(path).write([frames[k] for k in np.flatnonzero(keep)])
        return (
            f"{left_out}: the calculator is not smooth there, or found other electronic states"
            if left_out
            else ""
        )


def agreeing_labels(path: Path, frames: Sequence[Frame], seed: int) -> tuple[Mask, str]:
    """Which labels of one calculator do not contradict the others.

    Parameters
    ----------
    path
        Of the labels, for messages.
    frames
        With the labels.
    seed
        Of the sample that is looked at.

    Returns
    -------
    keep
        (n_frames,).
    sentence
        How many are left out, and what was found; empty if all agree.

    Raises
    ------
    DataError
        More than half contradict the others.
    """
    keep, findings = agreeing(Dataset(tuple(frames)), seed)
    n_left_out = int((~keep).sum())
    if n_left_out > len(keep) / 2:
        raise DataError(
            f"{path}: {n_left_out} of {len(keep)} labels contradict the others "
            f"({findings[0].message.rstrip('.')}); choose another calculator, or other settings of it"
        )
    kinds = ", ".join(dict.fromkeys(found.kind for found in findings))
    told = f"{counted(n_left_out, 'label')} of {len(keep)} left out that contradict the others ({kinds})"
    return keep, told if findings else ""
