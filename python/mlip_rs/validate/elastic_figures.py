"""Figure of elasticity: Young's modulus against direction."""

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.errors import PropertyError
from mlip_rs.validate.elastic_analysis import ElasticAnalysis, young_modulus
from mlip_rs.validate.style import COLUMN_WIDTH, LABEL_SIZE, LINE_WIDTH, SMALL_SIZE, color, new_figure

_PLANES = (("x–y plane", (1, 0, 0), (0, 1, 0)), ("x–z plane", (1, 0, 0), (0, 0, 1)))


def young_modulus_directions(potential: ElasticAnalysis, reference: ElasticAnalysis | None = None) -> Figure:
    """Young's modulus in GPa around two planes of the Cartesian frame; the reference dashed.

    Raises
    ------
    PropertyError
        The crystal is mechanically unstable and has no Young's modulus.
    """
    if not potential.is_stable:
        raise PropertyError("no Young's modulus to draw: the crystal is mechanically unstable")
    drawn = [("potential", "-", potential)]
    if reference is not None and reference.is_stable:
        drawn.append(("reference", "--", reference))
    figure = new_figure(2 * COLUMN_WIDTH, 3.0)
    panels = figure.subplots(1, 2, subplot_kw={"projection": "polar"})
    angles = np.linspace(0, 2 * np.pi, 181)
    for axes, (title, u, v) in zip(panels, _PLANES, strict=True):
        directions = np.outer(np.cos(angles), u) + np.outer(np.sin(angles), v)
        for k, (label, style, analysis) in enumerate(drawn):
            modulus = young_modulus(analysis.relaxed.matrix, directions)
            axes.plot(angles, modulus, style, color=color(k), linewidth=LINE_WIDTH, label=label)
        axes.set_title(f"Young's modulus (GPa), {title}", fontsize=LABEL_SIZE)
        axes.tick_params(labelsize=SMALL_SIZE)
        axes.set_rlim(0.0, None)
    figure.legend(
        *panels[0].get_legend_handles_labels(),
        fontsize=SMALL_SIZE,
        frameon=False,
        loc="outside lower center",
        ncols=2,
    )
    return figure
