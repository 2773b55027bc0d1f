"""The teacher of a fit: an accurate dense fit that passes the stress test, and its anchor rows.

Fits to all features are compared with those to features of low order and degree. What falls into holes outside the
data is most often a few invariants of the highest order: without them a fit is nearly as accurate, and holds.
Which of them hold changes with the slightest change of weights or data. Where none does, larger ridge penalties are
tried. Where the first that holds is much less accurate, it only helps: with some weight on the anchor rows that it
labels, fits hold that failed without.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.basis import Basis
from mlip_rs.fitting.anchors import Anchors, anchors, lowest_of_data
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.dense_fit import DenseFit, refits_without, without_each_fold
from mlip_rs.fitting.estimators.scaled import Scaled
from mlip_rs.fitting.repulsion import repelling_potential
from mlip_rs.potential.lowest_crystals import with_lowest_structures
from mlip_rs.potential.stress_test import stress_test

ANCHORS: str = "anchors"
"""Folder of the anchor rows beside the equations of a fit, where they are too large for the memory."""

SEEDS: tuple[int, ...] = (0, 11)
"""Of the stress tests that a teacher has to pass."""

MARGIN: float = 0.05
"""eV per atom above what the stress test allows that a teacher has to stay: its pupils follow it roughly."""

WORST: float = 3.0
"""Largest root mean squared residual of a teacher on the data, in that of the dense fit."""

NEAR: float = 1.05
"""The same of a teacher for which no better one is looked for."""

STRONGER: tuple[float, ...] = (1.0, 10.0, 100.0)
"""Ridge penalties of the fits, in those of the dense fit."""

FACTORS: tuple[float, ...] = (1e-3, 1e-2, 0.1, 1.0, 10.0)
"""Weights of the anchor rows, in that of the selection, with which a fit that fails without may become the teacher."""


@dataclass(frozen=True, eq=False)
class _Fit:
    """A fit to some features.

    Parameters
    ----------
    support
        (F,) its features.
    stronger
        Its ridge penalties, in those of the dense fit.
    coefficients
        (F,).
    squares
        Sum of the squared weighted residuals on the data.
    """

    support: Mask
    stronger: float
    coefficients: Array
    squares: float

    @classmethod
    def of(
        cls, folds: CrossValidation, scaled: Scaled, penalty: Array, support: Mask, stronger: float = 1.0
    ) -> "_Fit":
        """Fit to equations of all data; `penalty` is that of the dense fit."""
        of_all = None if support.all() else support
        (coefficients,) = folds.refitted(scaled, stronger * penalty, [of_all])
        squares = sum(folds.equations.squares(fold, coefficients)[0] for fold in folds.folds)
        return cls(support, stronger, coefficients, squares)

    @property
    def is_dense(self) -> bool:
        """Whether it is the dense fit."""
        return self.stronger == 1.0 and bool(self.support.all())


def with_anchors(folds: CrossValidation, dense: DenseFit) -> tuple[CrossValidation, DenseFit]:
    """The cross-validation with the anchor rows of the best teacher, and the dense fit with them.

    Both come back as they are without repulsion or weight of the anchor rows, and, with a notice, where no fit passes.

    Parameters
    ----------
    folds
        Without anchor rows.
    dense
        Dense fit without anchor rows.
    """
    settings, problem = folds.settings, folds.problem
    if not settings.anchor_weight or problem.basis.repulsion is None:
        return folds, dense
    failed: list[_Fit] = []
    for first in _candidates(folds, dense):
        if _holds(folds, first.coefficients):
            break
        failed.append(first)
    else:
        folds.progress.note("notice: no dense fit passes the stress test; there are no anchor rows")
        return folds, dense
    directory = folds.equations.directory / ANCHORS
    weight, threads = settings.anchor_weight, settings.threads or None
    teachers = _teachers(folds, dense, first)
    rows = anchors(problem, teachers, first.support, folds.occurring, weight, directory, threads)
    rows = replace(rows, record=rows.record | {"teacher_penalty_factor": first.stronger})
    if first.is_dense:
        return folds.anchored(rows), dense
    if first.squares > NEAR**2 * failed[0].squares:
        rows = _better_taught(folds, dense, rows, first, [own for own in failed if own.stronger == 1.0])
    anchored = folds.anchored(rows)
    fits, validation = without_each_fold(anchored, dense.penalty)
    return anchored, replace(dense, of_folds=fits, validation=validation)


def _teachers(folds: CrossValidation, dense: DenseFit, taught: _Fit) -> dict[int | None, Array]:
    """Coefficients of a fit and of the same without each fold."""
    if taught.is_dense and folds.anchors is None:
        of_folds = dense.of_folds
    else:
        support = None if taught.support.all() else taught.support
        of_folds = refits_without(folds, taught.stronger * dense.penalty, support, folds.folds)
    return {None: taught.coefficients, **dict(enumerate(of_folds))}


def _better_taught(
    folds: CrossValidation, dense: DenseFit, rows: Anchors, first: _Fit, failed: Sequence[_Fit]
) -> Anchors:
    """The rows with the labels of the most accurate fit that passes the stress test with some weight on these rows.

    Tried are the features of the fits that failed without; the first that is near the dense fit ends the search.
    """
    near = NEAR**2 * failed[0].squares
    best, best_rows = first, rows
    for factor, own in product(FACTORS, failed):
        if best.squares <= near:
            break
        if own.squares >= best.squares:
            continue
        tried = rows.times(factor)
        anchored = folds.anchored(tried)
        fitted = _Fit.of(anchored, anchored.load(None)[0], dense.penalty, own.support)
        if fitted.squares < best.squares and _holds(folds, fitted.coefficients):
            best, best_rows = fitted, tried
    if best is first:
        return rows
    return rows.taught_by(_teachers(folds.anchored(best_rows), dense, best), best_rows.factor)


def _candidates(folds: CrossValidation, dense: DenseFit) -> Iterator[_Fit]:
    """Fits to features up to an order and a degree, all of them first, while they are accurate, for each strength."""
    full, _ = folds.load(None)
    limit = np.inf
    for stronger in STRONGER:
        for support in _supports(folds.problem.basis):
            fitted = _Fit.of(folds, full, dense.penalty, support, stronger)
            limit = min(limit, WORST**2 * fitted.squares)
            if fitted.squares > limit:
                break
            yield fitted


def _supports(basis: Basis) -> list[Mask]:
    """Features up to an order and a degree, the largest sets first."""
    degrees = np.tile(basis.core.feature_degrees()[:, :2], (len(basis.elements), 1))
    found: dict[bytes, Mask] = {}
    for limits in product(*(np.unique(column) for column in degrees.T)):
        support: Mask = np.all(degrees <= np.array(limits), axis=1)
        if support.any():
            found[support.tobytes()] = support
    return sorted(found.values(), key=lambda support: -int(support.sum()))


def _holds(folds: CrossValidation, coefficients: Array) -> bool:
    """Whether the potential passes the stress test with all seeds and some margin."""
    problem, threads = folds.problem, folds.settings.threads or None
    potential = repelling_potential(problem, coefficients, {}, threads)
    potential = with_lowest_structures(potential, lowest_of_data(problem), threads)
    tests = (stress_test(potential, seed=seed, first_failure=True, threads=threads) for seed in SEEDS)
    return all(test.passed and all(own.margin >= MARGIN for own in test.outcomes) for test in tests)
