"""Figure of the curves at short range."""

from matplotlib.figure import Figure

from mlip_rs.validate.short_range import ShortRange
from mlip_rs.validate.style import COLUMN_WIDTH, LINE_WIDTH, color, dress, legend, new_figure


def short_range_curves(check: ShortRange) -> Figure:
    """Energy above its first point against distance: dimers on the left, crystals on the right.

    The energy axis is linear up to 1 eV and logarithmic beyond, on both sides of zero.
    """
    figure = new_figure(2 * COLUMN_WIDTH, 2.7)
    panels = figure.subplots(1, 2)
    for axes, title in zip(panels, ("dimers", "crystals"), strict=True):
        curves = [curve for curve in check.curves if (curve.kind == "dimer") == (title == "dimers")]
        for k, curve in enumerate(curves):
            style = "-" if curve.monotonic else "--"
            energies = curve.energies - curve.energies[0]
            axes.plot(
                curve.distances, energies, style, color=color(k), label=curve.name, linewidth=LINE_WIDTH
            )
        axes.set_yscale("symlog", linthresh=1.0)
        dress(axes, x="nearest-neighbour distance (Å)", y="energy above the start (eV/atom)", title=title)
        legend(axes)
    return figure
