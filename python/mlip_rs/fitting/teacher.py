"""The teacher of a fit: the most accurate dense fit that passes the stress test, and its anchor rows.

Fits to all features are compared with those to features of low order and degree. What falls into holes outside the
data is most often a few invariants of the highest order: without them a fit is nearly as accurate, and holds.
Where it is much less accurate, the fit to all features is taken in its place if a few of the anchor rows make it hold.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.basis import Basis
from mlip_rs.fitting.anchors import Anchors, anchors, lowest_of_data
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.dense_fit import DenseFit, without_each_fold
from mlip_rs.fitting.repulsion import repelling_potential
from mlip_rs.potential.stress_test import stress_test

ANCHORS: str = "anchors"
"""Folder of the anchor rows beside the equations of a fit, where they are too large for the memory."""

SEEDS: tuple[int, ...] = (0, 11)
"""Of the stress tests that a teacher has to pass."""

WORST: float = 3.0
"""Largest root mean squared residual of a teacher on the data, in that of the dense fit."""

NEAR: float = 1.05
"""The same of a teacher for which no better one is looked for."""

SLIGHT: tuple[float, ...] = (1e-3, 1e-2)
"""Weights of the anchor rows, in that of the selection, with which the fit to all features may become the teacher."""


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
    found = next((own for own in _candidates(folds, dense) if _holds(folds, own[1])), None)
    if found is None:
        folds.progress.note("notice: no dense fit passes the stress test; there are no anchor rows")
        return folds, dense
    support, coefficients, loss = found
    teachers: dict[int | None, Array] = {None: coefficients}
    for fold in folds.folds:
        teachers[fold] = (
            dense.of_folds[fold]
            if support.all()
            else folds.refitted(folds.load(fold)[0], dense.penalty, [support])[0]
        )
    directory = folds.equations.directory / ANCHORS
    weight, threads = settings.anchor_weight, settings.threads or None
    rows = anchors(problem, teachers, support, folds.occurring, weight, directory, threads)
    if loss > NEAR:
        rows = _with_better_teacher(folds, dense, rows)
    anchored = folds.anchored(rows)
    if support.all():
        return anchored, dense
    fits, validation = without_each_fold(anchored, dense.penalty)
    return anchored, replace(dense, of_folds=fits, validation=validation)


def _with_better_teacher(folds: CrossValidation, dense: DenseFit, rows: Anchors) -> Anchors:
    """The rows with the labels of the fit to all features and a few of them, if it passes the stress test."""
    for factor in SLIGHT:
        slightly = folds.anchored(rows.times(factor))
        teachers: dict[int | None, Array] = {None: _dense(slightly, dense, None)}
        if _holds(folds, teachers[None]):
            teachers |= {fold: _dense(slightly, dense, fold) for fold in folds.folds}
            return rows.taught_by(teachers, factor)
    return rows


def _dense(folds: CrossValidation, dense: DenseFit, left_out: int | None) -> Array:
    """The fit to all features without a fold, with the anchor rows of the cross-validation."""
    fitted: Array = folds.refitted(folds.load(left_out)[0], dense.penalty, [None])[0]
    return fitted


def _candidates(folds: CrossValidation, dense: DenseFit) -> Iterator[tuple[Mask, Array, float]]:
    """Fits to features up to an order and a degree, all of them first, while they are accurate.

    Support, coefficients, and root mean squared residual on the data in that of the fit to all features.
    """
    full, _ = folds.load(None)
    limit, of_all = np.inf, 0.0
    for support in _supports(folds.problem.basis):
        fitted = folds.refitted(full, dense.penalty, [None if support.all() else support])[0]
        squares = sum(folds.equations.squares(fold, fitted)[0] for fold in folds.folds)
        limit, of_all = min(limit, WORST**2 * squares), of_all or squares
        if squares > limit:
            return
        yield support, fitted, float(np.sqrt(squares / of_all)) if of_all else 1.0


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
    """Whether the potential passes the stress test with all seeds."""
    problem, threads = folds.problem, folds.settings.threads or None
    potential = repelling_potential(problem, coefficients, {}, threads)
    known = lowest_of_data(problem)
    return all(
        stress_test(potential, ground_state=known, seed=seed, first_failure=True, threads=threads).passed
        for seed in SEEDS
    )
