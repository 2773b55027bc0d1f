"""Figures of the index of anomaly."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.style import GUIDE, LINE_WIDTH, color, dress, legend, new_figure
from mlip_rs.uncertainty.force_error import ForceError

LEAST_INDEX: float = 1e-4
"""Smallest index on a logarithmic axis, in the largest: atoms of which a potential sees nothing have 0."""


def force_error_curves(curves: Mapping[str, ForceError]) -> Figure:
    """Expected error of a force by the index of its atom.

    Parameters
    ----------
    curves
        By the name of the potential.
    """
    figure = new_figure(5.0, 3.4)
    axes = figure.add_subplot()
    largest = max(curve.index[-1] for curve in curves.values()) or 1.0
    least = LEAST_INDEX * largest
    smallest = max(min(curve.index[0] for curve in curves.values()), least)
    for k, (name, curve) in enumerate(curves.items()):
        last = max(curve.index[-1], least)
        inside = np.geomspace(max(curve.index[0], least), last, 200)
        beyond = np.geomspace(last, 3.0 * largest, 30)
        axes.plot(inside, curve(inside), color=color(k), linewidth=LINE_WIDTH, label=name)
        axes.plot(beyond, curve(beyond), color=color(k), linewidth=LINE_WIDTH, linestyle="--")
        axes.plot(curve.index, curve.error, linestyle="", marker="o", markersize=3, color=color(k))
    axes.axvline(1.0, color=GUIDE, linewidth=0.8, linestyle=":")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.8 * smallest, 3.0 * largest)
    dress(axes, x="index of anomaly", y="expected force error (eV/Å)")
    legend(axes)
    return figure
