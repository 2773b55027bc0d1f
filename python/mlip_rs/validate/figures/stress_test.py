"""Figure of the stress test."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from mlip_rs.plot.series import Results, series
from mlip_rs.plot.style import COLUMN_WIDTH, MARKER_SIZE, color, dress, legend, new_figure
from mlip_rs.potential.stress_test import StressTest

TICKS: tuple[float, ...] = (-1000.0, -100.0, -10.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 100.0, 1000.0)
"""eV per atom; the scale is linear below 1, logarithmic beyond."""

WIDTH: float = 0.6
"""Of the points of one kind of structure, in the distance of the kinds."""


def stress_test_margins(potentials: Results[StressTest]) -> Figure:
    """How far the energy of each structure stayed above the limit, by kind; crosses are structures that failed."""
    figure = new_figure(1.5 * COLUMN_WIDTH, 2.7)
    axes = figure.subplots()
    drawn = series(potentials)
    kinds = list(dict.fromkeys(own.kind for entry in drawn for own in entry.result.outcomes))
    for number, entry in enumerate(drawn):
        for place, kind in enumerate(kinds):
            outcomes = [own for own in entry.result.outcomes if own.kind == kind]
            shift = WIDTH / len(drawn)
            left = place - WIDTH / 2 + number * shift
            x = left + shift * (np.arange(len(outcomes)) + 0.5) / max(len(outcomes), 1)
            held = np.array([own.failure is None for own in outcomes], dtype=bool)
            margins = np.array([own.margin for own in outcomes])
            own_color = color(0) if len(drawn) == 1 else entry.color
            label = entry.label if len(drawn) > 1 and place == 0 else None
            axes.plot(x[held], margins[held], "o", color=own_color, ms=MARKER_SIZE - 1, label=label)
            axes.plot(x[~held], margins[~held], "x", color=color(1), ms=MARKER_SIZE + 1)
    axes.axhline(0.0, color="0.6", lw=0.8)
    axes.set_yscale("symlog", linthresh=1.0)
    axes.margins(y=0.1)
    axes.yaxis.set_major_locator(FixedLocator(TICKS))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    axes.set_xticks(range(len(kinds)), kinds)
    dress(axes, x="", y="energy above the limit (eV/atom)")
    if len(drawn) > 1:
        legend(axes)
    return figure
