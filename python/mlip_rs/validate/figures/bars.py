"""Horizontal bars of named energies, one group for each name."""

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

Bars = list[tuple[Series[object], dict[str, float]]]
"""Values by name of each series."""


def grouped_bars(bars: Bars, label: str) -> Figure:
    """Draw the values of each series beside each other, with `label` on the value axis."""
    names = list(dict.fromkeys(name for _, energies in bars for name in energies))
    height = 0.8 / len(bars)
    figure = new_figure(1.5 * COLUMN_WIDTH, 0.9 + (0.18 + 0.14 * len(bars)) * len(names))
    axes = figure.subplots()
    rows = np.arange(len(names))
    for k, (entry, energies) in enumerate(bars):
        values = [energies.get(name, np.nan) for name in names]
        axes.barh(
            rows + k * height,
            values,
            height=height,
            align="edge",
            color="white" if entry.is_reference else entry.color,
            edgecolor=entry.color,
            linewidth=0.8,
            label=entry.label,
        )
    axes.axvline(0.0, color=GUIDE, linewidth=0.8)
    axes.set_yticks(rows + 0.4, names)
    axes.invert_yaxis()
    dress(axes, x=label, y="")
    axes.tick_params(axis="y", length=0)
    if len(bars) > 1:
        legend_beside(axes)
    return figure
