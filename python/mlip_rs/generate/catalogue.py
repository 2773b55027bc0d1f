"""Sets of structures: all kinds of all crystals of some elements, as many of each as a plan says."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from ase import Atoms

from mlip_rs.errors import ConfigError
from mlip_rs.generate.calculator import Calculator
from mlip_rs.generate.defect_kinds import DEFECTS, WITHOUT_CRYSTAL
from mlip_rs.generate.distortions import closeness
from mlip_rs.generate.ground_states import GroundState
from mlip_rs.generate.hot import PER_RUN, run_dynamics
from mlip_rs.generate.kinds import DISTORTIONS, ORDERING, Maker, Task
from mlip_rs.generate.orderings import check_number
from mlip_rs.generate.out_of_domain import Spheres
from mlip_rs.generate.parents import (
    GROUND,
    Parent,
    compound_parents,
    element_parents,
    ordering_parents,
    shared_out,
    spheres_of,
)
from mlip_rs.generate.plan import DYNAMICS, Plan
from mlip_rs.generate.systems import systems_of
from mlip_rs.text import counted

CLOSEST: float = 0.68
"""Structures with atoms closer than this, in the distance of neighbours in fcc, are drawn again."""

TRIES: int = 30
"""A structure is drawn so often before it is left out."""

OF_AN_ELEMENT: float = 0.5
"""Structures of each element of a compound, in those of the compound."""

CONFIG_TYPES: dict[str, str] = {
    "eos": "eos_{}", "elastic": "strain_{}", "strain": "strain_{}", "phonon": "rattle_{}", "rattle": "rattle_{}",
    "supercell": "rattle_{}", "ordering": "{}",
    "solid": "md_solid", "liquid": "md_liquid",
}  # fmt: skip
"""`config_type` of kinds, as in published data sets, with the name of the parent; the others are named as the kind."""


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Crystals of some elements and of their compounds.

    Attributes
    ----------
    states
        Ground state of each element.
    parents
        Crystals by system: each element, each pair of elements, and all of them.
    spheres
        Sizes of the elements.
    """

    states: Mapping[str, GroundState]
    parents: Mapping[tuple[str, ...], Sequence[Parent]]
    spheres: Spheres

    @classmethod
    def of(
        cls,
        elements: Sequence[str],
        volumes: Mapping[str, float] | None = None,
        own: Sequence[tuple[str, Atoms]] = (),
        orderings: int = 0,
        calculator: Calculator | None = None,
    ) -> "Catalogue":
        """Prototypes of elements, of compounds where there are several, and structures of the user.

        Parameters
        ----------
        elements
            Chemical symbols; none: only the user's own structures.
        volumes
            Å³ per atom by element, where they are known better than by tables of lattice constants.
        own
            Names and structures, periodic in all directions, at the volume that counts as 1.
        orderings
            All orderings of several elements with up to so many atoms on fcc, bcc and hcp sites are added; 0: none.
        calculator
            Any ASE calculator: its energies give the volumes of elements without one, and of the prototypes.

        Raises
        ------
        ConfigError
            No element and no structure, an unknown element, one given twice, a volume that is not positive or of
            another element, or too many orderings.
        """
        volumes = volumes or {}
        if len(set(elements)) < len(elements):
            raise ConfigError(f"elements {', '.join(elements)}: give each element once")
        if orderings:
            check_number(len(elements), orderings)  # before those of pairs take long
        foreign = dict.fromkeys(symbol for _, atoms in own for symbol in atoms.symbols)
        everything = tuple(dict.fromkeys([*elements, *foreign]))
        if not everything:
            raise ConfigError("no elements are given; give symbols such as Al, or structures of your own")
        for symbol in volumes:
            if symbol not in everything:
                raise ConfigError(
                    f"volume of {symbol}: {symbol} is not among the elements {', '.join(everything)}"
                )
        states = {symbol: GroundState.of(symbol, volumes.get(symbol)) for symbol in everything}
        if calculator is not None:
            states = {symbol: state.at_equilibrium(calculator) for symbol, state in states.items()}
        spheres = spheres_of(states, [atoms for _, atoms in own])
        parents: dict[tuple[str, ...], list[Parent]] = {}
        for system in systems_of(elements):
            alone = len(system) == 1
            made = element_parents(states[system[0]]) if alone else compound_parents(system, spheres)
            parents[system] = made if calculator is None else [one.at_equilibrium(calculator) for one in made]
            if orderings and not alone:
                parents[system] += ordering_parents(system, spheres, orderings)
        if own:
            parents.setdefault(tuple(foreign), []).extend(Parent(name, atoms, GROUND) for name, atoms in own)
        return cls(states, parents, spheres)

    def structures(
        self,
        plan: Plan,
        seed: int,
        n_structures: int | None = None,
        calculator: Calculator | None = None,
        note: Callable[[str], None] = lambda sentence: None,
    ) -> Iterator[Atoms]:
        """Make the structures, one after the other.

        Parameters
        ----------
        plan
            Numbers by kind.
        seed
            The same seed gives the same structures, to the last bit; a kind does not depend on the others.
        n_structures
            Number in all, if it is not that of the plan.
        calculator
            Any ASE calculator; drives the dynamics of `solid` and `liquid`.
        note
            Receives a sentence on each run of dynamics that ended early.

        Yields
        ------
        Periodic structures without calculator; `info` says `config_type`, `kind`, `parent`, `seed`, and what was
        done: `volume_ratio` (in the volume of the parent), `strain`, `displacement` (Å), `temperature` (K). Those
        whose atoms come too close, however often they are drawn, are left out.

        Raises
        ------
        ConfigError
            The plan has kinds that need a calculator, and there is none.

        Examples
        --------
        >>> plan = Plan({"eos": 3})
        >>> [atoms.info["config_type"] for atoms in Catalogue.of(["Mg"]).structures(plan, seed=0)]
        ['eos_hcp', 'eos_fcc', 'eos_bcc']
        """
        if calculator is None and (lacking := [kind for kind in DYNAMICS if plan.counts.get(kind)]):
            raise ConfigError(
                f"{lacking[0]}: needs a calculator that drives the dynamics; give one, or other kinds"
            )
        for order in self.orders(plan, n_structures):
            if order.kind in DYNAMICS and calculator is not None:
                yield from self._snapshots(order, seed, calculator, note)
                continue
            for number in range(order.count):
                atoms = self._one(order, number, seed)
                if atoms is not None:
                    yield atoms

    def orders(self, plan: Plan, n_structures: int | None = None) -> list["Order"]:
        """How many structures of which kind are made of which parent; orderings all once, whatever the plan says.

        Raises
        ------
        ConfigError
            There are more orderings than structures asked for.
        """
        asked, whole = [], []
        for system, parents in self.parents.items():
            part = OF_AN_ELEMENT if len(self.states) > 1 and len(system) == 1 else 1.0
            for kind, count in plan.counts.items():
                chosen = parents_of(kind, system, parents)
                if kind == ORDERING and count:
                    whole += [Order(system, kind, parent, len(parent.members)) for parent in chosen]
                elif chosen:
                    asked.append((system, kind, chosen, part * count))
        if n_structures is not None and n_structures < 0:
            raise ConfigError(f"{n_structures} structures are not possible; give 1 or more")
        n_whole = sum(order.count for order in whole)
        total = n_whole + round(sum(count for *_, count in asked)) if n_structures is None else n_structures
        if n_whole > total:
            raise ConfigError(
                f"there are {n_whole} orderings, more than {counted(total, 'structure')}; ask for orderings of fewer "
                f"atoms, or for at least {n_whole} structures"
            )
        counts = shared_out(total - n_whole, [count for *_, count in asked])
        return whole + [
            Order(system, kind, parent, n)
            for (system, kind, chosen, _), count in zip(asked, counts, strict=True)
            for parent, n in zip(chosen, shared_out(count, [parent.share for parent in chosen]), strict=True)
        ]

    def _task(self, order: "Order", number: int, seed: int) -> Task:
        """A structure to be made, with random numbers that depend on nothing else."""
        name = f"{order.kind} {'-'.join(order.system)} {order.parent.name} {order.parent.crystal.symbols}"
        rng = np.random.default_rng([seed, crc32(name.encode()), number])
        return Task(number, order.count, rng, self.spheres)

    def _snapshots(
        self, order: "Order", seed: int, calculator: Calculator, note: Callable[[str], None]
    ) -> Iterator[Atoms]:
        """Snapshots of as many runs of dynamics as are needed."""
        for number, first in enumerate(range(0, order.count, PER_RUN)):
            wanted = min(PER_RUN, order.count - first)
            task = self._task(order, number, seed)
            run = run_dynamics(calculator, order.parent, task, wanted, melted=order.kind == "liquid")
            name = f"{order.kind}-{order.parent.name}-{number}"
            for atoms in run.snapshots:
                atoms.info |= {"parent": order.parent.name, "group": name}
                yield _described(atoms, order, seed)
            if run.reason:
                kept = f"{len(run.snapshots)} of {counted(wanted, 'snapshot')}"
                note(f"dynamics of {name}: {run.reason}; {kept} taken")

    def _one(self, order: "Order", number: int, seed: int) -> Atoms | None:
        task = self._task(order, number, seed)
        for _ in range(TRIES):
            parent = order.parent
            if n_members := len(parent.members):
                parent = parent.member(
                    number if order.kind == ORDERING else int(task.rng.integers(n_members))
                )
            atoms = order.make(parent, task)
            if atoms is not None and closeness(atoms, self.spheres) >= CLOSEST:
                atoms.info.setdefault("parent", parent.name)
                return _described(atoms, order, seed)
        return None


@dataclass(frozen=True, eq=False)
class Order:
    """A number of structures of one kind, made of one parent."""

    system: tuple[str, ...]
    kind: str
    parent: Parent
    count: int

    @property
    def make(self) -> Maker:
        """What makes one of them."""
        if self.kind in WITHOUT_CRYSTAL:
            return WITHOUT_CRYSTAL[self.kind]
        return (DISTORTIONS | DEFECTS)[self.kind].make


def parents_of(kind: str, system: tuple[str, ...], parents: Sequence[Parent]) -> list[Parent]:
    """The parents of a kind: some crystals, or, where no crystal is needed, the elements alone."""
    if kind in WITHOUT_CRYSTAL:
        alone = Parent("", parents[0].crystal, 1.0, system)
        return [alone] if kind != "isolated-atom" or len(system) == 1 else []
    if kind in DYNAMICS:
        hot = [parent for parent in parents if parent.with_defects and not parent.members]
        return hot if kind == "solid" else [parent for parent in hot if parent.alloy] or hot[:1]
    known = (DISTORTIONS | DEFECTS).get(kind)
    return [] if known is None else [parent for parent in parents if known.applies(parent)]


def _described(atoms: Atoms, order: Order, seed: int) -> Atoms:
    """The structure with its provenance, and nothing else."""
    config_type = CONFIG_TYPES.get(order.kind, order.kind.replace("-", "_")).format(order.parent.name)
    clean = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    clean.wrap()
    clean.info["config_type"] = atoms.info.get("config_type", config_type)
    clean.info["kind"] = order.kind
    if order.parent.name:
        clean.info["parent"] = atoms.info["parent"]
    clean.info.update(
        {name: value for name, value in atoms.info.items() if name not in clean.info and value != ""}
    )
    clean.info["seed"] = seed
    return clean
