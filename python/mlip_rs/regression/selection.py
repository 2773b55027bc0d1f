"""The estimate itself: ridge penalty by cross-validation, then the sparse path, each point refitted and validated."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlip_rs.errors import FitError
from mlip_rs.progress import Progress, Silent
from mlip_rs.regression.assemble import FoldEquations, Problem
from mlip_rs.regression.equations import Array, Mask, System
from mlip_rs.regression.estimators import Scaled, feature_scale, l1_weights, without
from mlip_rs.regression.residuals import Predictions, joined, predict
from mlip_rs.regression.settings import FitSettings


@dataclass(frozen=True)
class Candidates:
    """Coefficient vectors of one fit, sparsest first, with their cross-validated predictions.

    Parameters
    ----------
    coefficients
        (P, F), fitted to all data.
    lambdas
        (P,) ℓ1 penalty of each, zero for the dense one.
    ridge_penalty
        Chosen by cross-validation.
    validation
        Predictions for every structure by coefficients that were fitted without its fold.
    scores
        (P,) root mean squared residual of the validation, in units of the precisions asked for.
    ridge_scores
        The same for each candidate of the ridge penalty.
    """

    coefficients: Array
    lambdas: Array
    ridge_penalty: float
    validation: Predictions
    scores: Array
    ridge_scores: Array


def select(
    problem: Problem, equations: FoldEquations, settings: FitSettings, progress: Progress | None = None
) -> Candidates:
    """Find the candidates of a problem.

    Raises
    ------
    FitError
        No ridge penalty gives finite coefficients; a path that cannot be computed.
    """
    return _Selection(problem, equations, settings, progress or Silent()).run()


class _Selection:
    """The steps of `select`, with what they share."""

    def __init__(
        self, problem: Problem, equations: FoldEquations, settings: FitSettings, progress: Progress
    ) -> None:
        self.problem = problem
        self.equations = equations
        self.settings = settings
        self.progress = progress
        self.property_weights = settings.weights.of_properties()
        self.total = equations.total(self.property_weights)
        if self.total.n_rows == 0 or self.total.yty == 0.0:
            raise FitError(
                "no labels carry weight, or all are zero; check the weights and that the data have energies or forces"
            )
        self.scale = feature_scale(self.total)
        labels = problem.basis.labels()
        constant = np.array([label == "1" for label in labels] * len(problem.basis.elements))
        self.penalized = np.where(constant, 0.0, 1.0)

    def run(self) -> Candidates:
        penalty, ridge_scores, dense_validation = self._choose_ridge()
        full = self._scaled(self.total)
        dense = self._dense(full, penalty)
        if self.settings.method == "ridge":
            score = self._scores([dense_validation])
            return Candidates(dense[None, :], np.zeros(1), penalty, dense_validation, score, ridge_scores)
        l1 = l1_weights(full, self.settings, dense)
        coefficients, lambdas, validation = self._path(full, penalty, l1, dense, dense_validation)
        return Candidates(
            coefficients, lambdas, penalty, validation, self._scores([validation]), ridge_scores
        )

    def _scaled(self, system: System) -> Scaled:
        return Scaled.of(system, self.scale, self.penalized)

    def _train(self, fold: int) -> System:
        return without(self.total, self.equations.system(fold, self.property_weights))

    def _choose_ridge(self) -> tuple[float, Array, Predictions]:
        """Penalty with the smallest cross-validated score; the scores; the validation predictions with it."""
        penalties = np.array(self.settings.ridge_penalties)
        self.progress.start("cross-validation of the ridge penalty: folds", self.problem.n_folds)
        parts = []
        for fold in range(self.problem.n_folds):
            coefficients = self._scaled(self._train(fold)).ridge(penalties, threads=self.settings.threads)
            parts.append(self._predict_fold(fold, coefficients))
            self.progress.advance()
        scores = self._scores(parts)
        if not np.isfinite(scores).any():
            raise FitError(
                "no ridge penalty gives a solvable system; add larger values to ridge_penalties or use a smaller basis"
            )
        best = int(np.nanargmin(scores))
        chosen = joined([Predictions(p.frames, tuple(v[:, [best]] for v in p.values)) for p in parts])
        return float(penalties[best]), scores, chosen

    def _path(
        self, full: Scaled, penalty: float, l1: Array, dense: Array, dense_validation: Predictions
    ) -> tuple[Array, Array, Predictions]:
        """Sparse candidates with distinct supports, then the dense one."""
        settings = self.settings
        largest = full.lambda_max(l1, penalty)
        lambdas = largest * np.geomspace(1.0, settings.path_ratio, settings.n_path + 1)[1:]
        self.progress.start("ℓ1 paths: points", settings.n_path * (self.problem.n_folds + 1))
        supports = (
            full.path(
                lambdas, l1, penalty, settings.max_nonzero, settings.threads, self._ticker(settings.n_path)
            )
            != 0.0
        )
        parts = []
        n_points = len(supports)
        for fold in range(self.problem.n_folds):
            train = self._train(fold)
            scaled = self._scaled(train)
            # The weights of the path, too, must not know the fold that judges it.
            own_l1 = l1_weights(scaled, settings, self._dense(scaled, penalty))
            # As many points as the full path has; a fold may need a few more features for the same penalty.
            own = (
                scaled.path(
                    lambdas[:n_points] * (train.n_rows / self.total.n_rows),
                    own_l1,
                    penalty,
                    2 * settings.max_nonzero,
                    settings.threads,
                    self._ticker(settings.n_path),
                )
                != 0.0
            )
            n_points = min(n_points, len(own))
            parts.append(self._predict_fold(fold, self._refitted_all(scaled, penalty, own)))
        keep = [k for k in range(n_points) if k == 0 or (supports[k] != supports[k - 1]).any()]
        sparse = self._refitted_all(full, penalty, supports[keep])
        validation = joined([Predictions(p.frames, tuple(v[:, keep] for v in p.values)) for p in parts])
        together = Predictions(
            validation.frames,
            tuple(np.hstack([s, d]) for s, d in zip(validation.values, dense_validation.values, strict=True)),
        )
        coefficients = np.vstack([sparse, dense[None, :]])
        return coefficients, np.append(lambdas[keep], 0.0), together

    def _dense(self, scaled: Scaled, penalty: float) -> Array:
        """Fitted to all features."""
        return self._refitted(scaled, penalty, np.ones(len(self.scale), dtype=bool))

    def _refitted_all(self, scaled: Scaled, penalty: float, supports: Mask) -> Array:
        """One row per support, of which there may be none: a path can end before its first point."""
        fitted = [self._refitted(scaled, penalty, support) for support in supports]
        return np.array(fitted).reshape(len(fitted), len(self.scale))

    def _refitted(self, scaled: Scaled, penalty: float, support: Mask) -> Array:
        coefficients: Array = scaled.ridge(np.array([penalty]), support, self.settings.threads)[0]
        if not np.isfinite(coefficients).all():
            raise FitError(
                f"the refit with ridge penalty {penalty:.0e} has no solution; use larger ridge_penalties"
            )
        return coefficients

    def _predict_fold(self, fold: int, coefficients: Array) -> Predictions:
        frames = [self.problem.dataset[i] for i in self.problem.members(fold)]
        return predict(
            self.problem.basis, frames, self.problem.reference, coefficients, self.settings.threads
        )

    def _scores(self, parts: list[Predictions]) -> Array:
        """Root mean squared weighted residual of each column over all folds, in the order of the folds."""
        order = [i for fold in range(self.problem.n_folds) for i in self.problem.members(fold)]
        weights = self.problem.structure_weights[order]
        squares = joined(parts).weighted_squares(self.property_weights, weights)
        return np.asarray(np.sqrt(squares / self.total.n_rows))

    def _ticker(self, n_points: int) -> Callable[[int, int], bool]:
        """Advances the progress by one per point."""

        def tick(_point: int, _n_active: int) -> bool:
            self.progress.advance()
            return True

        return tick
