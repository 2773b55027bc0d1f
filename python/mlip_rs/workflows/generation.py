"""A set of structures to be labelled: from elements or a user's own structures to one file."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms

from mlip_rs.data import Dataset, Frame, duplicate_labels, files_meant, read_structures
from mlip_rs.design import select
from mlip_rs.design.coverage import coverage
from mlip_rs.design.selection import check_choice
from mlip_rs.errors import ConfigError
from mlip_rs.evaluate.labelled_file import LabelledFile
from mlip_rs.files import check_writable
from mlip_rs.generate.calculator import Calculator
from mlip_rs.generate.catalogue import Catalogue
from mlip_rs.generate.plan import Plan
from mlip_rs.plot.saving import figure_format, save_figure
from mlip_rs.progress import Progress, Silent
from mlip_rs.text import counted
from mlip_rs.workflows.fit_job import Sources


@dataclass(frozen=True, eq=False)
class GeneratedSet:
    """Structures that were made, and what is to be said about them.

    Attributes
    ----------
    structures
        With their provenance in `info`.
    notices
        One sentence each.
    """

    structures: tuple[Atoms, ...]
    notices: tuple[str, ...] = ()

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows: numbers of structures and atoms by kind, and in all."""
        header = ["kind", "structures", "atoms in each", "atoms"]
        sizes: dict[str, list[int]] = {}
        for atoms in self.structures:
            sizes.setdefault(atoms.info["kind"], []).append(len(atoms))
        every = [len(atoms) for atoms in self.structures]
        return header, [_row(kind, found) for kind, found in [*sizes.items(), ("all", every)]]

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "n_structures": len(self.structures),
            "n_atoms": sum(map(len, self.structures)),
            "kinds": dict(Counter(atoms.info["kind"] for atoms in self.structures)),
            "config_types": dict(Counter(atoms.info["config_type"] for atoms in self.structures)),
            "notices": list(self.notices),
        }


def _row(kind: str, sizes: Sequence[int]) -> list[str]:
    shown = f"{min(sizes)}" if min(sizes) == max(sizes) else f"{min(sizes)} … {max(sizes)}"
    return [kind, str(len(sizes)), shown, str(sum(sizes))]


@dataclass(frozen=True)
class Choice:
    """Which structures of a set are kept: those that together tell most about a potential.

    Attributes
    ----------
    n
        How many.
    budget
        Or their cost in all; N atoms cost N to the power 1.5.
    labelled
        Files of structures that are labelled already.

    Raises
    ------
    ConfigError
        Neither or both of number and cost, or one that is not positive.
    """

    n: int | None = None
    budget: float | None = None
    labelled: Sources | None = None

    def __post_init__(self) -> None:
        check_choice(self.n, self.budget)


def catalogue_of(
    elements: Sequence[str] = (),
    own: Sources | None = None,
    volumes: Mapping[str, float] | None = None,
    orderings: int = 0,
    calculator: Calculator | None = None,
) -> Catalogue:
    """The crystals that structures are made of.

    Parameters
    ----------
    elements
        Chemical symbols.
    own
        Files of the user's own crystals.
    volumes
        Å³ per atom by element.
    orderings
        Atoms of the largest orderings of several elements; 0: none.
    calculator
        Any ASE calculator, whose energies give the volumes that are not given.

    Raises
    ------
    ConfigError
        As of `Catalogue.of`, or a structure is not periodic in all directions.
    DataError
        A file cannot be read, or a structure is none.
    """
    parents = [] if own is None else own_parents(own)
    return Catalogue.of(elements, volumes, parents, orderings, calculator)


def own_parents(sources: Sources) -> list[tuple[str, Atoms]]:
    """Names and structures of files.

    Raises
    ------
    ConfigError
        A structure is not periodic in all directions.
    DataError
        A file cannot be read, or a structure is none.
    """
    found = []
    for file in files_meant(sources.train):
        frames = read_structures(file, index=sources.index, format=sources.format, types=sources.types)
        for raw in frames:
            frame = frame_of(raw.atoms, str(file), raw.index)
            if not frame.pbc.all():
                raise ConfigError(
                    f"{frame.location}: is not periodic in all directions; structures are made of crystals, so give "
                    "it a cell, with vacuum if it is a molecule"
                )
            name = file.name.split(".")[0]
            atoms = Atoms(numbers=frame.numbers, positions=frame.positions, cell=frame.cell, pbc=True)
            found.append((name if len(frames) == 1 else f"{name}-{raw.index}", atoms))
    return found


def generated(
    catalogue: Catalogue,
    plan: Plan,
    *,
    seed: int = 0,
    n_structures: int | None = None,
    calculator: Calculator | None = None,
    progress: Progress | None = None,
) -> GeneratedSet:
    """Make the structures of a plan, each once.

    Parameters
    ----------
    catalogue
        The crystals.
    plan
        Numbers by kind.
    seed
        The same seed gives the same structures, to the last bit.
    n_structures
        Number in all, if it is not that of the plan.
    calculator
        Any ASE calculator, which drives hot crystals and melts.
    progress
        Receives progress reports.

    Raises
    ------
    ConfigError
        The plan is empty.
    """
    progress = progress or Silent()
    total = sum(order.count for order in catalogue.orders(plan, n_structures))
    if not total:
        raise ConfigError("the plan has no structures; give kinds with --kinds, or a number above 0")
    found = []
    progress.start("Structures", total)
    early: list[str] = []
    for atoms in catalogue.structures(plan, seed, n_structures, calculator, early.append):
        found.append(atoms)
        progress.advance()
    notices = [
        f"{symbol}: {state.volume:.2f} Å³ per atom in {state.name} ({state.origin})"
        for symbol, state in catalogue.states.items()
    ]
    if len(found) < total:
        left_out = counted(total - len(found), "structure")
        notices.append(
            f"{left_out} left out: atoms would be too close, the cell too large, or dynamics ended early"
        )
    notices += early
    unique = without_duplicates(found)
    if len(unique) < len(found):
        notices.append(f"{counted(len(found) - len(unique), 'duplicate')} left out")
    return GeneratedSet(tuple(unique), tuple(notices))


def plan_table(
    catalogue: Catalogue, plan: Plan, n_structures: int | None = None
) -> tuple[list[str], list[list[str]]]:
    """Header and rows: numbers of structures by kind and in all, as `generated` would make them."""
    counts: Counter[str] = Counter()
    for order in catalogue.orders(plan, n_structures):
        counts[order.kind] += order.count
    rows = [[kind, str(counts[kind])] for kind in plan.counts if counts[kind]]
    return ["kind", "structures"], [*rows, ["all", str(sum(counts.values()))]]


def without_duplicates(structures: Sequence[Atoms]) -> list[Atoms]:
    """The first of each group of structures that are equal up to translation and wrapping, in order."""
    if not structures:
        return []
    data = Dataset(tuple(frame_of(atoms, "the structures made", k) for k, atoms in enumerate(structures)))
    first = np.unique(duplicate_labels(data))
    return [structures[int(k)] for k in first]


def frame_of(atoms: Atoms, file: str, index: int) -> Frame:
    """A structure without labels, validated.

    Raises
    ------
    DataError
        No structure: atoms on one spot, a flat cell, numbers that are not finite; names file, frame, atom.
    """
    return Frame(atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, file=file, index=index)


def selected(made: GeneratedSet, choice: Choice, *, progress: Progress | None = None) -> GeneratedSet:
    """The structures that tell most, in the order of the choice.

    Parameters
    ----------
    made
        What to choose from.
    choice
        How many.
    progress
        Receives progress reports.

    Raises
    ------
    ConfigError, StructureError
        As of `mlip_rs.design.select`.
    DataError
        A file cannot be read.
    """
    known = [] if choice.labelled is None else structures_of(choice.labelled)
    found = select(made.structures, n=choice.n, budget=choice.budget, labelled=known, progress=progress)
    notice = f"{len(found.indices)} of {counted(len(made.structures), 'structure')} chosen by I-optimality"
    if choice.budget is not None:
        notice += f", of a cost of {sum(found.costs):.0f} atoms"
    return GeneratedSet(tuple(made.structures[k] for k in found.indices), (*made.notices, notice))


def structures_of(sources: Sources) -> list[Atoms]:
    """Structures of files, with or without labels.

    Raises
    ------
    DataError
        A file cannot be read.
    """
    frames = read_structures(sources.train, index=sources.index, format=sources.format, types=sources.types)
    return [raw.atoms for raw in frames]


def energies_of(structures: Sequence[Atoms], calculator: Calculator) -> list[float]:
    """EV per atom by a calculator; NaN where it fails."""
    found = []
    for atoms in structures:
        copy = atoms.copy()
        copy.calc = calculator
        try:
            found.append(float(copy.get_potential_energy()) / len(copy))
        except Exception:  # the calculator is the user's, and the figure does without
            found.append(float("nan"))
    return found


def generate_file(
    output: str | os.PathLike[str],
    catalogue: Catalogue,
    plan: Plan,
    choice: Choice | None = None,
    *,
    seed: int = 0,
    n_structures: int | None = None,
    calculator: Calculator | None = None,
    figure: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> GeneratedSet:
    """Write the structures of a plan, or those of them that tell most, to a file, whole or not at all.

    Parameters
    ----------
    output
        Extended XYZ, or another format of `mlip_rs.evaluate.labelled_file`.
    choice
        How many are kept; all by default.
    catalogue, plan, seed, n_structures, calculator, progress
        As of `generated`.
    figure
        File (.png, .pdf, .svg) for a figure of what is covered, with energies if there is a calculator.

    Raises
    ------
    ConfigError, DataError, StructureError
        As of `generated` and `selected`, or the name of a file says no format.
    OSError
        A file cannot be written; nothing is left of it.
    """
    file = LabelledFile(output)
    if figure is not None:
        figure_format(figure)
        check_writable(figure)
    made = generated(
        catalogue, plan, seed=seed, n_structures=n_structures, calculator=calculator, progress=progress
    )
    if choice is not None:
        made = selected(made, choice, progress=progress)
    file.write(made.structures)
    if figure is not None:
        energies = None if calculator is None else energies_of(made.structures, calculator)
        save_figure(coverage(made.structures, energies), figure)
    return made
