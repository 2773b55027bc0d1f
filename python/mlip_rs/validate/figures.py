"""Figures of a paper: parity, energy–volume curves, error against sparsity, against cost and by kind of structure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter
from mlip_rs.errors import ConfigError, DataError
from mlip_rs.validate.eos import EnergyVolumeFit
from mlip_rs.validate.metrics import ENERGY_KEY, FORCE_KEY, STRESS_KEY, Errors, ErrorSummary, error_summary
from mlip_rs.validate.style import (
    COLUMN_WIDTH,
    GUIDE,
    LINE_WIDTH,
    MARKER_SIZE,
    NEUTRAL,
    SMALL_SIZE,
    color,
    dress,
    legend,
    marker,
    new_figure,
    span,
)
from numpy.typing import ArrayLike, NDArray

MAX_GROUPS = 6
"""Groups with a colour of their own in a parity plot: the largest; the others share grey."""

RASTER_THRESHOLD = 2000
"""Points beyond which a cloud is stored as pixels inside a vector graphic."""

_ENERGY_LABEL = "energy RMSE (meV/atom)"
_FORCE_LABEL = "force RMSE (eV/Å)"


@dataclass(frozen=True)
class ModelPoint:
    """One potential of a path: its size, cost (µs per atom and evaluation, if measured) and errors."""

    n_nonzero: int
    us_per_atom: float | None = None
    validation: Errors | None = None
    test: Errors | None = None
    label: str = ""

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "ModelPoint":
        """From one of the `points` of `mlip-rs pareto --json`."""
        try:
            cost = document.get("us_per_atom")
            parts = {key: document.get(key) for key in ("validation", "test")}
            return cls(
                n_nonzero=int(document["n_nonzero"]),
                us_per_atom=None if cost is None else float(cost),
                validation=None if parts["validation"] is None else Errors.from_dict(parts["validation"]),
                test=None if parts["test"] is None else Errors.from_dict(parts["test"]),
                label=str(document.get("potential") or ""),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"not a point of a Pareto front: {error!r}") from error


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
    figure = new_figure(COLUMN_WIDTH, 4.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    limits = span([float(min(x.min(), y.min())), float(max(x.max(), y.max()))])
    upper.plot(limits, limits, color=GUIDE, linewidth=0.8, zorder=1)
    lower.axhline(0.0, color=GUIDE, linewidth=0.8, zorder=1)
    if groups is None:
        _density_cloud(upper, x, y, by=(x, y))
        _density_cloud(lower, x, y - x, by=(x, y))
    else:
        _grouped_clouds(upper, lower, x, y, np.asarray(groups, dtype=str))
        legend(upper, location="lower right")
    upper.set_xlim(limits)
    upper.set_ylim(limits)
    lower.set_ylim(*(1.08 * summary.max * sign if summary.max > 0 else sign for sign in (-1, 1)))
    dress(upper, x="", y=f"{label}, predicted ({unit})")
    dress(lower, x=f"{label}, reference ({unit})", y=f"error ({unit})")
    text = f"RMSE {summary.rmse:.3g} {unit}\nMAE {summary.mae:.3g} {unit}\n{len(x):,} values"
    upper.text(0.04, 0.96, text, transform=upper.transAxes, va="top", fontsize=SMALL_SIZE)
    figure.align_ylabels([upper, lower])
    return figure


def energy_volume_curves(
    potential: Mapping[str, EnergyVolumeFit], reference: Mapping[str, EnergyVolumeFit]
) -> Figure:
    """Energy against volume: lines and small dots the potential, open symbols the reference.

    Parameters
    ----------
    potential, reference
        Curves by crystal structure, energies in eV/atom on the same zero (the isolated atom).
    """
    names = list(dict.fromkeys((*reference, *potential)))
    if not names:
        raise ConfigError("no energy–volume curves to draw")
    figure = new_figure(COLUMN_WIDTH, 2.9)
    axes = figure.subplots()
    for i, name in enumerate(names):
        shade = color(i)
        if name in potential:
            fit = potential[name]
            volumes = np.linspace(min(fit.volumes), max(fit.volumes), 200)
            axes.plot(volumes, fit.energy(volumes), color=shade, linewidth=LINE_WIDTH)
        if name in reference:
            points = reference[name]
            axes.plot(
                points.volumes,
                points.energies,
                marker(i),
                color=shade,
                mfc="white",
                mew=1.1,
                ms=MARKER_SIZE + 0.5,
            )
        axes.plot([], [], f"-{marker(i)}", color=shade, mfc="white", mew=1.1, ms=MARKER_SIZE, label=name)
    dress(axes, x="volume (Å³/atom)", y="energy (eV/atom)")
    legend(axes, location="upper center", columns=min(3, len(names)))
    axes.annotate(
        "lines: potential; symbols: reference",
        (0.5, 1.01),
        xycoords="axes fraction",
        ha="center",
        va="bottom",
        fontsize=SMALL_SIZE - 0.5,
        color=GUIDE,
    )
    return figure


def sparsity_path(points: Sequence[ModelPoint], *, selected: Mapping[str, int] | None = None) -> Figure:
    """Error against the number of nonzero coefficients: the figure of Seko et al., PRB 92, 054113 (2015).

    Parameters
    ----------
    points
        Potentials of a regularisation path, in any order.
    selected
        Index of the points to mark, by the name that is written at the mark, such as knee and best.
    """
    order = sorted(range(len(points)), key=lambda i: points[i].n_nonzero)
    if not order:
        raise ConfigError("no potentials to draw a path of")
    figure = new_figure(2 * COLUMN_WIDTH, 2.7)
    for axes, key, label in zip(
        figure.subplots(1, 2), (ENERGY_KEY, FORCE_KEY), (_ENERGY_LABEL, _FORCE_LABEL), strict=True
    ):
        for i, part in enumerate(("validation", "test")):
            pairs = [(points[j].n_nonzero, _rmse(points[j], part, key)) for j in order]
            known = [(n, value) for n, value in pairs if value is not None]
            if known:
                style = "-" if part == "validation" else "--"
                axes.plot(
                    *zip(*known, strict=True),
                    f"{marker(i)}{style}",
                    color=color(i),
                    label=part,
                    linewidth=LINE_WIDTH,
                    ms=MARKER_SIZE - 0.8,
                )
        axes.set_xscale("log")
        dress(axes, x="nonzero coefficients", y=label)
        _error_scale(axes)
        _mark_selected(axes, points, selected or {}, key, lambda point: float(point.n_nonzero))
        _plain_log_ticks(axes)
        legend(axes, location="upper right")
    return figure


def pareto(
    points: Sequence[ModelPoint],
    *,
    selected: Mapping[str, int] | None = None,
    peers: Sequence[ModelPoint] = (),
) -> Figure:
    """Error against measured cost per atom, with the front of the potentials that nothing beats in both.

    Parameters
    ----------
    points
        Potentials; those without a measured cost are left out.
    selected
        Index of the points to mark, by name.
    peers
        Other potentials to compare with, each with a label.
    """
    if not any(point.us_per_atom is not None for point in points):
        raise ConfigError("none of the potentials has a measured cost; run the benchmark first")
    figure = new_figure(2 * COLUMN_WIDTH, 2.7)
    for axes, key, label in zip(
        figure.subplots(1, 2), (ENERGY_KEY, FORCE_KEY), (_ENERGY_LABEL, _FORCE_LABEL), strict=True
    ):
        measured = [
            (c, e) for c, e in (_cost_and_error(point, key) for point in points) if c and e is not None
        ]
        front = _front(measured)
        others = [pair for pair in measured if pair not in front]
        if others:
            axes.plot(*zip(*others, strict=True), "o", color=NEUTRAL, ms=MARKER_SIZE - 1, label="dominated")
        if front:
            axes.plot(
                *zip(*front, strict=True),
                "o-",
                color=color(0),
                ms=MARKER_SIZE,
                linewidth=LINE_WIDTH,
                label="Pareto front",
            )
        for i, peer in enumerate(peers):
            cost, error = _cost_and_error(peer, key)
            if cost and error is not None:
                axes.plot(
                    [cost], [error], marker(i + 1), color=color(i + 1), ms=MARKER_SIZE + 1, label=peer.label
                )
        axes.set_xscale("log")
        dress(axes, x="time per atom and evaluation (µs)", y=label)
        _error_scale(axes)
        _mark_selected(axes, points, selected or {}, key, lambda point: point.us_per_atom)
        _plain_log_ticks(axes)
        legend(axes, location="upper right")
    return figure


def error_by_config_type(errors: Errors) -> Figure:
    """RMSE (bars) and MAE (lines across them) of each kind of structure, the worst in energy on top."""
    if not errors.by_config_type:
        raise ConfigError("the errors are not broken down by config_type")
    names = sorted(errors.by_config_type, key=lambda name: _size(errors.by_config_type[name].energy))
    properties = [
        (key, label, pick)
        for key, label, pick in (
            (ENERGY_KEY, "energy error (meV/atom)", lambda e: e.energy),
            (FORCE_KEY, "force error (eV/Å)", lambda e: e.forces),
            (STRESS_KEY, "stress error (GPa)", lambda e: e.stress),
        )
        if any(pick(group) is not None for group in errors.by_config_type.values())
    ]
    figure = new_figure(1.2 + 1.9 * len(properties), 0.9 + 0.19 * len(names))
    panels = np.atleast_1d(np.asarray(figure.subplots(1, len(properties), sharey=True), dtype=object))
    rows = np.arange(len(names))
    for i, (axes, (_, label, pick)) in enumerate(zip(panels, properties, strict=True)):
        summaries = [pick(errors.by_config_type[name]) for name in names]
        axes.barh(rows, [_size(s) for s in summaries], color=color(i), alpha=0.75, height=0.7, label="RMSE")
        known = [(row, s.mae) for row, s in zip(rows, summaries, strict=True) if s is not None]
        axes.plot(
            [m for _, m in known], [r for r, _ in known], "|", color="black", ms=7, mew=1.3, label="MAE"
        )
        overall = pick(errors)
        if overall is not None:
            axes.axvline(overall.rmse, color=GUIDE, linewidth=0.9, linestyle=":", label="RMSE of all")
        dress(axes, x=label, y="")
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(left=0.0)
    panels[0].set_yticks(rows, names)
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
    upper: Axes, lower: Axes, x: NDArray[np.float64], y: NDArray[np.float64], groups: NDArray[np.str_]
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
        for axes, values in ((upper, y[mask]), (lower, (y - x)[mask])):
            axes.scatter(
                x[mask],
                values,
                s=7,
                color=shade,
                alpha=0.7,
                linewidths=0,
                label=name,
                zorder=2,
                rasterized=pixels,
            )


def _summary(errors: Errors | None, key: str) -> ErrorSummary | None:
    if errors is None:
        return None
    return {ENERGY_KEY: errors.energy, FORCE_KEY: errors.forces, STRESS_KEY: errors.stress}[key]


def _rmse(point: ModelPoint, part: str, key: str) -> float | None:
    summary = _summary(point.validation if part == "validation" else point.test, key)
    return None if summary is None else summary.rmse


def _judged_error(point: ModelPoint, key: str) -> float | None:
    """Error that the choice is made by: of the validation set, else of the test set."""
    validation = _rmse(point, "validation", key)
    return validation if validation is not None else _rmse(point, "test", key)


def _cost_and_error(point: ModelPoint, key: str) -> tuple[float | None, float | None]:
    return point.us_per_atom, _judged_error(point, key)


def _front(pairs: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Pairs of cost and error that no other beats in both, by cost."""
    front: list[tuple[float, float]] = []
    for cost, error in sorted(set(pairs)):
        if not front or error < front[-1][1]:
            front.append((cost, error))
    return front


def _mark_selected(
    axes: Axes,
    points: Sequence[ModelPoint],
    selected: Mapping[str, int],
    key: str,
    abscissa: Callable[[ModelPoint], float | None],
) -> None:
    for i, (name, index) in enumerate(selected.items()):
        if not 0 <= index < len(points):
            raise ConfigError(f"selected point {name!r} is number {index} of {len(points)}")
        x, y = abscissa(points[index]), _judged_error(points[index], key)
        if x is None or y is None:
            continue
        axes.plot([x], [y], "o", mfc="none", mec="black", ms=MARKER_SIZE + 5, mew=1.1, zorder=5)
        axes.annotate(
            name,
            (x, y),
            xytext=(0, 16 + 11 * (i % 2)),
            textcoords="offset points",
            ha="center",
            fontsize=SMALL_SIZE,
            arrowprops={"arrowstyle": "-", "linewidth": 0.6, "shrinkB": 5},
        )


def _error_scale(axes: Axes) -> None:
    """Logarithmic where the errors span more than a factor of eight, else linear from zero."""
    heights = np.concatenate(
        [np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()] or [[1.0]]
    )
    if heights.min() > 0 and heights.max() > 8 * heights.min():
        axes.set_yscale("log")
        axes.set_ylim(heights.min() / 1.5, heights.max() * 1.6)
    else:
        axes.set_ylim(0.0, 1.25 * float(heights.max()))


def _plain_log_ticks(axes: Axes) -> None:
    """Write 0.1, 2, 500 rather than powers of ten, at 1, 2 and 5 of each decade if there are few of them."""
    for axis, scale, (low, high) in (
        (axes.xaxis, axes.get_xscale(), axes.get_xlim()),
        (axes.yaxis, axes.get_yscale(), axes.get_ylim()),
    ):
        if scale != "log":
            continue
        formatter = ScalarFormatter()
        formatter.set_scientific(False)
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 300 * low else (1.0,)))
        axis.set_major_formatter(formatter)
        axis.set_minor_formatter(NullFormatter())


def _size(summary: ErrorSummary | None) -> float:
    return 0.0 if summary is None else summary.rmse
