"""Does the energy rise where no data are: dimers and crystals, compressed far beyond anything fitted to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from mlip_rs.arrays import Array
from mlip_rs.generate.prototypes import prototype
from mlip_rs.potential.potential import Potential

LATTICES: tuple[str, ...] = ("fcc", "bcc", "diamond", "sc")
"""Crystals that are compressed."""

SHORTEST_DIMER: float = 0.3
"""Å."""

LARGEST_COMPRESSION: float = 0.3
"""Last nearest-neighbour distance of a crystal, in its equilibrium distance."""

UNKNOWN_FRACTION: float = 0.7
"""Shortest distance in sums of covalent radii, where a potential has no repulsion that tells it."""

COARSE_POINTS: int = 30
"""Grid that brackets the lowest energy of a crystal; the second one inside it is as fine."""

EQUILIBRIUM_LIMIT: float = 1.25
"""Longest distance at which a crystal starts, in shortest distances of the data; what is farther is not short range."""

SHELLS: float = 8.0
"""Distance, in nearest-neighbour distances, up to which the neighbours of an atom of a crystal are counted."""

HANDED_OVER_POINTS: int = 500
"""Grid of nearest-neighbour distances on which it is looked up where a crystal is handed over."""


@dataclass(frozen=True, eq=False)
class ShortRangeCurve:
    """Energy along one compression.

    Parameters
    ----------
    kind
        "dimer" or the lattice.
    elements
        Chemical symbols.
    distances
        (K,) nearest-neighbour distances, falling, Å.
    energies
        (K,) eV per atom.
    """

    kind: str
    elements: tuple[str, ...]
    distances: Array
    energies: Array

    @property
    def monotonic(self) -> bool:
        """Whether the energy rises with every step."""
        return bool((np.diff(self.energies) > 0.0).all())

    @property
    def first_fall(self) -> float | None:
        """Distance (Å) at which the energy begins to fall; None if it never does."""
        falling = np.flatnonzero(~(np.diff(self.energies) > 0.0))
        return float(self.distances[falling[0]]) if len(falling) else None

    @property
    def name(self) -> str:
        """For tables and figures: "Ag–Au dimer", "Ag fcc"."""
        return f"{'–'.join(self.elements)} {self.kind}"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, the unit in each key."""
        return {
            "kind": self.kind,
            "elements": list(self.elements),
            "monotonic": self.monotonic,
            "first_fall_angstrom": self.first_fall,
            "distances_angstrom": self.distances.tolist(),
            "energies_ev_per_atom": self.energies.tolist(),
        }


@dataclass(frozen=True)
class ShortRange:
    """The curves of one potential.

    Parameters
    ----------
    curves
        Dimers of all pairs of elements, then crystals of each element.
    """

    curves: tuple[ShortRangeCurve, ...]

    @property
    def monotonic(self) -> bool:
        """Whether all curves rise."""
        return all(curve.monotonic for curve in self.curves)

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence for each curve that does not rise."""
        return tuple(
            f"{curve.name}: the energy falls below {curve.first_fall:.2f} Å"
            for curve in self.curves
            if not curve.monotonic
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, the unit in each key."""
        return {"monotonic": self.monotonic, "curves": [curve.to_dict() for curve in self.curves]}


def short_range(
    potential: Potential,
    *,
    closest: Sequence[Sequence[float]] | None = None,
    lattices: Sequence[str] = LATTICES,
    n_points: int = 120,
    whole: bool = True,
    threads: int | None = None,
) -> ShortRange:
    """Compress every dimer and crystal, and see whether the energy rises all the way.

    Dimers start at the shortest distance of the data, crystals where their energy is lowest, at most
    `EQUILIBRIUM_LIMIT` times as far.

    Parameters
    ----------
    closest
        (E, E) distances at which dimers start, Å; by default where the repulsion of the potential begins.
    lattices
        Crystals of one element; names of `PROTOTYPES`.
    n_points
        Of each curve.
    whole
        False: crystals end where atoms are wholly handed over to ZBL, whose energy rises by construction; the verdict
        is the same, several times faster.
    threads
        As for `Potential.predict`.
    """
    closest = shortest_distances(potential) if closest is None else closest
    elements = potential.elements
    curves = []
    for i, j in combinations_with_replacement(range(len(elements)), 2):
        pair = (elements[i], elements[j])
        distances = _from_dense(closest[i][j], SHORTEST_DIMER, n_points)
        dimers = [Atoms(pair, [[0, 0, 0], [0, 0, r]]) for r in distances]
        curves.append(ShortRangeCurve("dimer", pair, distances, _energies(potential, dimers, threads)))
    for i, element in enumerate(elements):
        for lattice in lattices:
            crystals = _Crystals(potential, lattice, element, threads)
            handed_over = crystals.handed_over(i)
            shortest = max(0.5 * closest[i][i], handed_over)
            start = crystals.equilibrium(shortest, EQUILIBRIUM_LIMIT * closest[i][i])
            end = LARGEST_COMPRESSION * start
            if not whole:
                end = min(max(end, handed_over), 0.9 * start)
            distances = np.linspace(start, end, n_points)
            curves.append(ShortRangeCurve(lattice, (element,), distances, crystals.energies(distances)))
    return ShortRange(tuple(curves))


def _from_dense(start: float, end: float, n_points: int) -> Array:
    """Distances from start to end, densest at the start, where the repulsion is weakest."""
    return start + (end - start) * np.linspace(0.0, 1.0, n_points) ** 2


class _Crystals:
    """One lattice of one element at any nearest-neighbour distance."""

    def __init__(self, potential: Potential, lattice: str, element: str, threads: int | None) -> None:
        self.potential, self.threads = potential, threads
        self.lattice, self.unit = lattice, _unit(lattice, element)

    def energies(self, distances: Array) -> Array:
        """Energies (K,) in eV per atom."""
        structures = []
        for distance in distances:
            atoms = self.unit.copy()
            atoms.set_cell(self.unit.cell[:] * distance, scale_atoms=True)
            structures.append(atoms)
        return _energies(self.potential, structures, self.threads)

    def handed_over(self, element: int) -> float:
        """Distance (Å) below which an atom is wholly handed over to ZBL, as its crowding says; 0 if it never is."""
        repulsion = self.potential.spec.get("repulsion") or {}
        crowding = repulsion.get("crowding")
        if crowding is None:
            return 0.0
        reach: float = self.potential.cutoff
        if "range" in crowding:
            reach = min(reach, crowding["range"] * repulsion["outer"][element][element])
        distances = np.linspace(0.0, reach, HANDED_OVER_POINTS)
        shells, counts = _shells(self.lattice)
        rho = np.maximum(1.0 - np.outer(distances / reach, shells) ** 2, 0.0) ** 3 @ counts
        return float(distances[rho >= crowding["end"][element]].max(initial=0.0))

    def equilibrium(self, shortest: float, longest: float) -> float:
        """Distance (Å) of the lowest energy, between `shortest` and `longest`."""
        grid = np.geomspace(min(shortest, 0.9 * longest), longest, COARSE_POINTS)
        lowest = int(np.argmin(self.energies(grid)))
        fine = np.linspace(grid[max(lowest - 1, 0)], grid[min(lowest + 1, len(grid) - 1)], COARSE_POINTS)
        return float(fine[int(np.argmin(self.energies(fine)))])


@cache
def _unit(lattice: str, element: str) -> Atoms:
    """The crystal with a nearest-neighbour distance of 1 Å."""
    atoms = prototype(lattice, element, 1.0)
    nearest = neighbor_list("d", atoms, 2.0).min()
    atoms.set_cell(atoms.cell[:] / nearest, scale_atoms=True)
    return atoms


@cache
def _shells(lattice: str) -> tuple[Array, NDArray[np.int64]]:
    """Distances (N,) of the shells of neighbours of one atom up to `SHELLS`, and how many atoms each has.

    All atoms of `LATTICES` are alike.
    """
    first, distances = neighbor_list("id", _unit(lattice, "H"), SHELLS)
    shells, counts = np.unique(distances[first == 0].round(9), return_counts=True)
    return shells, counts


def _energies(potential: Potential, structures: Sequence[Atoms], threads: int | None) -> Array:
    predictions = potential.predict(structures, threads)
    return np.array([p.energy / len(p.energies) for p in predictions])


def shortest_distances(potential: Potential) -> Sequence[Sequence[float]]:
    """(E, E) distances, Å, at which the repulsion of a potential begins; from covalent radii if it has none."""
    repulsion = potential.spec.get("repulsion")
    if repulsion is not None:
        outer: list[list[float]] = repulsion["outer"]
        return outer
    radii = [float(covalent_radii[atomic_numbers[symbol]]) for symbol in potential.elements]
    return [[UNKNOWN_FRACTION * (a + b) for b in radii] for a in radii]


def short_range_failures(info: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the energy falls at short range, as a fit noted it in the `info` of a potential; empty if nowhere."""
    noted = info.get("short_range")
    failures = noted.get("failures") if isinstance(noted, Mapping) else None
    return tuple(map(str, failures)) if isinstance(failures, list | tuple) else ()
