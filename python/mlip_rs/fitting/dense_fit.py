"""Dense fits: ridge penalties by cross-validation, and the fit to all features without each fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from operator import add
from types import MappingProxyType

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.errors import FitError
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.estimators.scaled import flat_penalties
from mlip_rs.fitting.folds_at_once import FoldsAtOnce
from mlip_rs.fitting.residuals import Residuals
from mlip_rs.fitting.smoothness_prior import Prior
from mlip_rs.fitting.trust_region import Expansion

ALL_FOLDS: int = 5000
"""Most features for which the search for the penalties looks at all folds."""

SOME_FOLDS: int = 2
"""Folds that it looks at otherwise; the errors reported come from all of them."""

Fits = dict[int, Array]
"""Coefficients (F,) fitted without a fold, by fold."""


@dataclass(frozen=True)
class DenseFit:
    """Fits to all features with the best penalties.

    Parameters
    ----------
    penalty
        (F,) ridge penalties of features of unit norm.
    prior
        Strengths of the smoothness prior, by name; empty for a flat penalty.
    scores
        Of every candidate of a flat penalty; NaN where it was not tried.
    of_folds
        Coefficients (F,) fitted without each fold.
    validation
        Their residuals on the fold left out.
    """

    penalty: Array
    prior: dict[str, float]
    scores: Array
    of_folds: list[Array]
    validation: Residuals


def dense_fit(folds: CrossValidation) -> DenseFit:
    """Fit all features with the penalties of the smallest cross-validated score.

    Raises
    ------
    FitError
        No ridge penalty gives finite coefficients.
    """
    described: dict[str, float] = {}
    scores = np.empty(0)
    if folds.settings.prior == "smooth":
        penalty, described, known = _smooth(folds)
    else:
        penalty, scores, known = _flat(folds)
    return DenseFit(penalty, described, scores, *without_each_fold(folds, penalty, known))


def without_each_fold(
    folds: CrossValidation, penalty: Array, known: Mapping[int, Array] = MappingProxyType({})
) -> tuple[list[Array], Residuals]:
    """Fits to all features without each fold, and their residuals on the fold left out.

    Parameters
    ----------
    folds
        Equations.
    penalty
        (F,) ridge penalties of features of unit norm.
    known
        Fits that have been made, by fold.
    """
    folds.progress.start("cross-validation: folds", folds.problem.n_folds)
    missing = [fold for fold in folds.folds if fold not in known]
    made = dict(zip(missing, refits_without(folds, penalty, None, missing), strict=True))
    fits, parts = [], []
    for fold in folds.folds:
        fits.append(known[fold] if fold in known else made[fold])
        parts.append(folds.residuals(fold, fits[-1][None]))
        folds.progress.advance()
    return fits, reduce(add, parts)


def refits_without(
    folds: CrossValidation, penalty: Array, support: Mask | None, numbers: Sequence[int]
) -> list[Array]:
    """Fits (F,) to some features, or all, without each fold of some numbers.

    Parameters
    ----------
    penalty
        (F,) ridge penalties of features of unit norm.
    support
        (F,) the features; None: all.
    """

    def refit(own: CrossValidation, fold: int) -> Array:
        fitted: Array = own.refitted(own.load(fold)[0], penalty, [support])[0]
        return fitted

    return list(FoldsAtOnce(folds).each(refit, numbers)) if numbers else []


def _searched(folds: CrossValidation) -> range:
    """Folds that the search for the penalties looks at."""
    n_folds = folds.problem.n_folds
    return range(n_folds if folds.problem.basis.n_features <= ALL_FOLDS else min(SOME_FOLDS, n_folds))


def _smooth(folds: CrossValidation) -> tuple[Array, dict[str, float], Fits]:
    """Penalties (F,) of the best smoothness prior, its strengths by name, and the fits with them."""
    prior = Prior.of(folds.problem.basis)
    folds.progress.start("smoothness prior: cross-validations", folds.settings.n_prior)
    best: tuple[float, Array, Fits] = np.inf, np.empty(0), {}

    at_once = FoldsAtOnce(folds)

    def score(strengths: Array) -> Expansion | None:
        nonlocal best
        penalties = prior.penalties(strengths)

        def of_fold(own: CrossValidation, fold: int) -> tuple[Array, ...]:
            compute = partial(_fold_score, own, fold, penalties, prior.design)
            return own.pieces.piece("second-order-search", [fold, penalties], compute)

        found = list(at_once.each(of_fold, _searched(folds)))
        if not all(found):
            return None
        total = Expansion(*(reduce(add, parts) for parts in list(zip(*found, strict=True))[1:]))
        if total.value < best[0]:
            best = total.value, penalties, {fold: own[0] for fold, own in enumerate(found)}
        return total

    strengths = prior.tune(score, folds.settings.n_prior, folds.progress.advance)
    penalties = prior.penalties(strengths)
    return penalties, prior.describe(strengths), best[2] if np.array_equal(penalties, best[1]) else {}


def _fold_score(folds: CrossValidation, fold: int, penalties: Array, design: Array) -> tuple[Array, ...]:
    """The fit (F,) without a fold, the squared residuals of the fold, their derivatives; nothing if singular.

    The derivatives (H,) and (H, H) are by the strengths of a prior whose penalties (F,) have the logarithms
    `design @ strengths`, but for features without an entry (`smoothness_prior.py` has the equations).
    """
    scaled, _ = folds.load(fold)
    changes = (
        design * np.where(design.any(axis=1), penalties, 0.0)[:, None]
    )  # of the penalties, by the strengths
    parts: list[Array] = []

    def seed(w: Array) -> Array:
        fit = w / folds.scale
        squares, derivative = folds.equations.squares(fold, fit)
        parts[:] = [fit, np.asarray(squares)]
        return np.ascontiguousarray(np.vstack([derivative / folds.scale, -changes.T * w]))

    found = scaled.adjoint(penalties, seed, folds.settings.threads or None)
    if found is None:
        return ()
    w, (z, *slopes_of_w) = found
    slopes = np.array(slopes_of_w)
    fit, squares = parts
    products = folds.equations.products(fold, slopes / folds.scale)
    mixed = (changes.T * z) @ slopes.T
    hessian = 2.0 * products @ (slopes / folds.scale).T - mixed - mixed.T - (changes.T * (z * w)) @ design
    return fit, squares, -changes.T @ (z * w), hessian


def _flat(folds: CrossValidation) -> tuple[Array, Array, Fits]:
    """Penalty of the smallest cross-validated score, searched downhill from the middle; all scores; its fits."""
    numbers = np.array(folds.settings.ridge_penalties)
    order = np.argsort(numbers)
    penalties = flat_penalties(numbers[order], folds.penalized)
    scores = np.full(len(penalties), np.nan)
    fits: list[Fits] = [{} for _ in penalties]
    n_rows = sum(folds.equations.sums(fold).n_rows for fold in _searched(folds))
    folds.progress.start("cross-validation of the ridge penalty: penalties", len(penalties))

    def score(k: int) -> float:
        if not 0 <= k < len(penalties):
            return np.inf
        if np.isnan(scores[k]):
            squares = _cross_validate(folds, penalties[k], fits[k])
            scores[k] = np.inf if squares is None else np.sqrt(squares / max(n_rows, 1))
            folds.progress.advance()
        return float(scores[k])

    best = len(penalties) // 2
    while not np.isfinite(score(best)) and best + 1 < len(penalties):
        best += 1  # singular: only larger penalties can help
    if not np.isfinite(score(best)):
        raise FitError(
            "no ridge penalty gives a solvable system; add larger values to ridge_penalties or use a smaller basis"
        )
    while score(best - 1) < score(best):
        best -= 1
    while score(best + 1) < score(best):
        best += 1
    in_given_order = np.empty(len(scores))
    in_given_order[order] = scores
    return penalties[best], in_given_order, fits[best]


def _cross_validate(folds: CrossValidation, penalties: Array, fits: Fits | None = None) -> float | None:
    """Sum of the squared residuals of the folds searched, by their equations; none if a matrix is singular.

    The fits are added to `fits`.
    """
    total = 0.0
    for fold in _searched(folds):
        found = folds.pieces.piece("flat", [fold, penalties], partial(_fold_fit, folds, fold, penalties))
        if not found:
            return None
        w, squares = found
        if fits is not None:
            fits[fold] = w
        total += float(squares)
    return total


def _fold_fit(folds: CrossValidation, fold: int, penalties: Array) -> tuple[Array, ...]:
    """The fit (F,) without a fold and the squared residuals of the fold; nothing if the matrix is singular."""
    scaled, _ = folds.load(fold)
    w = scaled.ridge(penalties[None], threads=folds.settings.threads or None)[0]
    return (w, np.asarray(folds.equations.squares(fold, w)[0])) if np.isfinite(w).all() else ()
