"""Figure of the Bain path."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlip_rs.plot.series import Members, Results, series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    GUIDE,
    SMALL_SIZE,
    dress,
    legend,
    new_figure,
)
from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.figures.spread import shade, spread
from mlip_rs.validate.properties.bain import BainPath


def bain_curve(
    potentials: Results[BainPath], reference: BainPath | None = None, members: Members[BainPath] | None = None
) -> Figure:
    """Energy along the tetragonal path, bcc and fcc marked, with ± σ where there are members."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for entry in series(potentials, reference, members):
        energies = _energies(entry.result)
        shade(
            axes,
            entry.result.axial_ratios,
            energies,
            spread(energies, entry.members, _energies),
            entry.color,
        )
        axes.plot(entry.result.axial_ratios, energies, label=entry.label, **entry.line_style)
    for ratio, name in ((1.0, "bcc"), (2**0.5, "fcc")):
        axes.axvline(ratio, color=GUIDE, linewidth=0.6)
        axes.annotate(
            name,
            (ratio, 1.01),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=SMALL_SIZE,
        )
    dress(axes, x="axial ratio c/a", y="energy (meV/atom)")
    legend(axes)
    return figure


def _energies(found: BainPath) -> NDArray[np.float64]:
    return MEV_PER_EV * np.array(found.energies)
