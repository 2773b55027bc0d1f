"""A fit from files to a run directory, as `mlip-rs fit` does it: read, clean, fit, save, report."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ase import Atoms

from mlip_rs._core import __version__
from mlip_rs.basis import Basis
from mlip_rs.basis.repulsion import repulsion_setting
from mlip_rs.basis.summary import Composition
from mlip_rs.data import Dataset, LabelKeys, cleaned, read_dataset, read_structures, summarize
from mlip_rs.errors import ConfigError, DataError, FitError, MlipError
from mlip_rs.files import check_folder, write_atomically
from mlip_rs.fitting import FitSettings, Run, WeightScan, read_record, scan_weights
from mlip_rs.fitting.label_review import review_labels
from mlip_rs.fitting.phases import Phases
from mlip_rs.fitting.pipeline import checked_problem, fit_in_phases
from mlip_rs.fitting.problem import check_test_elements
from mlip_rs.fitting.resources import worker_memory
from mlip_rs.fitting.settings import RUN_ONLY
from mlip_rs.fitting.stored_run import stored_run
from mlip_rs.locks import locked
from mlip_rs.progress import Progress, Silent
from mlip_rs.settings import check_types

DEFAULT_DIRECTORY: Path = Path("mlip-run")
"""Run directory when none is given."""


@dataclass(frozen=True)
class Sources:
    """Files of the data, and how they are read and cleaned.

    Parameters
    ----------
    train
        Files, patterns or directories with the training data.
    test
        Files, patterns or directories of test data, which only the reported errors use.
    index
        Frames to take from every file (of training data), in ASE's notation, such as "::10".
    test_index
        Frames to take from every test file, in ASE's notation.
    format
        ASE's name of the file format, if the file name does not tell.
    energy
        Energy to fit: "free_energy" (consistent with the forces), "energy" or "auto".
    keys
        Names of the labels in the files, where they differ from those that are tried.
    types
        Elements of atoms that are labelled otherwise: in the order of the types 1, 2, … of LAMMPS, or as LABEL=SYMBOL.
    file_weights
        Let weights in the training files (config_weight, energy_weight, …) multiply the squared residuals.
    drop_outliers
        Leave out training structures whose labels are outliers.
    drop_duplicates
        Leave out all but the first of equal training structures.
    drop_unconverged
        Leave out training structures whose electronic loop did not converge (VASP: NELM was reached).

    Raises
    ------
    ConfigError
        A setting of a wrong type.
    """

    train: tuple[str, ...]
    test: tuple[str, ...] = ()
    index: str = ":"
    test_index: str = ":"
    format: str | None = None
    energy: str = "auto"
    keys: LabelKeys = field(default_factory=LabelKeys)
    types: tuple[str, ...] = ()
    file_weights: bool = True
    drop_outliers: bool = False
    drop_duplicates: bool = False
    drop_unconverged: bool = False

    def __post_init__(self) -> None:
        for name in ("train", "test", "types"):
            if isinstance(getattr(self, name), str):
                object.__setattr__(self, name, (getattr(self, name),))
        check_types(self)

    def training(self, reference: Mapping[str, float] | None = None) -> Dataset:
        """Read and clean the training data; `reference` are isolated-atom energies, eV.

        Raises
        ------
        DataError
            Data that cannot be used; names file, frame, atom.
        """
        dataset = read_dataset(self.train, index=self.index, file_weights=self.file_weights, **self._how())
        drop = dict(
            outliers=self.drop_outliers, duplicates=self.drop_duplicates, unconverged=self.drop_unconverged
        )
        return cleaned(dataset, **drop, reference=reference) if any(drop.values()) else dataset

    def testing(self) -> Dataset | None:
        """Read the test data; None without.

        Raises
        ------
        DataError
            Data that cannot be used; names file, frame, atom.
        """
        if not self.test:
            return None
        return self._compared(self.test, self.test_index)

    def evaluation(self) -> Dataset:
        """Read the training data as data to compare with: weights in files do not count, energies are not required.

        Raises
        ------
        DataError
            Data that cannot be used; names file, frame, atom.
        """
        return self._compared(self.train, self.index)

    def structure(self) -> Atoms:
        """Read the first structure, without labels.

        Raises
        ------
        DataError
            A file that cannot be read.
        """
        return read_structures(self.train, index="0", format=self.format, types=self.types)[0].atoms

    def _compared(self, files: tuple[str, ...], index: str) -> Dataset:
        return read_dataset(files, index=index, file_weights=False, require_energies=False, **self._how())

    def _how(self) -> dict[str, Any]:
        return {"format": self.format, "energy": self.energy, "keys": self.keys, "types": self.types}


@dataclass(frozen=True)
class JobResult:
    """Result of a job.

    Parameters
    ----------
    run
        The fit.
    directory
        Run directory.
    report
        HTML page of the report.
    """

    run: Run
    directory: Path
    report: Path


@dataclass(frozen=True)
class FitPlan:
    """Size of a fit, before anything is computed.

    Parameters
    ----------
    basis
        Candidate features, with the settings left open taken from the data.
    composition
        Numbers of features by order.
    n_rows
        Energies, force components and stress components that carry weight.
    worker_gigabytes
        Memory that each worker of Dask needs, 10⁹ bytes; None if the fit is refused.
    """

    basis: Basis
    composition: Composition
    n_rows: int
    worker_gigabytes: float | None = None

    @property
    def gigabytes(self) -> float:
        """Size of one matrix of the normal equations, 10⁹ bytes; a fit holds a few, and one per fold on disk."""
        return 8e-9 * self.composition.total**2

    def to_dict(self) -> dict[str, Any]:
        """Record that `mlip-rs fit --dry-run --json` prints."""
        settings = {"cutoff": self.basis.cutoff, "r_min": self.basis.r_min, "size": self.basis.size}
        counts: dict[str, float | None] = {"n_rows": self.n_rows, "gigabytes_per_matrix": self.gigabytes}
        counts["gigabytes_per_worker"] = self.worker_gigabytes
        return {"settings": settings, "basis": self.composition.to_dict(), **counts}

    def lines(self) -> list[str]:
        """Text for a terminal, one line each."""
        return [
            f"{', '.join(self.basis.elements)}: cutoff {self.composition.cutoff:g} Å",
            *_described(self.basis),
            f"{self.n_rows} rows of data; {self.gigabytes:.3g} GB for each matrix of the normal equations",
            *(
                []
                if self.worker_gigabytes is None
                else [f"{self.worker_gigabytes:.2g} GB for each worker (--scheduler)"]
            ),
        ]


@dataclass(frozen=True)
class Job:
    """A fit from files to a run directory.

    Parameters
    ----------
    data
        Files to read.
    basis
        Candidate features; elements, cutoff and shortest distance left open are taken from the data.
    settings
        Estimator, weights, folds.
    directory
        Run directory.
    overwrite
        Replace another fit in that directory.
    """

    data: Sources
    basis: Basis
    settings: FitSettings = field(default_factory=FitSettings)
    directory: Path = DEFAULT_DIRECTORY
    overwrite: bool = False

    def plan(self, progress: Progress | None = None) -> FitPlan:
        """Read the data and count, without fitting anything; what `run` would refuse is refused here.

        Another fit in the directory is a notice: whoever only wants the numbers need not name a directory.

        Raises
        ------
        DataError, ConfigError, FitError, OSError
            As `run`.
        """
        progress = progress or Silent()
        self._check_directory()
        training = self._training(progress)
        testing = self._testing(progress)
        review = review_labels(training, self.settings, progress, testing)
        training, testing = review.dataset, review.test
        basis = self.basis.resolved(training)
        n_rows = training.n_labels(self.settings.weights.of_properties() > 0)
        plan = FitPlan(basis, basis.describe(), n_rows)
        try:
            _, problem = checked_problem(
                training, basis, self.settings, self.directory, progress, persistent=True
            )
        except FitError:  # the numbers show why
            for line in plan.lines():
                progress.note(line)
            raise
        plan = replace(plan, worker_gigabytes=worker_memory(problem) / 1e9)
        if testing is not None:
            check_test_elements(testing, problem.basis)
        if not self.overwrite:
            try:
                self._require_vacant(basis, training, testing)
            except ConfigError as error:
                progress.note(f"notice: {error}")
        return plan

    def _training(self, progress: Progress) -> Dataset:
        """The training data, with a summary of them noted."""
        training = self.data.training(self.settings.reference_energies)
        for line in summarize(training, reference=self.settings.reference_energies).lines():
            progress.note(line)
        return training

    def _testing(self, progress: Progress) -> Dataset | None:
        """The test data, with what is odd in them noted."""
        testing = self.data.testing()
        for notice in () if testing is None else testing.notices:
            progress.note(f"test data: {notice}")
        return testing

    def scan_weights(self, progress: Progress | None = None) -> WeightScan:
        """Cross-validate other precisions of energies and stresses, into `weights.json` and `weights.png`.

        A later fit with the weights chosen takes the equations from the directory. Test data are not used.

        Raises
        ------
        DataError, ConfigError, FitError, OSError
            As `run`.
        """
        from mlip_rs.plot.saving import save_figure

        progress = progress or Silent()
        self._check_directory()
        if self.data.test:
            progress.note("notice: test data are not looked at; the errors of the scan are cross-validated")
        training = self._training(progress)
        with locked(self.directory):
            scan = scan_weights(
                training,
                self.basis,
                self.settings,
                directory=self.directory,
                overwrite=self.overwrite,
                progress=progress,
            )
            write_atomically(self.directory / "weights.json", json.dumps(scan.to_dict(), indent=1) + "\n")
            if scan.drawable:
                save_figure(scan.figure(), self.directory / "weights.png")
        return scan

    def run(self, progress: Progress | None = None, *, again: bool = True) -> JobResult:
        """Read, fit, save and report. A job that was interrupted resumes from the equations in the directory.

        Parameters
        ----------
        progress
            Receives the advance.
        again
            Fit again if the directory holds this very fit, finished; else that one is returned, with those of its
            points that have a file.

        Raises
        ------
        DataError
            Data that cannot be used; names file, frame, atom.
        ConfigError
            Settings that make no sense, or a directory with the finished run of another job.
        FitError
            More features than rows, no solution, a directory with the equations of another job.
        OSError
            The directory cannot be written to.
        """
        progress = progress or Silent()
        phases = Phases(progress)
        phases.enter("read")
        self._check_directory()
        training = self._training(progress)
        testing = self._testing(progress)
        phases.enter("labels")
        review = review_labels(training, self.settings, progress, testing)
        training, testing = review.dataset, review.test
        phases.enter("check")
        basis = self.basis.resolved(training)
        for line in _described(basis):
            progress.note(line)
        with locked(self.directory):
            if not self.overwrite:
                self._require_vacant(basis, training, testing)
            if not again and (found := self._finished(basis, training, testing)) is not None:
                progress.note(f"{self.directory} holds this fit; it is not done again")
                return found
            run = fit_in_phases(
                training,
                basis,
                self.settings,
                phases,
                test=testing,
                directory=self.directory,
                overwrite=self.overwrite,
                review=review,
            )
            phases.enter("report")
            from mlip_rs.report.fit import write_run_report

            progress.note("writing the report")
            report = write_run_report(self.directory, run.with_seconds(phases.so_far()), training, testing)
            run = run.with_seconds(phases.stop())
            run.save_record(self.directory)
        return JobResult(run, self.directory, report)

    def _check_directory(self) -> None:
        if self.directory.exists() and not self.directory.is_dir():
            raise ConfigError(
                f"{self.directory}: is a file, not a directory; choose another output directory"
            )
        check_folder(self.directory)

    def _finished(self, basis: Basis, training: Dataset, testing: Dataset | None) -> JobResult | None:
        """The finished fit of this very job by this version in the directory, if it is there with its report."""
        from mlip_rs.report.fit import REPORT_NAME

        report = self.directory / REPORT_NAME
        try:
            if self._different(basis, training, testing) or not report.exists():
                return None
            run = stored_run(self.directory)
        except MlipError:  # none, or damaged
            return None
        done = run.record.get("package_version") == __version__ and "report" in run.record["seconds"]
        return JobResult(run, self.directory, report) if done else None

    def _require_vacant(self, basis: Basis, training: Dataset, testing: Dataset | None) -> None:
        """Refuse a directory with the finished run of another job."""
        try:
            different = self._different(basis, training, testing)
        except DataError:
            return
        if different:
            raise ConfigError(
                f"{self.directory} holds a finished fit with other {' and '.join(different)}; "
                "choose another output directory (-o), or replace it (--overwrite)"
            )

    def _different(self, basis: Basis, training: Dataset, testing: Dataset | None) -> list[str]:
        """What differs from the finished run in the directory; raises `DataError` where there is none."""
        record = read_record(self.directory)
        chosen = record.get("chosen_angular_cutoff")
        if basis.angular_cutoff_is_open and isinstance(chosen, int | float):
            basis = replace(basis, angular_cutoff=chosen)  # the fit would choose the same
        mine = {
            "data": training.fingerprint(),
            "test data": None if testing is None else testing.fingerprint(),
            # The constant and the distances of the repulsion are decided by the fit.
            "basis": _without(basis.to_dict(), "constant", "repulsion"),
            "repulsion": repulsion_setting(basis.repulsion),
            "settings": _without(self.settings.to_dict(), *RUN_ONLY),
        }
        theirs = {
            "data": _fingerprint(record.get("data")),
            "test data": _fingerprint(record.get("test_data")),
            "basis": _without(record.get("basis"), "constant", "repulsion"),
            "repulsion": record.get("repulsion"),
            "settings": _without(record.get("settings"), *RUN_ONLY),
        }
        return [name for name in mine if json.loads(json.dumps(mine[name])) != theirs[name]]


def _described(basis: Basis) -> list[str]:
    """Lines that describe a basis."""
    chosen = (
        "; the fit chooses by cross-validation whether invariants of order 2 and higher end before the cutoff"
    )
    *lines, total = basis.describe().lines()
    return [*lines, total + chosen if basis.angular_cutoff_is_open else total]


def _without(document: object, *keys: str) -> dict[str, Any]:
    return {k: v for k, v in document.items() if k not in keys} if isinstance(document, Mapping) else {}


def _fingerprint(record: object) -> object:
    return record.get("fingerprint") if isinstance(record, Mapping) else None
