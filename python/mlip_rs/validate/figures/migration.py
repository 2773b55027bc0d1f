"""Figure of the energy along the jump of a vacancy."""

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.series import Members, Results, series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    dress,
    legend,
    new_figure,
)
from mlip_rs.validate.figures.spread import curve_with_band
from mlip_rs.validate.properties.migration import VacancyMigration


def migration_path(
    potentials: Results[VacancyMigration],
    reference: VacancyMigration | None = None,
    members: Members[VacancyMigration] | None = None,
) -> Figure:
    """Energy of the images against the share of the path, with ± σ where there are members."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for entry in series(potentials, reference, members):
        curve_with_band(
            axes,
            entry,
            lambda found: np.array(found.coordinates) / found.coordinates[-1],
            lambda found: found.energies,
        )
    dress(axes, x="share of the path", y="energy (eV)")
    legend(axes)
    return figure
