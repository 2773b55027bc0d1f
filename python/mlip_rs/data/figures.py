"""Figures of a dataset: the range of structures, energies and forces that a potential is fitted to."""

from collections.abc import Callable

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlip_rs.data.dataset import Dataset
from mlip_rs.data.distances import nearest_distances
from mlip_rs.data.summary import DataSummary
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA

LEGEND_ROWS: int = 20
"""Entries in one column of a legend."""

_COLOR = "#33658a"
_MARKERS = "osD^vPX<>h"


def figures(dataset: Dataset, summary: DataSummary) -> dict[str, Figure]:
    """Draw all figures for which the dataset has labels, by name.

    Returns
    -------
    "energy_volume" : energy against volume per atom, by config type.
    "forces" : distribution of the lengths of the forces.
    "distances" : distribution of nearest-neighbour distances.
    "stresses" : distribution of normal and shear stresses.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset, summarize
    >>> from mlip_rs.demo import DATA_PATH
    >>> dataset = read_dataset(DATA_PATH, index="::16")
    >>> list(figures(dataset, summarize(dataset)))
    ['energy_volume', 'forces', 'distances', 'stresses']
    """
    candidates: dict[str, Callable[[Dataset, DataSummary], Figure | None]] = {
        "energy_volume": _energy_volume,
        "forces": _forces,
        "distances": _distances,
        "stresses": _stresses,
    }
    drawn = {name: draw(dataset, summary) for name, draw in candidates.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}


def _energies_by_config_type(dataset: Dataset, summary: DataSummary) -> dict[str, list[tuple[float, float]]]:
    """Volume (Å³/atom) and energy (eV/atom) of each structure that has both, isolated atoms left out."""
    points: dict[str, list[tuple[float, float]]] = {}
    isolated = {index for frames in summary.isolated_atoms.values() for index in frames}
    for index, frame in enumerate(dataset):
        if frame.energy is None or frame.volume is None or summary.reference is None or index in isolated:
            continue
        energy = (frame.energy - summary.reference.of(frame)) / frame.n_atoms
        points.setdefault(frame.config_type, []).append((frame.volume / frame.n_atoms, energy))
    return points


def _energy_volume(dataset: Dataset, summary: DataSummary) -> Figure | None:
    points = _energies_by_config_type(dataset, summary)
    if not points:
        return None
    columns = -(-len(points) // LEGEND_ROWS)
    longest = max(len(name) for name in points)
    beside = 0.0 if len(points) == 1 else 0.55 + columns * (0.35 + 0.075 * longest)
    figure, axes = _panel(width=5.0 + beside)
    colors = _colors(len(points))
    values = np.concatenate([np.array(pairs) for pairs in points.values()])
    few = len(values) < 600
    from mlip_rs.plot.style import plain

    names = sorted(points, key=str.lower)
    # the largest kinds first, so that they do not cover the small ones
    by_size = sorted(range(len(points)), key=lambda position: -len(points[names[position]]))
    for order, position in enumerate(by_size):
        pairs = np.array(points[names[position]])
        axes.plot(
            pairs[:, 0],
            pairs[:, 1],
            linestyle="none",
            marker=_MARKERS[position % len(_MARKERS)],
            markersize=5.0 if few else 3.5,
            markeredgewidth=0.3,
            markeredgecolor="white",
            color=colors[position],
            alpha=0.9,
            zorder=2 + order,
            label=plain(f"{names[position]} ({len(pairs)})"),
        )
    volumes = values[:, 0]
    if volumes.max() > 4.0 * volumes.min():
        axes.set_xscale("log")
        ticks = _round_ticks(float(volumes.min()), float(volumes.max()))
        axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
    axes.set_xlabel("volume (Å³/atom)")
    given = summary.reference is not None and summary.reference.source != "fitted"
    axes.set_ylabel(
        "energy above isolated atoms (eV/atom)" if given else "energy above fitted reference (eV/atom)"
    )
    if len(points) > 1:
        handles, labels = axes.get_legend_handles_labels()
        chosen = sorted(range(len(labels)), key=lambda position: labels[position].lower())
        axes.legend(
            [handles[position] for position in chosen],
            [labels[position] for position in chosen],
            loc="center left",
            bbox_to_anchor=(1.01, 0.5),
            ncols=columns,
            fontsize=8,
            frameon=False,
            borderaxespad=0.2,
            handletextpad=0.2,
            columnspacing=1.0,
        )
    return figure


def _forces(dataset: Dataset, summary: DataSummary) -> Figure | None:
    lengths = [np.linalg.norm(frame.forces, axis=1) for frame in dataset if frame.forces is not None]
    if not lengths:
        return None
    figure, axes = _panel()
    _histogram(axes, np.concatenate(lengths))
    axes.set_xlabel("|force| (eV/Å)")
    axes.set_ylabel("atoms")
    axes.set_yscale("log")
    limit = summary.limits.max_force
    if summary.total.max_force is not None and summary.total.max_force > limit:
        axes.axvline(limit, color="black", linewidth=0.8, linestyle="--", label="limit of outliers")
        axes.legend(fontsize=8, frameon=False)
    return figure


def _distances(dataset: Dataset, summary: DataSummary) -> Figure | None:
    nearest = np.concatenate(
        [nearest_distances(frame.positions, frame.cell, frame.pbc) for frame in dataset] or [np.empty(0)]
    )
    nearest = nearest[np.isfinite(nearest)]
    if not len(nearest):
        return None
    figure, axes = _panel()
    _histogram(axes, nearest)
    axes.set_xlabel("distance of nearest neighbour (Å)")
    axes.set_ylabel("atoms")
    shortest = summary.total.nearest_distance
    if shortest is not None:
        axes.text(
            0.02,
            0.97,
            f"shortest {shortest.low:.2f} Å",
            transform=axes.transAxes,
            va="top",
            fontsize=9,
            color="0.3",
        )
    return figure


def _stresses(dataset: Dataset, summary: DataSummary) -> Figure | None:
    stresses = [frame.stress for frame in dataset if frame.stress is not None]
    if not stresses or summary.total.stress is None:
        return None
    gigapascal = np.array(stresses) * EV_PER_ANGSTROM3_IN_GPA
    figure, axes = _panel()
    low, high = float(gigapascal.min()), float(gigapascal.max())
    edges = np.linspace(low, high if high > low else low + 1.0, 61)
    axes.hist(gigapascal[:, :3].ravel(), bins=edges.tolist(), color=_COLOR, label="normal (xx yy zz)")
    axes.hist(
        gigapascal[:, 3:].ravel(),
        bins=edges.tolist(),
        histtype="step",
        linewidth=1.2,
        color="#d1495b",
        label="shear (yz xz xy)",
    )
    axes.set_yscale("log")
    axes.set_xlabel("stress (GPa), positive under tension")
    axes.set_ylabel("components")
    axes.legend(fontsize=8, frameon=False)
    return figure


def _panel(width: float = 5.0, height: float = 3.7) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained", dpi=150)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _histogram(axes: Axes, values: NDArray[np.float64]) -> None:
    low, high = float(values.min()), float(values.max())
    edges = np.linspace(low, high if high > low else low + 1e-3, 61)
    axes.hist(values, bins=edges.tolist(), color=_COLOR)


def _colors(count: int) -> list[tuple[float, float, float, float]]:
    """Choose distinguishable colours: a qualitative set for few, a sampled colour map for many."""
    if count <= 10:
        return [colormaps["tab10"](index) for index in range(count)]
    return [colormaps["turbo"](0.04 + 0.92 * index / (count - 1)) for index in range(count)]


def _round_ticks(low: float, high: float) -> list[float]:
    """Return 1, 1.5, 2, 3, 5, 7 times powers of ten inside [low, high], for a logarithmic axis."""
    decades = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    steps = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if high < 30.0 * low else (1.0, 3.0)
    return [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
