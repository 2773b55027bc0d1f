"""Group LASSO: features that the evaluator computes together have coefficients together."""

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from mlip_rs.arrays import Array, Mask
from mlip_rs.fitting.estimators.base import PathSystem
from mlip_rs.fitting.estimators.lasso import L1Path
from mlip_rs.fitting.estimators.scaled import PathOptions, by_center, group_weights
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.settings import FitSettings


class GroupLasso(L1Path):
    """Features with a coefficient in the group LASSO of M. Yuan and Y. Lin, J. R. Stat. Soc. B 68, 49 (2006).

    Parameters
    ----------
    groups
        (F,) number of the group of each feature; None: each by itself.
    alpha
        ℓ1 penalty λ in the smallest λ that leaves no feature.
    ridge
        Ridge penalty.
    max_nonzero
        The path ends where more coefficients are non-zero.
    """

    def __init__(
        self,
        groups: NDArray[np.int64] | None = None,
        alpha: float = 1e-3,
        ridge: float = 1e-6,
        max_nonzero: int = 1500,
    ) -> None:
        self.groups = groups
        self.alpha = alpha
        self.ridge = ridge
        self.max_nonzero = max_nonzero

    def bound(self, problem: Problem, settings: FitSettings) -> "GroupLasso":
        """With the groups that the evaluator of each centre element computes together."""
        basis = problem.basis
        groups = by_center(basis.core.groups(), len(basis.elements))
        bound: GroupLasso = clone(self).set_params(groups=groups)
        return bound

    def supports(self, system: PathSystem, grid: Array) -> Mask:
        """(≤ L, F) features that are not zero at each ℓ1 penalty of all data."""
        options = PathOptions(system.penalties, system.room * self.max_nonzero, system.threads, system.tick)
        groups = self._groups(system)
        weights = group_weights(groups, system.scaled.penalized)
        path = system.scaled.group_path(grid * system.share, groups, weights, options)
        return np.asarray(path != 0.0)

    def _groups(self, system: PathSystem) -> NDArray[np.int64]:
        return np.arange(len(system.scaled.xty)) if self.groups is None else np.asarray(self.groups)

    def _lambda_max(self, system: PathSystem) -> float:
        groups = self._groups(system)
        weights = group_weights(groups, system.scaled.penalized)
        return system.scaled.group_lambda_max(groups, weights, system.penalties)
