"""The fits of a committee: without each fold, draws from the posterior; and without each cluster of structures."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mlip_rs.arrays import Array, Mask
from mlip_rs.errors import FitError
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.estimators.scaled import Scaled
from mlip_rs.fitting.fold_store import HELD_BYTES
from mlip_rs.fitting.nested_refits import nested, nested_refits
from mlip_rs.fitting.normal_equations import NormalEquations, System, accumulate, symmetrize
from mlip_rs.fitting.posterior_draws import inflation, posterior_draws
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.selection import Selection
from mlip_rs.fitting.shares import batches
from mlip_rs.fitting.structure_clusters import clusters, mean_features, thinned
from mlip_rs.fitting.unseen_errors import Fits
from mlip_rs.progress import Progress
from mlip_rs.threads import number_of_threads


@dataclass(frozen=True)
class CommitteeFits:
    """Fits behind the committees of some candidates of a selection.

    Parameters
    ----------
    chosen
        The selection; within `FoldEquations.totalled`.
    wanted
        Positions of the candidates, sparsest first.
    progress
        Receives the advance.
    factors
        Of those that were refitted with heavier anchor rows: place among `wanted`, and factor on these rows.
    """

    chosen: Selection
    wanted: Sequence[int]
    progress: Progress
    factors: Mapping[int, float] = field(default_factory=dict)
    _known: dict[float, System] = field(default_factory=dict, init=False, repr=False)

    def fits(self) -> Fits:
        """All fits."""
        self.progress.start("error bars: clusters and folds", self.n_clusters + self.folds.problem.n_folds)
        at_once = self._several_threads and self.folds.equations.small
        with threadpool_limits(1), ThreadPoolExecutor(1) as beside:
            drawn = beside.submit(self._draws, self.folds.beside()) if at_once else None
            folds, clusters_ = self._without_folds(), self._without_clusters()
            draws, draws_of_folds = self._draws(self.folds) if drawn is None else drawn.result()
        dense, scores = self.chosen.candidates.coefficients[-1], self.chosen.candidates.scores[self.wanted]
        equations = self.folds.equations
        squares = sum(float(equations.quadratic(fold, own).sum()) for fold, own in enumerate(draws_of_folds))
        factors = inflation(scores, self.folds.n_rows, squares)
        return Fits(self.coefficients, folds, clusters_, dense, draws, draws_of_folds, factors)

    @property
    def _several_threads(self) -> bool:
        return number_of_threads(self.folds.settings.threads or None) > 1

    @property
    def folds(self) -> CrossValidation:
        """The cross-validation of the fit."""
        return self.chosen.folds

    @cached_property
    def coefficients(self) -> Array:
        """(W, F) of the points wanted, as they are after the stress test."""
        parts = [self.chosen.candidates.coefficients[k] for k in self.wanted]
        for place, factor in self.factors.items():
            scaled, _ = self._anchored(factor).load(None)
            support = parts[place] != 0.0
            parts[place] = self.folds.refitted(scaled, self.chosen.penalty, [support])[0]
        return np.array(parts)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(S,) cluster of each structure."""
        return clusters(mean_features(self.folds.problem, self.folds.settings.threads or None))

    @property
    def n_clusters(self) -> int:
        """Clusters that are left out."""
        if 8 * self.folds.problem.basis.n_features**2 > HELD_BYTES:
            return 0  # their equations would take as much memory as all else
        found = int(self.labels.max()) + 1
        return found if found > 1 else 0

    def _anchored(self, factor: float) -> CrossValidation:
        """The cross-validation with anchor rows of another weight."""
        anchors = self.chosen.anchors
        return self.folds if anchors is None else self.folds.anchored(anchors.times(factor))

    def _draws(self, folds: CrossValidation) -> tuple[Array, list[Array]]:
        """Draws from the posterior of all features, of all data (D, F) and without each fold; of the data alone."""
        plain, found = folds.anchored(None).with_elastic_rows(None), []
        for left_out in [None, *self.folds.folds]:
            scaled, _ = plain.load(left_out)
            found.append(posterior_draws(scaled, self.chosen.penalty, plain.occurring))
        return found[0], found[1:]

    def _without_folds(self) -> Array:
        """(K, W, F) fitted without each fold, the selection repeated."""
        out = []
        for fold in self.folds.folds:
            own = self.chosen.fold_coefficients[fold][list(self.wanted)]
            for factor in set(self.factors.values()):
                places = [place for place, mended in self.factors.items() if mended == factor]
                supports = self.chosen.fold_supports[fold][[self.wanted[place] for place in places]]
                scaled, _ = self._anchored(factor).load(fold)
                own[places] = self.folds.refitted(scaled, self.chosen.penalty, supports)
            out.append(own)
            self.progress.advance()
        return np.array(out)

    def _without_clusters(self) -> Array:
        """(C, W, F) fitted without each cluster, on the support of each point."""
        supports = self.coefficients != 0.0
        inputs = [self.labels, supports, self.chosen.penalty, sorted(self.factors.items())]
        compute = partial(self._without_each_cluster, supports)
        return self.folds.pieces.piece("without clusters", inputs, compute)[0]

    def _without_each_cluster(self, supports: Mask) -> list[Array]:
        """As `_without_clusters`, by equations of the features that any of the points keeps."""
        out = np.zeros((self.n_clusters, *supports.shape))
        kept = np.flatnonzero(supports.any(axis=0))
        thinning = thinned(self.folds.n_rows, supports.shape[1])
        if not out.size or not len(kept):
            return [out]
        if thinning > 1:
            self._by_some_structures(out, supports, kept, thinning)
        else:
            self._by_all_structures(out, supports, kept)
        return [out]

    def _by_all_structures(self, out: Array, supports: Mask, kept: NDArray[np.int64]) -> None:
        """Fits without each cluster; the equations of the largest one are what those of the others leave."""
        problem, threads = self.folds.problem, self.folds.settings.threads or None
        n_atoms = np.bincount(self.labels, [frame.n_atoms for frame in problem.dataset])
        *smaller, largest = np.argsort(n_atoms, kind="stable").tolist()
        rest = NormalEquations.zeros(len(kept), 1)

        def fit(cluster: int, own: NormalEquations) -> None:
            out[cluster] = self._without(own.gram[0], own.xty[0], supports, kept)

        with ThreadPoolExecutor(1) as beside:  # one cluster is solved while the next is summed
            fits: list[Future[None]] = []
            for cluster in smaller:
                own = equations_of(problem, np.flatnonzero(self.labels == cluster), threads, kept)
                rest.gram[0] += own.gram[0]
                rest.xty[0] += own.xty[0]
                wait(fits)
                fits.append(beside.submit(fit, cluster, own))
                if not self._several_threads:
                    wait(fits)
                self.progress.advance()
        for done in fits:
            done.result()
        total = self.folds.plain_system()
        np.subtract(total.gram[np.ix_(kept, kept)], rest.gram[0], out=rest.gram[0])
        out[largest] = self._without(rest.gram[0], total.xty[kept] - rest.xty[0], supports, kept)
        self.progress.advance()

    def _by_some_structures(self, out: Array, supports: Mask, kept: NDArray[np.int64], thinning: int) -> None:
        """Fits to every n-th structure of the other clusters, which together weigh as much as all of them."""
        problem, threads = self.folds.problem, self.folds.settings.threads or None
        parts: list[NormalEquations] = []
        for cluster in range(len(out)):
            members = np.flatnonzero(self.labels == cluster)
            chosen = members[::thinning]
            own = equations_of(problem, chosen, threads, kept)
            own.gram[:] *= len(members) / len(chosen)
            own.xty[:] *= len(members) / len(chosen)
            parts.append(own)
            self.progress.advance()
        total = self.folds.plain_system()
        gram, xty = total.gram[np.ix_(kept, kept)], total.xty[kept]
        for own in parts:
            gram -= own.gram[0]
            xty -= own.xty[0]
        # Left out are the structures between those that are summed, and those of the cluster.
        for cluster, own in enumerate(parts):
            out[cluster] = self._without(gram + own.gram[0], xty + own.xty[0], supports, kept)

    def _without(self, gram: Array, xty: Array, supports: Mask, kept: NDArray[np.int64]) -> Array:
        """(W, F) fitted without some rows, given by their equations; NaN where the rest determines nothing.

        Parameters
        ----------
        gram, xty
            (K, K), (K,) of the rows left out, for the features in `kept`.
        supports
            (W, F).
        kept
            (K,) numbers of the features that occur in `supports`.
        """
        out = np.zeros(supports.shape)
        everyone = np.array([self.factors.get(place, 1.0) for place in range(len(supports))])
        for factor in np.unique(everyone).tolist():
            places = np.flatnonzero(everyone == factor)
            system = self._of_all(factor, kept)
            rest = System(system.gram - gram, system.xty - xty, system.yty, system.n_rows)
            scaled = Scaled.of(rest, self.folds.scale[kept], self.folds.penalized[kept])
            out[np.ix_(places, kept)] = self._refits(scaled, kept, list(supports[np.ix_(places, kept)]))
        return out

    def _of_all(self, factor: float, kept: NDArray[np.int64]) -> System:
        """Equations of all data, with anchor rows of another weight, of the features in `kept`; not to be changed."""
        if factor not in self._known:
            self._known.clear()  # those of one factor are in memory
            system = self._anchored(factor).system(None)
            gram = system.gram[np.ix_(kept, kept)]
            self._known[factor] = System(gram, system.xty[kept], system.yty, system.n_rows)
        return self._known[factor]

    def _refits(self, scaled: Scaled, kept: NDArray[np.int64], supports: list[Mask]) -> Array:
        """(P, K) on each support of the features in `kept`; NaN where the matrix is singular."""
        penalty = self.chosen.penalty[kept]
        if nested(supports):
            try:
                return nested_refits(scaled, penalty, supports, self.folds.settings.threads or None)
            except FitError:
                pass  # some of them may have a solution
        threads = self.folds.settings.threads or None
        return np.array([scaled.ridge(penalty[None], own, threads)[0] for own in supports])

    def kind(self, fits: Fits, place: int) -> str:
        """What the committee of a point is made of, in words."""
        parts = [f"fits without each of {self.folds.problem.n_folds} folds, with the selection repeated"]
        if fits.dropped(place):
            parts.append("the fit to all features")
        if fits.factors[place] > 0.0:
            parts.append(f"{len(fits.draws)} draws from the posterior of all features")
        return "; ".join(parts)


def equations_of(
    problem: Problem,
    members: NDArray[np.int64],
    threads: int | None,
    features: NDArray[np.int64] | None = None,
) -> NormalEquations:
    """Weighted equations of some structures, summed over the properties.

    Parameters
    ----------
    members
        Positions of the structures.
    threads
        As for `Potential.predict`.
    features
        Numbers of the features of the equations, ascending; None: all.
    """
    sums = NormalEquations.zeros(problem.basis.n_features if features is None else len(features), 1)
    weights = problem.structure_weights * problem.property_weights
    for batch in batches(problem, members.tolist()):
        frames = [problem.dataset[k] for k in batch]
        core, held = problem.basis.core, problem.held_rows
        accumulate(sums, core, frames, problem.reference, weights[batch], threads, features, held)
    symmetrize(sums, threads)
    return sums
