"""Ridge and ℓ1 paths from weighted normal equations, and their cross-validation.

All work is done on features of unit norm, w' = D w with D = diag(XᵀWX)^½, so that one penalty suits all features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.errors import FitError
from mlip_rs.regression.equations import Array, Mask, System
from mlip_rs.regression.settings import FitSettings
from mlip_rs.regression.store import chunks

KKT_TOLERANCE: float = 1e-6
"""Relative violation of the optimality conditions accepted along an ℓ1 path."""

SMALLEST_SCALE: float = 1e-5
"""Norm below which a feature is not scaled up to one, in the largest norm of its group."""


@dataclass(frozen=True)
class Scaled:
    """A system whose features have unit norm.

    Parameters
    ----------
    gram, moment
        D⁻¹ XᵀWX D⁻¹ and D⁻¹ XᵀWy.
    scale
        D; one for features that never occur.
    penalized
        Where penalties act: not on constants.
    """

    gram: Array
    moment: Array
    scale: Array
    penalized: Array

    @classmethod
    def of(cls, system: System, scale: Array, penalized: Array) -> "Scaled":
        """Scale a system, in its own memory: its Gram matrix is the scaled one from now on.

        `scale` may come from a larger system, of which this one is a part.
        """
        for rows in chunks(len(scale)):
            # By products, which commute, so that the result is as symmetric as the Gram matrix, to the last bit.
            system.gram[rows] /= np.multiply.outer(scale[rows], scale)
        return cls(system.gram, system.moment / scale, scale, penalized)

    def ridge(self, penalties: Array, support: Mask | None = None, threads: int = 0) -> Array:
        """Coefficients (K, F) of the original features for each penalty; NaN where the matrix is singular.

        Without a support the Gram matrix is work space meanwhile; it comes back unchanged.

        Parameters
        ----------
        penalties
            (K,) numbers, for all features alike and a thousandth of that for constants; or (K, F), one for each
            feature of unit norm, taken as they are.
        """
        if penalties.ndim == 1:
            penalties = flat_penalties(penalties, self.penalized)
        if support is None:
            solutions = _core.solve_ridge_in_place(self.gram, self.moment, penalties, threads)
        else:
            indices = [int(k) for k in np.flatnonzero(support)]
            solutions = _core.solve_ridge(self.gram, self.moment, penalties, indices, threads)
        out = np.zeros((len(penalties), len(self.scale)))
        columns = slice(None) if support is None else np.flatnonzero(support)
        for row, solution in zip(out, solutions, strict=True):
            row[columns] = np.nan if solution is None else solution
        return out / self.scale

    def adjoint(
        self, penalties: Array, seed: Callable[[Array], Array], threads: int = 0
    ) -> tuple[Array, Array] | None:
        """Ridge coefficients (F,) of features of unit norm, and the solution for the right-hand side `seed` of them.

        None if the matrix is singular; the Gram matrix is work space meanwhile.
        """
        return _core.solve_ridge_adjoint(self.gram, self.moment, penalties, seed, threads)

    def path(
        self,
        lambdas: Array,
        l1: Array,
        ridge: float | Array,
        max_nonzero: int,
        threads: int,
        progress: Callable[[int, int], bool],
    ) -> Array:
        """Coefficients (≤ L, F) of unit-norm features that minimise the elastic net at each λ.

        `ridge` is one penalty or one for each feature.
        """
        l2 = np.full(len(self.scale), ridge)
        coefficients, violation = _core.elastic_net_path(
            self.gram, self.moment, l1, l2, lambdas.tolist(), KKT_TOLERANCE, max_nonzero, progress, threads
        )
        if violation > 1e3 * KKT_TOLERANCE:
            raise FitError(
                f"the ℓ1 path is inaccurate (violation {violation:.1e}): the features are too collinear; "
                "raise path_ratio or the smallest ridge penalty"
            )
        return coefficients

    def lambda_max(self, l1: Array, ridge: float | Array) -> float:
        """Smallest λ with all penalised coefficients zero."""
        return _core.lambda_max(self.gram, self.moment, l1, np.full(len(self.scale), ridge))


def flat_penalties(penalties: Array, penalized: Array) -> Array:
    """(K, F) for each of K numbers: that number for every feature, a thousandth of it for constants."""
    return np.outer(penalties, np.where(penalized > 0, 1.0, 1e-3))


def feature_scale(system: System, groups: NDArray[np.int64] | None = None) -> Array:
    """D of a system: the norm of each weighted feature, one where it is zero.

    Parameters
    ----------
    groups
        (F,) features alike: the same centre, order and degree. A feature that hardly occurs, such as a function at
        short distances of a pair that only occurs far apart, is scaled as if it had `SMALLEST_SCALE` of the largest
        norm of its group: else any penalty would leave it a coefficient that is harmless on the data and absurd
        beyond. None scales every feature.
    """
    scale = np.sqrt(np.maximum(np.diag(system.gram), 0.0))
    if groups is None:
        return np.where(scale > 0, scale, 1.0)
    largest = np.zeros(groups.max(initial=0) + 1)
    np.maximum.at(largest, groups, scale)
    scale = np.maximum(scale, SMALLEST_SCALE * largest[groups])
    return np.where(scale > 0, scale, 1.0)


def l1_weights(scaled: Scaled, settings: FitSettings, ridge_coefficients: Array) -> Array:
    """Penalty weights: one, or 1 / |w'|^γ with mean one (H. Zou, JASA 101, 1418 (2006)); zero on constants.

    Constants have no say in the others: the size of a shift of the energy tells nothing about the features.
    """
    weights = np.where(scaled.penalized > 0, 1.0, 0.0)
    if settings.method == "adaptive-lasso":
        size = np.abs(ridge_coefficients * scaled.scale) * weights
        largest = size.max()
        if largest > 0:
            weights *= np.maximum(size / largest, 1e-6) ** -settings.adaptive_power
            weights *= np.count_nonzero(weights) / weights.sum()
    return weights
