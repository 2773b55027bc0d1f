"""Anchor rows: a stable fit teaches all others outside the data.

On structures that no data resemble (`generate/out_of_domain.py`) rows of the design matrix are summed as those of the
data are, with a small weight; their labels are the predictions of the teacher, a dense fit that passes the stress test
(`fitting/teacher.py`). With its coefficients v and the Gram matrix G of these rows this is the quadratic penalty
(w − v)ᵀ G (w − v): G is added to the Gram matrix of the data and G v to XᵀWy, so no label is computed. Without a fold v
is the teacher fitted without it. The search for the ridge penalties, scores and errors never see these rows.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlip_rs.arrays import Array, Mask
from mlip_rs.data import Frame
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.fitting.fold_store import FoldEquations, chunks
from mlip_rs.fitting.normal_equations import NormalEquations, System, accumulate, symmetrize
from mlip_rs.fitting.problem import Problem
from mlip_rs.generate.out_of_domain import Spheres, out_of_domain
from mlip_rs.potential import Potential
from mlip_rs.potential.lowest_crystals import LowestCrystals, evaluations, with_lowest_structures
from mlip_rs.potential.short_range import shortest_distances

PER_SYSTEM: int = 100
"""Structures for each element, each pair of elements and all together, or each compound."""

AT_LEAST: int = 200
"""Structures of one element."""

SEED: int = 1
"""Of the structures; stress tests use others."""

LARGEST_FORCE: float = 60.0
"""eV/Å; structures with a larger component of a force are left out."""

SOFT_FORCE: float = 5.0
"""eV/Å; the weight of a structure falls as 1 / (1 + (F / this)²) with its root mean squared force component F."""


@dataclass(frozen=True, eq=False)
class Anchors:
    """Normal equations of the anchor rows.

    Parameters
    ----------
    equations
        One "fold" with the Gram matrix of the rows.
    teachers
        Coefficients (F,) of the teacher without each fold; with all data under None.
    record
        What `run.json` says about them.
    factor
        Multiplies the weight.
    """

    equations: FoldEquations
    teachers: Mapping[int | None, Array]
    record: dict[str, Any]
    factor: float = 1.0

    def added(self, system: System, left_out: int | None) -> System:
        """The equations with the anchor rows, in the memory of the Gram matrix given; rows and yᵀWy are not counted."""
        teacher = self.teachers[left_out]
        xty = system.xty.copy()
        for rows in chunks(len(xty)):
            own = self.equations.gram_rows(0, rows)
            if self.factor != 1.0:
                own = self.factor * own
            system.gram[rows] += own
            xty[rows] += own @ teacher
        return replace(system, xty=xty)

    def times(self, factor: float) -> "Anchors":
        """The same rows with their weight multiplied."""
        return replace(self, factor=self.factor * factor)

    def taught_by(self, teachers: Mapping[int | None, Array], factor: float) -> "Anchors":
        """The same rows with the labels of fits to many features and `factor` times these rows."""
        record = self.record | {
            "teacher_n_nonzero": int(np.count_nonzero(teachers[None])),
            "teacher_n_nonzero_before": self.record["teacher_n_nonzero"],
            "teacher_penalty_factor": 1.0,
            "teacher_weight": self.record["weight"] * factor,
        }
        return replace(self, teachers=teachers, record=record)


def anchors(
    problem: Problem,
    teachers: Mapping[int | None, Array],
    support: Mask,
    occurring: Mask,
    weight: float,
    directory: Path,
    threads: int | None = None,
) -> Anchors:
    """Sum the anchor rows of a problem.

    Parameters
    ----------
    problem
        Basis with a repulsion, and weights of the properties.
    teachers
        As for `Anchors`.
    support
        (F,) features of the teacher.
    occurring
        (F,) features that occur in the data; the others stay zero.
    weight
        Of a structure with small forces, in that of a structure of the data.
    directory
        Place of the Gram matrix, if it is too large for the memory.
    threads
        As for `Potential.predict`.
    """
    coefficients = teachers[None]
    plain = Potential.from_coefficients(problem.basis.to_dict(), coefficients, problem.reference.values)
    teacher = with_lowest_structures(plain, lowest_of_data(problem), threads)
    closest = np.array(shortest_distances(teacher))
    lowest = LowestCrystals.of(teacher, closest, threads=threads)
    spheres = Spheres(teacher.elements, closest, lowest.volumes)
    n_structures = max(AT_LEAST, PER_SYSTEM * len(lowest.systems))
    structures = out_of_domain(spheres, lowest.systems, n_structures, SEED)
    taught = list(_taught(teacher, lowest, structures, threads))
    weights = np.array([weight * share for _, share in taught])[:, None] * problem.property_weights
    frames = [frame for frame, _ in taught]
    sums = NormalEquations.zeros(len(coefficients), 1)
    weights[[not frame.pbc.all() for frame in frames], 2] = 0.0
    accumulate(sums, problem.basis.core, frames, problem.reference, weights, threads)
    symmetrize(sums, threads)
    sums.gram[0, ~occurring] = 0.0
    sums.gram[0, :, ~occurring] = 0.0
    equations = FoldEquations(directory, 1, len(coefficients), np.ones(1), persistent=False)
    if not equations.small:
        directory.mkdir(parents=True, exist_ok=True)
    equations.save(0, sums)
    record = {
        "weight": weight,
        "n_structures": len(frames),
        "n_generated": len(structures),
        "n_atoms": sum(frame.n_atoms for frame in frames),
        "teacher_n_nonzero": int(np.count_nonzero(support)),
    }
    return Anchors(equations, teachers, record)


def _taught(
    teacher: Potential,
    lowest: LowestCrystals,
    structures: Sequence[Atoms],
    threads: int | None,
) -> Iterator[tuple[Frame, float]]:
    """Structures in which the teacher can be believed, and the share of the weight that each has."""
    found = evaluations(teacher, [structure_from_atoms(atoms) for atoms in structures], threads)
    for k, (atoms, evaluated) in enumerate(zip(structures, found, strict=True)):
        if evaluated is None:
            continue
        energies, forces, _ = evaluated
        symbols = atoms.get_chemical_symbols()
        ratio = atoms.get_volume() / len(atoms) / lowest.volume(symbols) if atoms.pbc.all() else np.inf
        if energies.mean() < lowest.floor(symbols, ratio) or np.abs(forces).max() > LARGEST_FORCE:
            continue
        force = float(np.sqrt((forces**2).mean()))
        frame = Frame(
            atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, file="anchor rows", index=k
        )
        yield frame, 1.0 / (1.0 + (force / SOFT_FORCE) ** 2)


def lowest_of_data(problem: Problem) -> list[Atoms]:
    """The lowest structure of the data for each set of elements: molecules lie below every crystal of atoms."""
    lowest: dict[frozenset[int], tuple[float, Frame]] = {}
    for frame in problem.dataset:
        if frame.energy is not None:
            energy = (frame.energy - problem.reference.of(frame)) / frame.n_atoms
            key = frozenset(frame.numbers.tolist())
            if key not in lowest or energy < lowest[key][0]:
                lowest[key] = energy, frame
    return [
        Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc) for _, frame in lowest.values()
    ]
