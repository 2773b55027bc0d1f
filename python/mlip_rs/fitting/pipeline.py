"""`fit`: data and a basis in, a run with its front of potentials out."""

import json
import os
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlip_rs import _core
from mlip_rs.basis import Basis
from mlip_rs.data import (
    Dataset,
    ReferenceEnergies,
    absent_pairs,
    check_elements,
    folds,
    nearest_neighbor_distance,
    read_dataset,
    reference_energies,
    suggest_cutoff,
)
from mlip_rs.errors import ConfigError, DataError, FitError
from mlip_rs.files import write_atomically
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent
from mlip_rs.regression.assemble import Problem, assemble, owner
from mlip_rs.regression.costs import calibrate, timed_structure
from mlip_rs.regression.equations import core_structure
from mlip_rs.regression.guard import Guard
from mlip_rs.regression.residuals import Residuals, residuals
from mlip_rs.regression.resources import check_resources
from mlip_rs.regression.run import Point, Run, remove_run
from mlip_rs.regression.selection import Candidates, select
from mlip_rs.regression.settings import FitSettings
from mlip_rs.repulsion import repulsion_setting
from mlip_rs.timing import measure

Data = str | os.PathLike[str] | Sequence[str | os.PathLike[str]] | Iterable[Atoms] | Dataset


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
    problem, guard = prepare(data, basis, settings, directory, progress, kept=directory is not None)
    if testing is not None:
        _check_elements(testing, problem.basis, whole=False)
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
    points = _points(problem, candidates, settings, testing, guard, progress)
    seconds = {"assemble": assembled - begin, "select": selected - assembled}
    record = _record(problem, candidates, settings, testing, seconds)
    chosen = problem.basis.angular_cutoff if basis.reach_is_open else None
    run = Run(points, record | {"repulsion": repulsion_setting(basis), "chosen_angular_cutoff": chosen})
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
) -> tuple[Problem, Guard]:
    """What a fit solves, checked before anything is computed, and the guard of its short range; `kept` as `Problem`.

    Raises
    ------
    DataError, ConfigError, FitError
        As `fit`.
    """
    if not isinstance(basis, Basis) or not isinstance(settings, FitSettings):
        raise ConfigError("basis must be a Basis and settings FitSettings; see mlip_rs.config for files")
    training = as_dataset(data)
    basis = basis.resolved(training)
    _check_elements(training, basis, whole=True)
    _check_cutoff(training, basis)
    training = _with_absent_pairs(training, basis, progress)
    reference = reference_energies(training, settings.reference_energies)
    if reference.source == "fitted":
        basis = replace(basis, constant=True)
    guard = Guard.of(basis, training)
    problem = Problem(
        guard.basis,
        training,
        reference,
        settings.weights.of_structures(training, reference),
        settings.weights.of_properties(),
        folds(training, settings.n_folds, settings.seed),
        kept=kept,
    )
    _check_rows(problem, settings)
    check_resources(problem, settings, None if directory is None else Path(directory) / "equations")
    if basis.reach_is_open:
        from mlip_rs.regression.reach import suggest_angular_cutoff

        reach = suggest_angular_cutoff(training, basis, settings, directory=directory, progress=progress)
        guard = replace(guard, basis=replace(guard.basis, angular_cutoff=reach))
        problem = replace(problem, basis=guard.basis)
    return problem, guard


def remove_other_run(directory: str | os.PathLike[str], problem: Problem) -> None:
    """Remove from a run directory what belongs to other equations than those of a problem, but these themselves."""
    directory = Path(directory)
    is_run = (directory / "equations").is_dir() or (directory / "run.json").exists()
    if is_run and owner(directory / "equations") != problem.fingerprint():
        remove_run(directory)


def as_dataset(data: Data) -> Dataset:
    """Read files, or take the labels of `Atoms`, unless the data are a dataset already."""
    if isinstance(data, Dataset):
        return data
    if isinstance(data, str | os.PathLike):
        return read_dataset(data)
    items = [data] if isinstance(data, Atoms) else list(data) if isinstance(data, Iterable) else [data]
    if items and isinstance(items[0], Atoms):
        from mlip_rs.data import dataset_from_atoms

        return dataset_from_atoms(items)
    for item in items:
        if not isinstance(item, str | os.PathLike):
            raise DataError(
                f"data are a {type(item).__name__}; give files, a dataset, or ASE Atoms with their labels"
            )
    return read_dataset(items)


def _check_elements(dataset: Dataset, basis: Basis, *, whole: bool) -> None:
    """Every element of the data is in the basis; with `whole`, every element of the basis is in the data."""
    if whole:
        check_elements(dataset, basis.elements)
        return
    present = [element for element in basis.elements if element in dataset.elements]
    check_elements(dataset, present)


def _with_absent_pairs(dataset: Dataset, basis: Basis, progress: Progress) -> Dataset:
    """Note in the dataset which pairs of elements never occur: nothing determines their features, they stay zero."""
    pairs = absent_pairs(dataset, basis.elements, basis.core.cutoff)
    if not pairs:
        return dataset
    names = ", ".join(f"{a}–{b}" for a, b in pairs)
    notice = (
        f"{names}: never within the cutoff of {basis.core.cutoff:g} Å in the data; features of such pairs are "
        "undetermined and stay zero"
    )
    progress.note(f"notice: {notice}")
    return replace(dataset, notices=(*dataset.notices, notice))


def _check_cutoff(dataset: Dataset, basis: Basis) -> None:
    """Nearest neighbours lie within the cutoff, and no open structure ends far inside it."""
    cutoff = basis.core.cutoff  # a cutoff that is no number at all is refused here
    _check_nearest(dataset, basis)
    shortest, longest = np.inf, 0.0
    for frame in dataset:
        if frame.pbc.any():
            longest = np.inf
        if np.isfinite(shortest) and np.isinf(longest):
            return  # whatever follows, pairs reach from within the cutoff to infinity
        if frame.n_atoms < 2 and not frame.pbc.any():
            continue
        _, _, _, vectors = _core.neighbor_list(core_structure(frame), cutoff, 1)
        if len(vectors):
            distances = np.linalg.norm(vectors, axis=1)
            shortest, longest = min(shortest, distances.min()), max(longest, distances.max())
        elif not frame.pbc.any():
            longest = max(longest, float(np.ptp(frame.positions, axis=0).max()))
    if not np.isfinite(shortest):
        raise ConfigError(f"cutoff {cutoff} Å: no two atoms of the data are that close; raise the cutoff")
    if cutoff > 2.0 * longest:
        raise ConfigError(
            f"cutoff {cutoff} Å: the longest distance in the data is {longest:.2f} Å, so nothing would "
            "determine the potential beyond it; lower the cutoff"
        )


def _check_nearest(dataset: Dataset, basis: Basis) -> None:
    """The cutoffs reach the nearest neighbours."""
    if not any(np.isfinite(distances).any() for distances in dataset.nearest_distances):
        return
    nearest = nearest_neighbor_distance(dataset)
    cutoffs = {"cutoff": basis.core.cutoff, "angular_cutoff": basis.angular_cutoff}
    for name, cutoff in cutoffs.items():
        if cutoff is not None and cutoff < nearest:
            raise ConfigError(
                f"{name} {cutoff} Å: nearest neighbours in the data are {nearest:.2f} Å apart; raise the {name}, "
                f"to about {suggest_cutoff(dataset):g} Å"
            )


def _check_rows(problem: Problem, settings: FitSettings) -> None:
    weights = problem.structure_weights * settings.weights.of_properties()
    per_structure = [(1, 3 * frame.n_atoms, 6) for frame in problem.dataset]
    rows = int(((weights > 0) * np.array(per_structure)).sum())
    if rows == 0:
        raise DataError(
            "no label carries weight; check the weights and that the data have energies, forces or stresses"
        )
    if problem.basis.n_features > rows and not settings.allow_underdetermined:
        raise FitError(
            f"{problem.basis.n_features} features but only {rows} rows of data ({len(problem.dataset)} structures); "
            "use a smaller basis or more data, or allow an underdetermined fit"
        )


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
    guard: Guard,
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
    return tuple(_guarded(points, guard, candidates, reference, settings))


def _guarded(
    points: list[Point],
    guard: Guard,
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
            potential = guard.potential(
                candidates.coefficients[k], reference.values, own.info, settings.threads
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
