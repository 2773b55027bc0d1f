"""What data tell about the coefficients of a linear potential, and which structures would tell the most beside them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_solve, cholesky, solve_triangular
from threadpoolctl import threadpool_limits

from mlip_rs.arrays import Array

PENALTY: float = 1e-4
"""Before labels, a direction counts as known from this part of what all structures together tell about it."""

HELD_BYTES: int = 2**30
"""Memory for the rows of candidates; beyond it, those that tell least before any is chosen are passed over."""

STACKED: int = 512
"""Rows of candidates that are brought into whitened coordinates together."""

HELD: int = 6
"""Structures held in any case, for each one chosen."""

NEGLIGIBLE: float = 1e-9
"""Singular values of rows, in units of what is known, below which they tell nothing."""


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
    >>> wanted = np.eye(2)
    >>> round(information.variance(wanted), 2)
    1.01
    >>> {name: round(own, 2) for name, own in information.most_informative(rows, rows.get, wanted, 1).items()}
    {'new': 0.9}
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

    def variance(self, wanted: Array) -> float:
        """Predicted variance tr(A⁻¹ T) of what has the Gram matrix T (F, F)."""
        with threadpool_limits(1):
            return float(np.trace(cho_solve((self.factor, True), self._scaled(wanted))))

    def most_informative(
        self,
        candidates: Iterable[str],
        rows: Callable[[str], Array],
        wanted: Array,
        n: int,
        *,
        costs: Mapping[str, float] | None = None,
        advance: Callable[[int], None] = lambda _: None,
    ) -> dict[str, float]:
        """Choose structures one after the other, each with the largest fall of the predicted variance per cost.

        I-optimality (V. V. Fedorov, Theory of Optimal Experiments, 1972): with rows t of what is to be predicted and
        T = Σ tᵀt, the sum of its variances is tr(A⁻¹ T). After each choice the others are judged by what they tell
        beside it. What a structure told before a choice is taken for no less than what it tells after, so that only
        those in front are judged anew (M. Minoux, Optimization Techniques (1978) 234).

        Parameters
        ----------
        candidates
            Names of structures.
        rows
            Gives the weighted rows (n, F) of a structure.
        wanted
            T, (F, F).
        n
            How many to choose; there may be fewer candidates.
        costs
            Of each candidate; all alike by default.
        advance
            Called with the number of structures whose rows are done.

        Returns
        -------
        Falls of tr(A⁻¹ T) by the structures chosen, in the order of the choice.
        """
        n_bytes = 0
        known: dict[str, _Candidate] = {}
        chosen: dict[str, float] = {}
        told: list[_Told] = []

        def worth(name: str) -> float:
            return known[name].gain / (costs[name] if costs else 1.0)

        with threadpool_limits(1):  # the same bits whatever the number of threads
            for name, one in self._whitened(candidates, rows, wanted):
                known[name] = one
                n_bytes += one.n_bytes
                while n_bytes > HELD_BYTES and len(known) > HELD * n:
                    n_bytes -= known.pop(min(known, key=worth)).n_bytes
                advance(1)
            while known and len(chosen) < n:
                best = max(known, key=worth)
                if known[best].n_told < len(told):
                    known[best].learn(told)
                    continue
                own = known.pop(best)
                chosen[best] = own.gain
                told.append(own.told())
        return chosen

    def _scaled(self, wanted: Array) -> Array:
        """A Gram matrix (F, F) for features of unit norm."""
        return np.asarray(wanted / np.outer(self.scale, self.scale))

    def _whitened(
        self, candidates: Iterable[str], rows: Callable[[str], Array], wanted: Array
    ) -> Iterator[tuple[str, "_Candidate"]]:
        """Candidates by name, in coordinates in which A = 1."""
        half = solve_triangular(self.factor, self._scaled(wanted), lower=True)
        inside = solve_triangular(self.factor, half.T, lower=True)
        names: list[str] = []
        stack: list[Array] = []
        left = list(candidates)
        for name in left:
            names.append(name)
            stack.append(rows(name))
            if sum(map(len, stack)) < STACKED and name != left[-1]:
                continue
            whitened = solve_triangular(self.factor, (np.vstack(stack) / self.scale).T, lower=True)
            places = np.cumsum([len(own) for own in stack])[:-1]
            parts = (np.split(whole, places, axis=1) for whole in (whitened, inside @ whitened))
            for own, one, seen in zip(names, *parts, strict=True):
                yield own, _Candidate(one.copy(), seen.copy())
            names, stack = [], []


@dataclass(frozen=True, eq=False)
class _Told:
    """What becomes known by a structure with rows U = L S Rᵀ: the way to coordinates in which A + UUᵀ = 1.

    Parameters
    ----------
    left
        L, (F, r).
    root, whole
        (r,) parts of each direction that go: `(1 + UUᵀ)^(−½) = 1 − L root Lᵀ` and `(1 + UUᵀ)⁻¹ = 1 − L whole Lᵀ`.
    seen
        T L, (F, r).
    """

    left: Array
    root: Array
    whole: Array
    seen: Array


class _Candidate:
    """A structure in coordinates in which the data know every direction equally well, A = 1.

    Parameters
    ----------
    rows
        U, (F, n).
    seen
        T U, (F, n).

    Attributes
    ----------
    gain
        Fall of tr(A⁻¹ T) by its labels.
    n_told
        Structures chosen before, beside which the gain is meant.
    """

    def __init__(self, rows: Array, seen: Array) -> None:
        self.rows, self.seen, self.n_told = rows, seen, 0
        self.gain = self._gain()

    @property
    def n_bytes(self) -> int:
        """Memory that it takes."""
        return self.rows.nbytes + self.seen.nbytes

    def told(self) -> _Told:
        """What becomes known by its labels."""
        left, values, right = np.linalg.svd(self.rows, full_matrices=False)
        there = values > NEGLIGIBLE
        left, values, seen = left[:, there], values[there], self.seen @ right[there].T / values[there]
        square = 1.0 + values**2
        return _Told(left, 1.0 - 1.0 / np.sqrt(square), 1.0 - 1.0 / square, seen)

    def learn(self, told: Sequence[_Told]) -> None:
        """Come to the coordinates after all choices."""
        for one in told[self.n_told :]:
            along = one.left.T @ self.rows
            self.rows = self.rows - one.left @ (one.root[:, None] * along)
            self.seen = self.seen - one.seen @ (one.whole[:, None] * along)
            self.seen -= one.left @ (one.root[:, None] * (one.left.T @ self.seen))
        self.n_told = len(told)
        self.gain = self._gain()

    def _gain(self) -> float:
        """`tr[(1 + UᵀU)⁻¹ UᵀTU]`."""
        inside = np.eye(self.rows.shape[1]) + self.rows.T @ self.rows
        return float(np.trace(np.linalg.solve(inside, self.rows.T @ self.seen)))
