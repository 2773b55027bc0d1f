"""Figure of enthalpy differences against pressure."""

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, first_of, label_patterns, series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    GUIDE,
    LINE_WIDTH,
    MARKER_SIZE,
    color,
    dress,
    legend_beside,
    new_figure,
)
from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.properties.pressure import PressureTransitions

HIGHEST_ENTHALPY = 400.0
"""meV/atom; structures farther up than this have no part in the order of phases and are cut off."""

REFERENCE_SYMBOLS = 10
"""On each line of the reference."""


def enthalpy_differences(
    potentials: Results[PressureTransitions], reference: PressureTransitions | None = None
) -> Figure:
    """Enthalpy above that of the first potential's structure at rest against pressure; dots: transitions."""
    figure = new_figure(1.5 * COLUMN_WIDTH, 3.0)
    axes = figure.subplots()
    drawn = series(potentials, reference)
    names = list(dict.fromkeys(curve.name for entry in drawn for curve in entry.result.curves))
    base = min(first_of(potentials).curves, key=lambda curve: curve.equilibrium_energy).name
    for i, name in enumerate(names):
        axes.plot([], [], color=color(i), linewidth=LINE_WIDTH, label=name)
    for entry in drawn:
        found = entry.result
        if base not in found.enthalpies:
            continue
        above = {name: MEV_PER_EV * (h - found.enthalpies[base]) for name, h in found.enthalpies.items()}
        for name, values in above.items():
            axes.plot(
                found.pressures,
                values,
                color=color(names.index(name)),
                markevery=len(found.pressures) // REFERENCE_SYMBOLS,
                **entry.pattern_style,
            )
        for transition in found.transitions:
            height = np.interp(transition.pressure, found.pressures, above[transition.after])
            axes.plot([transition.pressure], [height], "o", color=GUIDE, ms=MARKER_SIZE)
    label_patterns(axes, drawn)
    dress(axes, x="pressure (GPa)", y=f"enthalpy above {base} (meV/atom)")
    axes.set_xlim(0.0, max(entry.result.highest for entry in drawn))
    low, high = axes.get_ylim()
    axes.set_ylim(low, min(high, HIGHEST_ENTHALPY))
    legend_beside(axes)
    return figure
