"""Atoms seen along an axis, coloured by a value."""

from itertools import product
from typing import Literal, TypeAlias

import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import Colormap, Normalize

from mlip_rs.arrays import Array
from mlip_rs.errors import ConfigError
from mlip_rs.plot.style import GUIDE, dress

View: TypeAlias = Literal["x", "y", "z"]
"""Axis along which atoms are seen: z upwards, unless it is that axis."""

AXES: tuple[View, View, View] = ("x", "y", "z")

_SHOWN: dict[str, tuple[int, int, int, int]] = {"x": (1, 2, 0, 1), "y": (0, 2, 1, -1), "z": (0, 1, 2, 1)}
"""Cartesian axes to the right, up, and along the line of sight, with the sign of the end where the eye is."""

THIN_EDGES: int = 1000
"""Atoms from which on the edges of the discs are thinner."""

RADIUS = 1.1
"""Of the discs, in covalent radii: neighbours in metals nearly touch."""

EDGE = "#00000066"


def thinnest_view(atoms: Atoms) -> View:
    """The axis along which a structure is thinnest.

    Examples
    --------
    >>> from ase.build import bulk
    >>> thinnest_view(bulk("Al", cubic=True).repeat((3, 1, 2)))
    'y'
    """
    extent = np.ptp(atoms.positions, axis=0) if len(atoms) else np.zeros(3)
    box = np.abs(atoms.cell.array[np.asarray(atoms.pbc)]).sum(axis=0)
    return AXES[int(np.maximum(extent, box).argmin())]


def draw_atoms(
    axes: Axes, atoms: Atoms, values: Array, *, view: View, norm: Normalize, colors: Colormap
) -> EllipseCollection:
    """Draw atoms as discs, the nearest last, with the edges of a periodic cell behind them.

    Parameters
    ----------
    axes
        Where; gets equal scales, in Å.
    atoms
        The structure.
    values
        (N,) of each atom.
    view
        Axis along which they are seen.
    norm, colors
        From value to colour.

    Returns
    -------
    EllipseCollection
        For a colour bar.

    Raises
    ------
    ConfigError
        Another number of values than atoms, or another view.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from matplotlib import colormaps
    >>> from mlip_rs.plot.style import new_figure
    >>> axes = new_figure(2.0, 2.0).add_subplot()
    >>> style = {"norm": Normalize(0.0, 1.0), "colors": colormaps["viridis"]}
    >>> len(draw_atoms(axes, bulk("Al", cubic=True), np.ones(4), view="z", **style).get_offsets())
    4
    """
    if len(values) != len(atoms) or view not in _SHOWN:
        raise ConfigError(
            f"{len(values)} values of {len(atoms)} atoms seen along {view!r}; views are x, y, z"
        )
    right, up, depth, side = _SHOWN[view]
    if atoms.pbc.all():
        _draw_cell(axes, atoms.cell.array, right, up)
    order = np.argsort(side * atoms.positions[:, depth], kind="stable")
    places = atoms.positions[order][:, [right, up]]
    diameters = 2.0 * RADIUS * covalent_radii[atoms.numbers[order]]
    discs = EllipseCollection(
        diameters,
        diameters,
        np.zeros(len(atoms)),
        units="xy",
        offsets=places,
        offset_transform=axes.transData,
        array=np.asarray(values)[order],
        norm=norm,
        cmap=colors,
        edgecolors=EDGE,
        linewidths=0.35 if len(atoms) < THIN_EDGES else 0.1,
    )
    axes.add_collection(discs)
    if len(atoms):
        margin = 0.6 * diameters.max()
        low, high = places.min(axis=0) - margin, places.max(axis=0) + margin
        axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    axes.set_aspect("equal")
    dress(axes, x=f"{AXES[right]} (Å)", y=f"{AXES[up]} (Å)")
    axes.tick_params(direction="out", top=False, right=False)
    return discs


def _draw_cell(axes: Axes, cell: Array, right: int, up: int) -> None:
    """The twelve edges of a cell."""
    for start in product((0.0, 1.0), repeat=3):
        for k in range(3):
            if start[k] == 0.0:
                ends = np.array([start, np.add(start, np.eye(3)[k])]) @ cell
                axes.plot(ends[:, right], ends[:, up], color=GUIDE, linewidth=0.5, zorder=0.5)
