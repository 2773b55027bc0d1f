"""Stress test of a potential where data end: crowded, hot, random, clustered and open surroundings of its elements.

A sparse potential that is accurate on its data may have a hole outside: the energy of disordered, crowded atoms falls
far below that of any crystal. Dimers and compressed crystals do not meet it, hot crystals only after long. Random hard
spheres that touch where the data end start at high energies and run down into such holes within a hundred steps.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from ase import Atoms, units

from mlip_rs.generate.melting_points import melting_point
from mlip_rs.generate.prototypes import prototype
from mlip_rs.generate.systems import System
from mlip_rs.potential.hot_dynamics import Course, hot_dynamics
from mlip_rs.potential.lowest_crystals import LowestCrystals, core_energies
from mlip_rs.potential.potential import Potential
from mlip_rs.potential.short_range import shortest_distances
from mlip_rs.potential.stress_structures import SHRINKING, Followed, Run, Shrinking, StressStructures
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
    systems
        Names of the elements, mixtures and compounds that they are of.
    """

    outcomes: tuple[StressOutcome, ...]
    seed: int = 0
    systems: tuple[str, ...] = ()

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
            "systems": list(self.systems),
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "StressTest":
        """Rebuild a result from its `to_dict`; of the structures that failed there is only the formula."""
        outcomes = tuple(StressOutcome.from_dict(outcome) for outcome in document["outcomes"])
        return cls(outcomes, int(document["seed"]), tuple(document.get("systems", ())))


RUNS: tuple[Run, ...] = (
    Run("crowded", (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.95), 16, HOT, 100),
    Run("hot crystal", (0.6, 0.8), 32, HOT, 60),
    Run("open", (1.3, 2.0, 5.0), 16, HOT, 60),
)
"""Of every system, once; three times as often and as long in the long form."""

COLD_RUNS: tuple[Run, ...] = (Run("cold crystal", (0.5, 0.5, 0.5, 0.6, 0.6, 0.6), 16, COLD, 200),)
"""The same of structures that are followed cold, by which they find phases that lie too low."""

CLUSTERS: tuple[int, ...] = (3, 4, 5, 7, 9, 13, 20, 25, 30, 35, 45)
"""Numbers of atoms of the clusters that are followed."""

COLD_CLUSTERS: tuple[int, ...] = (20, 30, 40)
"""Numbers of atoms of those that are followed cold: atoms at surfaces that hold more than those inside contract."""

CLUSTER_RUN: Run = Run("cluster", (), 0, 1.0, 120)

COLD_CLUSTER_RUN: Run = Run("cold cluster", (), 0, COLD, 200)


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
        Sets of elements to test; by default each element, each pair and all together, as far as the data that the fit
        recorded have these elements alone, and the compounds of the others.
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
    lowest = LowestCrystals.of(potential, np.array(shortest_distances(potential)), ground_state, threads)
    outcomes: list[StressOutcome] = []
    chosen = lowest.systems if systems is None else tuple(System(tuple(system)) for system in systems)
    names = tuple(system.name for system in chosen)
    for number, system in enumerate(chosen):
        test = _System(potential, lowest, system, threads)
        hot, cold = test.hot((seed, number), long), test.cold((seed, number), long)
        for outcome in chain(test.expanded(), test.outcomes(hot), test.outcomes(cold)):
            outcomes.append(outcome)
            if outcome.failure is not None and first_failure:
                return StressTest(tuple(outcomes), seed, names)
    return StressTest(tuple(outcomes), seed, names)


@dataclass(frozen=True, eq=False)
class _System:
    """The test of one set of elements or compound."""

    potential: Potential
    lowest: LowestCrystals
    system: System
    threads: int | None

    @property
    def name(self) -> str:
        return self.system.name

    @property
    def floor_name(self) -> str:
        """What energies must not fall below."""
        return "the lowest structure of the data" if self.system.symbols else "all crystals"

    @property
    def melting_point(self) -> float:
        return melting_point(self.system.elements)

    @property
    def allowance(self) -> float:
        return ALLOWANCE + ALLOWANCE_THERMAL * float(units.kB) * self.melting_point

    def hot(self, seed: tuple[int, ...], long: bool) -> StressStructures:
        """Structures of all kinds that are followed hot or scaled down."""
        shrinking = 30 if long else 10
        return self._structures(seed, RUNS, CLUSTER_RUN, CLUSTERS, shrinking, long)

    def cold(self, seed: tuple[int, ...], long: bool) -> StressStructures:
        """Structures that are followed cold."""
        return self._structures((*seed, 1), COLD_RUNS, COLD_CLUSTER_RUN, COLD_CLUSTERS, 0, long)

    def _structures(
        self,
        seed: tuple[int, ...],
        runs: tuple[Run, ...],
        of_clusters: Run,
        sizes: tuple[int, ...],
        n_shrinking: int,
        long: bool,
    ) -> StressStructures:
        return StressStructures(
            self.potential.elements,
            tuple(map(tuple, shortest_distances(self.potential))),
            tuple(self.lowest.volumes.tolist()),
            self.system,
            self.lowest.crystals[self.system.elements[0]].name,
            seed,
            runs,
            of_clusters,
            sizes,
            n_shrinking,
            3 if long else 1,
        )

    def expanded(self) -> Iterator[StressOutcome]:
        """Expanded crystals of an element that the data have: none may lie below the lowest of all."""
        element, *others = self.system.elements
        crystal = self.lowest.crystals[element]
        found = crystal.lowest_expanded
        if others or found is None:
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
            atoms = prototype(crystal.name, element, ratio * crystal.volume)
            failure = StressFailure("expanded", sentence, -margin, atoms)
        yield StressOutcome("expanded", margin, failure)

    def outcomes(self, structures: StressStructures) -> Iterator[StressOutcome]:
        """What becomes of each structure."""
        for batch in structures.batches():
            yield from self._followed(batch) if isinstance(batch, Followed) else self._shrinking(batch)

    def _followed(self, batch: Followed) -> Iterator[StressOutcome]:
        """Dynamics of one kind from some structures at volume ratios."""
        run = batch.run
        floors = [
            self.lowest.floor(atoms.get_chemical_symbols(), ratio) - self.allowance
            for atoms, ratio in zip(batch.starts, batch.ratios, strict=True)
        ]
        temperature = run.temperature * self.melting_point
        courses = hot_dynamics(self.potential, batch.starts, temperature, floors, batch.noises, self.threads)
        for course, floor, place in zip(courses, floors, batch.places, strict=True):
            what = f"{self.name}, {run.kind} {place} and {temperature:.0f} K"
            margin = float(np.nanmin(course.energies, initial=np.inf)) - floor
            # Cold structures heat up as they run down into what lies lower.
            hottest = RUN_AWAY * temperature if run.temperature >= 1.0 else np.inf
            failure = self._verdict(run.kind, what, course, floor, hottest)
            yield StressOutcome(run.kind, margin, failure)

    def _verdict(
        self, kind: str, what: str, course: Course, floor: float, hottest: float
    ) -> StressFailure | None:
        """What is wrong with the course of a structure."""
        n_steps = len(course.energies) - 1
        energy = float(course.energies[-1])
        if not np.isfinite(energy):
            return StressFailure(
                kind, f"{what}: the energy is not finite after {n_steps} steps", np.nan, course.atoms
            )
        if energy < floor:
            fall, allowed = told_apart(floor + self.allowance - energy, self.allowance)
            sentence = (
                f"{what}: falls {fall} eV/atom below {self.floor_name} after {counted(n_steps, 'step')}; "
                f"{allowed} eV/atom are allowed"
            )
            return StressFailure(kind, sentence, floor - energy, course.atoms)
        last = float(course.temperatures[-max(n_steps // 3, 1) :].mean())
        if last > hottest:
            return StressFailure(kind, f"{what}: heats up to {last:.0f} K by itself", np.nan, course.atoms)
        return None

    def _shrinking(self, batch: Shrinking) -> Iterator[StressOutcome]:
        """Random cells and clusters that are scaled down: their energy must not rise over a barrier and fall again."""
        starts = batch.starts
        energies = core_energies(self.potential, batch.scaled, self.threads).reshape(len(starts), -1)
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


def _scaled(atoms: Atoms, scale: float) -> Atoms:
    scaled: Atoms = atoms.copy()
    scaled.set_cell(atoms.cell.array * scale, scale_atoms=True)
    return scaled
