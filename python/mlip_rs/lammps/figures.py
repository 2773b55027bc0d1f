"""Figure of the thermodynamic output of a run."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlip_rs.lammps.settings import RunSettings
from mlip_rs.lammps.thermo import BAR_TO_GPA, Thermo
from mlip_rs.plot.style import COLUMN_WIDTH, GUIDE, LINE_WIDTH, color, dress, legend, new_figure
from mlip_rs.units import MEV_PER_EV

NO_FORCE: float = 1e-9
"""eV/Å: smaller forces are rounding, and drawn as zero."""

HEIGHT: float = 4.6
"""inches."""


def thermo_figure(thermo: Thermo, settings: RunSettings) -> Figure:
    """Draw temperature, energies, pressure and volume against time, or those of a relaxation against its steps.

    Parameters
    ----------
    thermo
        Output of the run.
    settings
        The temperature and pressure that are asked for are drawn as dashed lines.

    Examples
    --------
    >>> from mlip_rs.lammps.thermo import thermo_of
    >>> rows = [{"step": k, "time": k / 1000, "temp": 300.0, "pe": -3.0, "ke": 0.1, "etotal": -2.9, "econserve": -2.9,
    ...          "press": 0.0, "vol": 16.0} for k in range(5)]
    >>> len(thermo_figure(thermo_of(rows, 1), RunSettings("nve")).axes)
    4
    """
    figure = new_figure(2 * COLUMN_WIDTH, HEIGHT)
    panels: Sequence[Axes] = figure.subplots(2, 2, sharex=True).ravel()
    relaxing = settings.ensemble == "minimize"
    x = thermo.columns["step"] if relaxing else thermo.columns["time"]
    label = "step" if relaxing else "time (ps)"
    if relaxing:
        _forces(panels[0], thermo)
    else:
        _temperature(panels[0], thermo, settings)
    _energies(panels[1], thermo, settings)
    panels[2].plot(x, thermo.columns["press"] * BAR_TO_GPA, color=color(2), linewidth=LINE_WIDTH)
    if settings.moves_cell:
        panels[2].axhline(settings.pressure or 0.0, color=GUIDE, linestyle="--", linewidth=0.8)
    dress(panels[2], x=label, y="pressure (GPa)")
    panels[3].plot(x, thermo.columns["vol"] / thermo.n_atoms, color=color(3), linewidth=LINE_WIDTH)
    dress(panels[3], x=label, y="volume (Å³/atom)")
    for axes in panels:
        axes.margins(x=0.0)
        axes.ticklabel_format(axis="y", useOffset=False)
    return figure


def _temperature(axes: Axes, thermo: Thermo, settings: RunSettings) -> None:
    time = thermo.columns["time"]
    axes.plot(time, thermo.columns["temp"], color=color(1), linewidth=LINE_WIDTH)
    if settings.ensemble != "nve":
        ends = (settings.temperature, settings.final_temperature or settings.temperature)
        axes.plot((time[0], time[-1]), ends, color=GUIDE, linestyle="--", linewidth=0.8)
    axes.set_ylim(bottom=0.0)
    dress(axes, x="", y="temperature (K)")


def _forces(axes: Axes, thermo: Thermo) -> None:
    forces = np.where(thermo.columns["fmax"] < NO_FORCE, 0.0, thermo.columns["fmax"])
    axes.plot(thermo.columns["step"], forces, color=color(1), linewidth=LINE_WIDTH)
    axes.set_ylim(0.0, None if forces.max() > 0 else 1.0)
    dress(axes, x="", y="largest force component (eV/Å)")


def _energies(axes: Axes, thermo: Thermo, settings: RunSettings) -> None:
    """Energies above those of the first row, so that their changes can be seen together."""
    relaxing = settings.ensemble == "minimize"
    names = {"pe": "potential"} if relaxing else {"pe": "potential", "etotal": "total"}
    if settings.conserves:
        names["econserve"] = "conserved"
    x = thermo.columns["step" if relaxing else "time"]
    for k, (name, title) in enumerate(names.items()):
        values = thermo.columns[name]
        change = (values - values[0]) * MEV_PER_EV / thermo.n_atoms
        style = "--" if name == "econserve" else "-"
        axes.plot(x, change, color=color((0, 4, 6)[k]), linestyle=style, linewidth=LINE_WIDTH, label=title)
    if not relaxing:
        legend(axes)
    dress(axes, x="", y="energy − first (meV/atom)")
