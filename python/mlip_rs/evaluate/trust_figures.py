"""Figures of the coverage of error bars, and of force errors by index."""

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.errors import DataError
from mlip_rs.evaluate.figures import RASTER_THRESHOLD
from mlip_rs.evaluate.trust import PROPERTIES, Trust
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    GUIDE,
    LINE_WIDTH,
    MARKER_SIZE,
    NEUTRAL,
    color,
    dress,
    label_decades,
    legend,
    marker,
    new_figure,
)
from mlip_rs.uncertainty.half_widths import LEVEL

GRID: tuple[float, ...] = (*np.linspace(0.05, 0.95, 19).tolist(), 0.99)
"""Nominal coverages of the curves."""

N_GROUPS: int = 15
"""Groups of as many atoms by index."""

SMALLEST_INDEX: float = 1e-2
"""Smaller indices are drawn there."""

SMALLEST_ERROR: float = 1e-4
"""eV/Å; smaller errors, of forces that are zero by symmetry, are not drawn."""


def calibration_figure(trust: Trust) -> Figure:
    """Coverage reached against nominal coverage, a curve for each property; beside it, that of each class at 90 %.

    Raises
    ------
    DataError
        There are no error bars, or no labels.
    """
    keys = [key for key in PROPERTIES if trust.committee is not None and len(trust.pairs[key].reference)]
    if not keys:
        raise DataError("there are no error bars beside labels")
    figure = new_figure(COLUMN_WIDTH, 3.3)
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], "--", color=GUIDE, linewidth=0.8, label="ideal")
    classes = [row for row in trust.coverages() if row.group]
    for k, key in enumerate(keys):
        reached = [100.0 * trust.reached(key, level) for level in GRID]
        shown = 100.0 * np.array(GRID)
        axes.plot(shown, reached, color=color(k), linewidth=LINE_WIDTH, label=PROPERTIES[key][1], zorder=3)
        own = [100.0 * row.reached[1] for row in classes if row.key == key]
        place = np.full(len(own), 100.0 * LEVEL + 1.6 * (k - 1))
        axes.plot(
            place,
            own,
            marker(k),
            color=color(k),
            markersize=MARKER_SIZE - 1.0,
            alpha=0.6,
            markeredgewidth=0,
            zorder=2,
        )
    if classes:
        size = MARKER_SIZE - 1.0
        axes.plot([], [], "o", color=NEUTRAL, markersize=size, label="classes at 90 %")
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 102)
    dress(axes, x="nominal coverage (%)", y="labels within the error bars (%)")
    legend(axes, location="best")
    return figure


def index_figure(trust: Trust) -> Figure:
    """Force error of every atom against its index, and its root mean square in groups of as many atoms.

    Raises
    ------
    DataError
        There is no index, or no force label, or no error that could be drawn.
    """
    if trust.index is None or not len(trust.index):
        raise DataError("there are no indices beside force labels")
    errors, index = trust.force_errors(), np.maximum(trust.index, SMALLEST_INDEX)
    drawn = errors > SMALLEST_ERROR
    if not drawn.any():
        raise DataError(f"no force has an error above {SMALLEST_ERROR:g} eV/Å")
    figure = new_figure(1.2 * COLUMN_WIDTH, 3.1)
    axes = figure.subplots()
    axes.scatter(
        index[drawn],
        errors[drawn],
        s=4,
        color=NEUTRAL,
        alpha=0.5,
        linewidths=0,
        rasterized=len(index) > RASTER_THRESHOLD,
        label="atoms",
    )
    axes.axvline(1.0, color=GUIDE, linewidth=0.8, linestyle=":", label="99 % of training")
    groups = np.array_split(np.argsort(index, kind="stable"), min(N_GROUPS, len(index)))
    middle = [float(np.median(index[group])) for group in groups]
    rms = [max(float(np.sqrt(np.mean(errors[group] ** 2))), SMALLEST_ERROR) for group in groups]
    axes.plot(middle, rms, "o-", color=color(0), linewidth=LINE_WIDTH, markersize=MARKER_SIZE, label="RMS")
    curve = getattr(trust.committee, "force_error", None)
    if curve is not None:
        seen = index[index > 0.0]  # atoms of which a potential sees nothing have 0
        line = np.geomspace(seen.min(), seen.max(), 100) if len(seen) else index
        axes.plot(line, curve(line), color=color(1), linewidth=LINE_WIDTH, label="expected")
    axes.set_xscale("log")
    axes.set_yscale("log")
    dress(axes, x="index of anomaly", y="error of the force (eV/Å)")
    for axis in (axes.xaxis, axes.yaxis):
        label_decades(axis)
    legend(axes)
    return figure
