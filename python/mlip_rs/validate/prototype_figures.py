"""Figures of crystal structures and defects: the Bain path, energies that converge with size."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.figures import energy_volume_curves
from mlip_rs.validate.pressure import PressureTransitions
from mlip_rs.validate.prototype_energies import BainPath, PrototypeEnergies
from mlip_rs.validate.style import (
    COLUMN_WIDTH,
    GUIDE,
    LINE_WIDTH,
    MARKER_SIZE,
    color,
    dress,
    legend,
    marker,
    new_figure,
)
from mlip_rs.validate.vacancy import VacancyConvergence

T = TypeVar("T")


def prototype_curves(potential: PrototypeEnergies, reference: PrototypeEnergies | None = None) -> Figure:
    """Energy against volume of every structure that has a minimum."""
    known = () if reference is None else reference.curves
    return energy_volume_curves(
        {curve.name: curve for curve in potential.curves}, {curve.name: curve for curve in known}
    )


def enthalpy_differences(
    potential: PressureTransitions, reference: PressureTransitions | None = None
) -> Figure:
    """Enthalpy above that of the potential's structure at rest against pressure; dots: transitions."""
    figure = new_figure(1.5 * COLUMN_WIDTH, 2.9)
    axes = figure.subplots()
    drawn = _drawn(potential, reference)
    names = list(dict.fromkeys(curve.name for _, _, found in drawn for curve in found.curves))
    base = min(potential.curves, key=lambda curve: curve.equilibrium_energy).name
    for label, style, found in drawn:
        if base not in found.enthalpies:
            continue
        for name, enthalpies in found.enthalpies.items():
            above = MEV_PER_EV * (enthalpies - found.enthalpies[base])
            axes.plot(found.pressures, above, style, color=color(names.index(name)), linewidth=LINE_WIDTH)
        for transition in found.transitions:
            height = MEV_PER_EV * np.interp(
                transition.pressure,
                found.pressures,
                found.enthalpies[transition.after] - found.enthalpies[base],
            )
            axes.plot([transition.pressure], [height], "o", color=GUIDE, ms=MARKER_SIZE)
        axes.plot([], [], style, color=GUIDE, linewidth=LINE_WIDTH, label=label)
    for i, name in enumerate(names):
        axes.plot([], [], color=color(i), linewidth=LINE_WIDTH, label=name)
    dress(axes, x="pressure (GPa)", y=f"enthalpy above {base} (meV/atom)")
    legend(axes)
    return figure


def bain_curve(potential: BainPath, reference: BainPath | None = None) -> Figure:
    """Energy along the tetragonal path, bcc and fcc marked."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for k, (label, style, path) in enumerate(_drawn(potential, reference)):
        energies = MEV_PER_EV * np.array(path.energies)
        axes.plot(path.axial_ratios, energies, style, color=color(k), linewidth=LINE_WIDTH, label=label)
    for ratio, name in ((1.0, "bcc"), (2**0.5, "fcc")):
        axes.axvline(ratio, color=GUIDE, linewidth=0.6)
        axes.annotate(name, (ratio, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom")
    dress(axes, x="c/a", y="energy (meV/atom)")
    legend(axes)
    return figure


def vacancy_sizes(potential: VacancyConvergence, reference: VacancyConvergence | None = None) -> Figure:
    """Formation energy against one over the number of sites; dashed: unrelaxed."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for k, (label, _, found) in enumerate(_drawn(potential, reference)):
        inverse = [1 / size.n_sites for size in found.sizes]
        relaxed = [np.nan if size.relaxed is None else size.relaxed for size in found.sizes]
        unrelaxed = [size.unrelaxed for size in found.sizes]
        axes.plot(inverse, unrelaxed, f"--{marker(k)}", color=color(k), mfc="white", ms=MARKER_SIZE, lw=0.8)
        axes.plot(
            inverse, relaxed, f"-{marker(k)}", color=color(k), ms=MARKER_SIZE, lw=LINE_WIDTH, label=label
        )
    axes.set_xlim(left=0.0)
    dress(axes, x="1 / number of sites", y="vacancy formation energy (eV)")
    legend(axes)
    return figure


def _drawn(potential: T, reference: T | None) -> Sequence[tuple[str, str, T]]:
    first = ("potential", "-", potential)
    return [first] if reference is None else [first, ("reference", "--", reference)]
