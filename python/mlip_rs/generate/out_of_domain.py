"""Structures outside the domain of training data: crowded, open, random, clustered.

Atoms are hard spheres that touch where the data end. They reach what crystals, even hot and compressed, do not: close
neighbours in every direction, in number and angle. Lengths are in Å, volumes in Å³ per atom.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from mlip_rs.errors import ConfigError
from mlip_rs.generate.prototypes import PROTOTYPES, prototype
from mlip_rs.generate.systems import System, mixture

MOST_PUSHES: int = 200
"""Overlapping spheres are pushed apart so many times at most; in the densest cells some overlap is left."""

OVERLAP: float = 1e-3
"""Å; smaller overlaps are left."""

VACUUM: float = 20.0
"""Å; cells of clusters are not periodic and have edges longer than the cluster by this."""

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Spheres:
    """Sizes of the atoms of some elements.

    Parameters
    ----------
    elements
        Chemical symbols.
    closest
        (E, E) shortest distance of each pair in the data, Å.
    volumes
        (E,) volume per atom of the ground state of each element, Å³.

    Raises
    ------
    ConfigError
        Shapes that disagree, or sizes that are not positive.
    """

    elements: tuple[str, ...]
    closest: Array
    volumes: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", tuple(self.elements))
        for name, shape in (("closest", (len(self.elements),) * 2), ("volumes", (len(self.elements),))):
            array = np.array(getattr(self, name), dtype=float)
            if array.shape != shape or not (np.isfinite(array) & (array > 0.0)).all():
                raise ConfigError(f"{name}: expected {shape} positive numbers for {', '.join(self.elements)}")
            object.__setattr__(self, name, array)

    def of(self, system: System) -> "Spheres":
        """The sizes in a system: those of a compound fill its volume."""
        volume = system.volume
        return self if volume is None else replace(self, volumes=np.full(len(self.elements), volume))

    def species(self, symbols: Sequence[str]) -> NDArray[np.int64]:
        """(N,) positions of chemical symbols among the elements."""
        return np.array([self.elements.index(symbol) for symbol in symbols])

    def volume(self, symbols: Sequence[str]) -> float:
        """Mean volume per atom of a composition, Å³ (Vegard)."""
        return float(self.volumes[self.species(symbols)].mean())

    def distances(self, symbols: Sequence[str]) -> Array:
        """(N, N) shortest distances of atoms, Å."""
        species = self.species(symbols)
        return self.closest[np.ix_(species, species)]


def random_cell(
    spheres: Spheres,
    symbols: Sequence[str],
    volume_ratio: float,
    rng: np.random.Generator,
    contact: float = 1.0,
) -> Atoms:
    """A cubic periodic cell of hard spheres at random places.

    Parameters
    ----------
    symbols
        One for each atom.
    volume_ratio
        Volume in that of the ground states.
    contact
        Distances at which spheres touch, in the shortest of the data; some are closer in the densest cells.
    """
    n_atoms = len(symbols)
    edge = (n_atoms * volume_ratio * spheres.volume(symbols)) ** (1 / 3)
    diameters = contact * spheres.distances(symbols)
    positions = rng.uniform(0.0, edge, (n_atoms, 3))
    itself = np.eye(n_atoms, dtype=bool)
    for _ in range(MOST_PUSHES):
        vectors = positions[:, None] - positions
        vectors -= edge * np.round(vectors / edge)
        lengths = np.linalg.norm(vectors, axis=2)
        overlaps = np.where(itself, 0.0, np.maximum(diameters - lengths, 0.0))
        if overlaps.max(initial=0.0) < OVERLAP:
            break
        scale = 0.5 * overlaps / np.where(itself, 1.0, np.maximum(lengths, OVERLAP))
        positions += np.einsum("ijk,ij->ik", vectors, scale)
    return Atoms(list(symbols), positions, cell=[edge] * 3, pbc=True)


def cluster(
    spheres: Spheres, symbols: Sequence[str], rng: np.random.Generator, contact: float = 1.0
) -> Atoms:
    """A compact free cluster: one sphere after the other is set where it touches and is closest to the centre."""
    diameters = contact * spheres.distances(symbols)
    positions = np.zeros((1, 3))
    for k in range(1, len(symbols)):
        directions = rng.normal(size=(40, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        touched = rng.integers(k, size=len(directions))
        places = positions[touched] + diameters[k, touched, None] * directions
        gaps = np.linalg.norm(places[:, None] - positions, axis=2) - diameters[k, :k]
        free = np.flatnonzero(gaps.min(axis=1) > -OVERLAP)
        if not len(free):
            outermost = np.linalg.norm(positions - positions.mean(axis=0), axis=1).argmax()
            away = positions[outermost] - positions.mean(axis=0)
            places = positions[outermost] + diameters.max() * away / max(float(np.linalg.norm(away)), OVERLAP)
            positions = np.vstack([positions, places])
            continue
        inward = np.linalg.norm(places[free] - positions.mean(axis=0), axis=1)
        positions = np.vstack([positions, places[free[inward.argmin()]]])
    edge = float(np.ptp(positions, axis=0).max()) + VACUUM
    atoms = Atoms(list(symbols), positions, cell=[edge] * 3, pbc=False)
    atoms.center()
    return atoms


def displaced(
    crystal: Atoms, spheres: Spheres, amplitude: float, rng: np.random.Generator, closest: float = 0.8
) -> Atoms:
    """A crystal with displaced atoms and a sheared cell, in which no two atoms come too close.

    Parameters
    ----------
    amplitude
        Standard deviation of each Cartesian component of the displacements, in the nearest distance of the data.
    closest
        Distance below which pairs are pushed apart, in the shortest of the data.
    """
    atoms: Atoms = crystal.copy()
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-0.04, 0.04, (3, 3))), scale_atoms=True)
    limits = closest * spheres.distances(atoms.get_chemical_symbols())
    atoms.positions += rng.normal(0.0, amplitude * limits.min() / closest, atoms.positions.shape)
    push_apart(atoms, limits)
    return atoms


def push_apart(atoms: Atoms, limits: Array) -> None:
    """Move atoms that are closer than the limits (N, N), Å, away from each other, in place."""
    itself = np.eye(len(atoms), dtype=bool)
    for _ in range(MOST_PUSHES):
        vectors = -np.asarray(atoms.get_all_distances(mic=True, vector=True))
        lengths = np.linalg.norm(vectors, axis=2)
        overlaps = np.where(itself, 0.0, np.maximum(limits - lengths, 0.0))
        if overlaps.max(initial=0.0) < OVERLAP:
            break
        scale = 0.5 * overlaps / np.where(itself, 1.0, np.maximum(lengths, OVERLAP))
        atoms.positions += np.einsum("ijk,ij->ik", vectors, scale)


CLUSTER_SIZES: tuple[int, int] = (2, 45)
"""Fewest and most atoms of a cluster; those with more than about 20 have atoms that are crowded from all sides."""

KINDS: tuple[str, ...] = ("crowded", "cluster", "displaced", "open")
"""Surroundings of `out_of_domain`, in turn."""


def out_of_domain(spheres: Spheres, systems: Sequence[System], n_structures: int, seed: int) -> list[Atoms]:
    """Small structures of all kinds, in turn for each system.

    Cells have 0.5 to 1 times the volume of the ground states, open ones up to 2.5 times.

    Parameters
    ----------
    seed
        The same seed gives the same structures.
    """
    rng = np.random.default_rng(seed)
    sizes = [spheres.of(system) for system in systems]
    return [
        _one(sizes[k % len(systems)], KINDS[(k // len(systems)) % len(KINDS)], systems[k % len(systems)], rng)
        for k in range(n_structures)
    ]


def _one(spheres: Spheres, kind: str, system: System, rng: np.random.Generator) -> Atoms:
    """One structure of a kind."""
    symbols = system.mixed(int(rng.integers(6, 14)), rng)
    if kind == "crowded":
        return random_cell(spheres, symbols, rng.uniform(0.5, 1.0), rng, rng.uniform(0.9, 1.1))
    if kind == "open":
        return random_cell(spheres, symbols, rng.uniform(1.0, 2.5), rng, rng.uniform(0.9, 1.3))
    if kind == "cluster":
        symbols = system.mixed(int(rng.integers(*CLUSTER_SIZES, endpoint=True)), rng)
        return cluster(spheres, symbols, rng, rng.uniform(0.9, 1.3))
    name, ratio = str(rng.choice(PROTOTYPES)), rng.uniform(0.5, 1.0)
    crystal = crystal_of(spheres, system, name, ratio, symbols, rng)
    return displaced(crystal, spheres, rng.choice([0.05, 0.12, 0.2]), rng)


def crystal_of(
    spheres: Spheres,
    system: System,
    name: str,
    volume_ratio: float,
    symbols: Sequence[str],
    rng: np.random.Generator,
) -> Atoms:
    """The crystal of a compound, or a prototype with a random mixture on its sites; as many atoms as symbols, or more.

    Of a compound without crystal, a random cell.

    Parameters
    ----------
    name
        The prototype.
    volume_ratio
        Volume in that of the ground states.
    symbols
        Those whose ground states these are.
    """
    own = system.crystal
    if own is not None:
        own.set_cell(own.cell.array * volume_ratio ** (1 / 3), scale_atoms=True)
        return supercell(own, len(symbols))
    if system.symbols:
        return random_cell(spheres, symbols, volume_ratio, rng)
    unit = prototype(name, system.elements[0], volume_ratio * spheres.volume(symbols))
    crystal = supercell(unit, len(symbols))
    crystal.set_chemical_symbols(mixture(system.elements, len(crystal), rng))
    return crystal


def supercell(unit: Atoms, n_atoms: int) -> Atoms:
    """Repeat a crystal along its shortest directions to at least `n_atoms`."""
    repeated = unit.copy()
    while len(repeated) < n_atoms:
        repeat = [1, 1, 1]
        repeat[int(repeated.cell.lengths().argmin())] = 2
        repeated = repeated.repeat(repeat)
    return repeated
