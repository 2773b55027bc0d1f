"""The estimate itself: ridge penalty by cross-validation, then the sparse path, each point refitted and validated.

There is one F × F matrix in memory: that of the fold, or of all data, that is being worked on; beside it, those of all
folds where they are small.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from mlip_rs.arrays import Array, Mask
from mlip_rs.basis import Basis
from mlip_rs.cost.model import CostModel, timed_structure
from mlip_rs.cost.units import UnitCosts
from mlip_rs.errors import FitError
from mlip_rs.fitting.elimination import eliminate, groups_of
from mlip_rs.fitting.estimators import Scaled, feature_scale, flat_penalties, group_weights, l1_weights
from mlip_rs.fitting.fold_store import FoldEquations
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.residuals import Residuals, residuals
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.fitting.smoothness_prior import Prior
from mlip_rs.progress import Progress, Silent

ALL_FOLDS: int = 5000
"""Most features for which the search for the penalties looks at all folds."""

SOME_FOLDS: int = 2
"""Folds that it looks at otherwise; the errors reported come from all of them."""

Fits = dict[int, Array]
"""Coefficients (F,) fitted without a fold, by fold."""


@dataclass(frozen=True)
class Candidates:
    """Coefficient vectors of one fit, sparsest first, with their cross-validated residuals.

    Parameters
    ----------
    coefficients
        (P, F), fitted to all data.
    lambdas
        (P,) ℓ1 penalty of each, zero for the dense one.
    ridge_penalty
        Chosen by cross-validation; none with a smoothness prior.
    prior
        Strengths of the smoothness prior, by name; empty for the flat one.
    validation
        Residuals of every structure with coefficients that were fitted without its fold.
    scores
        (P,) root mean squared residual of the validation, in units of the precisions asked for.
    score_errors
        (P,) their standard errors, from the scatter over the folds.
    ridge_scores
        The same for each candidate of the ridge penalty, over the folds that the search looked at.
    costs
        Of the features, where the selection looked at them.
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
        return _Selection(problem, equations, settings, progress or Silent()).run()


@dataclass(frozen=True)
class _Dense:
    """Fits to all features with the best penalties.

    Parameters
    ----------
    penalty
        (F,) the best one.
    prior
        What the penalties of a smoothness prior mean.
    scores
        Of every candidate of a flat penalty; NaN where it was not tried.
    of_folds
        Coefficients (F,) fitted without each fold.
    validation
        Their residuals on the fold left out.
    """

    penalty: Array
    prior: dict[str, float]
    scores: Array
    of_folds: list[Array]
    validation: Residuals


@dataclass(frozen=True)
class _Path:
    """Sparse fits to all data.

    Parameters
    ----------
    lambdas
        (L,) ℓ1 penalties of the points with distinct supports; zero where there is none.
    coefficients
        (L, F) after the refit on each support.
    validation
        Residuals of the same points, chosen and fitted without each fold.
    costs
        Of the features, where they were looked at.
    """

    lambdas: Array
    coefficients: Array
    validation: Residuals
    costs: CostModel | None = None


class _Selection:
    """The steps of `select`, with what they share."""

    def __init__(
        self, problem: Problem, equations: FoldEquations, settings: FitSettings, progress: Progress
    ) -> None:
        self.problem = problem
        self.equations = equations
        self.settings = settings
        self.progress = progress
        n_features = problem.basis.n_features
        self.gram = np.empty((n_features, n_features))  # filled anew for each fold
        total = equations.system(self.gram)
        if total.n_rows == 0 or total.yty == 0.0:
            raise FitError(
                "no labels carry weight, or all are zero; check the weights and that the data have energies or forces"
            )
        self.n_rows = total.n_rows
        self.scale = feature_scale(total, _groups(problem.basis))
        labels = problem.basis.labels()
        constant = np.array([label == "1" for label in labels] * len(problem.basis.elements))
        self.penalized = np.where(constant, 0.0, 1.0)

    def run(self) -> Candidates:
        dense = self._choose_ridge()
        full, _ = self._load(None)
        coefficients = self._refitted(full, dense.penalty)
        penalty = None if dense.prior else float(dense.penalty.max())
        if self.settings.method == "ridge":
            return Candidates(
                coefficients[None, :],
                np.zeros(1),
                penalty,
                dense.prior,
                dense.validation,
                *self._scores(dense.validation),
                dense.scores,
            )
        if self.settings.method == "cost-aware":
            path = self._cost_path(full, dense)
        else:
            path = self._l1_path(full, dense, coefficients)
        validation = path.validation.beside(dense.validation)
        return Candidates(
            np.vstack([path.coefficients, coefficients[None, :]]),
            np.append(path.lambdas, 0.0),
            penalty,
            dense.prior,
            validation,
            *self._scores(validation),
            dense.scores,
            path.costs,
        )

    def _load(self, left_out: int | None) -> tuple[Scaled, int]:
        """The equations without a fold, and their number of rows; in place of those loaded before."""
        system = self.equations.system(self.gram, left_out)
        return Scaled.of(system, self.scale, self.penalized), system.n_rows

    @property
    def _searched(self) -> range:
        """Folds that the search for the penalties looks at."""
        n_folds = self.problem.n_folds
        return range(n_folds if self.problem.basis.n_features <= ALL_FOLDS else min(SOME_FOLDS, n_folds))

    def _smooth(self) -> tuple[Array, dict[str, float], Fits]:
        """Penalties (F,) of the smoothness prior that predicts best, what they mean, and the fits with them."""
        prior = Prior.of(self.problem.basis)
        self.progress.start("smoothness prior: cross-validations", self.settings.n_prior)
        best: tuple[float, Array, Fits] = np.inf, np.empty(0), {}

        def gradient(penalties: Array) -> tuple[float, Array] | None:
            nonlocal best
            score, slope = 0.0, np.zeros(len(penalties))
            fits: Fits = {}
            for fold in self._searched:
                scaled, _ = self._load(fold)

                def seed(w: Array, fold: int = fold) -> Array:
                    nonlocal score
                    fits[fold] = w / self.scale
                    squares, derivative = self.equations.squares(fold, fits[fold])
                    score += squares
                    return derivative / self.scale

                found = scaled.adjoint(penalties, seed, self.settings.threads)
                if found is None:
                    return None
                w, z = found
                slope -= z * w
            if score < best[0]:
                best = score, penalties, fits
            return score, slope

        strengths = prior.tune(gradient, self.settings.n_prior, self.progress.advance)
        penalties = prior.penalties(strengths)
        return penalties, prior.describe(strengths), best[2] if np.array_equal(penalties, best[1]) else {}

    def _flat(self) -> tuple[Array, Array, Fits]:
        """The penalty of the smallest cross-validated score, searched downhill from the middle, and the scores seen.

        Also the fits with this penalty.
        """
        numbers = np.array(self.settings.ridge_penalties)
        order = np.argsort(numbers)
        penalties = flat_penalties(numbers[order], self.penalized)
        scores = np.full(len(penalties), np.nan)
        fits: list[Fits] = [{} for _ in penalties]
        n_rows = sum(self.equations.sums(fold).n_rows for fold in self._searched)
        self.progress.start("cross-validation of the ridge penalty: penalties", len(penalties))

        def score(k: int) -> float:
            if not 0 <= k < len(penalties):
                return np.inf
            if np.isnan(scores[k]):
                squares = self._cross_validate(penalties[k], fits[k])
                scores[k] = np.inf if squares is None else np.sqrt(squares / max(n_rows, 1))
                self.progress.advance()
            return float(scores[k])

        best = len(penalties) // 2
        while not np.isfinite(score(best)) and best + 1 < len(penalties):
            best += 1  # singular: only larger penalties can help
        if not np.isfinite(score(best)):
            raise FitError(
                "no ridge penalty gives a solvable system; add larger values to ridge_penalties or use a smaller basis"
            )
        while score(best - 1) < score(best):
            best -= 1
        while score(best + 1) < score(best):
            best += 1
        in_given_order = np.empty(len(scores))
        in_given_order[order] = scores
        return penalties[best], in_given_order, fits[best]

    def _cross_validate(self, penalties: Array, fits: Fits | None = None) -> float | None:
        """Sum of the squared residuals of the folds searched, by their equations; none if a matrix is singular.

        The fits are added to `fits`.
        """
        total = 0.0
        for fold in self._searched:
            scaled, _ = self._load(fold)
            w = scaled.ridge(penalties[None], threads=self.settings.threads)[0]
            if not np.isfinite(w).all():
                return None
            if fits is not None:
                fits[fold] = w
            total += self.equations.squares(fold, w)[0]
        return total

    def _choose_ridge(self) -> _Dense:
        """Fits with the penalties of the smallest cross-validated score."""
        described: dict[str, float] = {}
        scores = np.empty(0)
        if self.settings.prior == "smooth":
            penalty, described, known = self._smooth()
        else:
            penalty, scores, known = self._flat()
        self.progress.start("cross-validation: folds", self.problem.n_folds)
        fits, parts = [], []
        for fold in range(self.problem.n_folds):
            fits.append(known[fold] if fold in known else self._refitted(self._load(fold)[0], penalty))
            parts.append(self._residuals(fold, fits[-1][None]))
            self.progress.advance()
        return _Dense(penalty, described, scores, fits, reduce(add, parts))

    def _l1_path(self, full: Scaled, dense: _Dense, coefficients: Array) -> _Path:
        """Candidates with distinct supports along a path, of which the last may have no fit without some fold."""
        settings, penalty = self.settings, dense.penalty
        l1 = self._weights(full, coefficients)
        if settings.method == "omp":
            largest = 0.0  # its points are numbers of features
        elif settings.method == "group-lasso":
            largest = full.group_lambda_max(self.groups, l1, penalty)
        else:
            largest = full.lambda_max(l1, penalty)
        lambdas = largest * np.geomspace(1.0, settings.path_ratio, settings.n_path + 1)[1:]
        self.progress.start("ℓ1 paths: points", settings.n_path * (self.problem.n_folds + 1))
        supports = self._supports(full, lambdas, l1, penalty, settings.max_nonzero)
        points = _distinct(supports)
        fitted = self._refitted_all(full, penalty, supports[points])
        parts, n_reached = [], len(supports)
        for fold in range(self.problem.n_folds):
            scaled, n_rows = self._load(fold)
            # The weights of the path, too, must not know the fold that judges it.
            l1 = self._weights(scaled, dense.of_folds[fold])
            # As many points as the full path has; a fold may need a few more features for the same penalty.
            of_fold = lambdas[:n_reached] * (n_rows / self.n_rows)
            supports = self._supports(scaled, of_fold, l1, penalty, 2 * settings.max_nonzero)
            n_reached = min(n_reached, len(supports))
            points = [k for k in points if k < n_reached]
            parts.append(self._residuals(fold, self._refitted_all(scaled, penalty, supports[points])))
        validation = reduce(add, (part.columns(slice(len(points))) for part in parts))
        return _Path(lambdas[points], fitted[: len(points)], validation)

    def _cost_path(self, full: Scaled, dense: _Dense) -> _Path:
        """Candidates of falling cost, by elimination; what is left without a fold is chosen without it, too."""
        basis, settings, penalty = self.problem.basis, self.settings, dense.penalty
        self.progress.start("elimination: points", settings.n_path * (self.problem.n_folds + 1))
        units = UnitCosts() if settings.unit_costs is None else UnitCosts(**settings.unit_costs)
        costs = CostModel.of(basis, timed_structure(self.problem.dataset), units)
        groups = groups_of(basis, costs)

        def supports(scaled: Scaled, targets: Array) -> Mask:
            return eliminate(
                scaled.gram,
                scaled.moment,
                penalty,
                costs,
                groups,
                targets,
                settings.cost_power,
                self.progress.advance,
            )

        smallest = np.sqrt(costs.base / costs.cost(np.ones(basis.n_features, dtype=bool)) / basis.n_features)
        targets = np.geomspace(1.0, smallest, settings.n_path + 2)[1:-1]
        masks = supports(full, targets)
        points = _distinct(masks)
        masks = masks[points]
        fitted = self._refitted_all(full, penalty, masks)
        parts = []
        for fold in range(self.problem.n_folds):
            scaled, _ = self._load(fold)
            of_fold = supports(scaled, targets[points])
            parts.append(self._residuals(fold, self._refitted_all(scaled, penalty, of_fold)))
        n_points = min(len(part.squares) for part in parts)
        sparsest_first = slice(n_points - 1, None, -1) if n_points else slice(0)
        validation = reduce(add, (part.columns(slice(n_points)).columns(sparsest_first) for part in parts))
        return _Path(np.zeros(n_points), fitted[:n_points][sparsest_first], validation, costs)

    def _supports(self, scaled: Scaled, lambdas: Array, l1: Array, penalty: Array, max_nonzero: int) -> Mask:
        """(L, F) what is not zero at each point of the path that is reached."""
        tick, threads = self._ticker(), self.settings.threads
        if self.settings.method == "omp":
            return self._forward(scaled, l1, penalty)
        if self.settings.method == "group-lasso":
            groups = self.groups
            coefficients = scaled.group_path(lambdas, groups, l1, penalty, max_nonzero, threads, tick)
        else:
            ratio = self.settings.l1_ratio if self.settings.method == "elastic-net" else 1.0
            coefficients = scaled.path(lambdas, l1, penalty, max_nonzero, threads, tick, ratio)
        return np.asarray(coefficients != 0.0)

    def _forward(self, scaled: Scaled, costs: Array, penalty: Array) -> Mask:
        """(L, F) the features of a forward selection after numbers of picks that grow geometrically."""
        settings = self.settings

        def go_on(_pick: int, _n_features: int) -> bool:
            return True

        picks = scaled.forward(
            np.arange(len(costs)), costs, penalty, settings.max_nonzero, settings.threads, go_on
        )
        most = settings.max_nonzero - int(np.count_nonzero(costs == 0.0))
        counts = np.round(np.geomspace(1, max(most, 1), settings.n_path)).astype(int)
        counts = counts[counts <= len(picks)]
        supports = np.tile(costs == 0.0, (len(counts), 1))
        for support, count in zip(supports, counts, strict=True):
            support[[pick.group for pick in picks[:count]]] = True
        self.progress.advance(settings.n_path)
        return supports

    def _weights(self, scaled: Scaled, ridge_coefficients: Array) -> Array:
        """What the path weighs: groups, or features."""
        if self.settings.method == "group-lasso":
            return group_weights(self.groups, scaled.penalized)
        return l1_weights(scaled, self.settings, ridge_coefficients)

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """(F,) number of the group of each feature: what the evaluator of one centre pays for together."""
        basis = self.problem.basis
        return _by_center(basis.core.groups(), len(basis.elements))

    def _refitted_all(self, scaled: Scaled, penalty: Array, supports: Mask) -> Array:
        """One row per support, of which there may be none: a path can end before its first point."""
        fitted = [self._refitted(scaled, penalty, support) for support in supports]
        return np.array(fitted).reshape(len(fitted), len(self.scale))

    def _refitted(self, scaled: Scaled, penalty: Array, support: Mask | None = None) -> Array:
        coefficients: Array = scaled.ridge(penalty[None], support, self.settings.threads)[0]
        if not np.isfinite(coefficients).all():
            raise FitError(
                f"the refit with ridge penalty {np.max(penalty):.0e} has no solution; use larger ridge_penalties"
            )
        return coefficients

    def _residuals(self, fold: int, coefficients: Array) -> Residuals:
        problem, members = self.problem, self.problem.members(fold)
        frames = [problem.dataset[i] for i in members]
        weights = problem.structure_weights[members] * problem.property_weights
        threads = self.settings.threads
        return residuals(problem.basis, frames, problem.reference, coefficients, weights, threads)

    def _scores(self, validation: Residuals) -> tuple[Array, Array]:
        """(P,) root mean squared weighted residual, and its standard error over the folds."""
        rows = [self.equations.sums(fold).n_rows for fold in range(self.problem.n_folds)]
        scores = np.sqrt(validation.squares / self.n_rows)
        return scores, validation.standard_error(np.array(rows, dtype=float))

    def _ticker(self) -> Callable[[int, int], bool]:
        """Advances the progress by one per point."""

        def tick(_point: int, _n_active: int) -> bool:
            self.progress.advance()
            return True

        return tick


def _distinct(supports: Mask) -> list[int]:
    """Positions of the supports that differ from the one before."""
    return [k for k in range(len(supports)) if k == 0 or (supports[k] != supports[k - 1]).any()]


def _groups(basis: Basis) -> NDArray[np.int64]:
    """(F,) number of the group of each feature: its centre, order and degree."""
    feature_degrees = basis.core.feature_degrees()[:, :2]
    own = np.unique(feature_degrees, axis=0, return_inverse=True)[1].reshape(-1)
    return _by_center(own, len(basis.elements))


def _by_center(own: NDArray[np.int64], n_elements: int) -> NDArray[np.int64]:
    """Numbers of groups of one centre, made different for every centre."""
    n_groups = int(own.max(initial=0)) + 1
    return np.concatenate([own + k * n_groups for k in range(n_elements)])
