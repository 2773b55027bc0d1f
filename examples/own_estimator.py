"""Let an estimator of scikit-learn choose the features of a potential, and write one of one's own.

`FitSettings(method=...)` takes any object with `fit(X, y)` and `coef_`. The estimator sees rows that are equivalent to
all data (`mlip_rs.fitting.estimators.own`); refit, cross-validation over structures, costs and the Pareto front are
those of every fit.

    python examples/own_estimator.py
"""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.linear_model import Lasso

import mlip_rs
from mlip_rs.demo import DATA_PATH


class LargestCoefficients(BaseEstimator):
    """The features with the largest least-squares coefficients; no method to recommend, but a short one."""

    def __init__(self, n_nonzero=10):
        self.n_nonzero = n_nonzero

    def fit(self, X, y):
        w = np.linalg.lstsq(X, y, rcond=1e-6)[0]
        smallest = np.sort(np.abs(w))[-self.n_nonzero]
        self.coef_ = np.where(np.abs(w) >= smallest, w, 0.0)
        return self


def main(every=1):
    data = mlip_rs.read_dataset(DATA_PATH, index=f"::{every}")
    basis = mlip_rs.Basis(["Al"], cutoff=5.0, hierarchy="pair-poly", n_radial=6)
    for estimator in (Lasso(alpha=1e-4, max_iter=100_000), LargestCoefficients(10)):
        run = mlip_rs.fit(data, basis, mlip_rs.FitSettings(method=estimator, n_folds=3))
        for point in run.points:
            n_nonzero, forces = point.potential.n_nonzero, point.validation.forces
            print(f"{estimator}: {n_nonzero} coefficients, {forces.rmse:.3f} eV/Å in the cross-validation")


if __name__ == "__main__":
    main()
