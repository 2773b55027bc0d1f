"""Figure of a melt and its quench: temperature, energy, radial distribution functions."""

from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, series
from mlip_rs.plot.style import COLUMN_WIDTH, SMALL_SIZE, dress, legend, new_figure
from mlip_rs.validate.properties.melt_quench import MeltQuench

QUENCHED_SHIFT = 2.0
"""Vertical shift of the radial distribution function of the quenched structure."""


def melt_and_quench(potentials: Results[MeltQuench], reference: MeltQuench | None = None) -> Figure:
    """Temperature, potential energy, radial distribution functions of melt and, shifted by 2, of the quenched."""
    figure = new_figure(2 * COLUMN_WIDTH, 2.8)
    heat, energy, pairs = figure.subplots(1, 3)
    for entry in series(potentials, reference):
        run = entry.result
        heat.plot(run.times, run.temperatures, label=entry.label, **entry.line_style)
        energy.plot(run.times, run.energies, **entry.line_style)
        pairs.plot(run.distances, run.melt, **entry.line_style)
        pairs.plot(run.distances, [value + QUENCHED_SHIFT for value in run.quenched], **entry.line_style)
    dress(heat, x="time (ps)", y="temperature (K)")
    dress(energy, x="time (ps)", y="energy above crystal (eV/atom)")
    dress(pairs, x="distance (Å)", y="radial distribution")
    for height, name in ((0.0, "melt"), (QUENCHED_SHIFT, f"quenched,\n+ {QUENCHED_SHIFT:g}")):
        pairs.annotate(
            name,
            (0.04, height + 0.1),
            xycoords=("axes fraction", "data"),
            va="bottom",
            fontsize=SMALL_SIZE - 0.5,
        )
    legend(heat)
    return figure
