"""Points of a run that matter get their repulsion and pass a stress test, are mended, or leave the front."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add

import numpy as np
from ase import Atoms

from mlip_rs.arrays import Array, Mask
from mlip_rs.data import Dataset
from mlip_rs.fitting.anchors import lowest_of_data
from mlip_rs.fitting.points import errors_record, predicted
from mlip_rs.fitting.repulsion import repelling_potential
from mlip_rs.fitting.result import LOSS, Point, Run
from mlip_rs.fitting.selection import Selection
from mlip_rs.potential import Potential
from mlip_rs.potential.lowest_crystals import with_lowest_structures
from mlip_rs.potential.stress_test import stress_test
from mlip_rs.progress import Progress
from mlip_rs.threads import in_order, number_of_threads

SEED: int = 0
"""Of the stress test; not that of the anchor rows."""

FACTORS: tuple[float, ...] = (10.0, 100.0)
"""Weights of the anchor rows, in that of the selection, with which the coefficients of a failing point are refitted."""


@dataclass(frozen=True, eq=False)
class _Mended:
    """A point that passes with the weight of the anchor rows multiplied by a factor."""

    factor: float
    coefficients: Array
    potential: Potential


@dataclass(frozen=True, eq=False)
class Robustness:
    """The points of a run outside the data.

    Parameters
    ----------
    selection
        Its candidates are the points; within `FoldEquations.totalled`.
    tested
        Test data, if there are any.
    progress
        Receives the advance.
    """

    selection: Selection
    tested: Dataset | None
    progress: Progress

    def points(self, points: Sequence[Point]) -> tuple[Point, ...]:
        """Choose a repulsion for every point on the front and for those with a name, and test them.

        A point that fails is refitted on its support with heavier anchor rows. All this may change which points matter,
        so it goes on until all that do have been tested.
        """
        chosen, done = list(points), set[int]()
        while True:
            run = Run(tuple(chosen), {})
            wanted = sorted({*run.front, run.best_index, run.knee_index, run.one_standard_error_index} - done)
            if not wanted:
                return run.points
            self.progress.start(f"repulsion and stress test{self._to_come}: potentials", len(wanted))
            # Sparse ones are tested faster than dense ones: mixed, those that are done tell how long the others take.
            mixed = np.random.default_rng(SEED).permutation(wanted).tolist()
            coefficients = self.selection.candidates.coefficients
            infos = [(coefficients[k], chosen[k].potential.info) for k in mixed]
            for k, potential in zip(mixed, self._potentials(infos), strict=True):
                chosen[k] = replace(chosen[k], potential=potential)
                self.progress.advance()
            failed = [k for k in wanted if chosen[k].failed_stress_test]
            for k, mended in self._mended([(k, chosen[k]) for k in failed]):
                chosen[k] = mended
            done |= set(wanted)

    @property
    def _to_come(self) -> str:
        """What no time left of the test includes, in words: how many fail is known after it."""
        return "" if self.selection.anchors is None else ", before refits of those that fail"

    def _potentials(self, wanted: Iterable[tuple[Array, dict[str, object]]]) -> Iterator[Potential]:
        """Potentials of coefficients and metadata, tested; as many at once as there are threads."""
        threads = number_of_threads(self.selection.folds.settings.threads or None)
        return in_order(lambda own: self._potential(*own), wanted, threads)

    def _potential(self, coefficients: Array, info: dict[str, object]) -> Potential:
        """A potential with its repulsion and the record of its stress test, for a basis with a repulsion.

        The test ends with the first structure that fails: others would change nothing, and most candidates of some fits
        fail. `verify` finds all of them.
        """
        problem, threads = self.selection.folds.problem, self.selection.folds.settings.threads or None
        potential = repelling_potential(problem, coefficients, info, threads)
        if problem.basis.repulsion is None:
            return potential
        potential = with_lowest_structures(potential, self._lowest_of_data, threads)
        outcome = stress_test(potential, seed=SEED, first_failure=True, threads=threads)
        record = {
            "passed": outcome.passed,
            "n_structures": outcome.n_structures,
            "seed": SEED,
            "systems": list(outcome.systems),
            "ended_at_failure": not outcome.passed,
            "failures": [failure.sentence for failure in outcome.failures],
        }
        return potential.with_info(dict(potential.info) | {"stress_test": record})

    @cached_property
    def _lowest_of_data(self) -> list[Atoms]:
        return lowest_of_data(self.selection.folds.problem)

    def _mended(self, failed: Sequence[tuple[int, Point]]) -> Iterable[tuple[int, Point]]:
        """The points that pass after a refit with heavier anchor rows."""
        if not failed or self.selection.anchors is None:
            return []
        left, found = dict(failed), dict[int, _Mended]()
        self.progress.start("refits of potentials that failed: stress tests", len(FACTORS) * len(failed))
        for n_left, factor in zip(range(len(FACTORS), 0, -1), FACTORS, strict=True):
            if not left:
                break
            folds = self.selection.folds.anchored(self.selection.anchors.times(factor))
            scaled, _ = folds.load(None)
            supports = [self.selection.candidates.coefficients[k] != 0.0 for k in left]
            refits = folds.refitted(scaled, self.selection.penalty, supports)
            infos = [point.potential.info for point in left.values()]
            tested = self._potentials(zip(refits, infos, strict=True))
            for k, coefficients, potential in zip(list(left), refits, tested, strict=True):
                passed = potential.info["stress_test"]["passed"]
                self.progress.advance(n_left if passed else 1)  # one that passes needs no heavier rows
                if passed:
                    found[k] = _Mended(factor, coefficients, potential)
                    del left[k]
        return self._with_errors(found, dict(failed))

    def _with_errors(
        self, found: dict[int, _Mended], failed: dict[int, Point]
    ) -> Iterable[tuple[int, Point]]:
        """Points with the errors of their new coefficients, unless these have become useless."""
        if not found:
            return
        folds, fold_supports = self.selection.folds, self.selection.fold_supports
        by_factor: dict[float, list[int]] = defaultdict(list)
        for k, mended in found.items():
            by_factor[mended.factor].append(k)
        order = [k for members in by_factor.values() for k in members]
        settings, problem = folds.settings, folds.problem
        n_tested = 0 if self.tested is None else len(self.tested)
        self.progress.start("errors of refitted potentials: structures", 2 * len(problem.dataset) + n_tested)
        parts = []
        for fold in folds.folds:
            rows = [
                self._without(fold, factor, fold_supports[fold][members])
                for factor, members in by_factor.items()
            ]
            parts.append(folds.residuals(fold, np.vstack(rows)))
            self.progress.advance(len(problem.members(fold)))
        validation = reduce(add, parts)
        scores, score_errors = folds.scores(validation)
        coefficients = np.array([found[k].coefficients for k in order])
        training = predicted(problem.dataset, problem, coefficients, settings)
        self.progress.advance(len(problem.dataset))
        tested = None if self.tested is None else predicted(self.tested, problem, coefficients, settings)
        self.progress.advance(n_tested)
        for place, k in enumerate(order):
            if scores[place] > LOSS * failed[k].score:
                continue  # it passes, and is of no use
            factor, potential = found[k].factor, found[k].potential
            trained, validated = training.errors(place), validation.errors(place)
            info = dict(potential.info) | {
                "score": float(scores[place]),
                "anchor_weight": factor * settings.anchor_weight,
                **errors_record(trained, validated),
            }
            point = replace(
                failed[k],
                potential=potential.with_info(info),
                score=float(scores[place]),
                score_error=float(score_errors[place]),
                training=trained,
                validation=validated,
                test=None if tested is None else tested.errors(place),
            )
            yield k, point

    def _without(self, fold: int, factor: float, supports: Mask) -> Array:
        """(P, F) coefficients fitted without a fold, with heavier anchor rows."""
        assert self.selection.anchors is not None
        folds = self.selection.folds.anchored(self.selection.anchors.times(factor))
        return folds.refitted(folds.load(fold)[0], self.selection.penalty, supports)
