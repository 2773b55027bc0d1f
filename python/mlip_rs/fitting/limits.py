"""What choices among the points of a run look at: predicted cost and errors, to so many digits, and limits of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlip_rs.errors import ConfigError
from mlip_rs.evaluate.errors import ENERGY_KEY, FORCE_KEY
from mlip_rs.text import rounded_up

DIGITS: int = 6
"""Significant digits of costs and scores that choices look at: rounding of another machine is no difference."""


def rounded(value: float) -> float:
    """Round to `DIGITS` significant digits.

    >>> rounded(0.123456712), rounded(1234567.0)
    (0.123457, 1234570.0)
    """
    return float(f"{value:.{DIGITS}g}")


def cost_of(point: Mapping[str, Any]) -> float:
    """Time (µs/atom) that choices from the record of a point go by, as `Point.cost`."""
    predicted = point.get("predicted_us_per_atom")
    return rounded(float(point["us_per_atom"] if predicted is None else predicted))


LIMITS: dict[str, Callable[[Mapping[str, Any]], float]] = {
    "max-cost": cost_of,
    "max-nonzero": lambda point: float(point["n_nonzero"]),
    "max-energy": lambda point: _rmse(point, ENERGY_KEY),
    "max-force": lambda point: _rmse(point, FORCE_KEY),
}
"""Quantities with limits: predicted µs/atom, coefficients, RMSE of the validation in meV/atom and eV/Å."""


def _rmse(point: Mapping[str, Any], key: str) -> float:
    errors = point["validation"][key]
    return float("inf") if errors is None else float(errors["rmse"])


def within_limits(points: Sequence[Mapping[str, Any]], limits: Mapping[str, float]) -> int:
    """Position of the point that keeps the limits: the cheapest if an error is limited, else that of the lowest score.

    Raises
    ------
    ConfigError
        None does; the message names the lowest values.
    """
    allowed = [
        k
        for k, point in enumerate(points)
        if all(LIMITS[name](point) <= limit for name, limit in limits.items())
    ]
    if allowed:
        by_error = any(name in limits for name in ("max-energy", "max-force"))
        key = (lambda k: LIMITS["max-cost"](points[k])) if by_error else (lambda k: float(points[k]["score"]))
        return min(allowed, key=key)
    asked = ", ".join(f"{name}={limit:g}" for name, limit in limits.items())
    least = {name: min(LIMITS[name](point) for point in points) for name in limits}
    nearest = ", ".join(f"{name}={rounded_up(value)}" for name, value in least.items())
    together = "" if len(limits) == 1 else ", but not together"
    raise ConfigError(f"{asked}: no potential on the front keeps that; the lowest are {nearest}{together}")
