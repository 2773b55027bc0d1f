"""Backward elimination by the evaluation time that it saves (`fitting/elimination.py`)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, identity
from sklearn.base import clone

from mlip_rs.arrays import Array, Mask
from mlip_rs.cost.model import CostModel, timed_structure
from mlip_rs.cost.units import UnitCosts
from mlip_rs.fitting.elimination import Removal, eliminate, groups_of
from mlip_rs.fitting.estimators.base import PathSystem, SparseEstimator
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.settings import FitSettings


class CostAware(SparseEstimator):
    """Repeatedly remove the group with the smallest loss per microsecond saved.

    Parameters
    ----------
    size
        Where to stop: geometric mean of cost and number of features, relative to all features.
    cost_power
        γ: 1 for a small cost, 0 for a small number of features.
    ridge
        Ridge penalty.
    costs
        Of the features; None: all cost the same.
    groups
        Features that may leave together; None: single features.
    """

    title = "elimination: points"
    from_dense = True
    one_thread = True
    _prepared: Removal | None = None

    def __init__(
        self,
        size: float = 0.5,
        cost_power: float = 1.0,
        ridge: float = 1e-6,
        costs: CostModel | None = None,
        groups: Sequence[NDArray[np.int64]] | None = None,
    ) -> None:
        self.size = size
        self.cost_power = cost_power
        self.ridge = ridge
        self.costs = costs
        self.groups = groups

    def bound(self, problem: Problem, settings: FitSettings) -> "CostAware":
        """With the costs of the features of a basis in the largest structure of the data."""
        units = UnitCosts() if settings.unit_costs is None else UnitCosts(**settings.unit_costs)
        costs = CostModel.of(problem.basis, timed_structure(problem.dataset), units)
        bound: CostAware = clone(self)
        bound.costs, bound.groups = costs, groups_of(problem.basis, costs)
        bound._prepared = bound._removal(problem.basis.n_features)
        _ = bound._prepared.savings  # once for the paths of all folds
        return bound

    def grid(self, system: PathSystem, settings: FitSettings) -> Array:
        """Sizes, falling, down to that of one feature."""
        n_features = len(system.scaled.xty)
        costs = self._removal(n_features).costs
        smallest = np.sqrt(costs.base / costs.cost(np.ones(n_features, dtype=bool)) / n_features)
        return np.geomspace(1.0, smallest, settings.n_path + 2)[1:-1]

    def point(self, system: PathSystem) -> Array:
        """`size`."""
        return np.array([self.size])

    def supports(self, system: PathSystem, grid: Array) -> Mask:
        """(≤ L, F) features left at the first step at which their size is at most each value of the grid."""
        scaled = system.scaled
        removal = self._removal(len(scaled.xty))
        return eliminate(
            scaled.gram,
            scaled.xty,
            system.penalties,
            removal,
            grid,
            system.advance,
            system.checkpoint,
            system.threads,
        )

    @property
    def cost_model(self) -> CostModel | None:
        """Costs of the features."""
        return self.costs

    def solver_numbers(self, n_features: int) -> int:
        """An inverse."""
        return n_features**2

    def _removal(self, n_features: int) -> Removal:
        if self._prepared is not None:
            return self._prepared
        costs = self.costs
        if costs is None:
            units = UnitCosts(atom=1e3, neighbor=0.0, term=1e3)
            terms = np.full(n_features, "term")
            costs = CostModel(csr_matrix(identity(n_features)), np.ones(n_features), terms, units)
        groups = [np.array([k]) for k in range(n_features)] if self.groups is None else self.groups
        return Removal(costs, groups, self.cost_power)
