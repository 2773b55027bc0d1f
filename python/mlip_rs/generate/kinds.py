"""Kinds of structures that crystals are made into by volume, strain and displacements.

Each kind is a function of a parent and of a `Task`; it returns None where the parent does not allow it, and it notes in
`info` what it has done: `volume_ratio`, `strain`, `displacement` (Å).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlip_rs.generate.distortions import (
    compact_supercell,
    moved,
    one_moved,
    random_strain,
    random_supercell,
    single_strain,
    strained,
    with_volume,
)
from mlip_rs.generate.out_of_domain import Spheres
from mlip_rs.generate.parents import Parent
from mlip_rs.generate.systems import mixture

SMALL: int = 8
"""Most atoms of the small cells that first-principles calculations are cheap for."""

FAR: tuple[float, ...] = (1.9, 2.5, 0.55, 3.5)
"""Volumes far from equilibrium, one for every `NEAR` others."""

NEAR: int = 8

ALLOY_SITES: int = 4
"""Least sites of the cells of random alloys."""

REFERENCE_LENGTH: float = 2.86
"""Å; displacements are for neighbours this far apart (Al), and in proportion for others."""


@dataclass(frozen=True, eq=False)
class Task:
    """Which one of how many structures of a kind and a parent is wanted.

    Attributes
    ----------
    number, count
        It is structure `number` of `count`.
    rng
        Its own random numbers.
    spheres
        Sizes of the elements.
    """

    number: int
    count: int
    rng: np.random.Generator
    spheres: Spheres

    def scale(self, parent: Parent) -> float:
        """Distances of neighbours, in those of `REFERENCE_LENGTH`."""
        symbols = parent.elements
        return float(self.spheres.distances(symbols).mean()) / REFERENCE_LENGTH

    def one_of(self, values: tuple[float, ...]) -> float:
        """One of some numbers at random."""
        return float(self.rng.choice(values))


Maker = Callable[[Parent, Task], Atoms | None]


@dataclass(frozen=True, eq=False)
class Kind:
    """A kind of structures.

    Attributes
    ----------
    make
        Makes one, or None where it turned out to be impossible or too large.
    applies
        Whether structures of the kind can be made of a parent.
    """

    make: Maker
    applies: Callable[[Parent], bool] = lambda parent: True


def equation_of_state(parent: Parent, task: Task) -> Atoms | None:
    """Volumes, dense near equilibrium, from 0.6 to 1.6 of it, and some far ones."""
    cell = occupied(parent, task, smallest(parent))
    n_far = min(task.count // (NEAR + 1), len(FAR))
    near = task.count - n_far
    if task.number < near:
        x = 2.0 * (task.number + 0.5) / near - 1.0 if near > 1 else 0.0
        ratio = float(np.exp(0.5 * (0.3 * x + 0.7 * x**3)))
    else:
        ratio = FAR[task.number - near]
    return noted(with_volume(cell, ratio), volume_ratio=ratio)


def elastic(parent: Parent, task: Task) -> Atoms | None:
    """Small strains of one component after the other, for elastic constants."""
    cell = occupied(parent, task, smallest(parent))
    component, step = task.number % 6, task.number // 6
    size = (0.01, -0.01, 0.02, -0.02, 0.005, -0.005)[step % 6]
    return noted(strained(cell, single_strain(component, size)), volume_ratio=1.0, strain=size)


def strain(parent: Parent, task: Task) -> Atoms | None:
    """Random strains, up to large ones, at any volume, without displacements."""
    cell = occupied(parent, task, smallest(parent))
    ratio, size = task.rng.uniform(0.75, 1.3), task.one_of((0.03, 0.07, 0.12))
    deformed = strained(with_volume(cell, ratio), random_strain(size, task.rng))
    return noted(deformed, volume_ratio=ratio, strain=size)


def phonon(parent: Parent, task: Task) -> Atoms | None:
    """One atom displaced a little near the equilibrium volume, for force constants."""
    cell = occupied(parent, task, compact_supercell(parent.crystal, (SMALL, 2 * SMALL)[task.number % 2]))
    ratio, length = task.rng.uniform(0.97, 1.03), task.scale(parent) * task.one_of((0.01, 0.03))
    return noted(
        one_moved(with_volume(cell, ratio), length, task.rng), volume_ratio=ratio, displacement=length
    )


def rattle(parent: Parent, task: Task, least: int = 2, most: int = SMALL) -> Atoms | None:
    """Supercells of any shape, strained, all atoms displaced by the same length, from small to large ones."""
    n_atoms = len(parent.crystal)
    multiples = [k for k in range(1, most // n_atoms + 1) if k * n_atoms >= least] or [-(-least // n_atoms)]
    multiple = int(task.rng.choice(multiples))
    cell = occupied(parent, task, random_supercell(parent.crystal, multiple, task.rng))
    ratio = float(np.clip(np.exp(task.rng.normal(0.0, 0.15)), 0.65, 1.6))
    size = task.one_of((0.01, 0.04, 0.08))
    length = task.scale(parent) * task.one_of((0.05, 0.1, 0.2, 0.3, 0.45, 0.6))
    deformed = strained(with_volume(cell, ratio), random_strain(size, task.rng))
    return noted(moved(deformed, length, task.rng), volume_ratio=ratio, strain=size, displacement=length)


def supercell(parent: Parent, task: Task) -> Atoms | None:
    """Compact supercells of 16 to 32 atoms with displacements as at room temperature and far above."""
    cell = occupied(parent, task, compact_supercell(parent.crystal, int(task.rng.choice([16, 24, 32]))))
    ratio = task.rng.uniform(0.92, 1.12)
    length = task.scale(parent) * task.one_of((0.1, 0.2, 0.3, 0.45))
    return noted(moved(with_volume(cell, ratio), length, task.rng), volume_ratio=ratio, displacement=length)


def as_it_is(parent: Parent, task: Task) -> Atoms | None:
    """The crystal, at its volume."""
    return noted(occupied(parent, task, parent.crystal), volume_ratio=1.0)


def smallest(parent: Parent) -> Atoms:
    """The crystal of a parent; of alloys, a compact cell with sites for all their elements, and for compositions."""
    if not parent.alloy:
        return parent.crystal
    return compact_supercell(parent.crystal, max(ALLOY_SITES, len(parent.alloy)))


def occupied(parent: Parent, task: Task, cell: Atoms) -> Atoms:
    """Cell of a parent, the sites of alloys occupied at random at the volume of their composition."""
    copy = cell.copy()
    if parent.alloy:
        symbols = mixture(parent.alloy, len(copy), task.rng)
        copy.set_chemical_symbols(symbols)
        ratio = task.spheres.volume(symbols) / task.spheres.volume(parent.alloy)
        return with_volume(copy, ratio)
    return copy


def noted(atoms: Atoms, **values: float) -> Atoms:
    """Put what was done to a structure into its `info`."""
    atoms.info.update({name: round(float(value), 6) for name, value in values.items()})
    return atoms


ORDERING: str = "ordering"
"""Kind of crystals that are taken as they are, each once."""

DISTORTIONS: dict[str, Kind] = {
    ORDERING: Kind(as_it_is, lambda parent: bool(parent.members)),
    "eos": Kind(equation_of_state),
    "elastic": Kind(elastic),
    "strain": Kind(strain),
    "phonon": Kind(phonon),
    "rattle": Kind(rattle),
    "supercell": Kind(supercell),
}
"""Kinds by name."""
