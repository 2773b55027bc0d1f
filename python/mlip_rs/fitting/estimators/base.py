"""Base of all estimators: scikit-learn's interface around a choice of supports on normal equations."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mlip_rs.arrays import Array, Mask
from mlip_rs.cost.model import CostModel
from mlip_rs.errors import FitError
from mlip_rs.fitting.estimators.scaled import Scaled, feature_scale
from mlip_rs.fitting.normal_equations import System
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.fitting.stored_pieces import NO_CHECKPOINT, Checkpoint


@dataclass(frozen=True)
class PathSystem:
    """Normal equations on which a method follows its path.

    Parameters
    ----------
    scaled
        Equations of features of unit norm.
    penalties
        (F,) ridge penalties of these features.
    ridge
        (F,) ridge coefficients of the original features.
    share
        Rows of the equations, in rows of all data.
    room
        Factor on the largest number of non-zero coefficients: without a fold a few more may be needed.
    threads
        As for `Potential.predict`.
    advance
        Called with a number of points that are done.
    checkpoint
        For the state of a path that takes long.
    """

    scaled: Scaled
    penalties: Array
    ridge: Array
    share: float = 1.0
    room: int = 1
    threads: int | None = None
    advance: Callable[[int], None] = lambda _: None
    checkpoint: Checkpoint = NO_CHECKPOINT

    def tick(self, _point: int, _n_active: int) -> bool:
        """Progress of the solvers of the core, one point at a time."""
        self.advance(1)
        return True


class SparseEstimator(RegressorMixin, BaseEstimator, ABC):  # type: ignore[misc] # scikit-learn has no types
    """Linear model without intercept whose features are chosen by a method, refitted by ridge regression.

    A subclass says which values its path runs through (`grid`, `point`) and which features are left at each of them
    (`supports`).

    Attributes
    ----------
    coef_
        (F,) coefficients.
    n_features_in_
        F.
    """

    title: ClassVar[str] = ""
    """Name of the path in the progress; empty for a method without a path."""

    from_dense: ClassVar[bool] = False
    """Whether the path runs from dense to sparse."""

    one_thread: ClassVar[bool] = False
    """Whether a path keeps hardly more than one thread busy, so that those of several systems are followed at once."""

    ridge: float

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> "SparseEstimator":
        """Fit to rows.

        Parameters
        ----------
        X
            (n, F) design rows.
        y
            (n,) labels.
        sample_weight
            (n,) weights of the squared residuals.
        """
        x, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        weights = _check_sample_weight(sample_weight, x, dtype=np.float64, ensure_non_negative=True)
        weighted = x * weights[:, None]
        return self.fit_gram(weighted.T @ x, weighted.T @ y)

    def fit_gram(self, gram: Array, xty: Array) -> "SparseEstimator":
        """Fit to the normal equations XᵀWX (F, F), not changed, and XᵀWy (F,)."""
        n_features = len(xty)
        system = System(
            np.array(gram, dtype=np.float64, order="C"), np.asarray(xty, dtype=np.float64), 1.0, 1
        )
        scaled = Scaled.of(system, feature_scale(system), np.ones(n_features))
        penalties = np.full(n_features, float(self.ridge))
        path = PathSystem(scaled, penalties, scaled.ridge(penalties[None])[0])
        supports = self.supports(path, self.point(path))
        support = supports[-1] if len(supports) else np.zeros(n_features, dtype=bool)
        coefficients = scaled.ridge(penalties[None], support)[0]
        if not np.isfinite(coefficients).all():
            raise FitError(f"no solution with ridge = {self.ridge}; use a larger value")
        self.coef_, self.n_features_in_ = coefficients, n_features
        return self

    def predict(self, X: ArrayLike) -> Array:
        """(n,) predictions for rows (n, F)."""
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, dtype=np.float64, reset=False) @ self.coef_)

    @abstractmethod
    def grid(self, system: PathSystem, settings: FitSettings) -> Array:
        """(L,) values of a path through all data; none for a method without a path."""

    @abstractmethod
    def point(self, system: PathSystem) -> Array:
        """(1,) value of the path that the parameters of the estimator ask for."""

    @abstractmethod
    def supports(self, system: PathSystem, grid: Array) -> Mask:
        """(≤ L, F) features with a coefficient at each value of a grid, up to the last one that is reached."""

    def bound(self, problem: Problem, settings: FitSettings) -> "SparseEstimator":
        """Copy with the properties of the basis that the method needs; the estimator itself if it needs none."""
        return self

    def l1_penalties(self, grid: Array) -> Array:
        """(L,) ℓ1 penalties of the points of a grid, as a run records them; zero without one."""
        return np.zeros(len(grid))

    @property
    def cost_model(self) -> CostModel | None:
        """Costs of the features, if the method looks at them."""
        return None

    @abstractmethod
    def solver_numbers(self, n_features: int) -> int:
        """Numbers that the solver holds beside the Gram matrix."""

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 (a class that scikit-learn keeps to itself)
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True  # no intercept
        return tags
