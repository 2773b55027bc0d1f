"""Half-widths of the 90 % intervals of a knee potential by several methods, on the same rows.

Every method gets the residual of the training data of the property as a noise, added in quadrature: without it a
property that all fits agree on would have an interval of width zero.
"""

from collections.abc import Callable, Iterator

import numpy as np
from error_bars_cases import PROPERTIES, Case
from numpy.typing import NDArray
from popsregression import POPSRegression
from scipy.linalg import cholesky, solve_triangular

from mlip_rs.arrays import Array
from mlip_rs.uncertainty.calibration import normal_quantile

LEVEL = 0.9
Z = normal_quantile(LEVEL)
METHODS = {
    "committee": "ours",
    "bayes": "Bayesian ridge",
    "pops": "POPS",
    "conformal": "conformal, constant",
    "conformal-h": "conformal, s²h",
}


class Bars:
    """Half-widths of a case.

    Parameters
    ----------
    case
        The fit.
    """

    def __init__(self, case: Case) -> None:
        self.case, self.rows = case, case.rows
        own = self.rows.of(case.training)
        error = self.rows.target[own] - self.rows.design[own] @ case.coefficients
        self.noise = _per_property(self.rows.kind[own], error**2, lambda part: float(np.sqrt(part.mean())))
        self.deviations = case.fits.deviations(0)
        with case.made.folds.equations.totalled():
            full, n_rows = case.made.folds.load(None)
            self.posterior = _Posterior(case, full.gram, float(self.rows.weights[own] @ error**2), n_rows)
            self.factors, self.factors_h = self._conformal()
        self.pops = self._pops()

    def committee(self, rows: NDArray[np.int64]) -> Array:
        """(n,) standard errors."""
        spread = ((self.rows.design[rows] @ self.deviations.T) ** 2).sum(axis=1)
        return np.asarray(np.sqrt(self._noise(rows) ** 2 + spread))

    def half_widths(self, rows: NDArray[np.int64]) -> Iterator[tuple[str, Array]]:
        """Names of `METHODS` and (n,) half-widths."""
        noise, kind = self._noise(rows), self.rows.kind[rows]
        yield "committee", Z * self.committee(rows)
        variance = noise**2 + self.posterior.variance(self.rows.design[rows])
        yield "bayes", Z * np.sqrt(variance)
        support = self.case.support
        x = self.rows.design[np.ix_(rows, support)] / self.scale
        yield "pops", Z * np.sqrt(noise**2 + ((x @ self.pops) * x).sum(axis=1))
        first, second = (
            np.array([own.get(k, np.nan) for k in range(3)])[kind] for own in (self.factors, self.factors_h)
        )
        yield "conformal", first
        yield "conformal-h", second * np.sqrt(variance)

    def _noise(self, rows: NDArray[np.int64]) -> Array:
        return np.array([self.noise.get(k, np.nan) for k in range(3)])[self.rows.kind[rows]]

    def _conformal(self) -> tuple[dict[int, float], dict[int, float]]:
        """Quantiles of residuals of random folds, selection repeated: as they are, and over posterior bars."""
        case, kinds, residuals, ratios = self.case, [], [], []
        for fold in range(case.fold.max() + 1):
            own = self.rows.of(case.training[case.fold == fold])
            fit = case.fits.without_folds[fold, 0]
            error = np.abs(self.rows.target[own] - self.rows.design[own] @ fit)
            scaled, n_rows = case.made.folds.load(fold)
            rest = self.rows.of(case.training[case.fold != fold])
            left = self.rows.target[rest] - self.rows.design[rest] @ fit
            squares = float(self.rows.weights[rest] @ left**2)
            posterior = _Posterior(case, scaled.gram, squares, n_rows, fit != 0.0)
            kinds.append(self.rows.kind[own])
            residuals.append(error)
            variance = self._noise(own) ** 2 + posterior.variance(self.rows.design[own])
            ratios.append(error / np.sqrt(variance))
        kind = np.concatenate(kinds)
        first = _per_property(kind, np.concatenate(residuals), _quantile)
        return first, _per_property(kind, np.concatenate(ratios), _quantile)

    def _pops(self) -> Array:
        """(S, S) covariance of the coefficients of scaled features by the package, without its noise."""
        own = self.rows.of(self.case.training)
        own = own[self.rows.weights[own] > 0.0]
        support, root = self.case.support, np.sqrt(self.rows.weights[own])
        x = self.rows.design[np.ix_(own, support)] * root[:, None]
        self.scale = np.sqrt((x**2).mean(axis=0))
        np.random.seed(0)  # noqa: NPY002 - the package draws from the global generator
        fitted = POPSRegression(copy_X=True).fit(x / self.scale, self.rows.target[own] * root)
        return np.asarray(fitted.misspecification_sigma_ + fitted.sigma_)


class _Posterior:
    """s² A⁻¹ of the features of a fit."""

    def __init__(
        self, case: Case, gram: Array, rss: float, n_rows: int, support: NDArray[np.bool_] | None = None
    ) -> None:
        self.columns = np.flatnonzero(case.support if support is None else support)
        matrix = gram[np.ix_(self.columns, self.columns)]
        matrix[np.diag_indices(len(matrix))] += case.made.penalty[self.columns]
        self.factor = cholesky(matrix, lower=True)
        self.scale = case.made.folds.scale[self.columns]
        self.s = np.sqrt(rss / max(n_rows - len(self.columns), 1))

    def variance(self, design: Array) -> Array:
        """(n,) for rows (n, F)."""
        u = solve_triangular(self.factor, (design[:, self.columns] / self.scale).T, lower=True)
        return np.asarray(self.s**2 * (u**2).sum(axis=0))


def _per_property(
    kind: NDArray[np.int64], values: Array, function: Callable[[Array], float]
) -> dict[int, float]:
    return {k: function(values[kind == k]) for k in range(len(PROPERTIES)) if (kind == k).any()}


def _quantile(values: Array) -> float:
    return float(np.quantile(values, LEVEL))
