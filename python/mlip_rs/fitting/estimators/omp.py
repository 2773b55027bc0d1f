"""Forward selection by orthogonal least squares, the refined form of orthogonal matching pursuit."""

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.fitting.estimators.base import PathSystem, SparseEstimator
from mlip_rs.fitting.estimators.scaled import PathOptions
from mlip_rs.fitting.settings import FitSettings


class ForwardSelection(SparseEstimator):
    """The feature with the largest gain, one after the other; constants are in from the start.

    Parameters
    ----------
    n_nonzero
        Features to select.
    ridge
        Ridge penalty.
    max_nonzero
        Most features of a path.
    """

    title = "ℓ1 paths: points"

    def __init__(self, n_nonzero: int = 10, ridge: float = 1e-6, max_nonzero: int = 1500) -> None:
        self.n_nonzero = n_nonzero
        self.ridge = ridge
        self.max_nonzero = max_nonzero

    def grid(self, system: PathSystem, settings: FitSettings) -> Array:
        """Numbers of features, growing geometrically."""
        most = self.max_nonzero - int(np.count_nonzero(system.scaled.penalized <= 0))
        return np.asarray(np.round(np.geomspace(1, max(most, 1), settings.n_path)))

    def point(self, system: PathSystem) -> Array:
        """`n_nonzero`, or all features if there are fewer."""
        return np.array([min(self.n_nonzero, len(system.scaled.xty))], dtype=float)

    def supports(self, system: PathSystem, grid: Array) -> Mask:
        """(≤ L, F) the first features that are selected, as many as each value of the grid says."""
        costs = np.where(system.scaled.penalized > 0, 1.0, 0.0)
        options = PathOptions(system.penalties, self.max_nonzero, system.threads)
        picks = system.scaled.forward(np.arange(len(costs)), costs, options)
        counts = grid.astype(int)
        counts = counts[counts <= len(picks)]
        supports = np.tile(costs == 0.0, (len(counts), 1))
        for support, count in zip(supports, counts, strict=True):
            support[[pick.group for pick in picks[:count]]] = True
        system.advance(len(grid))
        return supports

    def solver_numbers(self, n_features: int) -> int:
        """A row for each feature that is selected."""
        return n_features * min(n_features, self.max_nonzero)
