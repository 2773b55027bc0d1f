"""Figure of the total energy in molecular dynamics."""

from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, series
from mlip_rs.plot.style import COLUMN_WIDTH, dress, legend, new_figure
from mlip_rs.validate.properties.energy_conservation import EnergyConservation


def total_energy(
    potentials: Results[EnergyConservation], reference: EnergyConservation | None = None
) -> Figure:
    """Total energy of a run at constant energy against time."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for entry in series(potentials, reference):
        axes.plot(entry.result.times, entry.result.energies, label=entry.label, **entry.line_style)
    dress(axes, x="time (ps)", y="total energy (meV/atom)")
    legend(axes)
    return figure
