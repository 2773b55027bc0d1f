"""Ridge fits on nested supports by one factorisation: the leading block of a Cholesky factor is that of the block."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from mlip_rs import _core
from mlip_rs.arrays import Array, Mask
from mlip_rs.errors import FitError
from mlip_rs.fitting.estimators.scaled import Scaled
from mlip_rs.threads import number_of_threads


def nested(supports: Sequence[Mask]) -> bool:
    """Whether of any two supports one contains the other."""
    by_size = sorted(supports, key=np.count_nonzero)
    return all(bool((a <= b).all()) for a, b in pairwise(by_size))


def nested_refits(
    scaled: Scaled, penalty: Array, supports: Sequence[Mask], threads: int | None = None
) -> Array:
    """(P, F) ridge coefficients on supports of which any two are nested, in any order.

    Parameters
    ----------
    scaled
        Equations.
    penalty
        (F,) ridge penalties of features of unit norm.
    supports
        P of (F,).
    threads
        As for `Potential.predict`.

    Raises
    ------
    FitError
        A singular matrix.
    """
    counts = np.sum(supports, axis=0)
    order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
    sizes = [int(np.count_nonzero(support)) for support in supports]
    solutions = _core.solve_ridge_nested(
        scaled.gram, scaled.xty, penalty, order.tolist(), sizes, number_of_threads(threads)
    )
    if solutions is None:
        raise FitError("the matrix of the refits is singular; use larger ridge_penalties")
    out = np.zeros((len(supports), len(counts)))
    for row, solution in zip(out, solutions, strict=True):
        row[order[: len(solution)]] = solution
    return out / scaled.scale
