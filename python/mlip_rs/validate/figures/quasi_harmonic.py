"""Figure of volume, thermal expansion and Gibbs energy in the quasi-harmonic approximation."""

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, series
from mlip_rs.plot.style import COLUMN_WIDTH, dress, legend, new_figure
from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.properties.quasi_harmonic import QuasiHarmonic


def quasi_harmonic_curves(
    potentials: Results[QuasiHarmonic], reference: QuasiHarmonic | None = None
) -> Figure:
    """Volume, linear expansion coefficient and Gibbs energy (its change from the first point) with temperature."""
    figure = new_figure(2 * COLUMN_WIDTH, 2.6)
    panels = figure.subplots(1, 3)
    for entry in series(potentials, reference):
        found = entry.result
        curves = (
            np.array(found.volumes),
            1e6 * np.array(found.thermal_expansions) / 3,
            MEV_PER_EV * (np.array(found.gibbs_energies) - found.gibbs_energies[0]),
        )
        for axes, values in zip(panels, curves, strict=True):
            axes.plot(found.temperatures, values, label=entry.label, **entry.line_style)
    titles = ("volume (Å³/atom)", "linear expansion (10⁻⁶/K)", "change of G (meV/atom)")
    for axes, title in zip(panels, titles, strict=True):
        dress(axes, x="temperature (K)", y=title)
    legend(panels[0])
    return figure
