"""Figure of the curves at short range."""

from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, series
from mlip_rs.plot.style import COLUMN_WIDTH, LINE_WIDTH, color, dress, legend, new_figure
from mlip_rs.potential.short_range import ShortRange


def short_range_curves(potentials: Results[ShortRange]) -> Figure:
    """Energy above its first point against distance: dimers on the left, crystals on the right.

    The energy axis is linear up to 1 eV and logarithmic beyond, on both sides of zero. Colours tell curves apart; of
    several potentials, these. A curve that does not rise all the way is dashed.
    """
    figure = new_figure(2 * COLUMN_WIDTH, 2.7)
    panels = figure.subplots(1, 2)
    drawn = series(potentials)
    for axes, title in zip(panels, ("dimers", "crystals"), strict=True):
        for entry in drawn:
            kind = [c for c in entry.result.curves if (c.kind == "dimer") == (title == "dimers")]
            for k, curve in enumerate(kind):
                alone = len(drawn) == 1
                axes.plot(
                    curve.distances,
                    curve.energies - curve.energies[0],
                    "-" if curve.monotonic else "--",
                    color=color(k) if alone else entry.color,
                    label=curve.name if alone else entry.label if k == 0 else None,
                    linewidth=LINE_WIDTH,
                )
        axes.set_yscale("symlog", linthresh=1.0)
        dress(axes, x="nearest-neighbour distance (Å)", y="energy above the start (eV/atom)", title=title)
        legend(axes)
    return figure
