"""Forces against each other: which frames and groups of them follow the surroundings of the atoms, and by what factor.

A fit to forces predicts those of structures that it has not seen. In a set that is right, every structure has slope 1
against the prediction; forces of the opposite sign, in other units or in another order of the atoms stand out.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlip_rs.arrays import Array, Mask
from mlip_rs.label_check.posterior import Posterior, posterior
from mlip_rs.label_check.rows import Rows
from mlip_rs.label_check.units import FORCE_FACTORS, nearest_factor, neighbouring

FOLDS: int = 5

PRIORS: tuple[float, ...] = (1e-8, 1e-6, 1e-4, 1e-2)
"""Ridge parameters tried, relative to the mean square of the features."""

PREDICTABLE: float = 0.5
"""Share of the squared forces that surroundings explain in every set that is right (0.9 to 0.999 in practice)."""

COHERENT: float = 0.95
"""Below this share some of the forces may contradict the others."""

SEEDS: int = 4

RELATED: float = 0.25
"""Below this squared correlation with the prediction, forces belong to something else."""

SCALED: float = 0.7
"""Above this squared correlation, a slope is one of units, not of chance."""

SLOPES: tuple[float, float] = (0.4, 2.5)
"""Slopes of single structures that the errors of a small basis explain; units and signs are beyond, but for bohr."""

RATIOS: tuple[tuple[float, ...], ...] = tuple(
    neighbouring(sorted({value for one in FORCE_FACTORS for value in (one.value, 1.0 / one.value)}))
)
"""Forces of one structure over those of another that are right, or the other way round; near ones together."""

RATIO_NEAR: float = 0.2
"""Relative distance of the slope of a structure from a ratio that it stands for."""

CLEAR: float = 4.0
"""Forces this many times the error of the prediction say something about their structure."""


@dataclass(frozen=True)
class ForceFit:
    """A fit to the forces that agree with each other.

    Parameters
    ----------
    factors
        (n,) factor of the forces of each structure against the majority; 1, a unit's or a sign's.
    good
        (n,) structures whose forces, divided by the factor, went into the fit.
    clear
        (n,) structures whose forces are large enough to be judged.
    correlation, slope
        (n,) of the forces with the prediction by fits without the structure.
    sigma
        Error of the prediction, eV/Å, the median over structures.
    explained
        Share of the squared forces explained in structures that were left out.
    posterior
        Coefficients of the fit.
    folds
        (n,) fold of each structure.
    fold_means
        (FOLDS, F) coefficients without each fold.
    """

    factors: Array
    good: Mask
    clear: Mask
    correlation: Array
    slope: Array
    sigma: float
    explained: float
    posterior: Posterior
    folds: NDArray[np.intp]
    fold_means: Array

    def predicted(self, rows: Rows, k: int) -> Array:
        """(3N,) forces of structure k by the fit without its fold."""
        return np.asarray(rows.force_design[k] @ self.fold_means[self.folds[k]])


@dataclass(frozen=True)
class _Sums:
    """Forces of each structure as sums: Xᵀf (n, F) and fᵀf (n,)."""

    moments: Array
    squares: Array
    present: Mask
    folds: NDArray[np.intp]
    counts: Array


def fit_forces(rows: Rows, allowed: Mask | None = None) -> ForceFit | None:
    """Fit the forces, find structures that disagree with the majority, and fit again without or rescaled.

    Parameters
    ----------
    allowed
        (n,) structures to fit to; None for all.

    Returns
    -------
    ForceFit
        None if too few structures have forces that are not zero.
    """
    sums = _sums(rows)
    present = sums.present if allowed is None else sums.present & allowed
    if present.sum() < 2 * FOLDS:
        return None
    best = _fit(rows, sums, present, np.ones(rows.n))
    if best.explained < COHERENT:
        grown = _grown(rows, sums, present)
        if grown is not None and grown.explained > max(best.explained + 0.01, PREDICTABLE):
            best = grown
    for _ in range(4):
        if best.explained < PREDICTABLE:
            return best
        following = _refined(rows, sums, best, present)
        done = np.array_equal(following.good, best.good) and np.allclose(following.factors, best.factors)
        best = following
        if done:
            break
    return best


def _grown(rows: Rows, sums: _Sums, present: Mask) -> ForceFit | None:
    """Start from one structure and take in, with their factors, those whose forces follow the fit, up to any sign."""
    best: ForceFit | None = None
    seeds = np.argsort(-np.where(present, sums.squares * sums.counts, 0.0))[:SEEDS]
    typical = float(np.sqrt(np.median((sums.squares / sums.counts)[present])))
    large = present & (np.sqrt(sums.squares / sums.counts) > 1e-3 * typical)
    for seed in seeds:
        factors = np.ones(rows.n)
        inside = np.zeros(rows.n, dtype=bool)
        inside[seed] = True
        for _ in range(12):
            slope, correlation = _follow(rows, sums, inside, factors)
            following = large & (abs(correlation) > SCALED**0.5)
            following[seed] = True
            limit = np.sort(abs(correlation[following]))[::-1][: 2 * int(inside.sum()) + 2][-1]
            taken = following & (abs(correlation) >= limit) | inside & (abs(correlation) > 0.5)
            factors = np.array([_any_factor(s) for s in slope])
            factors[seed] = 1.0
            if np.array_equal(taken, inside):
                break
            inside = taken
        if inside.sum() < 2 * FOLDS:
            continue
        values, counts = np.unique(factors[inside], return_counts=True)
        fit = _fit(rows, sums, inside, factors / values[np.argmax(counts)])
        if best is None or fit.good.sum() * fit.explained > best.good.sum() * best.explained:
            best = fit
    return best


def _follow(rows: Rows, sums: _Sums, inside: Mask, factors: Array) -> tuple[Array, Array]:
    """(n,) slope and correlation of the forces of all structures with a fit to some."""
    gram = rows.force_grams[inside].sum(axis=0)
    target = (sums.moments[inside] / factors[inside, None]).sum(axis=0)
    ridge = 1e-4 * float(np.trace(gram)) / len(gram) * np.eye(len(gram))
    mean = np.linalg.solve(gram + ridge, target)
    pf = sums.moments @ mean
    pp = np.maximum(np.einsum("f,nfg,g->n", mean, rows.force_grams, mean, optimize=True), 1e-30)
    return pf / pp, pf / np.sqrt(pp * np.where(sums.present, sums.squares, 1.0))


def _any_factor(slope: float) -> float:
    """Take the factor closest to a slope, 1 included."""
    if SLOPES[0] < slope < SLOPES[1]:
        return 1.0
    factor = nearest_factor(slope, FORCE_FACTORS, tolerance=0.6)
    return 1.0 if factor is None else factor.value


def _refined(rows: Rows, sums: _Sums, fit: ForceFit, present: Mask) -> ForceFit:
    """Fit again to all structures that follow the prediction, up to a factor that has a name."""
    factors = np.where(fit.good, fit.factors, 1.0)
    judged = sums.present & fit.clear
    factors[judged] = _relative(rows, fit, judged)[judged]
    for group in range(len(rows.names)):  # the small forces of a group share the unit of its large ones
        members = sums.present & (rows.groups == group)
        judged = members & fit.clear & (fit.correlation**2 > SCALED)
        if judged.sum() >= 0.5 * (members & fit.clear).sum() and judged.any():
            values, counts = np.unique(factors[judged], return_counts=True)
            factors[members & ~fit.clear & ~fit.good] = values[np.argmax(counts)]
    related = np.where(fit.clear, fit.correlation * np.sign(factors) > RELATED**0.5, True)
    sane = (fit.slope / factors > SLOPES[0]) & (fit.slope / factors < SLOPES[1])
    good = present & related & (sane | ~fit.clear)
    if good.sum() < 2 * FOLDS:
        return fit
    return _fit(rows, sums, good, factors)


def _relative(rows: Rows, fit: ForceFit, judged: Mask) -> Array:
    """(n,) factor of the forces of each structure against the majority; where units are near each other, as measured.

    A factor of the wrong unit pulls the fit, and then all slopes, towards itself: that of neighbouring units is the
    median slope of the structures of a file and config type, over the slope of those that follow the majority.
    """
    ratios = [
        named_ratio(s, c) if own else () for s, c, own in zip(fit.slope, fit.correlation, judged, strict=True)
    ]
    plain = judged & (fit.correlation**2 > SCALED) & np.array([not own for own in ratios])
    level = float(np.median(fit.slope[plain])) if plain.any() else 1.0
    factors = np.ones(rows.n)
    for ratio in {own for own in ratios if own}:
        those = np.array([own == ratio for own in ratios])
        for group in np.unique(rows.groups[those]):
            members = those & (rows.groups == group)
            factors[members] = ratio[0] if len(ratio) == 1 else float(np.median(fit.slope[members])) / level
    return factors


def named_ratio(slope: float, correlation: float) -> tuple[float, ...]:
    """Take the neighbouring factors of units or the sign that a slope stands for; empty if none is clear."""
    if correlation**2 < SCALED or SLOPES[0] < slope < SLOPES[1]:
        return ()
    near = [(abs(slope / value - 1.0), own) for own in RATIOS for value in own]
    distance, ratio = min(near)
    return ratio if distance < RATIO_NEAR else ()


def _sums(rows: Rows) -> _Sums:
    moments = np.zeros((rows.n, len(rows.scale)))
    squares = np.zeros(rows.n)
    for k, forces in enumerate(rows.forces):
        if forces is not None:
            moments[k] = rows.force_design[k].T @ forces
            squares[k] = forces @ forces
    folds = np.zeros(rows.n, dtype=np.intp)
    for group in range(len(rows.names)):
        members = np.flatnonzero(rows.groups == group)
        folds[members] = (np.arange(len(members)) + group) % FOLDS
    return _Sums(moments, squares, squares > 0.0, folds, 3.0 * rows.n_atoms)


def _fit(rows: Rows, sums: _Sums, mask: Mask, factors: Array) -> ForceFit:
    """Ridge fit to the structures of the mask; predictions of all others and, by folds, of those within."""
    n_features = len(rows.scale)
    moments, squares = sums.moments / factors[:, None], sums.squares / factors**2
    inside = np.flatnonzero(mask)
    grams = np.array([rows.force_grams[inside[sums.folds[inside] == q]].sum(axis=0) for q in range(FOLDS)])
    targets = np.array([moments[inside[sums.folds[inside] == q]].sum(axis=0) for q in range(FOLDS)])
    gram, target = grams.sum(axis=0), targets.sum(axis=0)
    count = float(sums.counts[inside].sum())
    level = float(np.trace(gram)) / n_features
    best: tuple[float, float, Array] | None = None
    for prior in PRIORS:
        ridge = prior * level * np.eye(n_features)
        means = np.array(
            [np.linalg.solve(gram - grams[q] + ridge, target - targets[q]) for q in range(FOLDS)]
        )
        own = means[sums.folds]
        pp = np.einsum("nf,nfg,ng->n", own, rows.force_grams, own, optimize=True)
        pf = np.einsum("nf,nf->n", own, moments)
        error = float((squares - 2 * pf + pp)[inside].sum())
        if best is None or error < best[0]:
            best = error, prior, means
    error, prior, means = best if best is not None else (np.inf, 1.0, np.zeros((FOLDS, n_features)))
    own = means[sums.folds]
    pp = np.maximum(np.einsum("nf,nfg,ng->n", own, rows.force_grams, own, optimize=True), 1e-30)
    pf = np.einsum("nf,nf->n", own, moments)
    wrong = np.maximum(squares - 2 * pf + pp, 0.0)
    sigma = float(np.sqrt(np.median((wrong / sums.counts)[inside])))
    variance = max(error / count, 1e-30)
    gradient = moments - np.einsum("nfg,ng->nf", rows.force_grams, own, optimize=True)
    ridge = min(prior, 1e-6) * level * np.eye(n_features)
    flat = np.linalg.inv((gram + ridge) / variance)
    spread = np.einsum("nf,fg,ng->", gradient[inside], flat, gradient[inside], optimize=True) / variance**2
    inflation = 3.0 * max(1.0, float(spread) / n_features)
    coefficients = posterior((gram + ridge) / variance, target / variance, inflation)
    doubt = np.einsum("nfg,fg->n", rows.force_grams, coefficients.covariance, optimize=True) / sums.counts
    clear = sums.present & (pp / sums.counts > (CLEAR * sigma) ** 2 + 2.0 * doubt)
    square = np.where(sums.present, squares, 1.0)
    return ForceFit(
        factors,
        mask,
        clear,
        pf / np.sqrt(pp * square) * np.sign(factors),
        pf / pp * factors,
        sigma,
        1.0 - error / max(float(squares[inside].sum()), 1e-300),
        coefficients,
        sums.folds,
        means,
    )
