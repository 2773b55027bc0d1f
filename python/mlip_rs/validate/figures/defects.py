"""Figures of formation energies: compounds, surfaces, point defects, jumps, stacking faults, grain boundaries."""

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, Series, first_of, series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    GUIDE,
    SMALL_SIZE,
    dress,
    legend,
    legend_beside,
    marker,
    new_figure,
)
from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.compounds import Compounds
from mlip_rs.validate.grain_boundaries import GrainBoundaries
from mlip_rs.validate.point_defects import PointDefects, VacancyMigration
from mlip_rs.validate.stacking_faults import StackingFault
from mlip_rs.validate.surfaces import Surfaces

Bars = list[tuple[Series[object], dict[str, float]]]
"""Values by name of each series."""


def surface_bars(potentials: Results[Surfaces], reference: Surfaces | None = None) -> Figure:
    """Relaxed energies of the surfaces."""
    drawn = series(potentials, reference)
    bars: Bars = [(entry, {s.name: s.relaxed for s in entry.result.surfaces}) for entry in drawn]
    return _bars(bars, "surface energy (J/m²)")


def formation_bars(potentials: Results[Compounds], reference: Compounds | None = None) -> Figure:
    """Energies of formation of the compounds."""
    drawn = series(potentials, reference)
    bars: Bars = [
        (entry, {c.name: MEV_PER_EV * c.formation for c in entry.result.compounds}) for entry in drawn
    ]
    return _bars(bars, "energy of formation (meV/atom)")


def point_defect_bars(potentials: Results[PointDefects], reference: PointDefects | None = None) -> Figure:
    """Formation energies of the vacancy, divacancies and interstitials."""
    bars: Bars = [(entry, entry.result.energies) for entry in series(potentials, reference)]
    return _bars(bars, "formation energy (eV)")


def grain_boundary_angles(
    potentials: Results[GrainBoundaries], reference: GrainBoundaries | None = None
) -> Figure:
    """Energy against misorientation, a symbol for each axis; open symbols: the reference."""
    figure = new_figure(1.7 * COLUMN_WIDTH, 3.0)
    axes = figure.subplots()
    for entry in series(potentials, reference):
        for i, axis in enumerate(sorted({boundary.axis for boundary in entry.result.boundaries})):
            chosen = [boundary for boundary in entry.result.boundaries if boundary.axis == axis]
            angles, energies = [b.angle for b in chosen], [b.energy for b in chosen]
            label = f"[{' '.join(map(str, axis))}], {entry.label}".replace("-", "−")
            style = entry.symbol_style | {"marker": marker(i), "linestyle": "none"}
            axes.plot(angles, energies, label=label, **style)
    for boundary in first_of(potentials).boundaries:
        axes.annotate(
            boundary.name,
            (boundary.angle, boundary.energy),
            xytext=(0, 5),
            textcoords="offset points",
            ha="center",
            fontsize=SMALL_SIZE - 1,
        )
    dress(axes, x="misorientation (°)", y="boundary energy (J/m²)")
    axes.margins(x=0.12, y=0.12)
    axes.set_ylim(bottom=0.0)
    legend_beside(axes)
    return figure


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


def _bars(bars: Bars, label: str) -> Figure:
    names = list(dict.fromkeys(name for _, energies in bars for name in energies))
    height = 0.8 / len(bars)
    figure = new_figure(1.5 * COLUMN_WIDTH, 0.9 + (0.18 + 0.14 * len(bars)) * len(names))
    axes = figure.subplots()
    rows = np.arange(len(names))
    for k, (entry, energies) in enumerate(bars):
        values = [energies.get(name, np.nan) for name in names]
        axes.barh(
            rows + k * height,
            values,
            height=height,
            align="edge",
            color="white" if entry.is_reference else entry.color,
            edgecolor=entry.color,
            linewidth=0.8,
            label=entry.label,
        )
    axes.axvline(0.0, color=GUIDE, linewidth=0.8)
    axes.set_yticks(rows + 0.4, names)
    axes.invert_yaxis()
    dress(axes, x=label, y="")
    axes.tick_params(axis="y", length=0)
    if len(bars) > 1:
        legend_beside(axes)
    return figure
