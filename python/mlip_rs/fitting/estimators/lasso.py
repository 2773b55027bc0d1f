"""LASSO, adaptive LASSO and elastic net."""

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.fitting.estimators.base import PathSystem, SparseEstimator
from mlip_rs.fitting.estimators.scaled import PathOptions, Scaled
from mlip_rs.fitting.settings import FitSettings


class Lasso(SparseEstimator):
    """Features with a coefficient in ½ wᵀGw − bᵀw + λ Σ p (|w| + (1 − ρ)/(2ρ) w²) + ½ Σ q w², w of unit norm.

    Parameters
    ----------
    alpha
        λ in the smallest λ that leaves no feature.
    ridge
        q.
    l1_ratio
        ρ; 1 is the LASSO.
    adaptive_power
        γ of the weights p = 1 / |w_ridge|^γ (H. Zou, JASA 101, 1418 (2006)); 0 weighs all features alike.
    max_nonzero
        The path ends where more coefficients are non-zero.
    """

    title = "ℓ1 paths: points"

    def __init__(
        self,
        alpha: float = 1e-3,
        ridge: float = 1e-6,
        l1_ratio: float = 1.0,
        adaptive_power: float = 0.0,
        max_nonzero: int = 1500,
    ) -> None:
        self.alpha = alpha
        self.ridge = ridge
        self.l1_ratio = l1_ratio
        self.adaptive_power = adaptive_power
        self.max_nonzero = max_nonzero

    def grid(self, system: PathSystem, settings: FitSettings) -> Array:
        """ℓ1 penalties λ, falling."""
        return lambda_grid(self._lambda_max(system), settings)

    def point(self, system: PathSystem) -> Array:
        """`alpha` of the largest ℓ1 penalty."""
        return np.array([self.alpha * self._lambda_max(system)])

    def supports(self, system: PathSystem, grid: Array) -> Mask:
        """(≤ L, F) features that are not zero at each ℓ1 penalty of all data."""
        options = PathOptions(system.penalties, system.room * self.max_nonzero, system.threads, system.tick)
        weights = self._weights(system)
        path = system.scaled.path(grid * system.share, weights, options, self.l1_ratio)
        return np.asarray(path != 0.0)

    def l1_penalties(self, grid: Array) -> Array:
        """The grid itself."""
        return grid

    def solver_numbers(self, n_features: int) -> int:
        """Matrices of the active features."""
        return active_set_numbers(n_features, self.max_nonzero)

    def _weights(self, system: PathSystem) -> Array:
        return adaptive_weights(system.scaled, system.ridge, self.adaptive_power)

    def _lambda_max(self, system: PathSystem) -> float:
        return system.scaled.lambda_max(self._weights(system), system.penalties)


def lambda_grid(largest: float, settings: FitSettings) -> Array:
    """(L,) ℓ1 penalties below the largest one, down to `path_ratio` times it, evenly spaced by their logarithms."""
    return np.asarray(largest * np.geomspace(1.0, settings.path_ratio, settings.n_path + 1)[1:])


def active_set_numbers(n_features: int, max_nonzero: int) -> int:
    """Numbers that a path by active sets holds: a few matrices of the active features."""
    return 5 * min(n_features, 2 * max_nonzero) ** 2


def adaptive_weights(scaled: Scaled, ridge_coefficients: Array, power: float) -> Array:
    """Penalty weights 1 / |w|^γ with mean one (H. Zou, JASA 101, 1418 (2006)); zero on constants.

    The size of the constant, a shift of the energy, does not count.

    Parameters
    ----------
    ridge_coefficients
        (F,) of the original features.
    power
        γ; 0 gives a weight of one to all features but constants.
    """
    weights = np.where(scaled.penalized > 0, 1.0, 0.0)
    if power > 0.0:
        size = np.abs(ridge_coefficients * scaled.scale) * weights
        largest = size.max()
        if largest > 0:
            weights *= np.maximum(size / largest, 1e-6) ** -power
            weights *= np.count_nonzero(weights) / weights.sum()
    return weights
