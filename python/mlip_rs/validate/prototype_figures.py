"""Figures of crystal structures and defects: the Bain path, energies that converge with size."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.figures import energy_volume_curves
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
