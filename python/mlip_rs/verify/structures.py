"""Structures that the checks use: crystal, cluster, small skewed cell, slab; all rattled, with fixed seeds."""

from functools import cached_property

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from mlip_rs.generate.prototypes import crystal

CRYSTAL_ATOMS: int = 8
"""Fewest atoms in the rattled crystal."""

CLUSTER_ATOMS: int = 9
"""Atoms of the free cluster."""

AMPLITUDE: float = 0.04
"""Standard deviation of the displacements, in nearest-neighbour distances."""

STRAIN: float = 0.03
"""Largest random strain of the cells."""

SKEW: tuple[tuple[int, int, int], ...] = ((1, 1, 0), (0, 1, -1), (1, 0, 0))
"""Unimodular with determinant −1: the same crystal in a skewed, left-handed cell."""


class Samples:
    """Structures of some elements.

    Parameters
    ----------
    elements
        Chemical symbols; structures of several atoms hold them all as far as there is room.
    cutoff
        Å.
    """

    def __init__(self, elements: tuple[str, ...], cutoff: float) -> None:
        self.elements, self.cutoff = elements, cutoff
        self.unit = crystal(elements)
        self.unit.pbc = True

    @cached_property
    def spacing(self) -> float:
        """Nearest-neighbour distance of the crystal, Å."""
        return float(neighbor_list("d", self.unit, 3.0 * self.unit.get_volume() ** (1 / 3)).min())

    @cached_property
    def crystal(self) -> Atoms:
        """Rattled crystal in a strained cell."""
        atoms = self.unit.copy()
        while len(atoms) < CRYSTAL_ATOMS:
            repeat = [1, 1, 1]
            repeat[int(np.argmin(atoms.cell.lengths()))] = 2
            atoms = atoms.repeat(repeat)
        return self._dressed(atoms, seed=1)

    @cached_property
    def small_cell(self) -> Atoms:
        """One or two primitive cells, skewed and left-handed, usually much smaller than the cutoff."""
        atoms = self.unit if len(self.unit) > 1 else self.unit.repeat((1, 1, 2))
        atoms = atoms.copy()
        atoms.set_cell(np.array(SKEW) @ atoms.cell.array)
        return self._dressed(atoms, seed=2)

    @cached_property
    def cluster(self) -> Atoms:
        """Free cluster without a cell."""
        atoms = self.unit.repeat(3)
        center = atoms.positions[len(atoms) // 2]
        nearest = np.argsort(np.linalg.norm(atoms.positions - center, axis=1), kind="stable")
        atoms = atoms[nearest[:CLUSTER_ATOMS]]
        atoms.pbc, atoms.cell = False, None
        return self._dressed(atoms, seed=3)

    @cached_property
    def slab(self) -> Atoms:
        """Periodic along two directions; the third vector is longer than atoms and cutoff reach."""
        atoms = self.crystal.copy()
        normal = np.cross(atoms.cell[0], atoms.cell[1])
        normal /= np.linalg.norm(normal)
        heights = atoms.positions @ normal
        atoms.cell[2] = normal * (float(np.ptp(heights)) + self.cutoff + 1.0)
        atoms.pbc = (True, True, False)
        return atoms

    def named(self) -> dict[str, Atoms]:
        """All structures by name."""
        return {
            "crystal": self.crystal,
            "small cell": self.small_cell,
            "cluster": self.cluster,
            "slab": self.slab,
        }

    def _dressed(self, atoms: Atoms, seed: int) -> Atoms:
        """Elements in turn, cell strained, atoms displaced at random."""
        rng = np.random.default_rng(seed)
        symbols = np.resize(self.elements, len(atoms))
        rng.shuffle(symbols)
        atoms.symbols[:] = symbols
        if atoms.cell.rank == 3:
            atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-STRAIN, STRAIN, (3, 3))), True)
        atoms.positions += rng.normal(0.0, AMPLITUDE * self.spacing, atoms.positions.shape)
        return atoms


def bond_length(first: str, second: str) -> float:
    """Sum of the covalent radii, Å."""
    return float(covalent_radii[atomic_numbers[first]] + covalent_radii[atomic_numbers[second]])


def improper_rotation(seed: int) -> NDArray[np.float64]:
    """Random orthogonal matrix (3, 3) with determinant −1: a rotation with inversion."""
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return -matrix if np.linalg.det(matrix) > 0.0 else matrix
