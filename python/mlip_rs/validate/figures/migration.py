"""Figure of the energy along the jump of a vacancy."""

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    dress,
    legend,
    new_figure,
)
from mlip_rs.validate.properties.migration import VacancyMigration


def migration_path(
    potentials: Results[VacancyMigration], reference: VacancyMigration | None = None
) -> Figure:
    """Energy of the images against the share of the path."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for entry in series(potentials, reference):
        share = np.array(entry.result.coordinates) / entry.result.coordinates[-1]
        axes.plot(share, entry.result.energies, label=entry.label, **(entry.line_style | entry.symbol_style))
    dress(axes, x="share of the path", y="energy (eV)")
    legend(axes)
    return figure
