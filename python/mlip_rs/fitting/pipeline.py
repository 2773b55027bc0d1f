"""`fit`: data and a basis in, a run with its front of potentials out."""

import json
import os
import tempfile
import time
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from mlip_rs import _core
from mlip_rs.basis import Basis
from mlip_rs.basis.repulsion import repulsion_setting
from mlip_rs.cost.model import calibrate, timed_structure
from mlip_rs.cost.timing import measure
from mlip_rs.data import (
    Dataset,
    ReferenceEnergies,
)
from mlip_rs.data.convert import Data, as_dataset
from mlip_rs.errors import ConfigError
from mlip_rs.files import write_atomically
from mlip_rs.fitting.angular_cutoff import suggest_angular_cutoff
from mlip_rs.fitting.assemble import assemble, owner
from mlip_rs.fitting.problem import Problem, build_problem, check_test_elements
from mlip_rs.fitting.repulsion import RepulsionChooser
from mlip_rs.fitting.residuals import Residuals, residuals
from mlip_rs.fitting.resources import check_resources
from mlip_rs.fitting.result import Point, Run, remove_run
from mlip_rs.fitting.selection import Candidates, select
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent


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
        Estimator, weights, folds; the defaults are meant to be kept.
    test
        Data that only the errors reported see.
    directory
        Run directory; equations are kept there, and a fit that was interrupted resumes from them. None keeps
        nothing on disk.
    overwrite
        Replace another fit in that directory; what it has left is removed before the first equation is summed.
    progress
        Receives the advance of the phases.

    Returns
    -------
    The candidates with their errors and costs. With a directory everything is saved there as well.

    Raises
    ------
    DataError
        Data that cannot be used; names file, frame, atom.
    ConfigError
        Settings that make no sense.
    FitError
        More features than rows, more memory or disk than there is, no solution, a directory of another fit.
    """
    settings = settings or FitSettings()
    progress = progress or Silent()
    begin = time.perf_counter()
    testing = None if test is None else as_dataset(test)
    problem = prepare(data, basis, settings, directory, progress, kept=directory is not None)
    chooser = RepulsionChooser(problem.basis, problem.domain)
    if testing is not None:
        check_test_elements(testing, problem.basis)
    if overwrite and directory is not None:
        remove_other_run(directory, problem)
    with nullcontext(directory) if directory is not None else tempfile.TemporaryDirectory() as place:
        equations = assemble(
            problem,
            Path(place) / "equations",
            threads=settings.threads,
            progress=progress,
            overwrite=overwrite,
        )
        assembled = time.perf_counter()
        settings = _with_unit_costs(problem, settings, Path(place) / "equations" / "unit-costs.json")
        candidates = select(problem, equations, settings, progress)
    selected = time.perf_counter()
    points = _points(problem, candidates, settings, testing, chooser, progress)
    seconds = {"assemble": assembled - begin, "select": selected - assembled}
    record = _record(problem, candidates, settings, testing, seconds)
    chosen = problem.basis.angular_cutoff if basis.reach_is_open else None
    run = Run(
        points, record | {"repulsion": repulsion_setting(basis.repulsion), "chosen_angular_cutoff": chosen}
    )
    if directory is not None:
        run.save(directory)
    return run


def prepare(
    data: Data,
    basis: Basis,
    settings: FitSettings,
    directory: str | os.PathLike[str] | None,
    progress: Progress,
    *,
    kept: bool,
) -> Problem:
    """Build the problem of a fit, and choose the angular cutoff if it is open; parameters as for `build_problem`.

    Raises
    ------
    DataError, ConfigError, FitError
        As `fit`.
    """
    if not isinstance(basis, Basis) or not isinstance(settings, FitSettings):
        raise ConfigError(
            "basis must be a Basis and settings FitSettings; see mlip_rs.workflows.config for files"
        )
    training = as_dataset(data)
    problem = build_problem(training, basis, settings, kept=kept)
    for notice in problem.dataset.notices[len(training.notices) :]:
        progress.note(f"notice: {notice}")
    check_resources(problem, settings, None if directory is None else Path(directory) / "equations")
    if not basis.reach_is_open:
        return problem
    cutoff = suggest_angular_cutoff(
        problem.dataset, basis.resolved(training), settings, directory=directory, progress=progress
    )
    return build_problem(training, replace(basis, angular_cutoff=cutoff), settings, kept=kept)


def remove_other_run(directory: str | os.PathLike[str], problem: Problem) -> None:
    """Remove from a run directory what belongs to other equations than those of a problem, but these themselves."""
    directory = Path(directory)
    is_run = (directory / "equations").is_dir() or (directory / "run.json").exists()
    if is_run and owner(directory / "equations") != problem.fingerprint():
        remove_run(directory)


def _with_unit_costs(problem: Problem, settings: FitSettings, path: Path) -> FitSettings:
    """The settings with the unit costs measured, if that is asked for; those of a run that resumes are kept."""
    if not settings.calibrate or settings.unit_costs is not None:
        return settings
    with suppress(OSError, ValueError, ConfigError):
        return replace(settings, unit_costs=json.loads(path.read_text(encoding="utf-8")))
    found = asdict(calibrate(problem.basis, timed_structure(problem.dataset)))
    write_atomically(path, json.dumps(found))
    return replace(settings, unit_costs=found)


def _points(
    problem: Problem,
    candidates: Candidates,
    settings: FitSettings,
    testing: Dataset | None,
    chooser: RepulsionChooser,
    progress: Progress,
) -> tuple[Point, ...]:
    """Errors and costs of all candidates."""
    basis, reference = problem.basis, problem.reference

    def of_all(dataset: Dataset) -> Residuals:
        return residuals(basis, dataset.frames, reference, candidates.coefficients, threads=settings.threads)

    training, tested = of_all(problem.dataset), None if testing is None else of_all(testing)
    timed = timed_structure(problem.dataset)
    progress.start("errors and costs: potentials", len(candidates.coefficients))
    points = []
    for k, coefficients in enumerate(candidates.coefficients):
        validation = candidates.validation.errors(k)
        trained = training.errors(k)
        info = _info(problem, settings, candidates, k) | {
            "errors": {"training": trained.to_dict(), "validation": validation.to_dict()}
        }
        potential = Potential.from_coefficients(basis.to_dict(), coefficients, reference.values, info)
        points.append(
            Point(
                potential,
                measure(potential, timed).us_per_atom,
                float(candidates.scores[k]),
                float(candidates.lambdas[k]),
                trained,
                validation,
                None if tested is None else tested.errors(k),
                score_error=float(candidates.score_errors[k]),
            )
        )
        progress.advance()
    if candidates.costs is not None:
        supports = list(candidates.coefficients != 0.0)
        costs = candidates.costs.calibrated(supports, [point.us_per_atom for point in points])
        points = [
            replace(point, predicted_us_per_atom=costs.cost(support))
            for point, support in zip(points, supports, strict=True)
        ]
    return tuple(_guarded(points, chooser, candidates, reference, settings))


def _guarded(
    points: list[Point],
    chooser: RepulsionChooser,
    candidates: Candidates,
    reference: ReferenceEnergies,
    settings: FitSettings,
) -> list[Point]:
    """The points with the repulsion of those chosen for each of them: those on the front and those with a name."""
    looked_at: set[int] = set()
    while True:
        run = Run(tuple(points), {})
        wanted = {*run.front, run.best_index, run.knee_index, run.one_standard_error_index} - looked_at
        if not wanted:
            return points
        for k in sorted(wanted):
            own = points[k].potential
            potential = chooser.potential(
                candidates.coefficients[k], reference.values, own.info, settings.threads or None
            )
            points[k] = replace(points[k], potential=potential)
        looked_at |= wanted


def _info(problem: Problem, settings: FitSettings, candidates: Candidates, k: int) -> dict[str, Any]:
    """What a potential file says of its origin."""
    weights = asdict(settings.weights) | {"units": {"energy": "eV/atom", "forces": "eV/Å", "stress": "GPa"}}
    return {
        "method": settings.method,
        "ridge_penalty": candidates.ridge_penalty,
        "prior": candidates.prior,
        "l1_penalty": float(candidates.lambdas[k]),
        "score": float(candidates.scores[k]),
        "weights": weights,
        "reference_energies": {
            "source": problem.reference.source,
            "origins": dict(problem.reference.origins),
        },
        "data": _data_record(problem.dataset),
    }


def _data_record(dataset: Dataset) -> dict[str, Any]:
    return {
        "files": [Path(name).name for name in dataset.files],
        "fingerprint": dataset.fingerprint(),
        "n_structures": len(dataset),
        "n_atoms": int(dataset.n_atoms),
        "energy_source": dataset.energy_source,
        "labels": asdict(dataset.labels),
        "config_types": list(dataset.config_types),
        "notices": list(dataset.notices),
    }


def _record(
    problem: Problem,
    candidates: Candidates,
    settings: FitSettings,
    testing: Dataset | None,
    seconds: dict[str, float],
) -> dict[str, Any]:
    return {
        "package_version": _core.__version__,
        "basis": problem.basis.to_dict(),
        "n_features": problem.basis.n_features,
        "hierarchy": problem.basis.hierarchy,
        "settings": asdict(settings),
        "ridge_penalty": candidates.ridge_penalty,
        "prior": candidates.prior,
        "ridge_path": {
            "penalties": [] if candidates.prior else list(settings.ridge_penalties),
            "scores": [float(s) if np.isfinite(s) else None for s in candidates.ridge_scores],
        },
        "reference_energies": {
            "values": dict(problem.reference.values),
            "source": problem.reference.source,
            "origins": dict(problem.reference.origins),
        },
        "data": _data_record(problem.dataset),
        "test_data": None if testing is None else _data_record(testing),
        "seconds": seconds,
    }
