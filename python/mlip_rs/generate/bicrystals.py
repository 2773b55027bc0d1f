"""Two grains of a cubic metal on coincidence-site lattices: tilt boundaries, and twist boundaries on {100}."""

from math import gcd

import numpy as np
from ase import Atoms
from ase.lattice.cubic import BodyCenteredCubic, FaceCenteredCubic
from numpy.typing import NDArray

from mlip_rs.errors import ConfigError

Indices = tuple[int, int, int]

BOUNDARIES: tuple[tuple[Indices, Indices], ...] = (
    ((1, -1, 0), (1, 1, 1)),
    ((0, 0, 1), (2, 1, 0)),
    ((0, 0, 1), (3, 1, 0)),
    ((1, -1, 0), (2, 2, 1)),
    ((1, -1, 0), (1, 1, 2)),
    ((1, -1, 0), (1, 1, 3)),
    ((0, 0, 1), (3, 2, 0)),
)
"""(tilt axis, boundary plane): Σ3, Σ5, Σ5, Σ9, Σ3, Σ11, Σ13."""

_LATTICES = {"fcc": FaceCenteredCubic, "bcc": BodyCenteredCubic}


def check_structure(structure: str) -> None:
    """That boundaries of a structure can be built.

    Raises
    ------
    ConfigError
        It is neither fcc nor bcc.
    """
    if structure not in _LATTICES:
        raise ConfigError(f"grain boundaries of {structure}: known are those of {', '.join(_LATTICES)}")


def tilt_bicrystal(
    structure: str, symbol: str, lattice_constant: float, axis: Indices, plane: Indices, thickness: float
) -> tuple[Atoms, NDArray[np.bool_]]:
    """Cell of two mirrored grains with the normal along z, and the mask (N,) of the atoms of the second grain.

    Parameters
    ----------
    structure, symbol, lattice_constant
        fcc or bcc, chemical symbol, edge of the cubic cell in Å.
    axis, plane
        Tilt axis, and plane of the boundary, which contains it.
    thickness
        Least thickness in Å of each grain.

    Raises
    ------
    ConfigError
        Another structure than fcc or bcc, or an axis outside its plane.

    Examples
    --------
    >>> twin, second = tilt_bicrystal("fcc", "Al", 4.05, (1, -1, 0), (1, 1, 1), thickness=2.0)
    >>> len(twin), int(second.sum())
    (12, 6)
    """
    check_structure(structure)
    if int(np.dot(axis, plane)) != 0:
        raise ConfigError(f"the tilt axis {axis} does not lie in the plane {plane}")
    across = np.cross(plane, axis)
    across //= gcd(*(int(i) for i in across))
    grain = _grain(structure, symbol, lattice_constant, [list(axis), across.tolist(), list(plane)], thickness)
    height = float(grain.cell[2, 2])
    levels = np.unique(np.round(grain.positions[:, 2], 4))
    spacing = float(np.diff(levels).min())
    second = grain.copy()
    second.positions[:, 2] = 2 * height - spacing - second.positions[:, 2] + 2 * float(levels[0])
    return _joined(grain, second)


def twist_bicrystal(
    structure: str, symbol: str, lattice_constant: float, along: tuple[int, int], thickness: float
) -> tuple[Atoms, NDArray[np.bool_]]:
    """As `tilt_bicrystal`, for two grains that are turned against each other about their common [001] normal.

    Parameters
    ----------
    structure, symbol, lattice_constant, thickness
        As of `tilt_bicrystal`.
    along
        Whole numbers (m, n): [m n 0] of one grain lies on [m −n 0] of the other; (2, 1) is Σ5.

    Raises
    ------
    ConfigError
        Another structure than fcc or bcc.

    Examples
    --------
    >>> len(twist_bicrystal("bcc", "Fe", 2.87, (2, 1), thickness=2.0)[0])
    20
    """
    check_structure(structure)
    m, n = along
    grain = _grain(structure, symbol, lattice_constant, [[m, n, 0], [-n, m, 0], [0, 0, 1]], thickness)
    second = grain.copy()
    second.positions[:, 0] *= -1.0
    second.positions[:, 2] += float(grain.cell[2, 2])
    return _joined(grain, second)


def _grain(
    structure: str, symbol: str, lattice_constant: float, directions: list[list[int]], thickness: float
) -> Atoms:
    if np.linalg.det(np.array(directions, dtype=float)) < 0:
        directions[1] = [-i for i in directions[1]]
    unit = _LATTICES[structure](symbol=symbol, latticeconstant=lattice_constant, directions=directions)
    unit = Atoms(unit.symbols, positions=unit.positions, cell=unit.cell, pbc=True)
    return unit.repeat((1, 1, max(1, int(np.ceil(thickness / unit.cell[2, 2] - 1e-6)))))


def _joined(grain: Atoms, second: Atoms) -> tuple[Atoms, NDArray[np.bool_]]:
    """Both grains in one cell, and the mask of the second."""
    cell = grain + second
    cell.set_cell([grain.cell[0], grain.cell[1], 2 * grain.cell[2]])
    return cell, np.arange(len(cell)) >= len(grain)
