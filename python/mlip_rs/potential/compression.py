"""Dimers and crystals at any nearest-neighbour distance: structures, and shells of neighbours of their atoms."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.data.core_structures import StructureArrays, arrays_from_atoms
from mlip_rs.generate.prototypes import prototype

SHELLS: float = 8.0
"""Distance, in nearest-neighbour distances, up to which the neighbours of an atom of a crystal are counted."""


@dataclass(frozen=True)
class Shells:
    """Neighbours of one atom, all of one element.

    Parameters
    ----------
    center, neighbor
        Chemical symbols.
    ratios
        (M,) distances of the shells in nearest-neighbour distances.
    counts
        (M,) atoms of each shell.
    """

    center: str
    neighbor: str
    ratios: Array
    counts: NDArray[np.int64]

    def within(self, ratio: float) -> "Shells":
        """The shells up to a distance, in nearest-neighbour distances."""
        n = int(np.searchsorted(self.ratios, ratio, side="right"))
        return Shells(self.center, self.neighbor, self.ratios[:n], self.counts[:n])


@dataclass(frozen=True, eq=False)
class Compression:
    """A dimer or a crystal of one element, uniformly scaled.

    Parameters
    ----------
    kind
        "dimer" or the lattice.
    elements
        Chemical symbols: two of a dimer, one of a crystal.
    unit
        The structure with a nearest-neighbour distance of 1 Å.
    """

    kind: str
    elements: tuple[str, ...]
    unit: StructureArrays

    @classmethod
    @cache
    def dimer(cls, first: str, second: str) -> "Compression":
        """Two atoms in vacuum.

        >>> dimer = Compression.dimer("Ag", "Au")
        >>> len(dimer.structures([2.5, 3.0])), [shells.counts.tolist() for shells in dimer.shells]
        (2, [[1], [1]])
        """
        numbers = np.array([atomic_numbers[first], atomic_numbers[second]], dtype=np.uint8)
        positions = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        unit = StructureArrays(numbers, positions, np.zeros((3, 3)), [False] * 3)
        return cls("dimer", (first, second), unit)

    @classmethod
    @cache
    def crystal(cls, lattice: str, element: str) -> "Compression":
        """A crystal whose atoms are all equivalent: fcc, bcc, diamond, sc, ...; `lattice` is one of `PROTOTYPES`."""
        numbers, positions, cell, pbc = arrays_from_atoms(prototype(lattice, element, 1.0))
        nearest = min(_distances(StructureArrays(numbers, positions, cell, pbc), 2.0))
        unit = StructureArrays(numbers, positions / nearest, cell / nearest, pbc)
        return cls(lattice, (element,), unit)

    def structures(self, distances: Sequence[float] | Array) -> list[_core.Structure]:
        """The structure at each nearest-neighbour distance (Å)."""
        numbers, positions, cell, pbc = self.unit
        return [_core.Structure(numbers, positions * r, cell * r, pbc) for r in distances]

    def energies(self, potential: _core.Potential, distances: Array, threads: int) -> Array:
        """(K, C) energies in eV of the atoms whose `shells` are known, at each of K distances."""
        results = potential.evaluate_many(self.structures(distances), threads)
        return np.array([energies[: len(self.shells)] for energies, _, _ in results]).reshape(
            len(distances), -1
        )

    @cached_property
    def shells(self) -> tuple[Shells, ...]:
        """Neighbours of the C atoms that are not equivalent: of both atoms of a dimer, of one atom of a crystal."""
        if self.kind == "dimer":
            first, second = self.elements
            one = np.ones(1), np.ones(1, dtype=np.int64)
            return Shells(first, second, *one), Shells(second, first, *one)
        distances = _distances(self.unit, SHELLS)
        ratios, shell, counts = np.unique(distances.round(9), return_inverse=True, return_counts=True)
        ratios = np.bincount(shell.reshape(-1), distances) / counts
        (element,) = self.elements
        return (Shells(element, element, ratios, counts),)


def _distances(unit: StructureArrays, range_: float) -> Array:
    """Distances of the neighbours of the first atom, Å."""
    first, _, _, vectors = _core.neighbor_list(_core.Structure(*unit), range_, 1)
    return np.asarray(np.linalg.norm(vectors[first == 0], axis=1))
