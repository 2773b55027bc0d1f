"""Newton's method in a trust region and a box, for a few unknowns whose function is expensive.

A step minimises the quadratic model `gᵀp + ½ pᵀHp` within a radius, whether H is positive definite or not (J. J. Moré
and D. C. Sorensen, SIAM J. Sci. Stat. Comput. 4, 553 (1983)); unknowns that it would take out of the box stay at the
bound while the others are minimised again. The radius follows how well the model predicted.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mlip_rs.arrays import Array

BISECTIONS: int = 60
"""Of the multiplier with which a step has the length of the radius."""


@dataclass(frozen=True)
class Expansion:
    """A function at a point.

    Parameters
    ----------
    value
        Of the function.
    gradient
        (H,).
    hessian
        (H, H), symmetric.
    """

    value: float
    gradient: Array
    hessian: Array

    def change(self, step: Array) -> float:
        """What the quadratic model expects of a step (H,)."""
        return float(self.gradient @ step + 0.5 * step @ self.hessian @ step)


@dataclass(frozen=True)
class TrustRegion:
    """Limits of a search.

    Parameters
    ----------
    lower, upper
        (H,) bounds.
    radius
        Length of the first step, at most.
    largest
        Length of any step, at most.
    enough
        The search ends where a step is expected to gain less.
    """

    lower: Array
    upper: Array
    radius: float
    largest: float
    enough: float

    def minimise(
        self, function: Callable[[Array], Expansion | None], start: Array, n_evaluations: int
    ) -> tuple[Array, float]:
        """The best point (H,) and its value; the start and ∞ if nothing is known there.

        Parameters
        ----------
        function
            None where there is no value: the radius shrinks.
        start
            (H,), moved into the box.
        n_evaluations
            Of the function, at most.

        Examples
        --------
        >>> def parabola(x):
        ...     return Expansion(float(x @ x), 2.0 * x, 2.0 * np.eye(len(x)))
        >>> region = TrustRegion(np.array([-9.0, 1.0]), np.array([9.0, 9.0]), 5.0, 5.0, 1e-9)
        >>> point, value = region.minimise(parabola, np.array([2.0, 3.0]), 5)
        >>> point.round(6).tolist(), round(value, 6)
        ([0.0, 1.0], 1.0)
        """
        point, radius = np.clip(start, self.lower, self.upper), self.radius
        here = function(point)
        if here is None:
            return point, np.inf
        for _ in range(n_evaluations - 1):
            step = self.step(here, point, radius)
            expected, length = here.change(step), float(np.linalg.norm(step))
            if -expected < self.enough:
                break
            there = function(point + step)
            share = -np.inf if there is None else (there.value - here.value) / expected
            if share < 0.25:
                radius = length / 3.0
            elif share > 0.75 and length > 0.9 * radius:
                radius = min(2.0 * radius, self.largest)
            if there is not None and there.value < here.value:
                point, here = point + step, there
        return point, here.value

    def step(self, here: Expansion, point: Array, radius: float) -> Array:
        """(H,) step from a point in the box that lowers the quadratic model."""
        room = self.lower - point, self.upper - point
        free = ~(((room[0] >= 0.0) & (here.gradient > 0.0)) | ((room[1] <= 0.0) & (here.gradient < 0.0)))
        step = np.zeros(len(point))
        while free.any():
            own, fixed = np.flatnonzero(free), np.flatnonzero(~free)
            gradient = here.gradient[own] + here.hessian[np.ix_(own, fixed)] @ step[fixed]
            left = max(radius**2 - float(step[fixed] @ step[fixed]), 0.0) ** 0.5
            part = _step(gradient, here.hessian[np.ix_(own, own)], left)
            inside = np.clip(part, room[0][own], room[1][own])
            outside = inside != part
            step[own] = inside
            if not outside.any():
                break
            free[own[outside]] = False
        return step


def _step(gradient: Array, hessian: Array, radius: float) -> Array:
    """The step of a length up to the radius that minimises the model: `−(H + μ)⁻¹ g` with the least μ that serves."""
    curvatures, axes = np.linalg.eigh(hessian)
    along = axes.T @ gradient

    def step(shift: float) -> Array:
        return np.asarray(-axes @ (along / (curvatures + shift)))

    scale = float(np.abs(curvatures).max()) + float(np.linalg.norm(gradient))
    if radius <= 0.0 or scale == 0.0:
        return np.zeros(len(gradient))
    least = 1e-12 * scale
    if curvatures[0] > least and np.linalg.norm(step(0.0)) <= radius:
        return step(0.0)
    low = max(0.0, -float(curvatures[0])) + least
    high = low + float(np.linalg.norm(gradient)) / radius
    for _ in range(BISECTIONS):
        middle = (low * high) ** 0.5
        if np.linalg.norm(step(middle)) > radius:
            low = middle
        else:
            high = middle
    return step(high)
