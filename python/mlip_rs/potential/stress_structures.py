"""Structures that a stress test follows, and the noise of their thermostats.

They depend on the ground states of the elements and on the seed alone: potentials of a fit, most of which have the same
ground states, share them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from threading import Lock

import numpy as np
from ase import Atoms

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.data.core_structures import structure_from_arrays
from mlip_rs.generate.out_of_domain import Spheres, cluster, crystal_of, displaced, random_cell
from mlip_rs.generate.systems import System
from mlip_rs.potential.hot_dynamics import thermostat_noise

SHRINKING: Array = np.geomspace(1.3, 0.55, 26)
"""Scales of structures whose energy is followed."""


@dataclass(frozen=True)
class Run:
    """Dynamics of one kind: volumes in that of the ground state, temperature in melting points, and length."""

    kind: str
    volume_ratios: tuple[float, ...]
    n_atoms: int
    temperature: float
    n_steps: int


@dataclass(frozen=True, eq=False)
class Followed:
    """Structures to follow by dynamics of one kind.

    Parameters
    ----------
    run
        What they have in common.
    starts
        Structures.
    ratios
        Volume of each, in that of its ground states.
    places
        Each in words.
    noises
        ((n_steps + 1) N, 3) of each, as `hot_dynamics` takes it.
    """

    run: Run
    starts: list[Atoms]
    ratios: tuple[float, ...]
    places: list[str]
    noises: list[Array]


@dataclass(frozen=True, eq=False)
class Shrinking:
    """Structures to scale down.

    Parameters
    ----------
    starts
        At scale 1.
    scaled
        Each at all scales of `SHRINKING`, one structure after the other.
    """

    starts: list[Atoms]
    scaled: list[_core.Structure]


@dataclass(frozen=True)
class StressStructures:
    """How the structures of one set of elements are made.

    Parameters
    ----------
    basis_elements, closest, volumes
        As of `Spheres`.
    system
        Elements or compound of the structures.
    ground_state
        Prototype of the lowest crystal of the first element.
    seed
        Of the structures and of the noise.
    runs
        In cells.
    of_clusters, sizes
        Of clusters, and their numbers of atoms.
    n_shrinking
        Cells and as many clusters that are scaled down.
    more
        Factor on the number of runs and on their length.
    """

    basis_elements: tuple[str, ...]
    closest: tuple[tuple[float, ...], ...]
    volumes: tuple[float, ...]
    system: System
    ground_state: str
    seed: tuple[int, ...]
    runs: tuple[Run, ...]
    of_clusters: Run
    sizes: tuple[int, ...]
    n_shrinking: int = 0
    more: int = 1

    def batches(self) -> Iterator[Followed | Shrinking]:
        """The structures, made when they are asked for; the last ones made are kept, unless they are many."""
        return iter(_kept(self)) if self.more == 1 else self.made()

    def made(self) -> Iterator[Followed | Shrinking]:
        """The structures, made anew."""
        rng = np.random.default_rng(list(self.seed))
        for run in self.runs:
            ratios = run.volume_ratios * self.more
            starts = [self._start(run, ratio, rng) for ratio in ratios]
            yield self._followed(run, starts, ratios, [f"at {ratio:g} V0" for ratio in ratios], rng)
        sizes = self.sizes * self.more
        starts = [cluster(self.spheres, self.system.mixed(n_atoms, rng), rng) for n_atoms in sizes]
        places = [f"of {len(atoms)} atoms" for atoms in starts]
        yield self._followed(self.of_clusters, starts, (np.inf,) * len(sizes), places, rng)
        if self.n_shrinking:
            yield self._shrinking(rng)

    @cached_property
    def spheres(self) -> Spheres:
        """Sizes of the atoms."""
        return Spheres(self.basis_elements, np.array(self.closest), np.array(self.volumes)).of(self.system)

    def _start(self, run: Run, ratio: float, rng: np.random.Generator) -> Atoms:
        symbols = self.system.mixed(run.n_atoms, rng)
        if not run.kind.endswith("crystal"):
            return random_cell(self.spheres, symbols, ratio, rng)
        atoms = crystal_of(self.spheres, self.system, self.ground_state, ratio, symbols, rng)
        return displaced(atoms, self.spheres, 0.05, rng)

    def _followed(
        self,
        run: Run,
        starts: list[Atoms],
        ratios: tuple[float, ...],
        places: list[str],
        rng: np.random.Generator,
    ) -> Followed:
        noises = thermostat_noise(starts, self.more * run.n_steps, rng)
        return Followed(run, starts, ratios, places, noises)

    def _shrinking(self, rng: np.random.Generator) -> Shrinking:
        starts = []
        for k in range(self.n_shrinking):
            symbols = self.system.mixed(3 + k % 10, rng)
            starts.append(cluster(self.spheres, symbols, rng))
            symbols = self.system.mixed(12, rng)
            starts.append(random_cell(self.spheres, symbols, rng.uniform(0.6, 1.2), rng))
        scaled = [
            structure_from_arrays(atoms.numbers, scale * atoms.positions, scale * atoms.cell.array, atoms.pbc)
            for atoms in starts
            for scale in SHRINKING
        ]
        return Shrinking(starts, scaled)


class _Kept:
    """Structures that are made once, by whoever asks first."""

    def __init__(self, structures: StressStructures) -> None:
        self._structures, self._rest = structures, structures.made()
        self._made: list[Followed | Shrinking] = []
        self._lock = Lock()

    def __iter__(self) -> Iterator[Followed | Shrinking]:
        place = 0
        while (own := self._at(place)) is not None:
            yield own
            place += 1

    def _at(self, place: int) -> Followed | Shrinking | None:
        with self._lock:
            try:
                while place >= len(self._made):
                    self._made.append(next(self._rest))
            except StopIteration:
                return None
            except BaseException:
                # A generator that raises has ended: whoever asks next begins again, and is not given fewer structures.
                self._rest, self._made = self._structures.made(), []
                raise
            return self._made[place]


@lru_cache(maxsize=16)
def _kept(structures: StressStructures) -> _Kept:
    return _Kept(structures)
