"""Figure of the generalised stacking-fault energy."""

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.series import Members, Results, first_of, series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    dress,
    legend,
    new_figure,
)
from mlip_rs.validate.figures.spread import curve_with_band
from mlip_rs.validate.properties.stacking_fault import StackingFault


def fault_curve(
    potentials: Results[StackingFault],
    reference: StackingFault | None = None,
    members: Members[StackingFault] | None = None,
) -> Figure:
    """Fault energy against slip, with ± σ where there are members."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for entry in series(potentials, reference, members):
        curve_with_band(axes, entry, lambda found: found.slips, lambda found: 1000 * np.array(found.energies))
    dress(axes, x=f"slip {first_of(potentials).system}", y="fault energy (mJ/m²)")
    legend(axes)
    return figure
