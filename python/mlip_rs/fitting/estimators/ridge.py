"""Ridge regression: all features."""

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.fitting.estimators.base import PathSystem, SparseEstimator
from mlip_rs.fitting.settings import FitSettings


class Ridge(SparseEstimator):
    """Ridge regression on features of unit norm.

    Parameters
    ----------
    ridge
        Penalty.
    """

    def __init__(self, ridge: float = 1e-6) -> None:
        self.ridge = ridge

    def grid(self, system: PathSystem, settings: FitSettings) -> Array:
        """No sparse points."""
        return np.zeros(0)

    def point(self, system: PathSystem) -> Array:
        """All features."""
        return np.ones(1)

    def supports(self, system: PathSystem, grid: Array) -> Mask:
        """All features."""
        return np.ones((len(grid), len(system.scaled.xty)), dtype=bool)

    def solver_numbers(self, n_features: int) -> int:
        """None: the factor takes the place of the matrix."""
        return 0
