"""`fit`: data and a basis in, a run with its front of potentials out."""

import json
import os
import tempfile
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from shutil import rmtree

from mlip_rs.basis import Basis
from mlip_rs.cost.model import calibrate, timed_structure
from mlip_rs.dask_client import check_address
from mlip_rs.data import Dataset
from mlip_rs.data.convert import Data, as_dataset
from mlip_rs.errors import ConfigError
from mlip_rs.files import write_atomically
from mlip_rs.fitting.angular_cutoff import suggest_angular_cutoff
from mlip_rs.fitting.assemble import assemble, owner
from mlip_rs.fitting.committee import with_uncertainty
from mlip_rs.fitting.held_out_classes import calibrated
from mlip_rs.fitting.label_review import LabelReview, review_labels
from mlip_rs.fitting.phases import Phases
from mlip_rs.fitting.points import measured_points, predicted
from mlip_rs.fitting.problem import (
    CheckedData,
    Problem,
    build_problem,
    check_data,
    check_test_elements,
    check_types,
)
from mlip_rs.fitting.record import run_record
from mlip_rs.fitting.resources import check_resources, held_bytes, holding_rows
from mlip_rs.fitting.result import Point, Run, remove_run
from mlip_rs.fitting.robustness import Robustness
from mlip_rs.fitting.selection import Selection, selection
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.fitting.stored_pieces import remove_pieces
from mlip_rs.fitting.teacher import ANCHORS
from mlip_rs.locks import locked
from mlip_rs.progress import Progress, Silent

Directory = str | os.PathLike[str] | None


def fit(
    data: Data,
    basis: Basis,
    settings: FitSettings | None = None,
    *,
    test: Data | None = None,
    directory: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Run:
    """Fit a path of potentials, from sparse to dense, to first-principles data.

    Parameters
    ----------
    data
        Training data: files that ASE reads, ASE `Atoms` with labels, or a dataset.
    basis
        Candidate features; elements, cutoff and shortest distance left open are taken from the data.
    settings
        Method, weights, folds; the defaults suit most fits.
    test
        Data that only the errors reported see.
    directory
        Run directory; equations, fits of the search for the prior and paths of the selection are stored there as they
        are finished, and a fit that was interrupted or killed goes on from them to the same bits. None leaves nothing
        on disk.
    overwrite
        Replace another fit in that directory; its files are removed before the first equation is summed.
    progress
        Receives the advance of the phases and their times.

    Returns
    -------
    The candidates with their errors and costs. With a directory everything is saved there as well.

    Raises
    ------
    DataError
        Data that cannot be used; names file, frame, atom.
    ConfigError
        Settings that make no sense, or another process that is fitting in the directory.
    FitError
        More features than rows, more memory or disk than there is, no solution, a directory of another fit.

    Examples
    --------
    >>> from mlip_rs import Basis, FitSettings
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=6, repulsion=None)
    >>> settings = FitSettings(n_folds=3, n_path=2, prior="flat")
    >>> run = fit(read_dataset(DATA_PATH, index="::8"), basis, settings)
    >>> [round(point.validation.forces.rmse, 1) for point in run.points]  # eV/Å, from sparse to dense
    [1.0, 0.6, 0.5]
    """
    phases = Phases(progress or Silent())
    with locked(directory):
        return fit_in_phases(
            data, basis, settings, phases, test=test, directory=directory, overwrite=overwrite
        )


def fit_in_phases(
    data: Data,
    basis: Basis,
    settings: FitSettings | None,
    phases: Phases,
    *,
    test: Data | None = None,
    directory: Directory = None,
    overwrite: bool = False,
    review: LabelReview | None = None,
) -> Run:
    """`fit` as a part of a longer computation, whose stopwatch goes on and is part of the record.

    Parameters
    ----------
    data, basis, settings, test, directory, overwrite
        As for `fit`.
    phases
        Receives the times; its `progress` receives the advance.
    review
        Of the labels of `data` and `test`, if that has been done; `test` is its result then.

    Raises
    ------
    DataError, ConfigError, FitError
        As `fit`.
    """
    settings, progress = settings or FitSettings(), phases.progress
    phases.enter("check")
    check_types(basis, settings)
    check_address(settings.scheduler)
    training, testing = as_dataset(data), None if test is None else as_dataset(test, require_energies=False)
    if review is None:
        phases.enter("labels")
        review = review_labels(training, settings, progress, testing)
        testing = review.test
        phases.enter("check")
    training = review.dataset
    problem = prepare(training, basis, settings, directory, phases, persistent=directory is not None)
    if testing is not None:
        check_test_elements(testing, problem.basis)
    if overwrite and directory is not None:
        remove_other_run(directory, problem)
    with nullcontext(directory) if directory is not None else tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "equations"
        phases.enter("assemble")
        problem = holding_rows(problem, settings)
        equations = assemble(
            problem,
            folder,
            threads=settings.threads or None,
            progress=progress,
            overwrite=overwrite,
            scheduler=settings.scheduler,
            held_bytes=held_bytes(settings),
        )
        settings = _with_unit_costs(problem, settings, folder / "unit-costs.json", phases)
        phases.enter("select")
        with equations.totalled():
            chosen = selection(problem, equations, settings, progress)
            points = _points(chosen, testing, phases)
        rmtree(folder / ANCHORS, ignore_errors=True)
    if settings.hold_out_classes:
        phases.enter("held_out_classes")
        points = calibrated(problem, settings, points, progress)
    phases.enter("save")
    record = run_record(problem, chosen, settings, testing, basis)
    run = Run(points, record | {"label_check": review.to_dict(), "n_workers": equations.n_workers})
    if directory is not None:
        run.save_potentials(directory)
    run = run.with_seconds(phases.stop())
    if directory is not None:
        run.save_record(directory)
        remove_pieces(folder)
    return run


def _points(chosen: Selection, testing: Dataset | None, phases: Phases) -> tuple[Point, ...]:
    """The candidates with their errors, times, repulsion and stress test."""
    problem, settings, candidates = chosen.folds.problem, chosen.folds.settings, chosen.candidates
    phases.enter("errors")
    trained = predicted(problem.dataset, problem, candidates.coefficients, settings)
    tested = None if testing is None else predicted(testing, problem, candidates.coefficients, settings)
    phases.enter("costs")
    points = measured_points(problem, candidates, settings, trained, tested, phases.progress)
    phases.enter("stress_test")
    robust = Robustness(chosen, testing, phases.progress).points(points)
    phases.enter("uncertainty")
    return with_uncertainty(chosen, robust, phases.progress)


def prepare(
    training: Dataset,
    basis: Basis,
    settings: FitSettings,
    directory: Directory,
    phases: Phases,
    *,
    persistent: bool,
) -> Problem:
    """The problem of a fit, final: everything cheap is checked first, then an open angular cutoff is chosen.

    Parameters
    ----------
    training
        Labelled structures.
    basis, settings, directory
        As for `fit`.
    phases
        Receives the time of the choice of the angular cutoff.
    persistent
        Whether the equations outlive the fit.

    Raises
    ------
    DataError, ConfigError, FitError
        As `fit`.
    """
    checked, problem = checked_problem(
        training, basis, settings, directory, phases.progress, persistent=persistent
    )
    if not basis.angular_cutoff_is_open:
        return problem
    phases.enter("angular_cutoff")
    cutoff = suggest_angular_cutoff(
        problem.dataset,
        basis.resolved(training),
        settings,
        directory=directory,
        progress=phases.progress,
    )
    return build_problem(checked.with_angular_cutoff(cutoff), settings, persistent=persistent)


def checked_problem(
    training: Dataset,
    basis: Basis,
    settings: FitSettings,
    directory: Directory,
    progress: Progress,
    *,
    persistent: bool,
) -> tuple[CheckedData, Problem]:
    """The problem of a fit after all checks that cost little; the angular cutoff may be open.

    Parameters
    ----------
    training, basis, settings, directory, persistent
        As for `prepare`.
    progress
        Receives notices of what the data do not determine.

    Raises
    ------
    DataError, ConfigError, FitError
        As `fit`.
    """
    checked = check_data(training, basis, settings)
    problem = build_problem(checked, settings, persistent=persistent)
    for notice in problem.dataset.notices[len(training.notices) :]:
        progress.note(f"notice: {notice}")
    check_resources(problem, settings, None if directory is None else Path(directory) / "equations")
    return checked, problem


def remove_other_run(directory: str | os.PathLike[str], problem: Problem) -> None:
    """Delete the results of a previous fit unless they belong to this problem; its equations are left to `assemble`."""
    directory = Path(directory)
    is_run = (directory / "equations").is_dir() or (directory / "run.json").exists()
    if is_run and owner(directory / "equations") != problem.fingerprint():
        remove_run(directory)


def _with_unit_costs(problem: Problem, settings: FitSettings, path: Path, phases: Phases) -> FitSettings:
    """The settings with measured unit costs, if asked for; a run that resumes takes those measured first."""
    if not settings.calibrate or settings.unit_costs is not None:
        return settings
    phases.enter("unit_costs")
    with suppress(OSError, ValueError, ConfigError):
        return replace(settings, unit_costs=json.loads(path.read_text(encoding="utf-8")))
    found = asdict(calibrate(problem.basis, timed_structure(problem.dataset)))
    write_atomically(path, json.dumps(found))
    return replace(settings, unit_costs=found)
