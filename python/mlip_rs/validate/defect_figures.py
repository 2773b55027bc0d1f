"""Figures of formation energies: compounds, surfaces, point defects, jumps, stacking faults, grain boundaries."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.compounds import Compounds
from mlip_rs.validate.grain_boundaries import GrainBoundaries
from mlip_rs.validate.point_defects import PointDefects, VacancyMigration
from mlip_rs.validate.stacking_faults import StackingFault
from mlip_rs.validate.style import (
    COLUMN_WIDTH,
    LINE_WIDTH,
    MARKER_SIZE,
    SMALL_SIZE,
    color,
    dress,
    legend,
    marker,
    new_figure,
)
from mlip_rs.validate.surfaces import Surfaces

T = TypeVar("T")

_LABELS = ("potential", "reference")


def surface_bars(potential: Surfaces, reference: Surfaces | None = None) -> Figure:
    """Relaxed energies of the surfaces."""
    series = [{s.name: s.relaxed for s in found.surfaces} for found in _known(potential, reference)]
    return _bars(series, "surface energy (J/m²)")


def formation_bars(potential: Compounds, reference: Compounds | None = None) -> Figure:
    """Energies of formation of the compounds."""
    series = [
        {c.name: MEV_PER_EV * c.formation for c in found.compounds} for found in _known(potential, reference)
    ]
    return _bars(series, "energy of formation (meV/atom)")


def point_defect_bars(potential: PointDefects, reference: PointDefects | None = None) -> Figure:
    """Formation energies of the vacancy, divacancies and interstitials."""
    series = []
    for found in _known(potential, reference):
        energies = {"vacancy": found.vacancy}
        energies |= {f"divacancy, {d.name}": d.energy for d in found.divacancies}
        series.append(energies | {d.name: d.energy for d in found.interstitials})
    return _bars(series, "formation energy (eV)")


def grain_boundary_angles(potential: GrainBoundaries, reference: GrainBoundaries | None = None) -> Figure:
    """Energy against misorientation, a symbol for each boundary; open symbols: the reference."""
    figure = new_figure(1.5 * COLUMN_WIDTH, 2.8)
    axes = figure.subplots()
    for k, found in enumerate(_known(potential, reference)):
        for i, axis in enumerate(sorted({boundary.axis for boundary in found.boundaries})):
            chosen = [boundary for boundary in found.boundaries if boundary.axis == axis]
            angles, energies = [b.angle for b in chosen], [b.energy for b in chosen]
            label = f"[{' '.join(map(str, axis))}], {_LABELS[k]}".replace("-", "−")
            face = "white" if k else color(i)
            axes.plot(angles, energies, marker(i), color=color(i), mfc=face, ms=MARKER_SIZE, label=label)
            for boundary in chosen if k == 0 else ():
                axes.annotate(boundary.name, (boundary.angle, boundary.energy), fontsize=SMALL_SIZE)
    dress(axes, x="misorientation (°)", y="boundary energy (J/m²)")
    axes.set_ylim(bottom=0.0)
    legend(axes)
    return figure


def migration_path(potential: VacancyMigration, reference: VacancyMigration | None = None) -> Figure:
    """Energy of the images against the share of the path."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for k, found in enumerate(_known(potential, reference)):
        share = np.array(found.coordinates) / found.coordinates[-1]
        axes.plot(
            share,
            found.energies,
            f"-{marker(k)}",
            color=color(k),
            ms=MARKER_SIZE,
            lw=LINE_WIDTH,
            label=_LABELS[k],
        )
    dress(axes, x="share of the path", y="energy (eV)")
    legend(axes)
    return figure


def fault_curve(potential: StackingFault, reference: StackingFault | None = None) -> Figure:
    """Fault energy against slip."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for k, found in enumerate(_known(potential, reference)):
        axes.plot(
            found.slips,
            1000 * np.array(found.energies),
            f"-{marker(k)}",
            color=color(k),
            ms=MARKER_SIZE,
            lw=LINE_WIDTH,
            label=_LABELS[k],
        )
    dress(axes, x=f"slip {potential.system}", y="fault energy (mJ/m²)")
    legend(axes)
    return figure


def _bars(series: Sequence[dict[str, float]], label: str) -> Figure:
    names = list(dict.fromkeys(name for energies in series for name in energies))
    figure = new_figure(1.5 * COLUMN_WIDTH, 0.8 + 0.3 * len(names))
    axes = figure.subplots()
    rows, height = np.arange(len(names)), 0.8 / len(series)
    for k, energies in enumerate(series):
        values = [energies.get(name, np.nan) for name in names]
        axes.barh(rows + k * height, values, height=height, align="edge", color=color(k), label=_LABELS[k])
    axes.set_yticks(rows + 0.4, names)
    axes.invert_yaxis()
    dress(axes, x=label, y="")
    legend(axes)
    return figure


def _known(potential: T, reference: T | None) -> list[T]:
    return [potential] if reference is None else [potential, reference]
