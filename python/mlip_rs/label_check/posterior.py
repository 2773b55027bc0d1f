"""What one kind of label says about another through a linear model.

A fit to some labels gives coefficients w and their covariance C. Other labels with design X are then expected at Xw
with covariance XCXᵀ + σ²: where the fit says nothing, the expectation is uncertain and does not count. Factors,
constants and their standard errors follow by generalised least squares, leave-one-out residuals from the inverse
covariance (Rasmussen and Williams, Gaussian Processes for Machine Learning, eqs. 2.42 and 5.12).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlip_rs.arrays import Array

SIGMAS: Array = np.logspace(-4.5, 0.5, 16)
"""eV; scatter of the labels compared beyond what the coefficients explain, by maximum likelihood."""

INFLATION: float = 3.0
"""Factor on the covariance of the coefficients: errors of a small basis are not random."""


@dataclass(frozen=True)
class Posterior:
    """Coefficients and their uncertainty.

    Parameters
    ----------
    mean
        (F,).
    covariance
        (F, F).
    """

    mean: Array
    covariance: Array

    @cached_property
    def root(self) -> Array:
        """(F, F) whose product with its transpose is the covariance."""
        values, vectors = np.linalg.eigh(self.covariance)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


@dataclass(frozen=True)
class Comparison:
    """Labels against their expectation.

    Parameters
    ----------
    coefficients, errors
        (B,) of the columns and their standard errors.
    sigma
        Scatter of the labels beyond the uncertainty of the expectation, eV.
    residuals, z
        (n,) leave-one-out residuals, eV, and these over their standard deviation.
    evidence
        Logarithm of the likelihood, maximised over σ.
    inverse
        Inverse of the covariance of the labels.
    columns, normal
        (n, B) columns and the covariance (B, B) of their coefficients.
    weighted
        (n,) inverse covariance times residuals of the regression.
    """

    coefficients: Array
    errors: Array
    sigma: float
    residuals: Array
    z: Array
    evidence: float
    inverse: "_Inverse"
    columns: Array
    normal: Array
    weighted: Array

    @property
    def scatter(self) -> float:
        """Typical size of the residuals, eV: their median, as the standard deviation of a normal distribution."""
        return float(1.4826 * np.median(abs(self.residuals)))

    def added(self, column: Array) -> tuple[float, float]:
        """Coefficient and standard error that a further column (n,) would get."""
        applied = self.inverse(column)
        shared = self.columns.T @ applied
        information = float(column @ applied - shared @ self.normal @ shared)
        if information <= 1e-9 * float(column @ applied):
            return 0.0, np.inf
        return float(column @ self.weighted) / information, information**-0.5


@dataclass(frozen=True)
class _Inverse:
    """(AAᵀ + σ²)⁻¹ by the singular vectors (n, r) and values (r,) of A."""

    vectors: Array
    values: Array
    sigma: float

    def __call__(self, columns: Array) -> Array:
        weights = self.sigma**-2 - 1.0 / (self.values**2 + self.sigma**2)
        along = self.vectors.T @ columns
        return columns / self.sigma**2 - self.vectors @ (along.T * weights).T

    @property
    def diagonal(self) -> Array:
        """(n,)."""
        squares = self.vectors**2
        outside = np.maximum(1.0 - squares.sum(axis=1), 0.0)
        return np.asarray(outside / self.sigma**2 + squares @ (1.0 / (self.values**2 + self.sigma**2)))

    @property
    def log_determinant(self) -> float:
        """Of the inverse."""
        rest = len(self.vectors) - len(self.values)
        return -float(np.log(self.values**2 + self.sigma**2).sum() + 2.0 * rest * np.log(self.sigma))


def compare(
    labels: Array,
    columns: Array,
    doubt: Array,
    decomposed: tuple[Array, Array] | None = None,
    sigmas: Array = SIGMAS,
) -> Comparison:
    """Regress labels on columns, given what the columns leave open.

    Parameters
    ----------
    labels
        (n,) eV.
    columns
        (n, B).
    doubt
        (n, F) design times a square root of the covariance of the coefficients; σ² is added to its square.
    decomposed
        Left singular vectors and singular values of `doubt`, if they are known; it is not looked at then.
    sigmas
        Scatter tried, eV.
    """
    vectors, values = decomposed or np.linalg.svd(doubt, full_matrices=False)[:2]
    best: Comparison | None = None
    # Energies of all electrons are 10⁵ times what is compared: most of them is taken off before anything is squared.
    start = np.linalg.lstsq(columns, labels, rcond=None)[0]
    rest = labels - columns @ start
    scale = float(np.std(rest))
    for sigma in sigmas * max(1.0, scale):
        inverse = _Inverse(vectors, values, float(sigma))
        applied = inverse(columns)
        normal: Array = np.asarray(
            np.linalg.pinv(columns.T @ applied, rcond=1e-12, hermitian=True), dtype=np.float64
        )
        change = normal @ (applied.T @ rest)
        left = rest - columns @ change
        weighted = inverse(left)
        evidence = 0.5 * (inverse.log_determinant - float(left @ weighted))
        if best is None or evidence > best.evidence:
            diagonal = inverse.diagonal
            alone = np.maximum(diagonal - np.einsum("nb,bc,nc->n", applied, normal, applied), 1e-9 * diagonal)
            errors = np.sqrt(np.maximum(np.diag(normal), 0.0))
            best = Comparison(
                start + change,
                errors,
                float(sigma),
                weighted / alone,
                weighted / np.sqrt(alone),
                evidence,
                inverse,
                columns,
                normal,
                weighted,
            )
    assert best is not None
    return best


def posterior(gram: Array, moment: Array, inflation: float = INFLATION) -> Posterior:
    """Solve normal equations that are divided by the variance of their rows, prior included."""
    covariance: Array = np.asarray(np.linalg.inv(gram), dtype=np.float64)
    return Posterior(covariance @ moment, covariance * inflation)
