"""Figures of crystal structures and defects: enthalpies, the Bain path, energies that converge with size."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.errors import ConfigError
from mlip_rs.plot.series import Results, first_of, label_patterns, named_series, series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    GUIDE,
    LINE_WIDTH,
    MARKER_SIZE,
    SMALL_SIZE,
    color,
    dress,
    legend,
    legend_above,
    legend_beside,
    marker,
    new_figure,
)
from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.eos import EnergyVolumeFit
from mlip_rs.validate.pressure import PressureTransitions
from mlip_rs.validate.prototype_energies import BainPath, PrototypeEnergies
from mlip_rs.validate.vacancy import VacancyConvergence

HIGHEST_ENTHALPY = 400.0
"""meV/atom; structures farther up than this have no part in the order of phases and are cut off."""

REFERENCE_SYMBOLS = 10
"""On each line of the reference."""


def prototype_curves(
    potentials: Results[PrototypeEnergies], reference: PrototypeEnergies | None = None
) -> Figure:
    """Energy against volume of every structure that has a minimum."""
    drawn = [
        (entry, {curve.name: curve for curve in entry.result.curves})
        for entry in series(potentials, reference)
    ]
    return energy_volume_curves(
        {entry.label: curves for entry, curves in drawn if not entry.is_reference},
        next((curves for entry, curves in drawn if entry.is_reference), {}),
    )


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


def bain_curve(potentials: Results[BainPath], reference: BainPath | None = None) -> Figure:
    """Energy along the tetragonal path, bcc and fcc marked."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for entry in series(potentials, reference):
        energies = MEV_PER_EV * np.array(entry.result.energies)
        axes.plot(entry.result.axial_ratios, energies, label=entry.label, **entry.line_style)
    for ratio, name in ((1.0, "bcc"), (2**0.5, "fcc")):
        axes.axvline(ratio, color=GUIDE, linewidth=0.6)
        axes.annotate(
            name,
            (ratio, 1.01),
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=SMALL_SIZE,
        )
    dress(axes, x="axial ratio c/a", y="energy (meV/atom)")
    legend(axes)
    return figure


def vacancy_sizes(
    potentials: Results[VacancyConvergence], reference: VacancyConvergence | None = None
) -> Figure:
    """Formation energy against one over the number of sites; dotted: unrelaxed."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for entry in series(potentials, reference):
        sizes = entry.result.sizes
        inverse = [1000 / size.n_sites for size in sizes]
        relaxed = [
            (x, size.relaxed) for x, size in zip(inverse, sizes, strict=True) if size.relaxed is not None
        ]
        unrelaxed = [size.unrelaxed for size in sizes]
        style = entry.line_style | entry.symbol_style
        label = entry.label if relaxed else f"{entry.label}, unrelaxed"
        axes.plot(
            inverse,
            unrelaxed,
            **(style | {"linestyle": ":", "mfc": "white"}),
            label="" if relaxed else label,
        )
        if relaxed:
            axes.plot(*zip(*relaxed, strict=True), label=label, **style)
    axes.set_xlim(left=0.0)
    dress(axes, x="1000 / number of sites", y="vacancy formation energy (eV)")
    legend_above(axes, columns=2)
    return figure


def energy_volume_curves(
    potentials: Mapping[str, Mapping[str, EnergyVolumeFit]], reference: Mapping[str, EnergyVolumeFit]
) -> Figure:
    """Energy against volume: lines the potentials, open symbols the reference, colours the crystal structures.

    Parameters
    ----------
    potentials
        By name, curves by crystal structure; energies in eV/atom on the same zero (the isolated atom).
    reference
        Curves by crystal structure; none if empty.

    Raises
    ------
    ConfigError
        There are no curves.
    """
    names = list(dict.fromkeys((*reference, *(name for curves in potentials.values() for name in curves))))
    if not names:
        raise ConfigError("no energy–volume curves to draw")
    figure = new_figure(1.5 * COLUMN_WIDTH, 3.6)
    axes = figure.subplots()
    drawn = named_series(potentials)
    for i, name in enumerate(names):
        shade = color(i)
        for entry in drawn:
            if name in entry.result:
                fit = entry.result[name]
                volumes = np.linspace(min(fit.volumes), max(fit.volumes), 200)
                axes.plot(
                    volumes, fit.energy(volumes), color=shade, linestyle=entry.pattern, linewidth=LINE_WIDTH
                )
        symbol: dict[str, Any] = {}
        if name in reference:
            points = reference[name]
            symbol = {"marker": marker(i), "mfc": "white", "mew": 1.1, "ms": MARKER_SIZE}
            axes.plot(points.volumes, points.energies, color=shade, linestyle="none", **symbol)
        axes.plot([], [], color=shade, linewidth=LINE_WIDTH, label=name, **symbol)
    label_patterns(axes, drawn)
    dress(axes, x="volume (Å³/atom)", y="energy (eV/atom)")
    legend_beside(axes)
    if reference:
        axes.set_title("lines: potential; symbols: reference", fontsize=SMALL_SIZE, color=GUIDE)
    return figure
