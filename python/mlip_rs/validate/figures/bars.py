"""Horizontal bars of named energies, one group for each name."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.series import Series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    GUIDE,
    dress,
    legend_beside,
    new_figure,
)
from mlip_rs.validate.figures.spread import ERROR_BARS, spread

T = TypeVar("T")


def grouped_bars(
    drawn: Sequence[Series[T]], energies: Callable[[T], Mapping[str, float]], label: str
) -> Figure:
    """Draw the values of each series beside each other, with ± σ where it has members.

    Parameters
    ----------
    drawn, energies
        Series, and the values of a result by name.
    label
        Of the axis of the values.
    """
    names = list(dict.fromkeys(name for entry in drawn for name in energies(entry.result)))

    def listed(result: T) -> list[float]:
        known = energies(result)
        return [known.get(name, np.nan) for name in names]

    height = 0.8 / len(drawn)
    figure = new_figure(1.5 * COLUMN_WIDTH, 0.9 + (0.18 + 0.14 * len(drawn)) * len(names))
    axes = figure.subplots()
    rows = np.arange(len(names))
    for k, entry in enumerate(drawn):
        values = listed(entry.result)
        axes.barh(
            rows + k * height,
            values,
            height=height,
            align="edge",
            color="white" if entry.is_reference else entry.color,
            edgecolor=entry.color,
            linewidth=0.8,
            label=entry.label,
            xerr=spread(values, entry.members, listed),
            error_kw={**ERROR_BARS, "ecolor": GUIDE},
        )
    axes.axvline(0.0, color=GUIDE, linewidth=0.8)
    axes.set_yticks(rows + 0.4, names)
    axes.invert_yaxis()
    dress(axes, x=label, y="")
    axes.tick_params(axis="y", length=0)
    if len(drawn) > 1:
        legend_beside(axes)
    return figure
