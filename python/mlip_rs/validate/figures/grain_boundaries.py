"""Figure of grain-boundary energies against the misorientation."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.series import Members, Results, first_of, series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    SMALL_SIZE,
    dress,
    legend_beside,
    marker,
    new_figure,
)
from mlip_rs.validate.figures.spread import ERROR_BARS, spread
from mlip_rs.validate.properties.grain_boundaries import GrainBoundaries


def grain_boundary_angles(
    potentials: Results[GrainBoundaries],
    reference: GrainBoundaries | None = None,
    members: Members[GrainBoundaries] | None = None,
) -> Figure:
    """Energy against misorientation, a symbol for each axis; open symbols: the reference; ± σ of the members."""
    figure = new_figure(1.7 * COLUMN_WIDTH, 3.0)
    axes = figure.subplots()
    for entry in series(potentials, reference, members):
        for i, axis in enumerate(sorted({boundary.axis for boundary in entry.result.boundaries})):
            chosen = [boundary for boundary in entry.result.boundaries if boundary.axis == axis]
            angles, energies = [b.angle for b in chosen], [b.energy for b in chosen]
            label = f"[{' '.join(map(str, axis))}], {entry.label}".replace("-", "−")
            style = entry.symbol_style | {"marker": marker(i), "linestyle": "none"}
            names = [b.name for b in chosen]
            sigma = spread(energies, entry.members, partial(_energies, names=names))
            if sigma is not None:
                axes.errorbar(angles, energies, sigma, color=entry.color, linestyle="none", **ERROR_BARS)
            axes.plot(angles, energies, label=label, **style)
    for boundary in first_of(potentials).boundaries:
        axes.annotate(
            boundary.name,
            (boundary.angle, boundary.energy),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=SMALL_SIZE - 1,
        )
    dress(axes, x="misorientation (°)", y="boundary energy (J/m²)")
    axes.margins(x=0.12, y=0.12)
    axes.set_ylim(bottom=0.0)
    legend_beside(axes)
    return figure


def _energies(found: GrainBoundaries, names: Sequence[str]) -> list[float]:
    known = {boundary.name: boundary.energy for boundary in found.boundaries}
    return [known.get(name, np.nan) for name in names]
