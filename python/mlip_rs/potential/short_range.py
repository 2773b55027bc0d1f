"""Energy of dimers and crystals compressed far beyond the data, and whether it rises all the way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from mlip_rs.arrays import Array
from mlip_rs.potential.compression import Compression
from mlip_rs.potential.potential import Potential
from mlip_rs.potential.zbl_switching import ZblSwitching
from mlip_rs.threads import number_of_threads

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
"""Longest distance at which a crystal starts, in shortest distances of the data; longer ones are not short range."""

N_POINTS: int = 120
"""Points of a curve."""

Energies = Callable[[Compression, Array], Array]
"""Energies (K,) in eV per atom of a dimer or crystal at K nearest-neighbour distances."""


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

    Examples
    --------
    >>> curve = ShortRangeCurve("dimer", ("Al", "Al"), np.array([2.0, 1.5, 1.0]), np.array([0.1, 2.3, 1.9]))
    >>> curve.failure
    'Al–Al dimer: the energy falls below 1.50 Å'
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

    @property
    def failure(self) -> str:
        """Sentence that says where the energy of a curve that does not rise begins to fall."""
        return f"{self.name}: the energy falls below {self.first_fall:.2f} Å"

    def to_dict(self) -> dict[str, Any]:
        """Record of numbers, the unit in each key."""
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

    Examples
    --------
    >>> rising = ShortRangeCurve("fcc", ("Al",), np.array([2.8, 2.4, 2.0]), np.array([-3.4, -2.9, -1.0]))
    >>> ShortRange((rising,)).monotonic
    True
    """

    curves: tuple[ShortRangeCurve, ...]

    @property
    def monotonic(self) -> bool:
        """Whether all curves rise."""
        return all(curve.monotonic for curve in self.curves)

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence for each curve that does not rise."""
        return tuple(curve.failure for curve in self.curves if not curve.monotonic)

    def to_dict(self) -> dict[str, Any]:
        """Record of numbers, the unit in each key."""
        return {"monotonic": self.monotonic, "curves": [curve.to_dict() for curve in self.curves]}


def short_range(
    potential: Potential,
    *,
    closest: Sequence[Sequence[float]] | None = None,
    lattices: Sequence[str] = LATTICES,
    n_points: int = N_POINTS,
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
        Points of each curve.
    whole
        False: crystals end where their atoms have the ZBL energy alone, which rises by construction; the verdict is
        the same, several times faster.
    threads
        As for `Potential.predict`.

    Examples
    --------
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2, 0.0, 0.0], {"Al": 0.0})
    >>> short_range(potential, closest=[[2.4]], lattices=("fcc",)).failures  # nothing repels inside the Gaussians
    ('Al–Al dimer: the energy falls below 1.75 Å',)
    """
    n_threads = number_of_threads(threads)

    def energies(compression: Compression, distances: Array) -> Array:
        return np.asarray(compression.energies(potential.core, distances, n_threads).mean(axis=1))

    repulsion = potential.spec.get("repulsion")
    switching = None if repulsion is None else ZblSwitching(potential.elements, potential.cutoff, repulsion)
    starts = shortest_distances(potential) if closest is None else closest
    grid = CurveGrid(potential.elements, starts, switching, lattices, n_points, whole)
    return ShortRange(tuple(grid.curves(energies)))


@dataclass(frozen=True)
class CurveGrid:
    """Dimers and crystals that are compressed, and their distances.

    Parameters
    ----------
    elements
        Chemical symbols.
    closest
        (E, E) distances at which dimers start, Å.
    switching
        The repulsion; None without.
    lattices, n_points, whole
        As for `short_range`.
    """

    elements: Sequence[str]
    closest: Sequence[Sequence[float]]
    switching: ZblSwitching | None
    lattices: Sequence[str] = LATTICES
    n_points: int = N_POINTS
    whole: bool = True

    def curves(self, energies: Energies) -> Iterator[ShortRangeCurve]:
        """The curves one after the other: dimers of all pairs of elements, then crystals of each element."""
        for i, j in combinations_with_replacement(range(len(self.elements)), 2):
            pair = (self.elements[i], self.elements[j])
            start = self.closest[i][j]
            # Densest at the start, where the repulsion is weakest.
            distances = start + (SHORTEST_DIMER - start) * np.linspace(0.0, 1.0, self.n_points) ** 2
            dimer = Compression.dimer(*pair)
            yield ShortRangeCurve("dimer", pair, distances, energies(dimer, distances))
        for i, element in enumerate(self.elements):
            for lattice in self.lattices:
                crystal = Compression.crystal(lattice, element)
                distances = self._crystal_distances(crystal, self.closest[i][i], energies)
                yield ShortRangeCurve(lattice, (element,), distances, energies(crystal, distances))

    def _crystal_distances(self, crystal: Compression, closest: float, energies: Energies) -> Array:
        """(K,) from the equilibrium inwards."""
        (shells,) = crystal.shells
        pure_zbl = 0.0 if self.switching is None else self.switching.pure_zbl_distance(shells)
        start = _equilibrium(crystal, max(0.5 * closest, pure_zbl), EQUILIBRIUM_LIMIT * closest, energies)
        end = LARGEST_COMPRESSION * start
        if not self.whole:
            end = min(max(end, pure_zbl), 0.9 * start)
        return np.linspace(start, end, self.n_points)


def _equilibrium(crystal: Compression, shortest: float, longest: float, energies: Energies) -> float:
    """Distance (Å) of the lowest energy of a crystal, between `shortest` and `longest`."""
    grid = np.geomspace(min(shortest, 0.9 * longest), longest, COARSE_POINTS)
    lowest = int(np.argmin(energies(crystal, grid)))
    fine = np.linspace(grid[max(lowest - 1, 0)], grid[min(lowest + 1, len(grid) - 1)], COARSE_POINTS)
    return float(fine[int(np.argmin(energies(crystal, fine)))])


def shortest_distances(potential: Potential) -> Sequence[Sequence[float]]:
    """(E, E) distances, Å, at which the repulsion of a potential begins; from covalent radii if it has none.

    Examples
    --------
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2, 0.0, 0.0], {"Al": 0.0})
    >>> round(shortest_distances(potential)[0][0], 2)
    1.69
    """
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
