"""Smoothness priors: ridge penalties that grow with order, degree and roughness, their strengths by cross-validation.

The penalty of feature k (of unit norm) is `d_k = exp(Σ_h Z_kh θ_h)`. The columns of Z tell the group of the feature
(its order Σν and its degree as a polynomial) and its roughness, log(1 + Σl / 4) and log(1 + Σn / 4), whose θ are
exponents. A group that does not help the prediction of structures left out is switched off by its own large penalty, so
that more candidates do not hurt. θ minimises the cross-validated sum of squares S(θ) = Σ_folds ‖y − X w(θ)‖²; with
A w = b, A = G + diag(d), of the other folds

    ∂S/∂θ_h = −Σ_k z_k d_k w_k Z_kh,    A z = ∂S/∂w = 2 (G_fold w − b_fold),

so that one factorisation gives the score and its gradient, whatever the number of strengths.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from mlip_rs.arrays import Array
from mlip_rs.basis import Basis
from mlip_rs.errors import FitError

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
"""Length of the first step of the search."""

ENOUGH: float = 1e-3
"""The search ends where a step gains less, in units in which the first step gains about `FIRST_STEP`²."""

_START: dict[int, float] = {1: 1e-8, 2: 1e-8, 3: 1e-6}
"""Penalty that the search starts from, by order; `_START_BEYOND` for higher ones."""

_START_BEYOND: float = 3e-5

Gradient = Callable[[Array], tuple[float, Array] | None]
"""Cross-validated score of penalties (F,) and its derivative by each; none if a matrix is singular."""


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

    def tune(self, gradient: Gradient, n_evaluations: int, advance: Callable[[], None]) -> Array:
        """(H,) strengths that minimise the cross-validated score, found by L-BFGS-B from `start`.

        Parameters
        ----------
        gradient
            Score and derivative of given penalties.
        n_evaluations
            Evaluations of it after which the search ends, as soon as its step is complete.
        advance
            Called after each, `n_evaluations` times at most.

        Raises
        ------
        FitError
            Not even strong penalties give a solvable system.
        """
        search = _Search(self, gradient, n_evaluations, advance)
        weakest = WEAKEST
        while search.left > 0:
            try:
                search.run(weakest)
                break
            except _ExactError:
                break
            except _SingularError:
                weakest *= SINGULAR
        if not np.isfinite(search.lowest):
            raise FitError("no penalty gives a solvable system; use a smaller basis")
        return search.best


class _Search:
    """One search for the strengths of a prior."""

    def __init__(self, prior: Prior, gradient: Gradient, left: int, advance: Callable[[], None]) -> None:
        self.prior = prior
        self.gradient = gradient
        self.left = left
        self.advance = advance
        self.lowest = np.inf
        self.best = prior.start()
        self._reference: tuple[float, float] | None = None

    def run(self, weakest: float) -> None:
        """Go on from the best strengths, with no penalty below `weakest`, until nothing is gained or left.

        Raises
        ------
        _SingularError
            A matrix could not be factorised.
        """
        exponents = self.prior.is_exponent
        lower = np.where(exponents, 0.0, np.log(weakest))
        upper = np.where(exponents, STEEPEST, np.log(STRONGEST))
        self._reference = None
        minimize(
            self._score,
            np.clip(self.best, lower, upper),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(lower, upper, strict=True)),
            options={"maxfun": self.left, "ftol": ENOUGH},
        )

    def _score(self, strengths: Array) -> tuple[float, Array]:
        """Log S, shifted and scaled so that the first step of the search is a sensible one."""
        penalties = self.prior.penalties(strengths)
        found = self.gradient(penalties)
        self.left -= 1
        if self.left >= 0:  # the last step of the search may take more evaluations than were left
            self.advance()
        if found is None:
            raise _SingularError
        value, slope = found
        if value < self.lowest:
            self.lowest, self.best = value, strengths.copy()
        if value <= 0.0:
            raise _ExactError
        log, gradient = np.log(value), self.prior.design.T @ (slope * penalties) / value
        if self._reference is None:
            self._reference = log, FIRST_STEP / max(float(np.linalg.norm(gradient)), 1e-300)
        start, scale = self._reference
        return float(scale * (log - start)), scale * gradient


class _ExactError(Exception):
    """Labels are met to rounding, as those made by such a potential are: there is nothing to gain."""


class _SingularError(Exception):
    """A matrix could not be factorised."""
