"""The figures of `index_figures.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from ase import Atoms
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, StrMethodFormatter
from PIL import Image

from mlip_rs.arrays import Array
from mlip_rs.files import atomic_file
from mlip_rs.plot.atoms import View
from mlip_rs.plot.style import (
    GUIDE,
    LABEL_SIZE,
    LINE_WIDTH,
    NEUTRAL,
    SMALL_SIZE,
    color,
    dress,
    legend,
    new_figure,
)
from mlip_rs.uncertainty.atom_figures import ERROR_SCALE, INDEX_SCALE
from mlip_rs.uncertainty.force_error import ForceError

WIDTH = 7.0
DPI = 120
TITLES = ("index, all data", "index, without such data", "error of the latter fit")
VIEWS: dict[str, View] = {"grain boundary": "y", "surface": "y", "liquid": "y", "notch": "z"}


def save(figure: Figure, file: Path, colors: int | None = None) -> None:
    """As a PNG with margins cut; of so many colours, the best ones, if they are given, which makes it small."""
    content = BytesIO()
    figure.savefig(content, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.04)
    image = Image.open(content).convert("RGB")
    if colors is not None:
        image = image.quantize(colors, kmeans=4, dither=Image.Dither.NONE)
    with atomic_file(file, "wb") as target:
        image.save(target, "PNG", optimize=True)


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Structures that a fit has not seen; values of the atoms of each, errors NaN where the force vanishes."""

    atoms: list[Atoms]
    index: list[Array]
    bar: list[Array]
    error: list[Array]


def comparison(panels: Mapping[str, tuple[Atoms, Array, Array, Array]]) -> Figure:
    """A row for each structure: two indices, and the error of the second potential."""
    extents = {name: np.ptp(own[0].positions, axis=0) + 3.0 for name, own in panels.items()}
    shapes = [extent[_up(name)] / extent[0] for name, extent in extents.items()]
    figure = new_figure(WIDTH, (WIDTH - 0.9) / 3 * sum(shapes) + 0.4 * len(panels) + 1.0)
    grid = figure.subplots(len(panels), 3, squeeze=False, sharey="row", height_ratios=shapes)
    for axes, (name, (atoms, known, index, error)) in zip(grid, panels.items(), strict=True):
        scales = (INDEX_SCALE, INDEX_SCALE, ERROR_SCALE)
        for own, scale, values in zip(axes, scales, (known, index, error), strict=True):
            scale.draw(own, atoms, values, VIEWS[name])
            own.set_xlabel("")
            own.set_ylabel("")
        axes[0].set_ylabel(f"{name}\n{'xyz'[_up(name)]} (Å)", fontsize=LABEL_SIZE)
    for axes, title in zip(grid[0], TITLES, strict=True):
        axes.set_title(title, fontsize=LABEL_SIZE, loc="left")
    for axes in grid[-1]:
        axes.set_xlabel("x (Å)", fontsize=LABEL_SIZE)
    INDEX_SCALE.bar(figure, grid[:, :2].ravel(), "bottom", 0.6)
    ERROR_SCALE.bar(figure, grid[:, 2], "bottom", 0.95)
    return figure


def _up(name: str) -> int:
    """Cartesian axis that is up in the view of a structure."""
    return 2 if VIEWS[name] == "y" else 1


WINDOW = (20.0, 17.0)
"""Å of a structure that are shown."""

SHOWN: dict[str, tuple[int, tuple[int, int, int], View]] = {
    "slab": (6, (16, 6, 1), "y"),
    "liquid": (8, (6, 6, 3), "z"),
}
"""Atoms, repetitions and view of the structures that are drawn."""


def left_out_classes(classes: Mapping[str, LeftOut], expected: ForceError) -> Figure:
    """The strangest structure of some classes by index and by true error, and error against index of all."""
    figure = new_figure(WIDTH, 5.2)
    above, below = figure.subfigures(2, 1, height_ratios=(1.0, 1.4))
    grid = above.subplots(1, 4)
    for k, (name, (n_atoms, repeats, view)) in enumerate(SHOWN.items()):
        own = classes[name]
        fitting = [k for k, atoms in enumerate(own.atoms) if len(atoms) == n_atoms]
        chosen = max(fitting, key=lambda k: own.index[k].max())
        atoms = own.atoms[chosen].repeat(repeats)
        atoms.pbc = False
        for axes, scale, values in (
            (grid[k], INDEX_SCALE, own.index[chosen]),
            (grid[k + 2], ERROR_SCALE, np.nan_to_num(own.error[chosen])),
        ):
            scale.draw(axes, atoms, np.tile(values, int(np.prod(repeats))), view)
            _cut(axes)
            axes.set_title(
                f"{name}: {'index' if scale is INDEX_SCALE else 'error'}", fontsize=LABEL_SIZE, loc="left"
            )
    INDEX_SCALE.bar(above, grid[:2], "bottom", 0.9)
    ERROR_SCALE.bar(above, grid[2:], "bottom", 0.9)
    _scatter(below.subplots(), classes, expected)
    return figure


def _cut(axes: Axes) -> None:
    """Show a window in the middle, in lengths from its corner."""
    for axis, wide in ((axes.xaxis, WINDOW[0]), (axes.yaxis, WINDOW[1])):
        start = 0.5 * (sum(axis.get_view_interval()) - wide)
        axis.set_view_interval(start, start + wide, ignore=True)
        axis.set_major_locator(FixedLocator([start, start + 10.0, start + 20.0][: 1 + int(wide // 10)]))
        axis.set_major_formatter(FuncFormatter(lambda value, _, start=start: f"{value - start:.0f}"))


def _scatter(axes: Axes, classes: Mapping[str, LeftOut], expected: ForceError) -> None:
    order = ("training", *(name for name in classes if name != "training"))
    for k, name in enumerate(order):
        index, error = (np.concatenate(part) for part in (classes[name].index, classes[name].error))
        paint = NEUTRAL if name == "training" else color(k - 1)
        axes.plot(index, error, linestyle="", marker=".", markersize=3, color=paint, alpha=0.6, mew=0)
        rms = np.sqrt(np.nanmean(error**2))
        axes.plot(
            np.exp(np.log(index).mean()),
            rms,
            linestyle="",
            marker="o",
            markersize=7,
            markerfacecolor=paint,
            markeredgecolor="white",
            label=name,
            zorder=3,
        )
    along = np.geomspace(0.1, 400.0, 300)
    axes.plot(along, expected(along), color="black", linewidth=LINE_WIDTH, label="expected from the index")
    axes.axvline(1.0, color=GUIDE, linewidth=0.8, linestyle=":")
    axes.set(xscale="log", yscale="log", xlim=(0.1, 400.0), ylim=(1e-3, 6.0))
    dress(axes, x="index of anomaly", y="error of the force (eV/Å)")
    legend(axes, location="lower right")


def histograms(largest: Mapping[str, Array]) -> Figure:
    """Histograms of the largest index of the structures of each group, one above the other."""
    figure = new_figure(4.4, 3.9)
    rows = figure.subplots(len(largest), 1, sharex=True)
    top = max(own.max() for own in largest.values())
    edges = np.geomspace(0.08, 1.1 * top, 41)
    for k, (axes, (name, own)) in enumerate(zip(rows, largest.items(), strict=True)):
        share = 100 * np.mean(own > 1.0)
        paint = NEUTRAL if name == "training" else color(k - 1)
        axes.hist(np.clip(own, edges[0], None), edges, color=paint, weights=np.full(len(own), 1 / len(own)))
        axes.axvline(1.0, color=GUIDE, linewidth=0.8, linestyle=":")
        axes.set(xscale="log", xlim=(edges[0], edges[-1]), yticks=[])
        text = f"{name}\n{share:.0f} % above 1"
        side = (0.015, "left") if np.median(own) > 20.0 else (0.985, "right")
        axes.text(side[0], 0.9, text, ha=side[1], va="top", transform=axes.transAxes, fontsize=SMALL_SIZE)
        dress(axes, x="", y="")
        axes.tick_params(left=False, right=False)
    rows[-1].xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    rows[-1].set_xlabel("largest index of anomaly of the structure", fontsize=LABEL_SIZE)
    figure.supylabel("share of structures", fontsize=LABEL_SIZE)
    return figure
