"""From the settings of a fit to its estimator."""

from collections.abc import Callable

from mlip_rs.fitting.estimators.base import SparseEstimator
from mlip_rs.fitting.estimators.cost_aware import CostAware
from mlip_rs.fitting.estimators.group_lasso import GroupLasso
from mlip_rs.fitting.estimators.lasso import Lasso
from mlip_rs.fitting.estimators.omp import ForwardSelection
from mlip_rs.fitting.estimators.own import OwnEstimator
from mlip_rs.fitting.estimators.ridge import Ridge
from mlip_rs.fitting.settings import FitSettings

BY_NAME: dict[str, Callable[[FitSettings], SparseEstimator]] = {
    "cost-aware": lambda s: CostAware(cost_power=s.cost_power),
    "adaptive-lasso": lambda s: Lasso(adaptive_power=s.adaptive_power, max_nonzero=s.max_nonzero),
    "lasso": lambda s: Lasso(max_nonzero=s.max_nonzero),
    "elastic-net": lambda s: Lasso(l1_ratio=s.l1_ratio, max_nonzero=s.max_nonzero),
    "group-lasso": lambda s: GroupLasso(max_nonzero=s.max_nonzero),
    "omp": lambda s: ForwardSelection(max_nonzero=s.max_nonzero),
    "ridge": lambda _: Ridge(),
}
"""The estimators of `METHODS`."""


def estimator_of(settings: FitSettings) -> SparseEstimator:
    """The estimator of a fit: by name, one of ours, or any other with `fit` and `coef_`."""
    method = settings.method
    if isinstance(method, str):
        return BY_NAME[method](settings)
    return method if isinstance(method, SparseEstimator) else OwnEstimator(method)
