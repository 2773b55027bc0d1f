"""Solvers on weighted normal equations: ridge, ℓ1 and group-ℓ1 paths, forward selection.

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
from mlip_rs.threads import number_of_threads

KKT_TOLERANCE: float = 1e-6
"""Relative violation of the optimality conditions accepted along an ℓ1 path."""

SMALLEST_SCALE: float = 1e-5
"""Norm below which a feature is not scaled up to one, in the largest norm of its group."""


def _go_on(_point: int, _n_active: int) -> bool:
    return True


@dataclass(frozen=True)
class PathOptions:
    """Ridge penalty and limits of a path.

    Parameters
    ----------
    ridge
        Ridge penalty, one or (F,), whatever λ.
    max_nonzero
        The path ends where more coefficients are needed; a forward selection passes over groups that would make more.
    threads
        As for `Potential.predict`.
    progress
        Called with the number of each point and of its non-zero coefficients; false ends the path.
    """

    ridge: float | Array
    max_nonzero: int
    threads: int | None = None
    progress: Callable[[int, int], bool] = _go_on


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
    """Normal equations of features of unit norm.

    Parameters
    ----------
    gram, xty
        D⁻¹ XᵀWX D⁻¹ and D⁻¹ XᵀWy.
    scale
        D; one for features that never occur.
    penalized
        (F,) 1 where penalties act, 0 on constants.
    """

    gram: Array
    xty: Array
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
        return cls(system.gram, system.xty / scale, scale, penalized)

    def ridge(self, penalties: Array, support: Mask | None = None, threads: int | None = None) -> Array:
        """Coefficients (K, F) of the original features for each penalty; NaN where the matrix is singular.

        Without a support the Gram matrix serves as work space; it comes back unchanged.

        Parameters
        ----------
        penalties
            (K,) numbers, for all features alike and a thousandth of that for constants; or (K, F), one for each
            feature of unit norm, taken as they are.
        """
        if penalties.ndim == 1:
            penalties = flat_penalties(penalties, self.penalized)
        if support is None:
            solutions = _core.solve_ridge_in_place(self.gram, self.xty, penalties, number_of_threads(threads))
        else:
            indices = [int(k) for k in np.flatnonzero(support)]
            solutions = _core.solve_ridge(self.gram, self.xty, penalties, indices, number_of_threads(threads))
        out = np.zeros((len(penalties), len(self.scale)))
        columns = slice(None) if support is None else np.flatnonzero(support)
        for row, solution in zip(out, solutions, strict=True):
            row[columns] = np.nan if solution is None else solution
        return out / self.scale

    def adjoint(
        self, penalties: Array, seed: Callable[[Array], Array], threads: int | None = None
    ) -> tuple[Array, Array] | None:
        """Ridge coefficients w (F,) of features of unit norm, and the solutions (K, F) for right-hand sides `seed(w)`.

        None if the matrix is singular. The Gram matrix serves as work space and comes back unchanged.
        """
        return _core.solve_ridge_adjoint(self.gram, self.xty, penalties, seed, number_of_threads(threads))

    def path(self, lambdas: Array, l1: Array, options: PathOptions, l1_ratio: float = 1.0) -> Array:
        """Coefficients (≤ L, F) of unit-norm features that minimise the elastic net at each λ.

        Parameters
        ----------
        lambdas
            (L,) ℓ1 penalties.
        l1
            (F,) weight of each feature in the ℓ1 penalty; 0 leaves it unpenalised.
        options
            Ridge penalty and limits.
        l1_ratio
            ρ; λ also brings a ridge penalty of λ (1 − ρ)/ρ times the weight in `l1`.

        Raises
        ------
        FitError
            The features are too collinear for the optimality conditions to be met.
        """
        coefficients, violation = _core.elastic_net_path(
            self.gram,
            self.xty,
            l1,
            self._full(options.ridge),
            lambdas.tolist(),
            KKT_TOLERANCE,
            options.max_nonzero,
            options.progress,
            number_of_threads(options.threads),
            (1.0 - l1_ratio) / l1_ratio,
        )
        return _accurate(coefficients, violation)

    def group_path(
        self, lambdas: Array, groups: NDArray[np.int64], weights: Array, options: PathOptions
    ) -> Array:
        """Coefficients (≤ L, F) of unit-norm features that minimise the group LASSO at each λ.

        The objective is ½ wᵀGw − bᵀw + λ Σ_g p_g ‖w_g‖₂ + ½ Σ q w² (M. Yuan and Y. Lin, J. R. Stat. Soc. B 68, 49
        (2006)). The path also ends early where the features are too collinear for the optimality conditions to be met.

        Parameters
        ----------
        lambdas
            (L,) ℓ1 penalties.
        groups
            (F,) number of the group of each feature; numbers may be left out.
        weights
            p, one for each number (see `group_weights`): 0 leaves a group unpenalised, ∞ excludes it.
        options
            Ridge penalty q and limits.

        Raises
        ------
        FitError
            A group without a weight, a negative weight, a path that cannot be computed.
        """
        coefficients, violation = _core.group_lasso_path(
            self.gram,
            self.xty,
            _numbers(groups),
            weights,
            self._full(options.ridge),
            lambdas.tolist(),
            KKT_TOLERANCE,
            options.max_nonzero,
            options.progress,
            number_of_threads(options.threads),
        )
        return _accurate(coefficients, violation)

    def group_lambda_max(self, groups: NDArray[np.int64], weights: Array, ridge: float | Array) -> float:
        """Smallest λ with all penalised groups zero; `groups` and `weights` as for `group_path`."""
        return _core.group_lambda_max(self.gram, self.xty, _numbers(groups), weights, self._full(ridge))

    def forward(
        self, groups: NDArray[np.int64], costs: Array, options: PathOptions, screen: int = 0
    ) -> list[Pick]:
        """Take the group with the largest gain per cost, one after the other, by orthogonal least squares.

        Parameters
        ----------
        groups
            (F,) number of the group of each feature; `np.arange(F)` selects single features.
        costs
            One for each number; 0 is in from the start, ∞ never.
        options
            Ridge penalty and limits.
        screen
            Number of groups, of the largest correlation with the residual per cost, whose gains are computed; 0: all.

        Raises
        ------
        FitError
            A group without a cost, a negative cost.
        """
        picks = _core.forward_selection(
            self.gram,
            self.xty,
            _numbers(groups),
            costs,
            self._full(options.ridge),
            options.max_nonzero,
            screen,
            options.progress,
            number_of_threads(options.threads),
        )
        return [Pick(*pick) for pick in picks]

    def lambda_max(self, l1: Array, ridge: float | Array) -> float:
        """Smallest λ with all penalised coefficients zero."""
        return _core.lambda_max(self.gram, self.xty, l1, self._full(ridge))

    def _full(self, ridge: float | Array) -> Array:
        """(F,) ridge penalties."""
        return np.full(len(self.scale), ridge)


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


def by_center(own: NDArray[np.int64], n_elements: int) -> NDArray[np.int64]:
    """(F,) numbers of groups: the given ones of the features of one centre, made different for every centre element."""
    n_groups = int(own.max(initial=0)) + 1
    return np.concatenate([own + k * n_groups for k in range(n_elements)])
