"""Figure of elasticity: Young's modulus against direction."""

from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from mlip_rs.errors import PropertyError
from mlip_rs.plot.series import Members, Results, series
from mlip_rs.plot.style import COLUMN_WIDTH, LABEL_SIZE, SMALL_SIZE, new_figure
from mlip_rs.validate.figures.spread import shade, spread
from mlip_rs.validate.properties.elastic import ElasticAnalysis
from mlip_rs.validate.stiffness import young_modulus

_PLANES = (("x–y plane", (1, 0, 0), (0, 1, 0)), ("x–z plane", (1, 0, 0), (0, 0, 1)))


def young_modulus_directions(
    potentials: Results[ElasticAnalysis],
    reference: ElasticAnalysis | None = None,
    members: Members[ElasticAnalysis] | None = None,
) -> Figure:
    """Young's modulus in GPa around two planes of the Cartesian frame, of the crystals that are stable; ± σ of members.

    Raises
    ------
    PropertyError
        No potential's crystal is mechanically stable, without which there is no Young's modulus.
    """
    drawn = [entry for entry in series(potentials, reference, members) if entry.result.is_stable]
    if all(entry.is_reference for entry in drawn):
        raise PropertyError("no Young's modulus to draw: the crystal is mechanically unstable")
    figure = new_figure(2 * COLUMN_WIDTH, 3.2)
    panels = figure.subplots(1, 2, subplot_kw={"projection": "polar"})
    angles = np.linspace(0, 2 * np.pi, 181)
    for axes, (title, u, v) in zip(panels, _PLANES, strict=True):
        directions = np.outer(np.cos(angles), u) + np.outer(np.sin(angles), v)
        for entry in drawn:
            modulus = _modulus(entry.result, directions)
            sigma = spread(modulus, entry.members, partial(_modulus, directions=directions))
            shade(axes, angles, modulus, sigma, entry.color)
            axes.plot(angles, modulus, label=entry.label, **entry.line_style)
        axes.set_title(f"Young's modulus (GPa), {title}", fontsize=LABEL_SIZE)
        axes.tick_params(labelsize=SMALL_SIZE)
        axes.set_rlim(0.0, 1.15 * axes.get_rmax())
        axes.yaxis.set_major_locator(MaxNLocator(4))
        axes.set_rlabel_position(22.5)
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        fontsize=SMALL_SIZE,
        frameon=False,
        loc="outside lower center",
        ncols=min(4, len(drawn)),
    )
    return figure


def _modulus(found: ElasticAnalysis, directions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Young's modulus (n,); NaN for a crystal that is not stable."""
    if not found.is_stable:
        return np.full(len(directions), np.nan)
    return young_modulus(found.relaxed.matrix, directions)
