"""The lowest energies that a potential may have: those of its crystals, at every volume."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import gcd

import numpy as np
from ase import Atoms
from ase.formula import Formula

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.errors import StructureError
from mlip_rs.generate.prototypes import BINARY_PROTOTYPES, PROTOTYPES, binary_prototype, prototype
from mlip_rs.generate.systems import System, is_crystal, systems_within
from mlip_rs.potential.lowest_compounds import (
    COMPOUNDS_KEY,
    compounds_of,
    compounds_record,
    recorded_compounds,
)
from mlip_rs.potential.potential import Potential
from mlip_rs.threads import number_of_threads

Proportions = tuple[tuple[str, int], ...]

VOLUMES: Array = np.geomspace(0.3, 8.0, 40)
"""Volumes per atom at which crystals are looked at, in cubes of the shortest distance of the data."""

LOWEST_KEY: str = "lowest_structures"
"""Entry of `Potential.info` with the energies, eV per atom, of the lowest structures of the data, by formula."""

VOLUMES_KEY: str = "lowest_volumes"
"""Entry with their volumes, Å³ per atom, of those that are periodic."""

EXPANDED: float = 1.3
"""Volume, in that of the lowest crystal near the data, beyond which crystals count as expanded, not as lowest."""

COMPRESSED: float = 0.5
"""Share of the energy that it takes to compress a crystal, below which no compressed structure may fall.

At high compression the data say nothing: which of the crystals is lowest, and by how much, is the choice of the basis.
"""

SMALLEST_EQUILIBRIUM: float = 0.7
"""Smallest equilibrium volume, in the same units: that of close-packed spheres that touch."""


@dataclass(frozen=True, eq=False)
class LowestCrystal:
    """The lowest energy of the crystals of one element at each volume.

    Parameters
    ----------
    element
        Chemical symbol.
    name
        The prototype that is lowest of all.
    volume, energy
        Its volume, Å³ per atom, and energy, eV per atom.
    volumes, energies
        (K,) volumes, ascending, and the lowest energies at them.
    largest
        Volume beyond which crystals are expanded; infinite where the data have none of the element.
    """

    element: str
    name: str
    volume: float
    energy: float
    volumes: Array
    energies: Array
    largest: float = np.inf

    @classmethod
    def of(
        cls,
        potential: Potential,
        element: str,
        closest: float,
        threads: int | None,
        near: float = np.inf,
    ) -> "LowestCrystal":
        """Compare all prototypes over volumes.

        Parameters
        ----------
        closest
            Shortest distance of the data, Å.
        near
            Volume of the lowest structure of the element in the data, Å³ per atom.
        """
        volumes = VOLUMES * closest**3
        structures = _crystals(element, tuple(volumes.tolist()))
        energies = core_energies(potential, structures, threads).reshape(len(PROTOTYPES), -1)
        energies[np.isnan(energies)] = np.inf
        at_volumes = energies.min(axis=0)
        largest = np.inf
        if near < volumes[-1]:
            largest = EXPANDED * volumes[_minimum(at_volumes, int(np.searchsorted(volumes, near)))]
        allowed = (VOLUMES >= SMALLEST_EQUILIBRIUM) & (volumes <= largest)
        lowest = np.where(allowed, energies, np.inf)
        kind, place = np.unravel_index(int(lowest.argmin()), lowest.shape)
        return cls(
            element,
            PROTOTYPES[int(kind)],
            float(volumes[place]),
            float(energies[kind, place]),
            volumes,
            np.where(np.isfinite(at_volumes), at_volumes, energies[kind, place]),
            float(largest),
        )

    @property
    def lowest_expanded(self) -> tuple[float, float] | None:
        """Volume, in that of the ground state, and energy per atom of the lowest expanded crystal; None without one."""
        beyond = np.flatnonzero(self.volumes > self.largest)
        if not len(beyond):
            return None
        place = beyond[self.energies[beyond].argmin()]
        return float(self.volumes[place] / self.volume), float(self.energies[place])

    def floor(self, volume_ratio: float) -> float:
        """Lowest energy at a volume, in that of the ground state, eV per atom; wider cells may break apart.

        Below the ground state's volume it is above its energy by `COMPRESSED` of what the lowest crystal is. Crystals
        that are lower than the ground state when compressed beyond their distances do not count.
        """
        if volume_ratio >= 1.0:
            return self.energy
        compressed = float(np.interp(volume_ratio * self.volume, self.volumes, self.energies))
        return self.energy + COMPRESSED * max(compressed - self.energy, 0.0)


@dataclass(frozen=True, eq=False)
class LowestCrystals:
    """The lowest crystals of every element, and how much deeper compounds lie.

    Parameters
    ----------
    crystals
        By element.
    binding
        By set of elements: by how much the energy per atom of a compound lies below that of its elements, eV.
    compounds
        By composition (see `_proportions`), those of which the data have not all elements alone: volume, Å³ per atom,
        of the lowest structure in the data, none if it is no crystal, and the lowest energy known, eV per atom.
    systems
        What may be tested: of other mixtures the data have no energies to judge by.
    """

    crystals: dict[str, LowestCrystal]
    binding: dict[frozenset[str], float]
    compounds: dict[Proportions, tuple[float | None, float]]
    systems: tuple[System, ...]

    @classmethod
    def of(
        cls,
        potential: Potential,
        closest: Array,
        known: Sequence[Atoms] = (),
        threads: int | None = None,
    ) -> "LowestCrystals":
        """Look at the prototypes of every element and pair, and at structures known to be low.

        Among these are those that the potential has a record of, see `with_lowest_structures`.

        Parameters
        ----------
        closest
            (E, E) shortest distances of the data, Å.
        known
            Other structures, such as the ground states of compounds.
        """
        elements = potential.elements
        near = _recorded_volumes(potential) | _volumes_of_elements(known)
        crystals = {
            element: LowestCrystal.of(potential, element, closest[k, k], threads, near.get(element, np.inf))
            for k, element in enumerate(elements)
        }
        compounds = [*known]
        for first, second in combinations(elements, 2):
            mean = 0.5 * (crystals[first].volume + crystals[second].volume)
            compounds += [
                binary_prototype(name, *pair, scale * mean)
                for name in BINARY_PROTOTYPES
                for pair in ((first, second), (second, first))
                for scale in np.linspace(0.7, 1.3, 7)
            ]
        low = [(composition, energy) for composition, energy in _recorded(potential, LOWEST_KEY).values()]
        if compounds:
            energies = energies_per_atom(potential, compounds, threads)
            counts = [Formula(atoms.get_chemical_formula()).count() for atoms in compounds]
            low += zip(counts, energies.tolist(), strict=True)
        binding: dict[frozenset[str], float] = {}
        for composition, energy in low:
            total = sum(count * crystals[symbol].energy for symbol, count in composition.items())
            key = frozenset(composition)
            binding[key] = max(binding.get(key, 0.0), total / sum(composition.values()) - energy)
        found, tested = _compounds(potential, low, threads)
        return cls(crystals, binding, found, systems_within(elements, _recorded_volumes(potential), tested))

    @property
    def volumes(self) -> Array:
        """(E,) volumes of the ground states, Å³ per atom."""
        return np.array([crystal.volume for crystal in self.crystals.values()])

    def volume(self, symbols: Sequence[str]) -> float:
        """Mean volume per atom of the ground states of atoms, Å³; of a compound, that of its structure."""
        volume, _ = self.compounds.get(_proportions(Counter(symbols)), (None, 0.0))
        if volume is not None:
            return volume
        return float(np.mean([self.crystals[symbol].volume for symbol in symbols]))

    def floor(self, symbols: Sequence[str], volume_ratio: float) -> float:
        """Lowest energy per atom that atoms may have at a volume, in that of their ground states, eV.

        For a compound it is the same at all volumes: its structure, when compressed, need not be the lowest.
        """
        compound = self.compounds.get(_proportions(Counter(symbols)))
        if compound is not None:
            return compound[1]
        present = set(symbols)
        of_elements = float(np.mean([self.crystals[symbol].floor(volume_ratio) for symbol in symbols]))
        return of_elements - max((e for key, e in self.binding.items() if key <= present), default=0.0)


def with_lowest_structures(
    potential: Potential, structures: Sequence[Atoms], threads: int | None = None
) -> Potential:
    """Copy with a record of the energies of structures that are low: stress tests know them without the structures.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> basis = Basis(["H"], cutoff=3.0, r_min=0.5, hierarchy="pair", n_radial=4)
    >>> potential = Potential.from_coefficients(basis, [0.0, 0.0, 0.0, 0.0], {"H": -0.5})
    >>> with_lowest_structures(potential, [Atoms("H2", [[0, 0, 0], [0, 0, 0.7]])]).info
    {'lowest_structures': {'H2': -0.5}, 'lowest_volumes': {}}
    """
    energies = energies_per_atom(potential, structures, threads)
    found = {
        atoms.get_chemical_formula(): float(energy)
        for atoms, energy in zip(structures, energies, strict=True)
        if np.isfinite(energy)
    }
    volumes = {
        atoms.get_chemical_formula(): float(atoms.get_volume() / len(atoms))
        for atoms in structures
        if is_crystal(atoms)
    }
    noted = potential.with_info(dict(potential.info) | {LOWEST_KEY: found, VOLUMES_KEY: volumes})
    compounds = compounds_of(potential.elements, _recorded_volumes(noted), structures)
    if not compounds:
        return noted
    return noted.with_info(dict(noted.info) | {COMPOUNDS_KEY: compounds_record(compounds)})


def _volumes_of_elements(structures: Sequence[Atoms]) -> dict[str, float]:
    """Volumes per atom of the periodic structures of one element, Å³."""
    return {
        atoms.symbols[0]: float(atoms.get_volume() / len(atoms))
        for atoms in structures
        if atoms.pbc.all() and len(set(atoms.symbols)) == 1
    }


def _recorded_volumes(potential: Potential) -> dict[str, float]:
    """The same of the record."""
    return {
        symbol: volume
        for composition, volume in _recorded(potential, VOLUMES_KEY).values()
        for symbol in composition
        if len(composition) == 1 and volume > 0.0
    }


def _compounds(
    potential: Potential, low: Sequence[tuple[Mapping[str, int], float]], threads: int | None
) -> tuple[dict[Proportions, tuple[float | None, float]], list[System]]:
    """Volumes and energies of the compounds of the record, as `LowestCrystals` has them, and the compounds.

    Parameters
    ----------
    low
        Compositions and energies, eV per atom, of other structures, which may be lower.
    """
    systems = recorded_compounds(potential.elements, potential.info)
    structures = [atoms for system in systems if (atoms := system.structure) is not None]
    found: dict[Proportions, tuple[float | None, float]] = {}
    tested = []
    for system, own in zip(systems, energies_per_atom(potential, structures, threads).tolist(), strict=True):
        key = _proportions(Counter(system.symbols))
        if np.isfinite(own):
            found[key] = system.volume, min([own, *(e for of, e in low if _proportions(of) == key)])
            tested.append(system)
    return found, tested


def _proportions(composition: Mapping[str, int]) -> Proportions:
    """Elements and their shares of the atoms, as smallest whole numbers.

    >>> _proportions({"O": 24, "Ti": 8, "Sr": 8})
    (('O', 3), ('Sr', 1), ('Ti', 1))
    """
    divisor = gcd(*composition.values())
    return tuple(sorted((symbol, count // divisor) for symbol, count in composition.items() if count))


def _minimum(energies: Array, place: int) -> int:
    """Place of the minimum of the energies (K,) to which one comes from a place without rising."""
    while True:
        around = range(max(place - 1, 0), min(place + 2, len(energies)))
        best = min(around, key=lambda k: float(energies[k]))
        if energies[best] >= energies[place]:
            return place
        place = best


def _recorded(potential: Potential, key: str) -> dict[str, tuple[dict[str, int], float]]:
    """Compositions and numbers of an entry of the record by formula; what is not understood is left out."""
    noted = potential.info.get(key)
    found = {}
    for formula, number in noted.items() if isinstance(noted, Mapping) else ():
        try:
            composition = Formula(formula).count()
            known = bool(composition) and composition.keys() <= set(potential.elements)
            if known and np.isfinite(float(number)):
                found[formula] = composition, float(number)
        except (TypeError, ValueError):
            continue
    return found


def energies_per_atom(potential: Potential, structures: Sequence[Atoms], threads: int | None) -> Array:
    """Energies per atom of structures, (S,), eV; NaN where a structure cannot be evaluated."""
    return core_energies(potential, [structure_from_atoms(atoms) for atoms in structures], threads)


def core_energies(
    potential: Potential, structures: Sequence[_core.Structure], threads: int | None = None
) -> Array:
    """`energies_per_atom` of structures of the core."""
    found = evaluations(potential, structures, threads)
    return np.array([np.nan if own is None else float(own[0].mean()) for own in found])


def evaluations(
    potential: Potential, structures: Sequence[_core.Structure], threads: int | None = None
) -> list[tuple[Array, Array, Array] | None]:
    """Energies, forces and virials; None where a structure cannot be evaluated, as by an energy beyond all bounds."""
    n_threads = number_of_threads(threads)
    try:
        return list(potential.core.evaluate_many(list(structures), n_threads))
    except StructureError:
        return [_evaluation(potential, structure) for structure in structures]


def _evaluation(potential: Potential, structure: _core.Structure) -> tuple[Array, Array, Array] | None:
    try:
        (found,) = potential.core.evaluate_many([structure], 1)
    except StructureError:
        return None
    return found


@lru_cache(maxsize=64)
def _crystals(element: str, volumes: tuple[float, ...]) -> tuple[_core.Structure, ...]:
    """All prototypes of an element at volumes per atom, Å³: the same for all potentials of a fit."""
    return tuple(structure_from_atoms(prototype(name, element, v)) for name in PROTOTYPES for v in volumes)
