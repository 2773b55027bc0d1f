"""Where an additional atom has most room in a crystal: the holes between its atoms, and who surrounds them."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.spatial import Voronoi

SHAPES = {4: "tetrahedral", 6: "octahedral", 8: "cubic"}
"""Names of holes by the number of atoms around them."""

SAME_SHELL = 1.08
"""Distances within this factor of the shortest belong to the atoms that surround a hole."""

SAME_HOLE = 0.05
"""Å; holes whose radii differ by less, with the same atoms around them, are taken for equivalent."""

SMALLEST = 0.55
"""Radius of the smallest hole, in that of the largest one."""


@dataclass(frozen=True)
class Hole:
    """A hole of a crystal.

    Attributes
    ----------
    name
        Shape and the atoms around, such as "tetrahedral (4 Si)".
    position
        Centre in Å.
    radius
        Distance of the nearest atoms in Å.
    """

    name: str
    position: tuple[float, float, float]
    radius: float


def holes(crystal: Atoms, *, largest: int = 3) -> list[Hole]:
    """Inequivalent holes of a crystal, the largest first: corners of Voronoi's polyhedra.

    Parameters
    ----------
    crystal
        Any cell of the crystal, periodic in all directions.
    largest
        Number of holes at most.

    Examples
    --------
    >>> from ase.build import bulk
    >>> [hole.name for hole in holes(bulk("Cu", cubic=True))]
    ['octahedral (6 Cu)', 'tetrahedral (4 Cu)']
    >>> [hole.name for hole in holes(bulk("ZnS", "zincblende", a=5.4, cubic=True))]
    ['tetrahedral (4 S)', 'tetrahedral (4 Zn)', 'octahedral (3 S, 3 Zn)']
    """
    lengths = np.asarray(crystal.cell.lengths())
    cell = crystal.repeat(np.maximum(1, np.ceil(6.0 / lengths)).astype(int).tolist())
    around = cell.repeat(3)
    around.positions -= cell.cell.array.sum(axis=0)
    corners = Voronoi(around.positions).vertices
    inside = cell.cell.scaled_positions(corners)
    corners = corners[np.all((inside > -1e-6) & (inside < 1 - 1e-6), axis=1)]
    symbols = np.array(around.get_chemical_symbols())
    found: list[Hole] = []
    for corner in corners:
        distances = np.linalg.norm(around.positions - corner, axis=1)
        radius = float(distances.min())
        shell = Counter(symbols[distances < SAME_SHELL * radius].tolist())
        count = sum(shell.values())
        members = ", ".join(f"{n} {symbol}" for symbol, n in sorted(shell.items()))
        name = f"{SHAPES.get(count, f'{count}-fold')} ({members})"
        if not any(hole.name == name and abs(hole.radius - radius) < SAME_HOLE for hole in found):
            found.append(Hole(name, (float(corner[0]), float(corner[1]), float(corner[2])), radius))
    found.sort(key=lambda hole: (-round(hole.radius, 3), hole.name))
    wide = [hole for hole in found if hole.radius > SMALLEST * found[0].radius][:largest]
    names = Counter(hole.name for hole in wide)
    return [
        hole
        if names[hole.name] == 1
        else Hole(f"{hole.name[:-1]}, {hole.radius:.2f} Å)", hole.position, hole.radius)
        for hole in wide
    ]
