"""Cost-aware backward elimination: repeatedly remove the group with the smallest loss per microsecond saved.

The ridge fit to features A, with P = (G_AA + diag(d))⁻¹ and w = P b, loses

    Δ(g) = w_gᵀ (P_gg)⁻¹ w_g

in its objective when the features g leave and the others are refitted, exactly; P and w of the rest follow by an update
of low rank (for single features: B. Hassibi and D. Stork, NIPS 5, 164 (1993)). The saving of g is the evaluation time
of operations that only g needs (`cost/model.py`), so groups are features that share operations: single features, the
couplings of the same order parameters, all features that need one sum over neighbours, one harmonic, one radial
function. The group with the smallest Δ / (saving^γ size^(1−γ)) leaves; then the losses are computed anew.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from mlip_rs import _core
from mlip_rs.arrays import Array, Mask
from mlip_rs.basis import Basis
from mlip_rs.cost.model import CostModel
from mlip_rs.fitting.stored_pieces import NO_CHECKPOINT, Checkpoint
from mlip_rs.threads import number_of_threads

BATCH: float = 0.02
"""Fraction of the features that may leave before all losses are computed anew."""

BATCH_SCORE: float = 2.0
"""Groups leave together only if their scores are within this factor of the lowest one."""

REFRESH: float = 0.7
"""The inverse is computed anew when fewer than this part of its features is left: updates add rounding errors."""

PER_FEATURE: float = 1e-4
"""µs per atom added to the cost of each feature, so that useless features leave even if they cost nothing."""

LARGEST_GROUP: int = 400
"""Larger groups are not tried: their loss is always the largest."""

Groups = Sequence[NDArray[np.int64]]
"""Features that may leave together."""


def groups_of(basis: Basis, costs: CostModel) -> Groups:
    """Groups of the features of a basis; the constant is in none."""
    labels = [f"{element}:{label}" for element in basis.elements for label in basis.labels()]
    constant = np.array([label.endswith(":1") for label in labels])
    groups = [np.array([k]) for k in np.flatnonzero(~constant)]
    blocks: dict[str, list[int]] = {}
    for k, label in enumerate(labels):
        blocks.setdefault(re.sub(r",k=\d+", "", label), []).append(k)
    groups += [np.array(block) for block in blocks.values() if len(block) > 1]
    by_item = costs.uses.tocsc()
    for item in np.flatnonzero(costs.per_neighbor):
        needing = by_item.indices[by_item.indptr[item] : by_item.indptr[item + 1]]
        if len(needing) > 1:
            groups.append(np.sort(needing).astype(np.int64))
    return groups


@dataclass(frozen=True)
class Removal:
    """Groups of features that may be removed, and the costs that this saves.

    Parameters
    ----------
    costs
        Of the features.
    groups
        Features that may leave together.
    power
        γ, 0 for a small number of features, 1 for a small cost.
    """

    costs: CostModel
    groups: Groups
    power: float

    @cached_property
    def members(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(N,) number of a group, and a feature in it, for each group and feature."""
        groups = self.groups
        numbers = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
        return numbers, np.concatenate(groups) if groups else np.empty(0, dtype=np.int64)

    @cached_property
    def savings(self) -> "GroupSavings":
        """Of all features: every elimination begins with a copy, since they take long to find."""
        return GroupSavings(*self.members, len(self.groups), self.costs)


def eliminate(
    gram: Array,
    xty: Array,
    penalties: Array,
    removal: Removal,
    targets: Array,
    advance: Callable[[int], None],
    checkpoint: Checkpoint = NO_CHECKPOINT,
    threads: int | None = None,
) -> Mask:
    """(L, F) features left at the first step at which their size is at most each of `targets`.

    The size is the geometric mean of two ratios, of cost and of number of features, to those of all features.

    Parameters
    ----------
    gram, xty
        (F, F), (F,) of features of unit norm; not changed.
    penalties
        (F,) of the ridge.
    removal
        Groups and costs.
    targets
        Sizes, descending; those that no feature is left for have no mask.
    advance
        Called with the number of targets reached.
    checkpoint
        Keeps the features left whenever the inverse is computed anew, from where the same bits follow.
    threads
        As for `Potential.predict`; the same bits whatever their number.

    Raises
    ------
    FitError
        The matrix is not positive definite.
    """
    found = checkpoint.load()
    left, reached = found or (np.ones(len(xty), dtype=bool), np.empty((0, len(xty)), dtype=bool))
    masks = list(reached)
    advance(len(masks))
    elimination = _Elimination(gram, xty, penalties, removal, left, threads)
    elimination.refreshed = lambda left: checkpoint.store(
        left.copy(), np.array(masks, dtype=bool).reshape(-1, len(xty))
    )
    for mask in elimination.steps(targets[len(masks) :]):
        masks.append(mask)
        advance(1)
    return np.array(masks, dtype=bool).reshape(len(masks), len(xty))


class GroupSavings:
    """What the evaluator saves when a group of features leaves: items that only it needs.

    Parameters
    ----------
    group, members
        (N,) number of a group, and a feature in it.
    n_groups
        Number of groups.
    costs
        Of the features.
    """

    def __init__(
        self, group: NDArray[np.int64], members: NDArray[np.int64], n_groups: int, costs: CostModel
    ) -> None:
        n_features, n_items = costs.uses.shape
        membership = csr_matrix((np.ones(len(members)), (group, members)), shape=(n_groups, n_features))
        needs = (membership @ costs.uses).tocsr()
        needs.sort_indices()
        # Places as the gathers below take them: of another type they would be converted at every step.
        self._n_groups, self._items, self._needs = n_groups, needs.indices.astype(np.intp), needs.data
        self._owner = np.repeat(np.arange(n_groups), np.diff(needs.indptr))
        self._weights = costs.weights[self._items]
        self._begins = np.flatnonzero(np.diff(self._owner, prepend=-1))
        uses = costs.uses.tocsr()[members]
        counts = np.diff(uses.indptr)
        keys, own = self._owner * n_items + self._items, np.repeat(group, counts) * n_items + uses.indices
        places = np.searchsorted(keys, own)
        self._parts = csr_matrix(
            (uses.data, (np.repeat(members, counts), places)), shape=(n_features, len(keys))
        )

    def copy(self) -> "GroupSavings":
        """Of the same features; those that leave one copy stay in the other."""
        other = copy(self)
        other._needs = self._needs.copy()
        return other

    def remove(self, features: NDArray[np.int64]) -> None:
        """Features that have left are in no group any more."""
        for feature in features:
            own = slice(self._parts.indptr[feature], self._parts.indptr[feature + 1])
            self._needs[self._parts.indices[own]] -= self._parts.data[own]

    def compact(self) -> None:
        """Forget what only groups without members needed."""
        some = self._needs > 0.5
        self._parts = self._parts[:, some]
        self._items, self._needs, self._owner, self._weights = (
            own[some] for own in (self._items, self._needs, self._owner, self._weights)
        )
        self._begins = np.flatnonzero(np.diff(self._owner, prepend=-1))

    def of_groups(self, users: Array) -> Array:
        """(G,) µs per atom that each group saves.

        Parameters
        ----------
        users
            (I,) number of features left that need each item.
        """
        savings = np.zeros(self._n_groups)
        if len(self._begins):
            # what nobody needs is not saved
            only = self._needs > np.take(np.maximum(users, 1.0) - 0.5, self._items)
            savings[self._owner[self._begins]] = np.add.reduceat(self._weights * only, self._begins)
        return savings


class _Elimination:
    """The state of one elimination: features left, the inverse of their matrix, their coefficients."""

    def __init__(
        self,
        gram: Array,
        xty: Array,
        penalties: Array,
        removal: Removal,
        left: Mask,
        threads: int | None,
    ) -> None:
        self.gram = gram
        self.xty = xty
        self.penalties = penalties
        self.threads = number_of_threads(threads)
        self.costs = removal.costs
        self.power = removal.power
        self.left = left.copy()
        self.full_cost = self.costs.cost(np.ones(len(xty), dtype=bool))
        self.users = np.asarray(self.costs.uses[self.left].sum(axis=0)).reshape(-1)
        self.refreshed: Callable[[Mask], None] = lambda _: None
        self.group, self.members = removal.members
        self.n_groups = len(removal.groups)
        self.savings = removal.savings.copy()
        self.savings.remove(np.flatnonzero(~self.left))
        self.inverse = self._inverted()

    def _inverted(self) -> _core.RidgeInverse:
        """The inverse for the features left; `features` are its rows."""
        self.savings.compact()
        self.features = np.flatnonzero(self.left)
        self.places = np.cumsum(self.left) - 1
        return _core.RidgeInverse(self.gram, self.xty, self.penalties, self.features, self.threads)

    @property
    def size(self) -> float:
        """Size of the features that are left."""
        cost = self.costs.base + float(self.costs.weights[self.users > 0.5].sum())
        return float(np.sqrt(cost / self.full_cost * self.left.sum() / len(self.left)))

    def steps(self, targets: Array) -> Iterator[Mask]:
        """Features left at each target."""
        remaining = targets.tolist()
        while self.left.any():
            while remaining and self.size <= remaining[0]:
                remaining.pop(0)
                yield self.left.copy()
            if not remaining:
                return
            leaving = self._leaving()
            if not len(leaving):
                return
            self._remove(leaving)

    def _leaving(self) -> NDArray[np.int64]:
        """Positions, among `features`, of those that leave next."""
        here = self.left[self.members]
        members, counts = self.members[here], np.bincount(self.group[here], minlength=self.n_groups)
        starts = np.append(0, np.cumsum(counts))
        places = self.places[members]
        sizes = np.maximum(counts, 1)
        worth = (self.savings.of_groups(self.users) + PER_FEATURE * sizes) ** self.power * sizes ** (
            1.0 - self.power
        )
        n_leaving = int(np.count_nonzero(np.bincount(members)))
        least = self._least_losses(places, starts) / worth
        scores = np.where(counts == 1, least, np.inf)
        # A group whose least possible score is above those of single features that leave cannot be among them.
        most = max(1, int(BATCH * self.left.sum()))
        alone = np.sort(scores[counts == 1])
        limit = min(
            [BATCH_SCORE * own for own in alone[:1]] + alone[most - 1 : most].tolist(), default=np.inf
        )
        groups = (counts > 1) & np.isfinite(least)
        for bound in (limit, np.inf):
            some = np.flatnonzero(groups & (least <= bound) & ~np.isfinite(scores))
            own = [places[starts[k] : starts[k + 1]] for k in some]
            ends = np.cumsum([0, *map(len, own)])
            losses = self.inverse.losses(np.concatenate([places[:0], *own]), ends, bound * worth[some])
            scores[some] = losses / worth[some]
            chosen = self._chosen(scores, places, starts, n_leaving, most)
            if len(chosen):
                break
        return chosen

    def _chosen(
        self, scores: Array, places: NDArray[np.int64], starts: NDArray[np.int64], n_leaving: int, most: int
    ) -> NDArray[np.int64]:
        """Positions of the groups with the lowest scores, `most` features or one group."""
        order = np.argsort(scores, kind="stable")
        chosen: list[int] = []
        taken = np.zeros(len(self.features), dtype=bool)
        for k in order:
            if not np.isfinite(scores[k]):
                break
            own = places[starts[k] : starts[k + 1]]
            own = own[~taken[own]]
            if not len(own) or 1 < len(own) == n_leaving:
                continue  # gone already, or all that is left beside a constant
            if chosen and (len(chosen) + len(own) > most or scores[k] > BATCH_SCORE * scores[order[0]]):
                break
            chosen.extend(own)
            taken[own] = True
        return np.array(sorted(chosen), dtype=np.int64)

    def _least_losses(self, places: NDArray[np.int64], starts: NDArray[np.int64]) -> Array:
        """(G,) no group loses less than any one of its members alone; ∞ for those that are empty or too large.

        Parameters
        ----------
        places
            Positions of the members of all groups, one group after the other.
        starts
            (G + 1,) where each begins.
        """
        sizes = np.diff(starts)
        least = np.full(len(sizes), np.inf)
        some = np.flatnonzero(sizes)
        if len(some):
            alone = self.inverse.coefficients()[places] ** 2 / self.inverse.diagonal()[places]
            least[some] = np.maximum.reduceat(alone, starts[:-1][some])
        least[sizes > LARGEST_GROUP] = np.inf
        return least

    def _remove(self, own: NDArray[np.int64]) -> None:
        """Take the features at these positions out."""
        gone = self.features[own]
        self.left[gone] = False
        self.users -= np.asarray(self.costs.uses[gone].sum(axis=0)).reshape(-1)
        self.savings.remove(gone)
        if not self.left.any():
            return
        if self.left.sum() < REFRESH * len(self.features) or not self.inverse.remove(own):
            del self.inverse  # its memory is needed
            self.inverse = self._inverted()
            self.refreshed(self.left)
