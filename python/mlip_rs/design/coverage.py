"""Figure of what a set of structures covers: volume, nearest distance, energy or size, by kind."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mlip_rs.arrays import Array
from mlip_rs.data.distances import nearest_distances
from mlip_rs.data.frames import DEFAULT_CONFIG_TYPE
from mlip_rs.plot.style import (
    SMALL_SIZE,
    color,
    dress,
    label_decades,
    legend_beside,
    marker,
    new_figure,
    plain,
)

FARTHEST: float = 5.0
"""Volumes above this, in the median, are not shown but counted."""

SIZES: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
"""Largest numbers of atoms of the bars."""

SIZE: float = 3.2
"""Points; size of symbols."""


def coverage(structures: Sequence[Atoms], energies: Sequence[float] | None = None) -> Figure:
    """Nearest distance over volume, and energy over volume or the numbers of atoms, coloured by kind.

    Parameters
    ----------
    structures
        With `kind` or `config_type` in their `info`.
    energies
        eV per atom, NaN where there is none; without them, the second panel shows how large the cells are.

    Examples
    --------
    >>> from ase.build import bulk
    >>> len(coverage([bulk("Al"), bulk("Al", a=4.2)]).axes)
    2
    """
    kinds = [str(a.info.get("kind", a.info.get("config_type", DEFAULT_CONFIG_TYPE))) for a in structures]
    volumes = np.array([float(atoms.get_volume()) / len(atoms) for atoms in structures])
    nearest = np.array(
        [nearest_distances(a.positions, a.cell.array, a.pbc).min(initial=np.inf) for a in structures]
    )
    figure = new_figure(8.2, 3.3)
    first, second = figure.subplots(1, 2)
    _points(first, kinds, volumes, nearest)
    dress(first, x="volume (Å³/atom)", y="nearest distance (Å)")
    if energies is None:
        dress(second, x="atoms in the cell", y="structures")
        _sizes(second, kinds, np.array([len(atoms) for atoms in structures]))
        second.tick_params(top=False, which="both")
    else:
        _points(second, kinds, volumes, np.asarray(energies, dtype=float))
        dress(second, x="volume (Å³/atom)", y="energy (eV/atom)")
    legend_beside(second)
    return figure


def _points(axes: Axes, kinds: Sequence[str], x: Array, y: Array) -> None:
    """One symbol by structure, kinds with few structures over those with many."""
    names = list(dict.fromkeys(kinds))
    counts = {name: kinds.count(name) for name in names}
    edge = FARTHEST * float(np.median(x))
    for name in names:
        own = np.array([kind == name for kind in kinds]) & np.isfinite(y) & (x <= edge)
        k = names.index(name)
        axes.plot(
            x[own],
            y[own],
            linestyle="none",
            marker=marker(k),
            color=color(k),
            markersize=SIZE,
            markeredgewidth=0.0 if k < 9 else 0.7,
            markerfacecolor=color(k) if k < 9 else "white",
            zorder=2 + 1.0 / counts[name],
            label=plain(f"{name} ({counts[name]})"),
        )
    beyond = int((x > edge).sum())
    axes.set_xlim(0.9 * x.min(), min(edge, 1.1 * x.max()))
    axes.set_xscale("log")
    label_decades(axes.xaxis)
    if beyond:
        axes.set_title(f"{beyond} in vacuum beyond", loc="right", fontsize=SMALL_SIZE)


def _sizes(axes: Axes, kinds: Sequence[str], sizes: Array) -> None:
    """Stacked bars of the numbers of structures by size."""
    names = list(dict.fromkeys(kinds))
    upper = [edge for k, edge in enumerate(SIZES) if k == 0 or SIZES[k - 1] < sizes.max()]
    bins = np.searchsorted(upper, sizes)
    below = np.zeros(len(upper) + 1)
    for k, name in enumerate(names):
        own = np.array([kind == name for kind in kinds])
        counts = np.bincount(bins[own], minlength=len(below)).astype(float)
        there = np.flatnonzero(counts)
        axes.bar(
            there,
            counts[there],
            bottom=below[there],
            color=color(k) if k < 9 else "white",
            edgecolor=color(k),
            linewidth=0.5,
            hatch=None if k < 9 else "////",
            label=plain(f"{name} ({int(own.sum())})"),
        )
        below += counts
    lower = [1, *(edge + 1 for edge in upper)]
    names = [str(low) if low == high else f"{low}–{high}" for low, high in zip(lower, upper, strict=False)]
    shown = len(upper) + int(below[-1] > 0)
    axes.set_xticks(np.arange(shown), [*names, f"> {upper[-1]}"][:shown], fontsize=SMALL_SIZE - 1.0)
    axes.set_ylim(0.0, 1.05 * below.max())
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
