"""The factor between labels and what other labels say about them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.label_check.posterior import INFLATION, Comparison, Posterior, compare, posterior
from mlip_rs.label_check.rows import Rows
from mlip_rs.text import with_error

STARTS: tuple[float, ...] = (1.0, 0.04, 0.001, 25.0, 1000.0)
"""Factors tried first, near those of units: the uncertainty of the expectation scales with them."""

TURNS: int = 6

ALONE: tuple[float, float] = (3.0, 1.5)
"""Standard deviations, and ratio to the next, at which a single frame is left out."""

MAX_LEFT_OUT: float = 0.1
"""Share of frames that may be left out altogether."""

CONSISTENT: tuple[float, float] = (0.7, 1.4)
"""A slope found over the factor tried."""

RIGHT: tuple[float, float] = (0.65, 1.5)
"""Slopes that the errors of a small basis explain: 0.82 to 1.2 in sets that are right."""

APART: float = 1.7
"""Ratio of two factors up to which they are not told apart by likelihood alone."""

CONFIRMED: float = 15.0
"""Logarithm of the ratio of likelihoods of labels as they are and under any factor of a unit."""

ALLOWED: float = 4.0
"""Standard errors between a slope of one sign that is not sure and the factor of the other that likelihoods confirm."""

SURE: float = 8.0
"""Slope over its standard error that decides."""

OUTLYING: float = 7.0
"""Standard deviations beyond which a frame is left out of the regression of the others."""

MAX_OUTLYING: float = 0.05
"""Share of frames that may be left out at a time."""


@dataclass(frozen=True)
class Slope:
    """Labels over expectation.

    Parameters
    ----------
    value, error
        The regressed factor and its standard error.
    comparison
        All of the regression.
    used
        (n,) rows of the regression.
    confirmed
        1 or −1 if the labels, as they are or with the other sign, are far likelier than under any factor of a unit,
        though the regression is not sure; else None.
    """

    value: float
    error: float
    comparison: Comparison
    used: Mask
    confirmed: float | None = None

    @property
    def factor(self) -> float:
        """The factor that was confirmed, or else the regressed one."""
        return self.value if self.confirmed is None else self.confirmed

    @property
    def significance(self) -> float:
        """Slope over its error."""
        return abs(self.value) / max(self.error, 1e-300)

    @property
    def sure(self) -> bool:
        """Whether there is enough to tell."""
        return self.confirmed is not None or self.significance > SURE

    @property
    def right(self) -> bool:
        """Whether the labels agree in sign and unit."""
        return RIGHT[0] < self.factor < RIGHT[1]

    def __str__(self) -> str:
        return with_error(self.value, self.error)


def regress(
    labels: Array,
    mean: Array,
    columns: Array,
    doubt: Array,
    used: Mask,
    starts: Sequence[float] = STARTS,
) -> Slope:
    """Regress labels (n,) on their expectation and further columns (n, B); single outliers are left out.

    The doubt about the expectation scales with the factor; of the solutions from several starts the likeliest is taken,
    and none of them is sure if it does not confirm its own factor.
    """
    found: list[Slope] = []
    decompositions: dict[bytes, tuple[Array, Array]] = {}
    for start in starts:
        slope = _regress(labels, mean, columns, doubt, used, start, decompositions)
        found.append(slope)
        if start == 1.0 and slope.sure and slope.right:
            return slope
    return max(found, key=lambda slope: slope.comparison.evidence)


def confirm(
    slope: Slope, labels: Array, mean: Array, columns: Array, doubt: Array, factors: Sequence[float]
) -> Slope:
    """Mark a slope that is not sure as 1 or −1 if the labels are far likelier so than under factors of units.

    Likelihoods tell the sign by the misfit of the other one, which a small basis may have, too: a regressed slope of
    the other sign must allow the factor by its error.
    """
    used = slope.used
    vectors, values, _ = np.linalg.svd(doubt[used], full_matrices=False)

    def evidence(factor: float) -> float:
        rest = labels[used] - factor * mean[used]
        return compare(rest, columns[used], doubt, (vectors, abs(factor) * values)).evidence

    plus, minus = evidence(1.0), evidence(-1.0)
    units = max(evidence(factor) for factor in factors if not 1.0 / APART < abs(factor) < APART)
    if max(plus, minus) - max(units, min(plus, minus)) < CONFIRMED:
        return slope
    sign = 1.0 if plus > minus else -1.0
    refuted = sign * slope.value < 0.0 and abs(slope.value - sign) > ALLOWED * slope.error
    return slope if refuted else replace(slope, confirmed=sign)


def _regress(
    labels: Array,
    mean: Array,
    columns: Array,
    doubt: Array,
    used: Mask,
    start: float,
    decompositions: dict[bytes, tuple[Array, Array]],
) -> Slope:
    """One start; the singular vectors of the doubt are kept for the others."""
    chosen = used.copy()
    factor = start
    table = np.column_stack([mean, columns])
    for turn in range(TURNS):
        key = chosen.tobytes()
        if key not in decompositions:
            decompositions[key] = np.linalg.svd(doubt[chosen], full_matrices=False)[:2]
        vectors, values = decompositions[key]
        result = compare(labels[chosen], table[chosen], doubt, (vectors, values * factor))
        value, error = float(result.coefficients[0]), float(result.errors[0])
        settled = CONSISTENT[0] < abs(value) / factor < CONSISTENT[1]
        slope = Slope(value, error if settled else np.inf, result, chosen.copy())
        z = abs(result.z)
        wild = np.flatnonzero(chosen)[z > max(OUTLYING, float(np.quantile(z, 1.0 - MAX_OUTLYING)))]
        highest = np.sort(z)[::-1][:2]
        if not len(wild) and highest[0] > ALONE[0] and highest[0] > ALONE[1] * highest[1]:
            wild = np.flatnonzero(chosen)[
                z == highest[0]
            ]  # one wrong label spoils the scatter it is judged by
        few = (used & ~chosen).sum() + len(wild) <= MAX_LEFT_OUT * used.sum()
        if turn == TURNS - 1 or (settled and not (len(wild) and few)):
            break
        if settled and few:
            chosen[wild] = False
        elif not settled and abs(value) > 0.0:
            factor *= float(np.clip(abs(value) / factor, 0.02, 50.0))
    return slope


def energy_expectation(rows: Rows, fit: Posterior) -> tuple[Array, Array]:
    """(n,) energies per atom and the doubt about them (n, F), up to constants per element."""
    x = rows.energy_design
    return x @ fit.mean, x @ fit.root


def virial_expectation(rows: Rows, fit: Posterior, components: Sequence[int]) -> tuple[Array, Array]:
    """(n · c,) components of stress · V/N and the doubt about them (n · c, F)."""
    x = rows.virial_design[:, list(components), :].reshape(-1, len(rows.scale))
    return x @ fit.mean, x @ fit.root


def with_energies(rows: Rows, fit: Posterior, slope: Slope, labels: Array, columns: Array) -> Posterior:
    """Add energies per atom (n,) that agree with the forces, constants (n, B) left open, to a posterior."""
    used = slope.used
    sigma = max(slope.comparison.sigma, 1e-4)
    basis = np.linalg.svd(columns[used], full_matrices=False)
    span = basis[0][:, basis[1] > 1e-8 * basis[1][0]]
    x, y = rows.energy_design[used], labels[used]
    x, y = (x - span @ (span.T @ x)) / sigma, (y - span @ (span.T @ y)) / sigma
    precision = np.linalg.inv(fit.covariance)
    covariance: Array = np.asarray(np.linalg.inv(precision + x.T @ x), dtype=np.float64)
    return Posterior(covariance @ (precision @ fit.mean + x.T @ y), covariance)


def with_virials(rows: Rows, fit: Posterior, used: Mask, factor: float, sigma: float) -> Posterior:
    """Add the virials of some structures (n,), over a factor that makes them agree with the forces, to a posterior.

    A constant on the pressure is left open: the plane-wave cutoff may make one.
    """
    chosen = np.flatnonzero(used & np.isfinite(rows.virials).all(axis=1))
    x = rows.virial_design[chosen].reshape(-1, len(rows.scale))
    y = (rows.virials[chosen] / factor).ravel()
    pressure = np.tile([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], len(chosen)) / np.sqrt(3.0 * len(chosen))
    scale = np.sqrt(INFLATION) * max(sigma / abs(factor), 1e-4)
    x, y = (x - np.outer(pressure, pressure @ x)) / scale, (y - pressure * (pressure @ y)) / scale
    precision = np.linalg.inv(fit.covariance)
    covariance: Array = np.asarray(np.linalg.inv(precision + x.T @ x), dtype=np.float64)
    return Posterior(covariance @ (precision @ fit.mean + x.T @ y), covariance)


def virial_posterior(rows: Rows, folds: int = 5) -> Posterior | None:
    """Fit the stresses alone, for sets without forces; None if there are too few."""
    used = np.flatnonzero(np.isfinite(rows.virials).all(axis=1))
    if len(used) < 4 * folds:
        return None
    fold = np.repeat(np.arange(len(used)) % folds, 6)
    x, y = rows.virial_design[used].reshape(-1, len(rows.scale)), rows.virials[used].ravel()
    level = float((x**2).sum()) / len(rows.scale)
    best: tuple[float, float] | None = None
    for prior in (1e-9, 1e-7, 1e-5, 1e-3, 1e-1):
        ridge = prior * level * np.eye(len(rows.scale))
        error = 0.0
        for q in range(folds):
            a, b = x[fold != q], y[fold != q]
            w = np.linalg.solve(a.T @ a + ridge, a.T @ b)
            error += float(((y - x @ w)[fold == q] ** 2).sum())
        if best is None or error < best[0]:
            best = error, prior
    assert best is not None
    variance = max(best[0] / len(y), 1e-12)
    gram = (x.T @ x + best[1] * level * np.eye(len(rows.scale))) / variance
    return posterior(gram, x.T @ y / variance, 10.0)


def prior_alone(rows: Rows) -> Posterior:
    """No fit at all: coefficients around zero, as wide as the energies make likely."""
    labels = rows.energies
    used = np.isfinite(labels)
    n_features = len(rows.scale)
    mean = np.zeros(n_features)
    if not used.any():
        return Posterior(mean, np.eye(n_features))
    widths = (0.01, 0.1, 1.0, 10.0, 100.0)
    evidences = [
        compare(labels[used], rows.compositions[used], rows.energy_design[used] * width).evidence
        for width in widths
    ]
    return Posterior(mean, np.eye(n_features) * widths[int(np.argmax(evidences))] ** 2)
