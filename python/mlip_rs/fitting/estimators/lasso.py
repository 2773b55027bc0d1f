"""LASSO, adaptive LASSO and elastic net."""

from abc import abstractmethod

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.fitting.estimators.base import PathSystem, SparseEstimator
from mlip_rs.fitting.estimators.scaled import PathOptions, Scaled
from mlip_rs.fitting.settings import FitSettings


class L1Path(SparseEstimator):
    """The ℓ1 penalties λ that every LASSO follows, below the smallest one that leaves no feature."""

    title = "ℓ1 paths: points"

    alpha: float
    max_nonzero: int

    @abstractmethod
    def _lambda_max(self, system: PathSystem) -> float:
        """Smallest λ that leaves no feature."""

    def grid(self, system: PathSystem, settings: FitSettings) -> Array:
        """(L,) ℓ1 penalties down to `path_ratio` times the largest one, evenly spaced by their logarithms."""
        ratios = np.geomspace(1.0, settings.path_ratio, settings.n_path + 1)[1:]
        return np.asarray(self._lambda_max(system) * ratios)

    def point(self, system: PathSystem) -> Array:
        """`alpha` of the largest ℓ1 penalty."""
        return np.array([self.alpha * self._lambda_max(system)])

    def l1_penalties(self, grid: Array) -> Array:
        """The grid itself."""
        return grid

    def solver_numbers(self, n_features: int) -> int:
        """Numbers that a path by active sets holds: a few matrices of the active features."""
        return 5 * min(n_features, 2 * self.max_nonzero) ** 2


class Lasso(L1Path):
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

    def supports(self, system: PathSystem, grid: Array) -> Mask:
        """(≤ L, F) features that are not zero at each ℓ1 penalty of all data."""
        options = PathOptions(system.penalties, system.room * self.max_nonzero, system.threads, system.tick)
        weights = self._weights(system)
        path = system.scaled.path(grid * system.share, weights, options, self.l1_ratio)
        return np.asarray(path != 0.0)

    def _weights(self, system: PathSystem) -> Array:
        return adaptive_weights(system.scaled, system.ridge, self.adaptive_power)

    def _lambda_max(self, system: PathSystem) -> float:
        return system.scaled.lambda_max(self._weights(system), system.penalties)


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
