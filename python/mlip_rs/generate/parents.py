"""Crystals that a set of structures starts from: prototypes of elements and compounds, and structures of the user."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from mlip_rs.generate.calculator import Calculator, equilibrium_ratio
from mlip_rs.generate.compounds import compounds
from mlip_rs.generate.distortions import with_volume
from mlip_rs.generate.ground_states import OPENNESS, GroundState
from mlip_rs.generate.orderings import orderings
from mlip_rs.generate.out_of_domain import Spheres
from mlip_rs.generate.prototypes import (
    BINARY_PROTOTYPES,
    FURTHER_PROTOTYPES,
    PROTOTYPES,
    binary_prototype,
    prototype,
)

SHORT_NAMES: dict[str, str] = {"diamond": "dia", "beta-sn": "bsn"}
"""Names within `config_type`s, as in published data sets."""

GROUND, CLOSE_PACKED, COMMON, RARE = 6.0, 2.0, 0.7, 0.35
"""Shares of structures: of the ground state; of fcc, bcc and hcp; of the other prototypes; of the further ones."""

COMPOUND, FURTHER = 1.0, 0.3
"""Shares of ordered compounds, of which there are many."""


@dataclass(frozen=True, eq=False)
class Parent:
    """A crystal to be distorted.

    Attributes
    ----------
    name
        Name in `config_type` and provenance.
    crystal
        Cell at the volume that counts as 1.
    share
        Number of structures made of it, relative to other parents.
    alloy
        Elements that occupy its sites at random, if any.
    with_defects
        Whether surfaces and defects are made of it.
    members
        Crystals that it stands for, one of which is drawn each time, if any.
    """

    name: str
    crystal: Atoms
    share: float
    alloy: tuple[str, ...] = ()
    with_defects: bool = True
    members: tuple[Atoms, ...] = ()

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols, in alphabetical order."""
        return tuple(sorted(self.alloy or set(self.crystal.get_chemical_symbols())))

    def member(self, number: int) -> "Parent":
        """One of the crystals that it stands for."""
        return replace(self, name=f"{self.name}-{number}", crystal=self.members[number], members=())

    def at_equilibrium(self, calculator: Calculator) -> "Parent":
        """The crystal at the volume where a calculator has its lowest energy; alloys stay as they are."""
        ratio = None if self.alloy or self.share == GROUND else equilibrium_ratio(calculator, self.crystal)
        return self if ratio is None else replace(self, crystal=with_volume(self.crystal, ratio))

    @property
    def volume(self) -> float:
        """Å³ per atom."""
        return float(self.crystal.get_volume()) / len(self.crystal)


def spheres_of(states: Mapping[str, GroundState], own: Sequence[Atoms] = ()) -> Spheres:
    """Sizes of atoms: those that touch in fcc, mean diameters between elements, or as close as in given structures."""
    diameters = np.array([state.diameter for state in states.values()])
    volumes = np.array([state.close_packed_volume for state in states.values()])
    spheres = Spheres(tuple(states), (diameters[:, None] + diameters) / 2, volumes)
    closest = spheres.closest.copy()
    for atoms in own:
        i, j, distances = neighbor_list("ijd", atoms, float(closest.max()))
        species = spheres.species(atoms.get_chemical_symbols())
        np.minimum.at(closest, (species[i], species[j]), distances)
    return Spheres(spheres.elements, closest, volumes)


def element_parents(state: GroundState) -> list[Parent]:
    """All prototypes of an element, the ground state with the axial ratio of the element."""
    found = [Parent(SHORT_NAMES.get(state.name, state.name), state.crystal, GROUND)]
    for name in (*PROTOTYPES, *FURTHER_PROTOTYPES):
        if name != state.name:
            crystal = prototype(name, state.element, OPENNESS[name] * state.close_packed_volume)
            common = CLOSE_PACKED if name in ("fcc", "bcc", "hcp") else COMMON
            share = RARE if name in FURTHER_PROTOTYPES else common
            found.append(
                Parent(SHORT_NAMES.get(name, name), crystal, share, with_defects=share >= CLOSE_PACKED)
            )
    return found


def compound_parents(system: Sequence[str], spheres: Spheres) -> list[Parent]:
    """Ordered compounds of two and three elements, and random alloys of any number on fcc, bcc and hcp sites."""
    found: list[Parent] = []
    for name in BINARY_PROTOTYPES if len(system) == 2 else ():
        for first, second in (system, system[::-1]):
            crystal = binary_prototype(name, first, second, 1.0)
            formula = crystal.get_chemical_formula()
            if any(known.name == name and known.crystal.get_chemical_formula() == formula for known in found):
                continue
            volume = OPENNESS[name] * spheres.volume(crystal.get_chemical_symbols())
            found.append(Parent(name, binary_prototype(name, first, second, volume), COMPOUND))
    found += [Parent(name, cell, FURTHER, with_defects=False) for name, cell in compounds(system, spheres)]
    for name in ("fcc", "bcc", "hcp"):
        volume = OPENNESS[name] * spheres.volume(system)
        found.append(Parent(f"alloy-{name}", prototype(name, system[0], volume), CLOSE_PACKED, tuple(system)))
    return found


def ordering_parents(system: Sequence[str], spheres: Spheres, most_atoms: int) -> list[Parent]:
    """All orderings of elements on fcc, bcc and hcp sites, at the mean volume of their elements; one parent by lattice.

    Raises
    ------
    ConfigError
        There are too many.
    """
    found = []
    for name in ("fcc", "bcc", "hcp"):
        cells = []
        for cell in orderings(prototype(name, system[0], 1.0), system, most_atoms):
            volume = OPENNESS[name] * spheres.volume(cell.get_chemical_symbols())
            cells.append(with_volume(cell, volume * len(cell) / float(cell.get_volume())))
        if cells:
            found.append(
                Parent(f"ordering-{name}", cells[0], CLOSE_PACKED, with_defects=False, members=tuple(cells))
            )
    return found


def shared_out(count: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers of the given sum in proportion to shares (largest remainders, the first of equal ones).

    Examples
    --------
    >>> shared_out(10, [6.0, 2.0, 1.0])
    [7, 2, 1]
    """
    if not len(shares) or sum(shares) <= 0.0:
        return [0] * len(shares)
    exact = count * np.asarray(shares, dtype=float) / float(np.sum(shares))
    whole = np.floor(exact + 1e-9).astype(int)
    for k in np.argsort(-(exact - whole), kind="stable")[: count - int(whole.sum())]:
        whole[k] += 1
    return [int(number) for number in whole]
