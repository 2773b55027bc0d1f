"""Candidates of a fit: the dense one, and the points of the sparse path of any method, refitted and cross-validated."""

from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.cost.model import CostModel
from mlip_rs.fitting.anchors import Anchors
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.dense_fit import DenseFit, dense_fit
from mlip_rs.fitting.elastic_rows import ElasticRows, elastic_rows
from mlip_rs.fitting.estimators import PathSystem, SparseEstimator
from mlip_rs.fitting.estimators.choice import estimator_of
from mlip_rs.fitting.estimators.own import OwnEstimator
from mlip_rs.fitting.fold_store import FoldEquations
from mlip_rs.fitting.paths import followed_paths
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.residuals import Residuals
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.fitting.teacher import with_anchors
from mlip_rs.progress import Progress, Silent


@dataclass(frozen=True)
class Candidates:
    """Coefficient vectors of one fit, sparsest first, with their cross-validated residuals.

    Parameters
    ----------
    coefficients
        (P, F), fitted to all data.
    lambdas
        (P,) ℓ1 penalty of each, zero for the dense one and for methods without.
    ridge_penalty
        Chosen by cross-validation; none with a smoothness prior.
    prior
        Strengths of the smoothness prior, by name; empty for the flat one.
    validation
        Residuals of every structure with coefficients that were fitted without its fold.
    scores
        (P,) root mean squared residual of the validation, in units of the precisions asked for.
    score_errors
        (P,) standard errors of the scores, from the scatter over the folds.
    ridge_scores
        Score of each candidate of the ridge penalty, over the folds of the search.
    costs
        Of the features, if the method looks at them.
    """

    coefficients: Array
    lambdas: Array
    ridge_penalty: float | None
    prior: dict[str, float]
    validation: Residuals
    scores: Array
    score_errors: Array
    ridge_scores: Array
    costs: CostModel | None = None


@dataclass(frozen=True)
class _Path:
    """Sparse fits to all data, sparsest first.

    Parameters
    ----------
    lambdas
        (L,) ℓ1 penalties of the points with distinct supports.
    coefficients
        (L, F) after the refit on each support.
    validation
        Residuals of the same points, chosen and fitted without each fold.
    fold_supports, fold_coefficients
        (L, F) features of the same points, chosen without each fold, and the refits on them.
    """

    lambdas: Array
    coefficients: Array
    validation: Residuals
    fold_supports: list[Mask]
    fold_coefficients: list[Array]


@dataclass(frozen=True, eq=False)
class Selection:
    """Candidates of a fit, and what is needed to fit one of them anew.

    Parameters
    ----------
    candidates
        Coefficients and validation.
    folds
        Equations, with anchor rows and elastic rows if there are any.
    penalty
        (F,) ridge penalties of features of unit norm.
    fold_supports, fold_coefficients
        (P, F) features of each candidate chosen without each fold, and the refits on them.
    """

    candidates: Candidates
    folds: CrossValidation
    penalty: Array
    fold_supports: list[Mask]
    fold_coefficients: list[Array]

    @property
    def anchors(self) -> Anchors | None:
        """Anchor rows of the fit."""
        return self.folds.anchors

    @property
    def elastic(self) -> ElasticRows | None:
        """Elastic rows of the fit."""
        return self.folds.elastic


def select(
    problem: Problem, equations: FoldEquations, settings: FitSettings, progress: Progress | None = None
) -> Candidates:
    """Find the candidates of a problem.

    Raises
    ------
    FitError
        No ridge penalty gives finite coefficients; a path that cannot be computed.
    """
    with equations.totalled():
        return selection(problem, equations, settings, progress or Silent()).candidates


def selection(
    problem: Problem, equations: FoldEquations, settings: FitSettings, progress: Progress
) -> Selection:
    """Find the candidates of a problem; within `FoldEquations.totalled`, which whoever fits one anew needs too.

    Raises
    ------
    FitError
        As `select`.
    """
    folds = CrossValidation(problem, equations, settings, progress)
    with folds.pieces:  # saves what is finished if it is interrupted
        dense = dense_fit(folds)
        method = estimator_of(settings).bound(problem, settings)
        if not isinstance(
            method, OwnEstimator
        ):  # to which such rows are numbers a hundred times as large as others
            folds = _with_elastic_rows(folds, dense)
        return _selection(*with_anchors(folds, dense), method)


def _with_elastic_rows(folds: CrossValidation, dense: DenseFit) -> CrossValidation:
    """The cross-validation with the elastic rows of the dense fit."""
    weight = folds.settings.elastic_weight
    if not weight:
        return folds
    (of_all,) = folds.refitted(folds.load(None)[0], dense.penalty, [None])
    squares = sum(folds.equations.squares(fold, of_all)[0] for fold in folds.folds)
    fits: dict[int | None, Array] = {None: of_all, **dict(enumerate(dense.of_folds))}
    return folds.with_elastic_rows(elastic_rows(folds.problem, fits, squares, folds.occurring, weight))


def _selection(folds: CrossValidation, dense: DenseFit, method: SparseEstimator) -> Selection:
    full, _ = folds.load(None)
    coefficients = folds.refitted(full, dense.penalty, [None])
    lambdas, validation = np.zeros(1), dense.validation
    supports = [np.ones((1, coefficients.shape[1]), dtype=bool) for _ in folds.folds]
    system = PathSystem(full, dense.penalty, coefficients[0], threads=folds.settings.threads or None)
    fits = [own[None] for own in dense.of_folds]
    path = _sparse_path(folds, dense, method, system)
    if path is not None:
        coefficients = np.vstack([path.coefficients, coefficients])
        lambdas = np.append(path.lambdas, lambdas)
        validation = path.validation.beside(validation)
        supports = [np.vstack(pair) for pair in zip(path.fold_supports, supports, strict=True)]
        fits = [np.vstack(pair) for pair in zip(path.fold_coefficients, fits, strict=True)]
    candidates = Candidates(
        coefficients,
        lambdas,
        None if dense.prior else float(dense.penalty.max()),
        dense.prior,
        validation,
        *folds.scores(validation),
        dense.scores,
        method.cost_model,
    )
    return Selection(candidates, folds, dense.penalty, supports, fits)


def _sparse_path(
    folds: CrossValidation, dense: DenseFit, method: SparseEstimator, full: PathSystem
) -> _Path | None:
    """Points of a path with distinct supports, up to the last one that every fold reaches; None without a path.

    Each fold is left out of the choice of the supports that are tested on it, too.
    """
    grid = method.grid(full, folds.settings)
    if not len(grid):
        return None
    folds.progress.start(method.title, len(grid) * (folds.problem.n_folds + 1))
    full = replace(full, advance=folds.progress.advance)
    supports, *supports_of_folds = followed_paths(folds, dense, method, full, grid)
    points = _distinct(supports)
    fitted = folds.refitted(folds.load(None)[0], dense.penalty, supports[points])
    n_reached, parts, fold_supports, fits = len(supports), [], [], []
    for fold, of_fold in zip(folds.folds, supports_of_folds, strict=True):
        scaled, _ = folds.load(fold)
        n_reached = min(n_reached, len(of_fold))
        points = [k for k in points if k < n_reached]
        fold_supports.append(of_fold[points])
        fits.append(folds.refitted(scaled, dense.penalty, of_fold[points]))
        parts.append(folds.residuals(fold, fits[-1]))
    n = len(points)
    validation = reduce(add, (part.columns(slice(n)) for part in parts))
    path = _Path(
        method.l1_penalties(grid)[points],
        fitted[:n],
        validation,
        [own[:n] for own in fold_supports],
        [own[:n] for own in fits],
    )
    return _reversed(path) if method.from_dense else path


def _distinct(supports: Mask) -> list[int]:
    """Positions of the supports that differ from the one before."""
    return [k for k in range(len(supports)) if k == 0 or (supports[k] != supports[k - 1]).any()]


def _reversed(path: _Path) -> _Path:
    order = slice(None, None, -1)
    return _Path(
        path.lambdas[order],
        path.coefficients[order],
        path.validation.columns(order),
        [own[order] for own in path.fold_supports],
        [own[order] for own in path.fold_coefficients],
    )
