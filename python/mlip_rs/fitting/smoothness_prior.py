"""Smoothness priors: ridge penalties that grow with order, degree and roughness, their strengths by cross-validation.

The penalty of feature k (of unit norm) is `d_k = exp(Σ_h Z_kh θ_h)`. The columns of Z tell the group of the feature
(its order Σν and its degree as a polynomial) and its roughness, log(1 + Σl / 4) and log(1 + Σn / 4), whose θ are
exponents. A group that does not help the prediction of structures left out is switched off by its own large penalty, so
that more candidates do not hurt. θ minimises the cross-validated sum of squares S(θ) = Σ_folds ‖y − X w(θ)‖²; with
A w = b, A = G + diag(d), of the other folds and D_h = diag(Z_kh d_k)

    ∂S/∂θ_h = −zᵀ D_h w,    A z = ∂S/∂w = 2 (G_fold w − b_fold),
    ∂²S/∂θ_h∂θ_i = 2 w_hᵀ G_fold w_i − zᵀ (D_h w_i + D_i w_h + ∂D_h/∂θ_i w),    A w_h = −D_h w,

so that one factorisation gives the score with its first and second derivatives, whatever the number of strengths. A
few steps of Newton's method on log S in a trust region (`trust_region.py`) do what takes a search by gradients twice as
many factorisations.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.basis import Basis
from mlip_rs.errors import FitError
from mlip_rs.fitting.trust_region import Expansion, TrustRegion

WEAKEST: float = 1e-11
"""Smallest penalty of a group, for features of unit norm."""

STRONGEST: float = 1e3
"""Largest penalty of a group: it is switched off."""

STEEPEST: float = 12.0
"""Largest exponent of a roughness."""

SINGULAR: float = 10.0
"""Penalties are raised by this factor when a matrix cannot be factorised."""

CONSTANT: float = 1e-9
"""Penalty of a constant."""

FIRST_STEP: float = 3.0
"""Length of the first step of the search, at most."""

LARGEST_STEP: float = 6.0
"""Length of any step, at most."""

ENOUGH: float = 5e-4
"""The search ends where a step is expected to lower log S by less."""

_START: dict[int, float] = {1: 1e-8, 2: 1e-8, 3: 1e-6}
"""Penalty that the search starts from, by order; `_START_BEYOND` for higher ones."""

_START_BEYOND: float = 3e-5

Score = Callable[[Array], Expansion | None]
"""S of strengths (H,) with its derivatives; none if a matrix is singular."""


@dataclass(frozen=True)
class Prior:
    """The form of the penalties of a basis.

    Parameters
    ----------
    design
        Z, (F, H).
    names
        (H,) names of the columns.
    """

    design: Array
    names: tuple[str, ...]

    @classmethod
    def of(cls, basis: Basis) -> "Prior":
        """Groups and roughness of the features of a basis."""
        degree, order, sum_l, _, sum_n = np.tile(basis.core.feature_degrees().T, len(basis.elements))
        kinds = sorted({(int(o), int(d)) for o, d in zip(order, degree, strict=True) if d > 0})
        columns = [((order == o) & (degree == d)).astype(float) for o, d in kinds]
        names = [f"order {o}" + (f", degree {d}" if d > 1 else "") for o, d in kinds]
        for name, total in (("l", sum_l), ("n", sum_n)):
            if total.any():
                columns.append(np.log1p(total / 4.0))
                names.append(f"exponent of {name}")
        return cls(np.stack(columns, axis=1), tuple(names))

    @property
    def is_exponent(self) -> Array:
        """(H,) whether a strength is an exponent; else it is the logarithm of a penalty."""
        return np.array([name.startswith("exponent") for name in self.names])

    def penalties(self, strengths: Array) -> Array:
        """(F,) penalties of features of unit norm; constants have next to none."""
        penalties = np.exp(self.design @ strengths)
        return np.where(self.design.any(axis=1), penalties, CONSTANT)

    def start(self) -> Array:
        """(H,) strengths to start from."""
        exponents = self.is_exponent
        orders = [
            1 if exponent else int(name.split()[1].rstrip(","))
            for name, exponent in zip(self.names, exponents, strict=True)
        ]
        logs = np.log([_START.get(order, _START_BEYOND) for order in orders])
        return np.where(exponents, [2.0 if name.endswith("l") else 0.5 for name in self.names], logs)

    def describe(self, strengths: Array) -> dict[str, float]:
        """Penalty of each group at Σl = Σn = 0, and the exponents."""
        values = np.where(self.is_exponent, strengths, np.exp(strengths))
        return {name: float(value) for name, value in zip(self.names, values, strict=True)}

    def tune(self, score: Score, n_evaluations: int, advance: Callable[[], None]) -> Array:
        """(H,) strengths that minimise the cross-validated score, from `start`.

        Parameters
        ----------
        score
            S of given strengths.
        n_evaluations
            Evaluations of it, at most.
        advance
            Called after each.

        Raises
        ------
        FitError
            Not even strong penalties give a solvable system.
        """
        search = _Search(score, n_evaluations, advance)
        weakest, exponents, start = WEAKEST, self.is_exponent, self.start()
        upper = np.where(exponents, STEEPEST, np.log(STRONGEST))
        try:
            while search.left > 0 and not np.isfinite(search.lowest):
                lower = np.where(exponents, 0.0, np.log(weakest))
                region = TrustRegion(lower, upper, FIRST_STEP, LARGEST_STEP, ENOUGH)
                region.minimise(search.log, start, search.left)
                weakest = SINGULAR * max(weakest, float(np.exp(np.where(exponents, 0.0, start).min())))
        except _ExactError:
            pass
        if search.best is None:
            raise FitError("no penalty gives a solvable system; use a smaller basis")
        return search.best


class _Search:
    """What a search for the strengths of a prior has found."""

    def __init__(self, score: Score, left: int, advance: Callable[[], None]) -> None:
        self.score = score
        self.left = left
        self.advance = advance
        self.lowest = np.inf
        self.best: Array | None = None

    def log(self, strengths: Array) -> Expansion | None:
        """Log S; none if a matrix is singular.

        Raises
        ------
        _ExactError
            S is zero.
        """
        found = self.score(strengths)
        self.left -= 1
        self.advance()
        if found is None:
            return None
        if found.value < self.lowest:
            self.lowest, self.best = found.value, strengths.copy()
        if found.value <= 0.0:
            raise _ExactError
        gradient = found.gradient / found.value
        return Expansion(
            float(np.log(found.value)),
            gradient,
            found.hessian / found.value - np.multiply.outer(gradient, gradient),
        )


class _ExactError(Exception):
    """Labels are met to rounding, as those made by such a potential are: there is nothing to gain."""
