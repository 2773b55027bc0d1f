"""Ridge fits on nested supports by one factorisation: the leading block of a Cholesky factor is that of the block."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular
from threadpoolctl import threadpool_limits

from mlip_rs.arrays import Array, Mask
from mlip_rs.errors import FitError
from mlip_rs.fitting.estimators.scaled import Scaled


def nested(supports: Sequence[Mask]) -> bool:
    """Whether each support contains the one before."""
    return all(bool((a <= b).all()) for a, b in pairwise(supports))


def nested_refits(scaled: Scaled, penalty: Array, supports: Sequence[Mask]) -> Array:
    """(P, F) ridge coefficients on supports each of which contains the one before.

    Parameters
    ----------
    scaled
        Equations.
    penalty
        (F,) ridge penalties of features of unit norm.
    supports
        P of (F,).

    Raises
    ------
    FitError
        A singular matrix.
    """
    counts = np.sum(supports, axis=0)
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    matrix = scaled.gram[np.ix_(order, order)]
    matrix[np.diag_indices(len(order))] += penalty[order]
    out = np.zeros((len(supports), len(counts)))
    with threadpool_limits(1):  # the same bits whatever the number of threads
        try:
            factor = cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
        except LinAlgError:
            raise FitError("the matrix of the refits is singular; use larger ridge_penalties") from None
        half = solve_triangular(factor, scaled.xty[order], lower=True)
        for row, support in zip(out, supports, strict=True):
            n = int(np.count_nonzero(support))
            row[order[:n]] = solve_triangular(factor[:n, :n], half[:n], lower=True, trans=1)
    return out / scaled.scale
