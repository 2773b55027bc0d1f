"""Figure of the generalised stacking-fault energy."""

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, first_of, series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    dress,
    legend,
    new_figure,
)
from mlip_rs.validate.properties.stacking_fault import StackingFault


def fault_curve(potentials: Results[StackingFault], reference: StackingFault | None = None) -> Figure:
    """Fault energy against slip."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for entry in series(potentials, reference):
        energies = 1000 * np.array(entry.result.energies)
        axes.plot(entry.result.slips, energies, label=entry.label, **(entry.line_style | entry.symbol_style))
    dress(axes, x=f"slip {first_of(potentials).system}", y="fault energy (mJ/m²)")
    legend(axes)
    return figure
