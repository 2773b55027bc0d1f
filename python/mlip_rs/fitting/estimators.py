"""Ridge, ℓ1 and group-ℓ1 paths and forward selection from weighted normal equations, and their cross-validation.

All work is done on features of unit norm, w' = D w with D = diag(XᵀWX)^½, so that one penalty suits all features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.arrays import Array, Mask
from mlip_rs.errors import FitError
from mlip_rs.fitting.fold_store import chunks
from mlip_rs.fitting.normal_equations import System
from mlip_rs.fitting.settings import FitSettings

KKT_TOLERANCE: float = 1e-6
"""Relative violation of the optimality conditions accepted along an ℓ1 path."""

SMALLEST_SCALE: float = 1e-5
"""Norm below which a feature is not scaled up to one, in the largest norm of its group."""


@dataclass(frozen=True)
class Pick:
    """One step of a forward selection.

    Parameters
    ----------
    group
        Its number.
    gain
        Decrease of yᵀWy − bᵀw, the penalised sum of squares.
    features
        Those of its features that do not depend linearly on the ones chosen before.
    """

    group: int
    gain: float
    features: list[int]


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
        l1_ratio: float = 1.0,
    ) -> Array:
        """Coefficients (≤ L, F) of unit-norm features that minimise the elastic net at each λ.

        Parameters
        ----------
        ridge
            One penalty or one for each feature, whatever λ.
        l1_ratio
            ρ; λ also brings a ridge penalty of λ (1 − ρ)/ρ times the weight in `l1`.
        """
        l2 = np.full(len(self.scale), ridge)
        growth = (1.0 - l1_ratio) / l1_ratio
        coefficients, violation = _core.elastic_net_path(
            self.gram,
            self.moment,
            l1,
            l2,
            lambdas.tolist(),
            KKT_TOLERANCE,
            max_nonzero,
            progress,
            threads,
            growth,
        )
        return _accurate(coefficients, violation)

    def group_path(
        self,
        lambdas: Array,
        groups: NDArray[np.int64],
        weights: Array,
        ridge: float | Array,
        max_nonzero: int,
        threads: int,
        progress: Callable[[int, int], bool],
    ) -> Array:
        """Coefficients (≤ L, F) of unit-norm features that minimise the group LASSO at each λ.

        The objective is ½ wᵀGw − bᵀw + λ Σ_g p_g ‖w_g‖₂ + ½ Σ q w² (M. Yuan and Y. Lin, J. R. Stat. Soc. B 68, 49
        (2006)). The path ends early where more than `max_nonzero` coefficients are needed, and where the features are
        too collinear for the optimality conditions to be met.

        Parameters
        ----------
        groups
            (F,) number of the group of each feature; numbers may be left out.
        weights
            p, one for each number (see `group_weights`): 0 leaves a group unpenalised, ∞ excludes it.
        ridge
            q, one or one for each feature.

        Raises
        ------
        FitError
            A group without a weight, a negative weight, a path that cannot be computed.
        """
        l2 = np.full(len(self.scale), ridge)
        coefficients, violation = _core.group_lasso_path(
            self.gram,
            self.moment,
            _numbers(groups),
            weights,
            l2,
            lambdas.tolist(),
            KKT_TOLERANCE,
            max_nonzero,
            progress,
            threads,
        )
        return _accurate(coefficients, violation)

    def group_lambda_max(self, groups: NDArray[np.int64], weights: Array, ridge: float | Array) -> float:
        """Smallest λ with all penalised groups zero; arguments as `group_path`."""
        l2 = np.full(len(self.scale), ridge)
        return _core.group_lambda_max(self.gram, self.moment, _numbers(groups), weights, l2)

    def forward(
        self,
        groups: NDArray[np.int64],
        costs: Array,
        ridge: float | Array,
        max_features: int,
        threads: int,
        progress: Callable[[int, int], bool],
        screen: int = 0,
    ) -> list[Pick]:
        """Take the group with the largest gain per cost, one after the other, by orthogonal least squares.

        Parameters
        ----------
        groups
            (F,) number of the group of each feature; `np.arange(F)` selects single features.
        costs
            One for each number; 0 is in from the start, ∞ never.
        ridge
            One penalty or one for each feature.
        max_features
            Groups that would make more than this are passed over.
        screen
            Groups, those of the largest correlation with the residual per cost, whose gains are computed; 0: all.

        Raises
        ------
        FitError
            A group without a cost, a negative cost.
        """
        l2 = np.full(len(self.scale), ridge)
        picks = _core.forward_selection(
            self.gram, self.moment, _numbers(groups), costs, l2, max_features, screen, progress, threads
        )
        return [Pick(*pick) for pick in picks]

    def lambda_max(self, l1: Array, ridge: float | Array) -> float:
        """Smallest λ with all penalised coefficients zero."""
        return _core.lambda_max(self.gram, self.moment, l1, np.full(len(self.scale), ridge))


def _accurate(coefficients: Array, violation: float) -> Array:
    """Coefficients of a path, unless they violate the optimality conditions."""
    if violation > 1e3 * KKT_TOLERANCE:
        raise FitError(
            f"the ℓ1 path is inaccurate (violation {violation:.1e}): the features are too collinear; "
            "raise path_ratio or the smallest ridge penalty"
        )
    return coefficients


def _numbers(groups: NDArray[np.int64]) -> list[int]:
    """Numbers of groups as the core takes them."""
    if groups.ndim != 1 or not np.issubdtype(groups.dtype, np.integer) or (groups < 0).any():
        raise FitError("groups must be one number for each feature, an integer from 0 on")
    numbers: list[int] = groups.tolist()
    return numbers


def group_weights(groups: NDArray[np.int64], penalized: Array) -> Array:
    """√(number of features) of each group, zero for groups of constants and for numbers without features."""
    return np.asarray(np.sqrt(np.bincount(groups, weights=penalized > 0)))


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
