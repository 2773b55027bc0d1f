"""Figure of a melt and its quench: temperature, energy, radial distribution functions."""

from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, series
from mlip_rs.plot.style import COLUMN_WIDTH, GUIDE, SMALL_SIZE, dress, legend, new_figure
from mlip_rs.validate.melting import ORDER
from mlip_rs.validate.properties.melt_quench import MeltQuench

QUENCHED_SHIFT = 2.0
"""Vertical shift of the radial distribution function of the quenched structure."""


def melt_and_quench(potentials: Results[MeltQuench], reference: MeltQuench | None = None) -> Figure:
    """Temperature, energy, long-range order, radial distribution of melt and, shifted by 2, of the quenched."""
    figure = new_figure(2.4 * COLUMN_WIDTH, 2.8)
    heat, energy, order, pairs = figure.subplots(1, 4)
    for entry in series(potentials, reference):
        run = entry.result
        heat.plot(run.times, run.temperatures, label=entry.label, **entry.line_style)
        energy.plot(run.times, run.energies, **entry.line_style)
        if run.orders:
            order.plot(run.times, run.orders, **entry.line_style)
        pairs.plot(run.distances, run.melt, **entry.line_style)
        if run.quenched:
            pairs.plot(run.distances, [value + QUENCHED_SHIFT for value in run.quenched], **entry.line_style)
    dress(heat, x="time (ps)", y="temperature (K)")
    dress(energy, x="time (ps)", y="energy above crystal (eV/atom)")
    dress(order, x="time (ps)", y="long-range order")
    order.axhline(ORDER, color=GUIDE, linewidth=0.8, linestyle=":")
    order.set_ylim(0.0, 1.05)
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
