"""Figure of the dimer curves."""

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.style import COLUMN_WIDTH, GUIDE, LINE_WIDTH, color, dress, legend, new_figure
from mlip_rs.potential import Potential
from mlip_rs.verify.continuity import cutoffs
from mlip_rs.verify.run import verified_potential

N_POINTS: int = 1500
"""Points of each curve."""

MARGIN: float = 1.3
"""Range of the axes, relative to the largest value at ordinary distances; the repulsion goes beyond."""


def dimer_curves(potential: Potential) -> Figure:
    """Energy, force and curvature of the dimers of all pairs of elements against distance; cutoffs are dotted."""
    verified = verified_potential(potential)
    elements = len(potential.elements)
    figure = new_figure(COLUMN_WIDTH, 5.4)
    panels = figure.subplots(3, 1, sharex=True)
    heights = np.zeros(3)
    for k, curve in enumerate(verified.curves[: elements * (elements + 1) // 2]):
        points = np.linspace(curve.start, curve.end, N_POINTS)
        energies, slopes = curve.sample(points)
        for panel, values in enumerate((energies - energies[-1], -slopes, np.gradient(slopes, points))):
            heights[panel] = max(heights[panel], np.abs(values[points > curve.usual]).max(initial=0.0))
            panels[panel].plot(points, values, color=color(k), linewidth=LINE_WIDTH, label=curve.name)
    names = ("energy (eV)", "force (eV/Å)", "curvature (eV/Å²)")
    for axes, height, name in zip(panels, MARGIN * heights, names, strict=True):
        axes.set_ylim(-(height or 1.0), height or 1.0)
        for place in cutoffs(potential.spec):
            axes.axvline(place, color=GUIDE, linestyle=":", linewidth=0.7)
        dress(axes, x="distance (Å)" if axes is panels[-1] else "", y=name)
    legend(panels[0])
    return figure
