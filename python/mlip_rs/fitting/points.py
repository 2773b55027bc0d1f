"""From coefficients to the points of a run: errors, measured cost, repulsion."""

from dataclasses import replace
from typing import Any

from mlip_rs.arrays import Array
from mlip_rs.cost.model import CostModel, timed_structure
from mlip_rs.cost.timing import measure
from mlip_rs.cost.units import UnitCosts
from mlip_rs.data import Dataset
from mlip_rs.evaluate.errors import Errors
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.record import potential_infos
from mlip_rs.fitting.residuals import Residuals, residuals
from mlip_rs.fitting.result import Point
from mlip_rs.fitting.selection import Candidates
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress


def predicted(dataset: Dataset, problem: Problem, coefficients: Array, settings: FitSettings) -> Residuals:
    """Residuals of coefficients (P, F) on a dataset."""
    basis, reference, threads = problem.basis, problem.reference, settings.threads or None
    held = problem.held_rows if dataset is problem.dataset else None  # test data are predicted once
    return residuals(basis, dataset.frames, reference, coefficients, threads=threads, held=held)


def errors_record(training: Errors, validation: Errors) -> dict[str, Any]:
    """Errors as the `info` of a potential has them."""
    return {"errors": {"training": training.to_dict(), "validation": validation.to_dict()}}


def measured_points(
    problem: Problem,
    candidates: Candidates,
    settings: FitSettings,
    training: Residuals,
    tested: Residuals | None,
    progress: Progress,
) -> list[Point]:
    """A point for each candidate, its time predicted and measured; all have the widest switching to ZBL.

    Parameters
    ----------
    settings
        Of the fit; part of the metadata of the potentials.
    training, tested
        Residuals on the data fitted to, and on test data if there are any.
    """
    timed, infos = timed_structure(problem.dataset), potential_infos(problem, candidates, settings)
    spec, references = problem.basis.to_dict(), problem.reference.values
    progress.start("errors and costs: potentials", len(candidates.coefficients))
    points = []
    for k, coefficients in enumerate(candidates.coefficients):
        validation, trained = candidates.validation.errors(k), training.errors(k)
        info = infos[k] | errors_record(trained, validation)
        potential = Potential.from_coefficients(spec, coefficients, references, info)
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
    costs = candidates.costs or CostModel.of(problem.basis, timed, UnitCosts(**settings.unit_costs or {}))
    supports = candidates.coefficients != 0.0
    return [
        replace(point, predicted_us_per_atom=costs.cost(support))
        for point, support in zip(points, supports, strict=True)
    ]
