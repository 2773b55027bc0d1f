"""Estimators of sparse coefficients: a class for each method, scikit-learn estimators with a path on normal equations.

A method chooses supports; the cross-validation, the refit on each support and the scores are the same for all
(`fitting/selection.py`). Each class also works by itself, as any estimator of scikit-learn:

>>> import numpy as np
>>> from mlip_rs.fitting.estimators import Lasso
>>> x = np.random.default_rng(0).normal(size=(50, 8))
>>> Lasso(alpha=0.05).fit(x, x[:, 2] - 2.0 * x[:, 5]).coef_.round(3).tolist()
[0.0, 0.0, 1.0, 0.0, 0.0, -2.0, 0.0, 0.0]

An estimator of one's own, or another one of scikit-learn, is given to the fit in place of a name (`OwnEstimator`,
`examples/own_estimator.py`): `FitSettings(method=LassoCV())`.
"""

from mlip_rs.fitting.estimators.base import PathSystem, SparseEstimator
from mlip_rs.fitting.estimators.cost_aware import CostAware
from mlip_rs.fitting.estimators.group_lasso import GroupLasso
from mlip_rs.fitting.estimators.lasso import Lasso
from mlip_rs.fitting.estimators.omp import ForwardSelection
from mlip_rs.fitting.estimators.own import OwnEstimator
from mlip_rs.fitting.estimators.ridge import Ridge

__all__ = [
    "CostAware",
    "ForwardSelection",
    "GroupLasso",
    "Lasso",
    "OwnEstimator",
    "PathSystem",
    "Ridge",
    "SparseEstimator",
]
