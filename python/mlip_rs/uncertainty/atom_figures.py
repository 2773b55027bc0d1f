"""Atoms coloured by their index of anomaly, or by the error of their forces."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from mlip_rs.arrays import Array
from mlip_rs.plot.atoms import View, draw_atoms, thinnest_view
from mlip_rs.plot.style import LABEL_SIZE, SMALL_SIZE, new_figure, plain

WIDTH: float = 4.2
"""Of a figure of one structure, inches."""

TALLEST: float = 7.0
"""Inches."""


@dataclass(frozen=True)
class ColorScale:
    """A logarithmic scale of colours for values of atoms.

    Parameters
    ----------
    label
        Name with unit.
    ticks
        Labelled values, ascending; the first and the last have the first and the last colour, as those beyond.
    mark
        Value with a line across the bar, if any.
    colors
        Name in matplotlib of a perceptually uniform colour map.

    Examples
    --------
    >>> [float(INDEX_SCALE.norm(index)) for index in (0.01, 0.1, 1.0, 10.0)]
    [0.0, 0.0, 0.5, 1.0]
    """

    label: str
    ticks: tuple[float, ...]
    mark: float | None = None
    colors: str = "viridis"

    @property
    def norm(self) -> LogNorm:
        """From value to the place on the scale, 0 to 1."""
        return LogNorm(self.ticks[0], self.ticks[-1], clip=True)

    def draw(self, axes: Axes, atoms: Atoms, values: Array, view: View | None = None) -> None:
        """Draw atoms with values (N,), seen along the axis along which they are thinnest, or another one.

        Raises
        ------
        ConfigError
            Another number of values than atoms, or another view.
        """
        seen = thinnest_view(atoms) if view is None else view
        draw_atoms(axes, atoms, values, view=seen, norm=self.norm, colors=colormaps[self.colors])

    def bar(
        self, figure: Figure, axes: Sequence[Axes], location: Literal["right", "bottom"], size: float
    ) -> None:
        """Add the bar beside or below some axes, of a length in theirs."""
        shown = ScalarMappable(self.norm, colormaps[self.colors])
        bar = figure.colorbar(
            shown, ax=list(axes), location=location, shrink=size, extend="both", aspect=25, pad=0.02
        )
        along = bar.ax.xaxis if location == "bottom" else bar.ax.yaxis
        along.set_major_locator(FixedLocator(self.ticks))
        along.set_minor_locator(NullLocator())
        along.set_major_formatter(StrMethodFormatter("{x:g}"))
        bar.set_label(self.label, fontsize=LABEL_SIZE)
        bar.ax.tick_params(labelsize=SMALL_SIZE, width=0.7)
        bar.outline.set_linewidth(0.7)
        if self.mark is not None:
            draw = bar.ax.axvline if location == "bottom" else bar.ax.axhline
            draw(self.mark, color="white", linewidth=2.4)
            draw(self.mark, color="black", linewidth=1.0)


INDEX_SCALE = ColorScale("index of anomaly", (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0), mark=1.0)
"""Of indices; the mark at 1 is the 99 % quantile of the training atoms."""

ERROR_SCALE = ColorScale("error of the force (eV/Å)", (0.01, 0.03, 0.1, 0.3, 1.0), colors="inferno")


def atoms_by_index(atoms: Atoms, index: Array, *, view: View | None = None, title: str = "") -> Figure:
    """A structure with atoms coloured by their index of anomaly.

    Parameters
    ----------
    atoms
        The structure.
    index
        (N,) of each atom, as `Potential.uncertainty` gives it.
    view
        Axis along which it is seen; by default that along which it is thinnest.
    title
        Above the figure.

    Raises
    ------
    ConfigError
        Another number of indices than atoms, or another view.

    Examples
    --------
    >>> from ase.build import bulk
    >>> crystal = bulk("Al", cubic=True).repeat((4, 4, 1))
    >>> figure = atoms_by_index(crystal, np.linspace(0.2, 3.0, len(crystal)), title="fcc")
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['y (Å)', 'index of anomaly']
    """
    figure = new_figure(WIDTH, WIDTH)
    axes = figure.add_subplot()
    INDEX_SCALE.draw(axes, atoms, index, view)
    if title:
        axes.set_title(plain(title), fontsize=LABEL_SIZE, loc="left")
    shape = np.ptp(axes.get_ylim()) / np.ptp(axes.get_xlim())
    figure.set_size_inches(WIDTH, float(np.clip(0.75 * WIDTH * shape + 0.8, 1.6, TALLEST)))
    INDEX_SCALE.bar(figure, [axes], "right", 0.9)
    return figure
