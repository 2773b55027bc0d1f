"""What data tell about the coefficients of a linear potential, and which structures would tell the most beside them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from threadpoolctl import threadpool_limits

from mlip_rs.arrays import Array

PENALTY: float = 1e-4
"""Before labels, a direction counts as known from this part of what all structures together tell about it."""

CONDITIONED: int = 6
"""Structures whose rows are kept in memory for each one chosen: those that tell most before any is chosen."""


@dataclass(frozen=True, eq=False)
class Information:
    """Factor of the matrix A = XᵀWX + P of a ridge fit to the data that there are.

    Parameters
    ----------
    factor
        (F, F) lower Cholesky factor of A for features of unit norm.
    scale
        (F,) norms of the features.

    Examples
    --------
    >>> information = Information.of(np.diag([99.0, 0.0]), penalty=np.ones(2), scale=np.ones(2))
    >>> rows = {"seen": np.array([[3.0, 0.0]]), "new": np.array([[0.0, 3.0]])}
    >>> {name: round(information.gain(information.whitened(own)), 2) for name, own in rows.items()}
    {'seen': 0.09, 'new': 2.3}
    """

    factor: Array
    scale: Array

    @classmethod
    def of(cls, gram: Array, penalty: Array, scale: Array) -> "Information":
        """From the Gram matrix of features of unit norm, which is left as it is, and penalties (F,).

        Raises
        ------
        scipy.linalg.LinAlgError
            The matrix is singular.
        """
        matrix = gram.copy()
        matrix[np.diag_indices(len(matrix))] += penalty
        with threadpool_limits(1):  # the same bits whatever the number of threads
            return cls(cholesky(matrix, lower=True, overwrite_a=True), scale)

    @classmethod
    def before_labels(cls, rows: Iterable[Array], known: Sequence[Array] = ()) -> "Information":
        """From weighted rows (n, F) of structures without labels, and of those whose labels are known."""
        scale = np.sqrt(sum(np.square(own).sum(axis=0) for own in [*rows, *known]))
        scale[scale == 0.0] = 1.0
        gram = np.zeros((len(scale), len(scale)))
        for own in known:
            gram += (own / scale).T @ (own / scale)
        return cls.of(gram, np.full(len(scale), PENALTY), scale)

    def whitened(self, rows: Array) -> Array:
        """(F, n) rows in coordinates in which the data know every direction equally well, from weighted rows (n, F)."""
        with threadpool_limits(1):
            return np.asarray(solve_triangular(self.factor, (rows / self.scale).T, lower=True))

    @staticmethod
    def gain(whitened: Array) -> float:
        """Growth of log det A by some rows, `log det(1 + UᵀU)`."""
        return float(np.linalg.slogdet(np.eye(whitened.shape[1]) + whitened.T @ whitened)[1])

    def most_informative(
        self,
        candidates: Sequence[str],
        rows: Callable[[str], Array],
        n: int,
        *,
        costs: Mapping[str, float] | None = None,
        advance: Callable[[int], None] = lambda _: None,
    ) -> dict[str, float]:
        """Choose structures one after the other, each with the largest growth of log det A per cost (D-optimality).

        V. V. Fedorov, Theory of Optimal Experiments, 1972. After each choice the others are judged by what they tell
        beside it; those with small gains from the start are passed over.

        Parameters
        ----------
        candidates
            Names of structures.
        rows
            Gives the weighted rows (n, F) of a structure.
        n
            How many to choose; there may be fewer candidates.
        costs
            Of each candidate; all alike by default.
        advance
            Called with the number of structures whose rows are done.

        Returns
        -------
        Gains of the structures chosen, in the order of the choice.
        """
        price = costs or dict.fromkeys(candidates, 1.0)
        most = max(CONDITIONED * n, 1)
        known: dict[str, Array] = {}
        gains: dict[str, float] = {}
        for number in candidates:
            own = self.whitened(rows(number))
            gains[number] = self.gain(own)
            known[number] = own
            if len(known) > most:
                worst = min(known, key=lambda k: gains[k] / price[k])
                del known[worst]
            advance(1)
        chosen: dict[str, float] = {}
        while known and len(chosen) < n:
            best = max(known, key=lambda k: gains[k] / price[k])
            chosen[best] = gains[best]
            vectors = known.pop(best)
            _condition(known, gains, vectors)
        return chosen


def _condition(known: dict[str, Array], gains: dict[str, float], vectors: Array) -> None:
    """Change whitened rows U to those beside others V: `(1 + VVᵀ)^(−½) U`."""
    left, values, _ = np.linalg.svd(vectors, full_matrices=False)
    shrink = 1.0 - 1.0 / np.sqrt(1.0 + values**2)
    for number, own in known.items():
        own -= left @ (shrink[:, None] * (left.T @ own))
        gains[number] = Information.gain(own)
