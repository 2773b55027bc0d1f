"""Draws from the posterior of the fit to all features: what the data leave open, whatever the selection keeps."""

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from threadpoolctl import threadpool_limits

from mlip_rs.arrays import Array, Mask
from mlip_rs.fitting.estimators.scaled import SMALLEST_SCALE, Scaled

N_DRAWS: int = 10
"""Draws of a posterior; with five folds and the dropped features the committee has 16 members."""

SEED: int = 3
"""Of the draws."""


def posterior_draws(scaled: Scaled, penalty: Array, occurring: Mask) -> Array:
    """(N_DRAWS, F) deviations d of the coefficients: `Σ (x·d)²` estimates `xᵀ A⁻¹ x` for a row x.

    A = XᵀWX + P is the matrix of the ridge fit, its inverse the covariance of the posterior for rows with errors of
    unit variance (D. J. C. MacKay, Neural Comput. 4, 415 (1992)). Features that never occur have the variance that the
    prior gives to features alike. All are zero where the matrix is singular.

    Parameters
    ----------
    scaled
        Equations; their Gram matrix serves as work space and is lost.
    penalty
        (F,) ridge penalties of features of unit norm.
    occurring
        (F,) features that are not zero in all data.

    Examples
    --------
    >>> apart = Scaled(15.0 * np.eye(100), np.zeros(100), np.ones(100), np.ones(100))
    >>> draws = posterior_draws(apart, np.ones(100), np.ones(100, dtype=bool))
    >>> round(float((draws**2).sum(axis=0).mean()), 3)  # 1/16
    0.063
    """
    n = len(penalty)
    normal = np.random.default_rng(SEED).normal(size=(n, N_DRAWS)) / np.sqrt(N_DRAWS)
    matrix = scaled.gram.T  # symmetric, and in the order of LAPACK
    matrix[np.diag_indices(n)] += penalty
    with threadpool_limits(1):  # the same bits whatever the number of threads
        try:
            factor = cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
            draws = solve_triangular(factor, normal, lower=True, trans=1, check_finite=False)
        except LinAlgError:
            return np.zeros((N_DRAWS, n))
    # Those that never occur are scaled as if they had hardly any of the norm of those alike.
    scale = np.where(occurring, scaled.scale, scaled.scale / SMALLEST_SCALE)
    return np.ascontiguousarray((draws / scale[:, None]).T)


def inflation(scores: Array, n_rows: int, squares: float) -> Array:
    """(W,) factors on draws that make their spread on the folds left out as large as the errors there.

    The rows of a structure are not independent and their errors are no noise, so that a posterior of as many
    independent rows is several times too narrow.

    Parameters
    ----------
    scores
        (W,) root mean squared weighted residuals on the folds left out.
    n_rows
        Rows that carry weight.
    squares
        Weighted sum over all rows of `Σ (x·d)²`, with the draws d of the fit without the fold of the row.

    Examples
    --------
    >>> inflation(np.array([2.0]), 100, 25.0).tolist()
    [4.0]
    """
    if not squares > 0.0:
        return np.zeros(len(scores))
    return np.asarray(scores * np.sqrt(n_rows / squares))
