"""Fits and residuals by folds, for the choice of the penalties and for that of the features.

There is one F × F matrix in memory, of all data or without the current fold; beside it, those of all folds where they
are small.
"""

from collections.abc import Iterable
from contextlib import suppress
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs.arrays import Array, Mask
from mlip_rs.basis import Basis
from mlip_rs.errors import FitError
from mlip_rs.fitting.anchors import Anchors
from mlip_rs.fitting.assemble import owner
from mlip_rs.fitting.elastic_rows import ElasticRows
from mlip_rs.fitting.estimators.base import PathSystem, SparseEstimator
from mlip_rs.fitting.estimators.scaled import Scaled, by_center, feature_scale
from mlip_rs.fitting.fold_store import FoldEquations
from mlip_rs.fitting.nested_refits import nested, nested_refits
from mlip_rs.fitting.normal_equations import System
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.residuals import Residuals, residuals
from mlip_rs.fitting.settings import RUN_ONLY, FitSettings
from mlip_rs.fitting.stored_pieces import PIECES, StoredPieces
from mlip_rs.progress import Progress


class CrossValidation:
    """Equations without each fold, refits on supports, residuals on the fold left out.

    What is finished is stored beside the equations, so that a fit that is killed takes it up again (`pieces`).

    Parameters
    ----------
    problem
        Basis, data, weights and folds.
    equations
        Normal equations of the problem, within `FoldEquations.totalled`.
    settings
        Of the fit.
    progress
        Receives the advance.

    Raises
    ------
    FitError
        No label carries weight.
    """

    def __init__(
        self, problem: Problem, equations: FoldEquations, settings: FitSettings, progress: Progress
    ) -> None:
        self.problem = problem
        self.equations = equations
        self.settings = settings
        self.progress = progress
        self.anchors: Anchors | None = None
        self.elastic: ElasticRows | None = None
        n_features = problem.basis.n_features
        self._gram = np.empty((n_features, n_features))  # filled anew for each fold
        total = equations.system(self._gram)
        if total.n_rows == 0 or total.yty == 0.0:
            raise FitError(
                "no labels carry weight, or all are zero; check the weights and that the data have energies or forces"
            )
        self.n_rows = total.n_rows
        self.occurring: Mask = np.diag(total.gram) > 0.0
        self.scale = feature_scale(total, _alike(problem.basis))
        labels = problem.basis.labels()
        constant = np.array([label == "1" for label in labels] * len(problem.basis.elements))
        self.penalized = np.where(constant, 0.0, 1.0)
        self.pieces = self._stored_pieces(total)

    @property
    def folds(self) -> range:
        """Numbers of the folds."""
        return range(self.problem.n_folds)

    def anchored(self, anchors: Anchors | None) -> "CrossValidation":
        """The same with other anchor rows, or none, in every system loaded; the memory of the systems is shared."""
        other = copy(self)
        other.anchors = anchors
        return other

    def with_elastic_rows(self, elastic: ElasticRows | None) -> "CrossValidation":
        """The same with other elastic rows, or none, in every system loaded; the memory of the systems is shared."""
        other = copy(self)
        other.elastic = elastic
        return other

    def beside(self) -> "CrossValidation":
        """The same with memory of its own for a system."""
        other = copy(self)
        other._gram = np.empty_like(self._gram)
        return other

    def load(self, left_out: int | None) -> tuple[Scaled, int]:
        """The equations without a fold, and their number of rows; in place of those loaded before."""
        system = self.system(left_out)
        return Scaled.of(system, self.scale, self.penalized), system.n_rows

    def plain_system(self) -> System:
        """The equations of all data alone, not scaled; in place of those loaded before."""
        return self.equations.system(self._gram)

    def system(self, left_out: int | None) -> System:
        """The equations without a fold as they are, not scaled; in place of those loaded before."""
        system = self.equations.system(self._gram, left_out)
        for taught in (self.anchors, self.elastic):
            system = system if taught is None else taught.added(system, left_out)
        return system

    def refitted(self, scaled: Scaled, penalty: Array, supports: Iterable[Mask | None]) -> Array:
        """(P, F) ridge coefficients on each support; None stands for all features.

        Raises
        ------
        FitError
            A singular matrix.
        """
        chosen = list(supports)
        shape = len(chosen), len(self.scale)

        def refit() -> list[Array]:
            supports = [own for own in chosen if own is not None]
            if len(supports) == len(chosen) > 1 and nested(supports):
                with suppress(FitError):  # told by the first support without a solution, below
                    return [nested_refits(scaled, penalty, supports, self.settings.threads or None)]
            return [np.array([self._refitted(scaled, penalty, own) for own in chosen]).reshape(shape)]

        some = [None if own is None else np.packbits(own) for own in chosen]
        return self.pieces.piece("refits", [*_marks(scaled), penalty, *some], refit)[0]

    def supports(self, method: SparseEstimator, system: PathSystem, grid: Array) -> Mask:
        """(≤ L, F) features that a method leaves at each value of a grid."""
        inputs = [*_marks(system.scaled), system.penalties, system.ridge, grid, system.room, system.share]
        settings = {k: v for k, v in self.settings.to_dict().items() if k not in RUN_ONLY}
        checkpoint = self.pieces.checkpoint("supports so far", [settings, *inputs])

        def follow() -> list[Mask]:
            return [method.supports(replace(system, checkpoint=checkpoint), grid)]

        (found,) = self.pieces.piece("supports", [settings, *inputs], follow)
        return found

    def _refitted(self, scaled: Scaled, penalty: Array, support: Mask | None) -> Array:
        coefficients: Array = scaled.ridge(penalty[None], support, self.settings.threads or None)[0]
        if not np.isfinite(coefficients).all():
            raise FitError(
                f"the refit with ridge penalty {np.max(penalty):.0e} has no solution; use larger ridge_penalties"
            )
        return coefficients

    def residuals(self, fold: int, coefficients: Array) -> Residuals:
        """Residuals of coefficient vectors (P, F) on the structures of a fold."""
        problem, members = self.problem, self.problem.members(fold)
        frames = [problem.dataset[i] for i in members]
        weights = problem.structure_weights[members] * problem.property_weights
        threads = self.settings.threads or None

        def compare() -> tuple[NDArray[Any], ...]:
            held = problem.held_rows
            found = residuals(problem.basis, frames, problem.reference, coefficients, weights, threads, held)
            return found.to_arrays()

        return Residuals.from_arrays(*self.pieces.piece("residuals", [fold, coefficients], compare))

    def scores(self, validation: Residuals) -> tuple[Array, Array]:
        """(P,) root mean squared weighted residual, and its standard error over the folds."""
        rows = [self.equations.sums(fold).n_rows for fold in self.folds]
        scores = np.sqrt(validation.squares / self.n_rows)
        return scores, validation.standard_error(np.array(rows, dtype=float))

    def _stored_pieces(self, total: System) -> StoredPieces:
        """Pieces of these equations with these weights, beside the equations if they outlive the fit."""
        if not self.equations.persistent:
            return StoredPieces(None, [])
        moments = [self.equations.sums(fold).xty for fold in self.folds]
        question = [
            owner(self.equations.directory),
            self.problem.property_weights,
            self.scale,
            total.xty,
            *moments,
        ]
        return StoredPieces(self.equations.directory / PIECES, question, self.progress.note)


def _marks(scaled: Scaled) -> list[Array]:
    """Vectors that tell these equations from those without another fold, or with other rows."""
    return [np.diag(scaled.gram).copy(), scaled.xty]


def _alike(basis: Basis) -> NDArray[np.int64]:
    """(F,) number of the group of features of the same centre, order and degree."""
    degrees = basis.core.feature_degrees()[:, :2]
    own = np.unique(degrees, axis=0, return_inverse=True)[1].reshape(-1)
    return by_center(own, len(basis.elements))
