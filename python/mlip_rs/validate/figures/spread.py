"""± σ in figures: shaded bands around lines, and error bars."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from mlip_rs.plot.series import Series
from mlip_rs.uncertainty import derived_property

SHADE: float = 0.22
"""Opacity of a band; those of two potentials can overlap."""

ERROR_BARS: Mapping[str, Any] = MappingProxyType({"elinewidth": 0.9, "capsize": 1.8})
"""Arguments of `Axes.errorbar`."""


def spread(
    own: ArrayLike, members: Sequence[Any], curve: Callable[[Any], ArrayLike]
) -> NDArray[np.float64] | None:
    """σ at each point of a curve, from the curves of the members; None if they do not determine it anywhere.

    Parameters
    ----------
    own
        Values of the potential, of any shape.
    members
        Results of the members.
    curve
        Values of one of them; those of another shape are left out.

    Examples
    --------
    >>> spread([1.0, 2.0], [0.0, 0.1, -0.1], lambda shift: [1.0, 2.0 + shift]).round(2).tolist()
    [0.0, 0.14]
    """
    values = np.asarray(own, dtype=np.float64)
    rows = []
    for member in members:
        row = np.asarray(curve(member), dtype=np.float64)
        rows.append(row if row.shape == values.shape else np.full(values.shape, np.nan))
    if not rows:
        return None
    sigma = np.asarray(derived_property(values, rows).sigma)
    return sigma if np.isfinite(sigma).any() else None


def shade(axes: Axes, x: ArrayLike, y: ArrayLike, sigma: NDArray[np.float64] | None, color: str) -> None:
    """Fill between y − σ and y + σ; nothing without σ."""
    if sigma is not None:
        middle = np.asarray(y, dtype=np.float64)
        axes.fill_between(x, middle - sigma, middle + sigma, color=color, alpha=SHADE, linewidth=0)


def curve_with_band(
    axes: Axes, entry: Series[Any], x: Callable[[Any], ArrayLike], y: Callable[[Any], ArrayLike]
) -> None:
    """Draw the curve of a result with symbols at its points, and the band of its members, which have the same points.

    Parameters
    ----------
    axes, entry
        Where, and what.
    x, y
        Coordinates of a result.
    """
    result = entry.result
    shade(axes, x(result), y(result), spread(y(result), entry.members, y), entry.color)
    axes.plot(x(result), y(result), label=entry.label, **(entry.line_style | entry.symbol_style))
