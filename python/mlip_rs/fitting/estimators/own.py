"""Estimators of others in a fit: anything with `fit(X, y)` and `coef_` chooses the features.

The estimator sees rows that are equivalent to the data, not the data: with the eigenvectors V and eigenvalues Λ of the
Gram matrix of unit-norm features, the F rows R = Λ^½ Vᵀ and the labels ỹ = Λ^−½ Vᵀ XᵀWy have

    RᵀR = XᵀWX,    Rᵀỹ = XᵀWy,    ‖ỹ − R w‖² = ‖y − X w‖²_W − constant

for all w: every least-squares loss, with whatever penalty on w, has the same minimum as on the rows of the data, of
which there may be millions. (The Cholesky factor would do as well, if no features were collinear.) What an estimator
finds out from the scatter of rows is another matter: there are F of them, and the part of the residual that no
coefficients could explain is missing, so that noise is underestimated; and rows that `LassoCV` leaves out are not
structures. Features have unit norm and ỹ is scaled to unit norm, so that a penalty such as the `alpha` of a LASSO is a
pure number. The scores that the fit reports are cross-validated over structures all the same: the estimator chooses the
features anew without each fold, and the refit has the ridge penalty of the dense fit.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import clone

from mlip_rs.arrays import Array, Mask
from mlip_rs.errors import FitError
from mlip_rs.fitting.estimators.base import PathSystem, SparseEstimator
from mlip_rs.fitting.estimators.scaled import Scaled
from mlip_rs.fitting.settings import FitSettings

SMALLEST_EIGENVALUE: float = 1e-14
"""Directions with less than this part of the largest eigenvalue are left out: the data do not determine them."""


class OwnEstimator(SparseEstimator):
    """The features to which another estimator gives a coefficient.

    Parameters
    ----------
    estimator
        Anything that scikit-learn can `clone` and that has `fit(X, y)` and `coef_`; an intercept is switched off.
    ridge
        Ridge penalty of the refit.
    """

    title = "estimator: fits"

    def __init__(self, estimator: Any, ridge: float = 1e-6) -> None:  # noqa: ANN401 (whatever has fit and coef_)
        self.estimator = estimator
        self.ridge = ridge

    def grid(self, system: PathSystem, settings: FitSettings) -> Array:
        """One sparse point."""
        return np.ones(1)

    def point(self, system: PathSystem) -> Array:
        """One sparse point."""
        return np.ones(1)

    def supports(self, system: PathSystem, grid: Array) -> Mask:
        """(L, F) features with a coefficient, and constants."""
        coefficients = self._coefficients(*equivalent_rows(system.scaled))
        if coefficients.shape != system.scaled.xty.shape or not np.isfinite(coefficients).all():
            raise FitError(
                f"{self.estimator!r} gives no finite coefficient for each feature; check its settings"
            )
        system.advance(len(grid))
        support = (coefficients != 0.0) | (system.scaled.penalized <= 0)
        return np.tile(support, (len(grid), 1))

    def _coefficients(self, rows: Array, labels: Array) -> Array:
        """Coefficients of a fresh copy of the estimator.

        Raises
        ------
        FitError
            The estimator cannot be cloned or fails; names it and the cause.
        """
        try:
            estimator = clone(self.estimator)
            if "fit_intercept" in estimator.get_params():
                estimator.set_params(fit_intercept=False)
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                estimator.fit(rows, labels / max(np.linalg.norm(labels), np.finfo(float).tiny))
            _say_once(self.estimator, caught)
            return np.asarray(np.asarray(estimator.coef_).astype(float, casting="same_kind")).reshape(-1)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise FitError(
                f"{self.estimator!r} as method: {reason}; it must be an estimator that scikit-learn can clone, "
                "with fit(X, y) and real coef_ after it"
            ) from error

    def solver_numbers(self, n_features: int) -> int:
        """Rows and eigenvectors, and a copy that the estimator is likely to make."""
        return 4 * n_features**2


def _say_once(estimator: object, caught: Sequence[warnings.WarningMessage]) -> None:
    """One warning in place of those of every penalty and fold; Python shows equal ones once."""
    if caught:
        first = " ".join(str(caught[0].message).split())
        text = f"{estimator!r} warns, here or in other folds: {first}"
        warnings.warn(text, UserWarning, stacklevel=2)


def equivalent_rows(scaled: Scaled) -> tuple[Array, Array]:
    """Rows (K, F) and labels (K,), K ≤ F, with the same normal equations."""
    eigenvalues, vectors = np.linalg.eigh(scaled.gram)
    known = eigenvalues > SMALLEST_EIGENVALUE * max(eigenvalues[-1], np.finfo(float).tiny)
    roots, vectors = np.sqrt(eigenvalues[known]), vectors[:, known]
    return roots[:, None] * vectors.T, vectors.T @ scaled.xty / roots
