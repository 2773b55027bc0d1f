"""Figures of a path of potentials: error against the number of coefficients and against cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from mlip_rs.errors import ConfigError, DataError
from mlip_rs.evaluate.errors import ENERGY_KEY, FORCE_KEY, Errors
from mlip_rs.fitting.pareto import pareto_front
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    LINE_WIDTH,
    MARKER_SIZE,
    NEUTRAL,
    SMALL_SIZE,
    color,
    dress,
    legend,
    marker,
    new_figure,
    plain,
)

_PANELS = ((ENERGY_KEY, "energy RMSE (meV/atom)"), (FORCE_KEY, "force RMSE (eV/Å)"))

_MARKS: tuple[tuple[str, float], ...] = (("*", 9.0), ("o", 12.0), ("s", 15.0))
"""Shapes and sizes of the points selected: they fit around each other."""

Pairs = list[tuple[float, float]]


@dataclass(frozen=True)
class ModelPoint:
    """One potential of a path: its size, cost (µs per atom and evaluation, if measured or predicted) and errors."""

    n_nonzero: int
    us_per_atom: float | None = None
    validation: Errors | None = None
    test: Errors | None = None
    label: str = ""
    predicted_us_per_atom: float | None = None

    @property
    def cost(self) -> float | None:
        """Predicted cost, else the measured one."""
        return self.us_per_atom if self.predicted_us_per_atom is None else self.predicted_us_per_atom

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "ModelPoint":
        """From one of the `points` of `mlip-rs pareto --json`."""
        try:
            cost, predicted = document.get("us_per_atom"), document.get("predicted_us_per_atom")
            parts = {key: document.get(key) for key in ("validation", "test")}
            return cls(
                n_nonzero=int(document["n_nonzero"]),
                us_per_atom=None if cost is None else float(cost),
                validation=None if parts["validation"] is None else Errors.from_dict(parts["validation"]),
                test=None if parts["test"] is None else Errors.from_dict(parts["test"]),
                label=str(document.get("potential") or ""),
                predicted_us_per_atom=None if predicted is None else float(predicted),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"not a point of a Pareto front: {error!r}") from error


def sparsity_path(points: Sequence[ModelPoint], *, selected: Mapping[str, int] | None = None) -> Figure:
    """Error against the number of nonzero coefficients: the figure of Seko et al., PRB 92, 054113 (2015).

    Parameters
    ----------
    points
        Potentials of a regularisation path, in any order.
    selected
        Index of the points to mark, by the name in the legend, such as knee and best.
    """
    order = sorted(range(len(points)), key=lambda i: points[i].n_nonzero)
    if not order:
        raise ConfigError("no potentials to draw a path of")
    figure = new_figure(2 * COLUMN_WIDTH, 2.7)
    for axes, (key, label) in zip(figure.subplots(1, 2), _PANELS, strict=True):
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
    front: Sequence[int] | None = None,
    peers: Sequence[ModelPoint] = (),
) -> Figure:
    """Error against cost per atom, with the front of a fit, or of the potentials that nothing beats in both.

    The cost is the predicted one where it is known, which choices go by; a thin line leads to the measured one.

    Parameters
    ----------
    points
        Potentials; those without a cost are left out.
    selected
        Index of the points to mark, by name.
    front
        Index of the points on the front of a fit: by its score, without those that failed their stress test. None
        takes those that nothing beats in cost and in the error of each panel.
    peers
        Other potentials to compare with, each with a label.
    """
    if not any(point.cost is not None for point in points):
        raise ConfigError("none of the potentials has a cost; run the benchmark first")
    figure = new_figure(2 * COLUMN_WIDTH, 2.7)
    for axes, (key, label) in zip(figure.subplots(1, 2), _PANELS, strict=True):
        measured = _measured(points, key)
        for point in points:
            error = _judged_error(point, key)
            if error is not None and point.us_per_atom and point.cost and point.us_per_atom != point.cost:
                axes.plot(
                    [point.cost, point.us_per_atom], [error] * 2, color=NEUTRAL, linewidth=0.6, zorder=0
                )
        drawn = _front(points, front, key)
        others = [pair for pair in measured if pair not in drawn]
        if others:
            axes.plot(
                *zip(*others, strict=True), "o", color=NEUTRAL, ms=MARKER_SIZE - 1, label="not on the front"
            )
        if drawn:
            axes.plot(
                *zip(*drawn, strict=True),
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
        _mark_selected(axes, points, selected or {}, key, lambda point: point.cost)
        _plain_log_ticks(axes)
        legend(axes, location="upper right")
    return figure


def predicted_cost(points: Sequence[ModelPoint]) -> Figure:
    """Predicted against measured cost of the potentials of a path, with a band of ± 20 %."""
    known = [(p.us_per_atom, p.predicted_us_per_atom) for p in points]
    pairs = np.array([pair for pair in known if None not in pair], dtype=float).reshape(-1, 2)
    if not len(pairs):
        raise ConfigError("no potential has a measured and a predicted cost")
    figure = new_figure(COLUMN_WIDTH, 2.7)
    axes = figure.subplots()
    ends = np.array([pairs.min(), pairs.max()])
    axes.fill_between(ends, 0.8 * ends, 1.2 * ends, color=NEUTRAL, alpha=0.3, linewidth=0.0, label="± 20 %")
    axes.plot(*pairs.T, "o", color=color(0), ms=MARKER_SIZE - 0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    dress(axes, x="measured time (µs/atom)", y="predicted time (µs/atom)")
    _plain_log_ticks(axes)
    legend(axes, location="lower right")
    return figure


def sparsity_paths(
    paths: Mapping[str, Sequence[ModelPoint]], *, selected: Mapping[str, Mapping[str, int]] | None = None
) -> Figure:
    """Validation error against the number of nonzero coefficients of several paths, such as the hierarchies.

    Parameters
    ----------
    paths
        Potentials of each regularisation path, in any order, by the name in the legend.
    selected
        By the same names: index of the points to mark, by what is said of them in the legend.
    """

    def drawn(name: str, key: str) -> Pairs:
        known = ((float(point.n_nonzero), _judged_error(point, key)) for point in paths[name])
        return sorted((n, error) for n, error in known if error is not None)

    return _several(
        "nonzero coefficients", "default", paths, drawn, lambda point: float(point.n_nonzero), selected or {}
    )


def pareto_fronts(
    paths: Mapping[str, Sequence[ModelPoint]],
    *,
    fronts: Mapping[str, Sequence[int]] | None = None,
    selected: Mapping[str, Mapping[str, int]] | None = None,
) -> Figure:
    """Validation error against cost, predicted where that is known: the front of each of several paths.

    Parameters
    ----------
    paths
        Potentials of each path by the name in the legend; those without a cost are left out.
    fronts
        By the same names: index of the points on the front of each fit, as for `pareto`.
    selected
        By the same names: index of the points to mark, by what is said of them in the legend.
    """

    def drawn(name: str, key: str) -> Pairs:
        return _front(paths[name], None if fronts is None else fronts[name], key)

    return _several(
        "time per atom and evaluation (µs)",
        "steps-post",
        paths,
        drawn,
        lambda point: point.cost,
        selected or {},
    )


def _several(
    x: str,
    draw_style: Literal["default", "steps-post"],
    paths: Mapping[str, Sequence[ModelPoint]],
    drawn: Callable[[str, str], Pairs],
    abscissa: Callable[[ModelPoint], float | None],
    selected: Mapping[str, Mapping[str, int]],
) -> Figure:
    """One line per path in a panel per property, the selected points marked, one legend above."""
    if not any(drawn(name, key) for name in paths for key, _ in _PANELS):
        raise ConfigError("no potentials to draw")
    figure = new_figure(2 * COLUMN_WIDTH, 3.2)
    marks = list(dict.fromkeys(mark for marked in selected.values() for mark in marked))
    for axes, (key, label) in zip(figure.subplots(1, 2), _PANELS, strict=True):
        for i, (name, points) in enumerate(paths.items()):
            pairs = drawn(name, key)
            if pairs:
                (line,) = axes.plot(
                    *zip(*pairs, strict=True),
                    f"{marker(i)}-",
                    color=color(i),
                    label=plain(name),
                    ms=3.0,
                    mew=0.0,
                )
                line.set(drawstyle=draw_style, linewidth=1.0)
            for mark, index in selected.get(name, {}).items():
                position, error = abscissa(points[index]), _judged_error(points[index], key)
                if position is not None and error is not None:
                    _mark(axes, marks.index(mark), [position], [error], color(i))
        axes.set_xscale("log")
        dress(axes, x=x, y=label)
        _error_scale(axes)
        _plain_log_ticks(axes)
    handles, labels = axes.get_legend_handles_labels()
    for i, name in enumerate(marks):
        handles.append(_mark(axes, i, [], [], "white"))
        labels.append(name)
    figure.legend(
        handles, labels, loc="outside upper center", ncols=len(labels), fontsize=SMALL_SIZE, frameon=False
    )
    return figure


def _mark(axes: Axes, number: int, x: list[float], y: list[float], shade: str) -> Line2D:
    shape, size = _MARKS[number % len(_MARKS)]
    fill = shade if number == 0 else "none"
    (line,) = axes.plot(
        x, y, shape, ms=size, mfc=fill, mec="black", mew=0.9, linestyle="none", zorder=6 - number
    )
    return line


def _rmse(point: ModelPoint, part: str, key: str) -> float | None:
    errors = point.validation if part == "validation" else point.test
    summary = None if errors is None else errors.summary(key)
    return None if summary is None else summary.rmse


def _judged_error(point: ModelPoint, key: str) -> float | None:
    """Error that the choice is made by: of the validation set, else of the test set."""
    validation = _rmse(point, "validation", key)
    return validation if validation is not None else _rmse(point, "test", key)


def _cost_and_error(point: ModelPoint, key: str) -> tuple[float | None, float | None]:
    return point.cost, _judged_error(point, key)


def _measured(points: Sequence[ModelPoint], key: str) -> Pairs:
    """Cost and error of the points that have both."""
    known = (_cost_and_error(point, key) for point in points)
    return [(cost, error) for cost, error in known if cost and error is not None]


def _front(points: Sequence[ModelPoint], front: Sequence[int] | None, key: str) -> Pairs:
    """Cost and error of the points on the front of a fit; without one, of those that none beats in both, by cost."""
    if front is not None:
        return _measured([points[k] for k in front], key)
    pairs = _measured(points, key)
    return [pairs[k] for k in pareto_front(pairs)]


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
        _mark(axes, i, [x], [y], "white").set_label(name)


def _error_scale(axes: Axes) -> None:
    """Logarithmic where the errors span more than a factor of eight, else linear from zero."""
    heights = np.array([float(y) for line in axes.get_lines() for y in np.asarray(line.get_ydata())] or [1.0])
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
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 300 * low else (1.0,)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
