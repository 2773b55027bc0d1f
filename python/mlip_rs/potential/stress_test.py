"""Stress test of a potential where data end: crowded, hot, random, clustered and open surroundings of its elements.

A sparse potential that is accurate on its data may have a hole outside: the energy of disordered, crowded atoms falls
far below that of any crystal. Dimers and compressed crystals do not meet it, hot crystals only after long. Random hard
spheres that touch where the data end start at high energies and run down into such holes within a hundred steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
from ase import Atoms, units

from mlip_rs.arrays import Array
from mlip_rs.data.core_structures import structure_from_arrays
from mlip_rs.generate.melting_points import melting_point
from mlip_rs.generate.out_of_domain import Spheres, cluster, displaced, mixture, random_cell, supercell
from mlip_rs.generate.prototypes import prototype
from mlip_rs.potential.hot_dynamics import Course, hot_dynamics
from mlip_rs.potential.lowest_crystals import LowestCrystals, core_energies
from mlip_rs.potential.potential import Potential
from mlip_rs.potential.short_range import shortest_distances
from mlip_rs.text import counted, told_apart

HOT: float = 3.0
"""Temperature, in melting points."""

COLD: float = 0.2
"""The same, of structures that run down into what lies lowest."""

ALLOWANCE: float = 0.1
"""eV per atom by which energies may lie below the lowest crystal: the true ground state may be no prototype."""

ALLOWANCE_THERMAL: float = 1.0
"""The same, in thermal energies at the melting point, which is added."""

RUN_AWAY: float = 3.0
"""Mean temperature of the last steps, in that of the thermostat, that no stable system reaches."""

FALL: float = 0.5
"""eV per atom by which the energy of a structure that is scaled down may fall again."""

SHRINKING: Array = np.geomspace(1.3, 0.55, 26)
"""Scales of structures whose energy is followed."""


@dataclass(frozen=True, eq=False)
class StressFailure:
    """One structure in which a potential fails.

    Parameters
    ----------
    kind
        "expanded", "crowded", "hot crystal", "cold crystal", "open", "cluster", "cold cluster" or "shrinking".
    sentence
        What happens.
    energy_below
        How far the energy per atom lies below what is allowed at least, eV; not a number where there is none.
    atoms
        The structure.
    """

    kind: str
    sentence: str
    energy_below: float
    atoms: Atoms

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the unit in each key."""
        below = float(self.energy_below)
        return {
            "kind": self.kind,
            "sentence": self.sentence,
            "formula": self.atoms.get_chemical_formula(),
            "energy_below_ev_per_atom": below if np.isfinite(below) else None,
        }


@dataclass(frozen=True, eq=False)
class StressOutcome:
    """What became of one structure.

    Parameters
    ----------
    kind
        As for `StressFailure`.
    margin
        How far its lowest energy per atom stayed above the limit, or its largest fall below what is allowed, eV.
    failure
        None if it held.
    """

    kind: str
    margin: float
    failure: StressFailure | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the unit in each key."""
        return {
            "kind": self.kind,
            "margin_ev_per_atom": self.margin if np.isfinite(self.margin) else None,
            "failure": None if self.failure is None else self.failure.to_dict(),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "StressOutcome":
        """Rebuild an outcome from its `to_dict`."""
        failure = document["failure"]
        if failure is not None:
            below = failure["energy_below_ev_per_atom"]
            failure = StressFailure(
                failure["kind"],
                failure["sentence"],
                np.nan if below is None else float(below),
                Atoms(failure["formula"]),
            )
        margin = document["margin_ev_per_atom"]
        return cls(document["kind"], np.nan if margin is None else float(margin), failure)


@dataclass(frozen=True, eq=False)
class StressTest:
    """What became of the structures of a stress test.

    Parameters
    ----------
    outcomes
        One for each structure that was followed.
    seed
        Of the structures.
    """

    outcomes: tuple[StressOutcome, ...]
    seed: int = 0

    @property
    def n_structures(self) -> int:
        """How many structures were followed."""
        return len(self.outcomes)

    @property
    def failures(self) -> tuple[StressFailure, ...]:
        """Structures that fell or ran away."""
        return tuple(outcome.failure for outcome in self.outcomes if outcome.failure is not None)

    @property
    def passed(self) -> bool:
        """Whether all held."""
        return not self.failures

    @property
    def structures(self) -> list[Atoms]:
        """Where it failed."""
        return [failure.atoms for failure in self.failures]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the unit in each key."""
        return {
            "passed": self.passed,
            "n_structures": self.n_structures,
            "seed": self.seed,
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "StressTest":
        """Rebuild a result from its `to_dict`; of the structures that failed there is only the formula."""
        outcomes = tuple(StressOutcome.from_dict(outcome) for outcome in document["outcomes"])
        return cls(outcomes, int(document["seed"]))


@dataclass(frozen=True)
class _Run:
    """Dynamics of one kind: volumes in that of the ground state, temperature in melting points, and length."""

    kind: str
    volume_ratios: tuple[float, ...]
    n_atoms: int
    temperature: float
    n_steps: int


RUNS: tuple[_Run, ...] = (
    _Run("crowded", (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.95), 16, HOT, 100),
    _Run("hot crystal", (0.6, 0.8), 32, HOT, 60),
    _Run("open", (1.3, 2.0, 5.0), 16, HOT, 60),
)
"""Of every system, once; three times as often and as long in the long form."""

COLD_RUNS: tuple[_Run, ...] = (_Run("cold crystal", (0.5, 0.5, 0.5, 0.6, 0.6, 0.6), 16, COLD, 200),)
"""The same of structures that are followed cold, by which they find phases that lie too low."""

CLUSTERS: tuple[int, ...] = (3, 4, 5, 7, 9, 13, 20, 25, 30, 35, 45)
"""Numbers of atoms of the clusters that are followed."""

COLD_CLUSTERS: tuple[int, ...] = (20, 30, 40)
"""Numbers of atoms of those that are followed cold: atoms at surfaces that hold more than those inside contract."""

CLUSTER_RUN: _Run = _Run("cluster", (), 0, 1.0, 120)

COLD_CLUSTER_RUN: _Run = _Run("cold cluster", (), 0, COLD, 200)


def stress_test(
    potential: Potential,
    *,
    ground_state: Sequence[Atoms] = (),
    systems: Sequence[Sequence[str]] | None = None,
    seed: int = 0,
    long: bool = False,
    first_failure: bool = False,
    threads: int | None = None,
) -> StressTest:
    """Take a potential where no data are, and see whether it holds.

    The energy per atom has to stay above that of the lowest crystal at the same volume, found among prototypes, and the
    temperature near that of the thermostat; the energy of structures that shrink must not fall. The verdict depends on
    the seed alone.

    Parameters
    ----------
    ground_state
        Structures that are lower than prototypes of elements and pairs, such as the ground states of compounds, beside
        those of the data that the fit recorded in the potential.
    systems
        Sets of elements to test; by default each element, each pair and all together.
    seed
        Of the structures and the thermostat.
    long
        Nine times as much of everything.
    first_failure
        Stop at the first structure that fails.
    threads
        As for `Potential.predict`; the verdict does not depend on it.

    Examples
    --------
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> attracting = Potential.from_coefficients(basis, [0.0, -1.0, 0.0, 0.0], {"Al": 0.0})
    >>> stress_test(attracting, first_failure=True).passed  # nothing keeps the atoms apart
    False
    """
    closest = np.array(shortest_distances(potential))
    lowest = LowestCrystals.of(potential, closest, ground_state, threads)
    spheres = Spheres(potential.elements, closest, lowest.volumes)
    outcomes: list[StressOutcome] = []
    for number, system in enumerate(systems or spheres.systems):
        test = _System(potential, lowest, spheres, tuple(system), np.random.default_rng([seed, number]))
        cold = replace(test, rng=np.random.default_rng([seed, number, 1]))
        more = 3 if long else 1
        for outcome in chain(
            test.expanded(),
            test.runs(RUNS, CLUSTER_RUN, CLUSTERS, more, threads),
            test.shrinking(30 if long else 10, threads),
            cold.runs(COLD_RUNS, COLD_CLUSTER_RUN, COLD_CLUSTERS, more, threads),
        ):
            outcomes.append(outcome)
            if outcome.failure is not None and first_failure:
                return StressTest(tuple(outcomes), seed)
    return StressTest(tuple(outcomes), seed)


@dataclass(frozen=True, eq=False)
class _System:
    """The test of one set of elements."""

    potential: Potential
    lowest: LowestCrystals
    spheres: Spheres
    elements: tuple[str, ...]
    rng: np.random.Generator

    @property
    def name(self) -> str:
        return "–".join(self.elements)

    @property
    def melting_point(self) -> float:
        return melting_point(self.elements)

    @property
    def allowance(self) -> float:
        return ALLOWANCE + ALLOWANCE_THERMAL * float(units.kB) * self.melting_point

    def expanded(self) -> Iterator[StressOutcome]:
        """Expanded crystals of an element that the data have: none may lie below the lowest of all."""
        crystal = self.lowest.crystals[self.elements[0]]
        found = crystal.lowest_expanded
        if len(self.elements) > 1 or found is None:
            return
        ratio, energy = found
        margin = energy - (crystal.energy - self.allowance)
        failure = None
        if margin < 0.0:
            fall, allowed = told_apart(crystal.energy - energy, self.allowance)
            sentence = (
                f"{self.name}: a crystal expanded to {ratio:.1f} V0 lies {fall} eV/atom below the lowest one of the "
                f"volumes of the data; {allowed} eV/atom are allowed"
            )
            atoms = prototype(crystal.name, self.elements[0], ratio * crystal.volume)
            failure = StressFailure("expanded", sentence, -margin, atoms)
        yield StressOutcome("expanded", margin, failure)

    def runs(
        self, runs: Sequence[_Run], of_clusters: _Run, sizes: tuple[int, ...], more: int, threads: int | None
    ) -> Iterator[StressOutcome]:
        """Short dynamics in cells and of clusters, the number of runs and their length multiplied."""
        for run in runs:
            ratios = run.volume_ratios * more
            starts = [self._start(run, ratio) for ratio in ratios]
            places = [f"at {ratio:g} V0" for ratio in ratios]
            yield from self._followed(run, ratios, starts, places, more * run.n_steps, threads)
        sizes = sizes * more
        starts = [
            cluster(self.spheres, mixture(self.elements, n_atoms, self.rng), self.rng) for n_atoms in sizes
        ]
        places = [f"of {n_atoms} atoms" for n_atoms in sizes]
        ratios = (np.inf,) * len(sizes)
        yield from self._followed(of_clusters, ratios, starts, places, more * of_clusters.n_steps, threads)

    def _start(self, run: _Run, ratio: float) -> Atoms:
        symbols = mixture(self.elements, run.n_atoms, self.rng)
        if not run.kind.endswith("crystal"):
            return random_cell(self.spheres, symbols, ratio, self.rng)
        volume = ratio * self.spheres.volume(symbols)
        own = self.lowest.crystals[self.elements[0]]
        unit = prototype(own.name, self.elements[0], volume)
        atoms = supercell(unit, run.n_atoms)
        atoms.set_chemical_symbols(mixture(self.elements, len(atoms), self.rng))
        return displaced(atoms, self.spheres, 0.05, self.rng)

    def _followed(
        self,
        run: _Run,
        ratios: Sequence[float],
        starts: Sequence[Atoms],
        places: Sequence[str],
        n_steps: int,
        threads: int | None,
    ) -> Iterator[StressOutcome]:
        """Dynamics of one kind from some structures at volume ratios."""
        floors = [
            self.lowest.floor(atoms.get_chemical_symbols(), ratio) - self.allowance
            for atoms, ratio in zip(starts, ratios, strict=True)
        ]
        temperature = run.temperature * self.melting_point
        courses = hot_dynamics(self.potential, starts, temperature, n_steps, floors, self.rng, threads)
        for course, floor, place in zip(courses, floors, places, strict=True):
            what = f"{self.name}, {run.kind} {place} and {temperature:.0f} K"
            margin = float(np.nanmin(course.energies, initial=np.inf)) - floor
            # Cold structures heat up as they run down into what lies lower.
            hottest = RUN_AWAY * temperature if run.temperature >= 1.0 else np.inf
            failure = _verdict(run.kind, what, course, floor, hottest, self.allowance)
            yield StressOutcome(run.kind, margin, failure)

    def shrinking(self, count: int, threads: int | None) -> Iterator[StressOutcome]:
        """Random cells and clusters that are scaled down: their energy must not rise over a barrier and fall again."""
        starts = []
        for k in range(count):
            symbols = mixture(self.elements, 3 + k % 10, self.rng)
            starts.append(cluster(self.spheres, symbols, self.rng))
            symbols = mixture(self.elements, 12, self.rng)
            starts.append(random_cell(self.spheres, symbols, self.rng.uniform(0.6, 1.2), self.rng))
        scaled = [
            structure_from_arrays(atoms.numbers, scale * atoms.positions, scale * atoms.cell.array, atoms.pbc)
            for atoms in starts
            for scale in SHRINKING
        ]
        energies = core_energies(self.potential, scaled, threads).reshape(len(starts), -1)
        for atoms, course in zip(starts, energies, strict=True):
            if not np.isfinite(course).all():
                scale = SHRINKING[int(np.isfinite(course).argmin())]
                sentence = f"{self.name}, {counted(len(atoms), 'atom')} scaled by {scale:.2f}: the energy is not finite"
                failure = StressFailure("shrinking", sentence, np.nan, _scaled(atoms, scale))
                yield StressOutcome("shrinking", np.nan, failure)
                continue
            rise = course - np.minimum.accumulate(course)
            fall = course - np.minimum.accumulate(course[::-1])[::-1]
            barriers = np.minimum(rise, fall)
            margin = FALL - float(barriers.max())
            if margin >= 0.0:
                yield StressOutcome("shrinking", margin)
                continue
            top = int(barriers.argmax())
            scale = SHRINKING[top + int(course[top:].argmin())]
            kind = "cell" if atoms.pbc.any() else "cluster"
            sentence = (
                f"{self.name}, {kind} of {len(atoms)} atoms scaled by {scale:.2f}: the energy falls by "
                f"{fall[top]:.2f} eV/atom while it shrinks"
            )
            failure = StressFailure("shrinking", sentence, float(fall[top]), _scaled(atoms, scale))
            yield StressOutcome("shrinking", margin, failure)


def _verdict(
    kind: str, what: str, course: Course, floor: float, hottest: float, allowance: float
) -> StressFailure | None:
    n_steps = len(course.energies) - 1
    energy = float(course.energies[-1])
    if not np.isfinite(energy):
        return StressFailure(
            kind, f"{what}: the energy is not finite after {n_steps} steps", np.nan, course.atoms
        )
    if energy < floor:
        fall, allowed = told_apart(floor + allowance - energy, allowance)
        sentence = (
            f"{what}: falls {fall} eV/atom below all crystals after {counted(n_steps, 'step')}; "
            f"{allowed} eV/atom are allowed"
        )
        return StressFailure(kind, sentence, floor - energy, course.atoms)
    last = float(course.temperatures[-max(n_steps // 3, 1) :].mean())
    if last > hottest:
        return StressFailure(kind, f"{what}: heats up to {last:.0f} K by itself", np.nan, course.atoms)
    return None


def _scaled(atoms: Atoms, scale: float) -> Atoms:
    scaled: Atoms = atoms.copy()
    scaled.set_cell(atoms.cell.array * scale, scale_atoms=True)
    return scaled
