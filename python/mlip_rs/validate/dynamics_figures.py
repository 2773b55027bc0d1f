"""Figures of molecular dynamics: total energy, temperature, radial distribution functions."""

from matplotlib.figure import Figure

from mlip_rs.validate.dynamics import EnergyConservation, MeltQuench
from mlip_rs.validate.style import COLUMN_WIDTH, LINE_WIDTH, color, dress, legend, new_figure

_LABELS = (("potential", "-"), ("reference", "--"))


def total_energy(potential: EnergyConservation, reference: EnergyConservation | None = None) -> Figure:
    """Total energy of a run at constant energy against time."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    found = [potential] if reference is None else [potential, reference]
    for k, (run, (label, style)) in enumerate(zip(found, _LABELS, strict=False)):
        axes.plot(run.times, run.energies, style, color=color(k), linewidth=LINE_WIDTH, label=label)
    dress(axes, x="time (ps)", y="total energy (meV/atom)")
    legend(axes)
    return figure


def melt_and_quench(potential: MeltQuench, reference: MeltQuench | None = None) -> Figure:
    """Temperature and potential energy against time, radial distribution functions of melt and quench."""
    figure = new_figure(2 * COLUMN_WIDTH, 2.6)
    heat, energy, pairs = figure.subplots(1, 3)
    found = [potential] if reference is None else [potential, reference]
    for k, (run, (label, style)) in enumerate(zip(found, _LABELS, strict=False)):
        heat.plot(run.times, run.temperatures, style, color=color(k), linewidth=LINE_WIDTH, label=label)
        energy.plot(run.times, run.energies, style, color=color(k), linewidth=LINE_WIDTH, label=label)
        for values, name, shade in ((run.melt, "melt", 2 * k), (run.quenched, "quenched", 2 * k + 1)):
            text = f"{name}, {label}" if reference is not None else name
            pairs.plot(run.distances, values, style, color=color(shade), linewidth=LINE_WIDTH, label=text)
    dress(heat, x="time (ps)", y="temperature (K)")
    dress(energy, x="time (ps)", y="energy above the crystal (eV/atom)")
    dress(pairs, x="distance (Å)", y="radial distribution")
    legend(pairs)
    return figure
