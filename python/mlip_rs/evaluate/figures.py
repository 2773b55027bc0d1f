"""Figures of errors on labelled structures: parity plots, and errors by kind of structure."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from mlip_rs.errors import ConfigError, DataError
from mlip_rs.evaluate.errors import ENERGY_KEY, FORCE_KEY, STRESS_KEY, Errors, ErrorSummary, error_summary
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    GUIDE,
    NEUTRAL,
    SMALL_SIZE,
    color,
    dress,
    legend,
    new_figure,
    plain,
    span,
)
from mlip_rs.units import MEV_PER_EV

MAX_GROUPS = 6
"""Groups with a colour of their own in a parity plot: the largest; the others share grey."""

RASTER_THRESHOLD = 2000
"""Points beyond which a cloud is stored as pixels inside a vector graphic."""


def parity(
    reference: ArrayLike, predicted: ArrayLike, *, label: str, unit: str, groups: Sequence[str] | None = None
) -> Figure:
    """Predictions against labels, with the errors below on a scale of their own.

    Parameters
    ----------
    reference, predicted
        Values, flattened to (n,), in `unit`.
    label, unit
        Name of the quantity and its unit, for the axes.
    groups
        Kind of each value (n,), such as its `config_type`; None: coloured by density.

    Raises
    ------
    DataError
        The arrays do not match, are empty or not finite.
    """
    x, y = np.ravel(np.asarray(reference, dtype=float)), np.ravel(np.asarray(predicted, dtype=float))
    summary = error_summary(y, x)
    if groups is not None and len(groups) != len(x):
        raise DataError(f"{len(groups)} groups for {len(x)} values")
    scale, small_unit = (
        (MEV_PER_EV, f"m{unit}") if unit.startswith("eV") and summary.rmse < 0.1 else (1.0, unit)
    )
    figure = new_figure(COLUMN_WIDTH, 4.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    limits = span([float(min(x.min(), y.min())), float(max(x.max(), y.max()))])
    upper.plot(limits, limits, color=GUIDE, linewidth=0.8, zorder=1)
    lower.axhline(0.0, color=GUIDE, linewidth=0.8, zorder=1)
    if groups is None:
        _density_cloud(upper, x, y, by=(x, y))
        _density_cloud(lower, x, scale * (y - x), by=(x, y))
    else:
        _grouped_clouds((upper, lower), x, (y, scale * (y - x)), np.asarray(groups, dtype=str))
        legend(upper, location="lower right", marker_scale=2.0)
    upper.set_xlim(limits)
    upper.set_ylim(limits)
    lower.set_ylim(*(1.08 * scale * summary.max * sign if summary.max > 0 else sign for sign in (-1, 1)))
    dress(upper, x="", y=f"{label}, predicted ({unit})")
    dress(lower, x=f"{label}, reference ({unit})", y=f"error ({small_unit})")
    text = (
        f"RMSE {scale * summary.rmse:.3g} {small_unit}\n"
        f"MAE {scale * summary.mae:.3g} {small_unit}\n{len(x):,} values"
    )
    upper.text(0.04, 0.96, text, transform=upper.transAxes, va="top", fontsize=SMALL_SIZE)
    figure.align_ylabels([upper, lower])
    return figure


def error_by_config_type(errors: Errors) -> Figure:
    """RMSE (bars) and MAE (lines across them) of each kind of structure, the worst in energy on top."""
    if not errors.by_config_type:
        raise ConfigError("the errors are not broken down by config_type")
    names = sorted(errors.by_config_type, key=lambda name: _size(errors.by_config_type[name].energy))
    candidates = (
        (ENERGY_KEY, "energy error (meV/atom)"),
        (FORCE_KEY, "force error (eV/Å)"),
        (STRESS_KEY, "stress error (GPa)"),
    )
    groups = errors.by_config_type
    properties = [
        (key, label) for key, label in candidates if any(group.summary(key) for group in groups.values())
    ]
    figure = new_figure(1.2 + 1.9 * len(properties), 0.9 + 0.19 * len(names))
    panels = np.atleast_1d(np.asarray(figure.subplots(1, len(properties), sharey=True), dtype=object))
    rows = np.arange(len(names))
    for i, (axes, (key, label)) in enumerate(zip(panels, properties, strict=True)):
        summaries = [groups[name].summary(key) for name in names]
        axes.barh(rows, [_size(s) for s in summaries], color=color(i), alpha=0.75, height=0.7, label="RMSE")
        known = [(row, s.mae) for row, s in zip(rows, summaries, strict=True) if s is not None]
        axes.plot(
            [m for _, m in known], [r for r, _ in known], "|", color="black", ms=7, mew=1.3, label="MAE"
        )
        overall = errors.summary(key)
        if overall is not None:
            axes.axvline(overall.rmse, color=GUIDE, linewidth=0.9, linestyle=":", label="RMSE of all")
        dress(axes, x=label, y="")
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(left=0.0)
    panels[0].set_yticks(rows, [plain(name) for name in names])
    panels[0].set_ylim(-0.6, len(names) - 0.4)
    legend(panels[0], location="lower right")
    return figure


def _density_cloud(
    axes: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    by: tuple[NDArray[np.float64], NDArray[np.float64]],
) -> PathCollection:
    """Points coloured by how many share their bin of a 60 × 60 grid over `by`, the crowded ones on top."""
    counts, edges_x, edges_y = np.histogram2d(*by, bins=60)
    column = np.clip(np.searchsorted(edges_x, by[0], side="right") - 1, 0, 59)
    row = np.clip(np.searchsorted(edges_y, by[1], side="right") - 1, 0, 59)
    density = np.log10(counts[column, row])
    order = np.argsort(density, kind="stable")
    return axes.scatter(
        x[order],
        y[order],
        c=density[order],
        cmap="cividis",
        s=5,
        linewidths=0,
        zorder=2,
        rasterized=len(x) > RASTER_THRESHOLD,
    )


def _grouped_clouds(
    panels: tuple[Axes, Axes],
    x: NDArray[np.float64],
    ordinates: tuple[NDArray[np.float64], NDArray[np.float64]],
    groups: NDArray[np.str_],
) -> None:
    names, counts = np.unique(groups, return_counts=True)
    largest = [str(name) for name in names[np.argsort(-counts, kind="stable")]]
    kept = largest if len(largest) <= MAX_GROUPS else largest[: MAX_GROUPS - 1]
    other = ~np.isin(groups, kept)
    series = [(groups == name, color(i), name) for i, name in enumerate(kept)]
    if other.any():
        series.insert(0, (other, NEUTRAL, f"{len(largest) - len(kept)} others"))
    pixels = len(x) > RASTER_THRESHOLD
    for mask, shade, name in series:
        for axes, y in zip(panels, ordinates, strict=True):
            axes.scatter(
                x[mask],
                y[mask],
                s=7,
                color=shade,
                alpha=0.7,
                linewidths=0,
                label=plain(name),
                zorder=2,
                rasterized=pixels,
            )


def _size(summary: ErrorSummary | None) -> float:
    return 0.0 if summary is None else summary.rmse
