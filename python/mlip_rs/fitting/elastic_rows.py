"""Elastic rows: sparse fits keep the elastic response of the dense fit.

Elastic constants are what sparse potentials lose first: a few stresses of strained crystals tell them, among tens of
thousands of forces, or none at all. The dense fit has them as far as the data determine them, and its response
to strain is cheap: stresses and forces of the crystals of the data, unstrained and strained by ±1 % in six ways, with
clamped and with relaxed ions (without forces there, both the stress and the relaxation are those of the dense fit).

With its coefficients v and these rows X, weighted, the objective of all other fits gains |X (w − v)|², as with anchor
rows (`fitting/anchors.py`). The dense fit stays as it is, since v has no such penalty; without a fold v is the dense
fit without it. The search for the ridge penalties, scores and errors never see these rows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase import Atoms
from scipy.linalg.blas import dgemm
from threadpoolctl import threadpool_limits

from mlip_rs.arrays import Array, Mask
from mlip_rs.calculators.calculations import forces, relaxed
from mlip_rs.data import Frame
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.errors import PropertyError
from mlip_rs.fitting.normal_equations import System
from mlip_rs.fitting.problem import Problem
from mlip_rs.generate.distortions import VOIGT, single_strain, strained
from mlip_rs.generate.symmetry import smallest_cell
from mlip_rs.potential import Potential

STRAIN: float = 0.01
"""Of the crystals; stresses of labels are mostly of strains of this size."""

PRECISION: float = 0.01
"""Å within which positions count as equal in the search for the smallest cell: files have few digits."""

MOST_ATOMS: int = 30
"""In the smallest cell of a crystal; larger ones have no elastic rows."""

AT_REST: float = 0.05
"""eV/Å; a structure with a larger component of a force is no crystal at rest."""

ABOVE: float = 0.05
"""eV per atom by which a crystal may lie above the lowest structure of the same elements."""

SOFT: float = 0.1
"""The response to each strain counts relative to that of the dense fit, or to this part of its largest one."""

UNRELAXED: float = 0.01
"""Part of the largest force with clamped ions that may be left after their relaxation."""

NEGLIGIBLE: float = 1e-9
"""Combinations of rows whose squares are smaller than this part of the largest one are left out."""


@dataclass(frozen=True, eq=False)
class ElasticRows:
    """Weighted rows of strained crystals, and the dense fits that label them.

    Parameters
    ----------
    rows
        (R, F) combinations of stresses and forces with the same squares as all of them.
    dense
        Coefficients (F,) of the dense fit without each fold; with all data under None.
    record
        What `run.json` says about them.
    """

    rows: Array
    dense: Mapping[int | None, Array]
    record: dict[str, Any]

    def added(self, system: System, left_out: int | None) -> System:
        """The equations with these rows, in the memory of the Gram matrix given; rows and yᵀWy are not counted."""
        dgemm(1.0, self.rows, self.rows, beta=1.0, c=system.gram.T, trans_a=True, overwrite_c=True)
        return replace(system, xty=system.xty + self.rows.T @ (self.rows @ self.dense[left_out]))


def elastic_rows(
    problem: Problem, dense: Mapping[int | None, Array], squares: float, occurring: Mask, weight: float
) -> ElasticRows | None:
    """Rows of the crystals of a problem: for each set of elements the lowest structure of the data that is at rest.

    None where there is no such crystal, or none that resists strain.

    Parameters
    ----------
    problem
        Basis and data.
    dense
        As for `ElasticRows`.
    squares
        Sum of the squared weighted residuals of the dense fit.
    occurring
        (F,) features that occur in the data; the others stay zero.
    weight
        A relative error e of the responses to all strains costs e² times this times `squares`.
    """
    potential = Potential.from_coefficients(problem.basis.to_dict(), dense[None], problem.reference.values)
    parts, formulas = [], []
    for crystal in _crystals(problem):
        found = _rows(problem, potential, dense[None], crystal)
        if found is not None:
            parts.append(found)
            formulas.append(crystal.get_chemical_formula())
    if not parts or squares <= 0.0:
        return None
    rows = np.sqrt(weight * squares / len(parts)) * np.concatenate(parts)
    rows[:, ~occurring] = 0.0
    record = {"weight": weight, "crystals": formulas, "n_rows": len(rows)}
    return ElasticRows(rows, dense, record)


def _crystals(problem: Problem) -> list[Atoms]:
    """The smallest cells of crystals of the data, the lowest one at rest for each set of elements."""
    lowest: dict[frozenset[int], float] = {}
    at_rest: dict[frozenset[int], tuple[float, Atoms]] = {}
    for frame in problem.dataset:
        if frame.energy is None:
            continue
        energy = (frame.energy - problem.reference.of(frame)) / frame.n_atoms
        key = frozenset(frame.numbers.tolist())
        lowest[key] = min(energy, lowest.get(key, np.inf))
        if energy < at_rest.get(key, (np.inf, None))[0]:
            cell = _crystal(frame)
            if cell is not None:
                at_rest[key] = energy, cell
    return [cell for key, (energy, cell) in at_rest.items() if energy <= lowest[key] + ABOVE]


def _crystal(frame: Frame) -> Atoms | None:
    """The smallest cell of a frame, if it is a crystal at rest."""
    if not frame.pbc.all() or frame.forces is None or np.abs(frame.forces).max() > AT_REST:
        return None
    atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=True)
    try:
        cell = smallest_cell(atoms, precision=PRECISION)
    except PropertyError:
        return None  # no symmetry is found
    return cell if len(cell) <= MOST_ATOMS else None


def _rows(problem: Problem, potential: Potential, dense: Array, crystal: Atoms) -> Array | None:
    """(R, F) rows of one crystal, in units of the dense fit's response; None without one."""
    n_atoms = len(crystal)
    # Forces as the pressure that they exert on the faces of the cubes of atoms.
    of_forces = (crystal.get_volume() / n_atoms) ** (-2 / 3) / np.sqrt(n_atoms)

    def rows_of(atoms: Atoms) -> Array:
        rows = np.asarray(problem.basis.core.design(structure_from_atoms(atoms)))[1:]
        rows[:-6] *= of_forces
        return rows

    unstrained = rows_of(crystal)
    parts, responses = [], []
    for component in range(len(VOIGT)):
        deformed = [strained(crystal, single_strain(component, size)) for size in (STRAIN, -STRAIN)]
        found = [rows_of(atoms) for own in deformed for atoms in _with_relaxed(potential, own)]
        parts.append(_combined(np.concatenate(found)))
        responses.append(sum(float((((rows - unstrained) @ dense) ** 2).sum()) for rows in found))
    stiff = max(responses)
    if not stiff > 0.0:
        return None
    scales = np.sqrt(np.maximum(responses, SOFT**2 * stiff))
    scaled = [part / scale for part, scale in zip(parts, scales, strict=True)]
    rows = np.concatenate([unstrained / np.sqrt(np.mean(responses)), *scaled])
    return np.asarray(_combined(rows) / np.sqrt(len(VOIGT)))


def _with_relaxed(potential: Potential, clamped: Atoms) -> Iterator[Atoms]:
    """A strained crystal with clamped ions, and with relaxed ones if there are forces and the dense fit finds rest."""
    yield clamped
    calculator = potential.calculator()
    try:
        largest = float(np.abs(forces(calculator, clamped)).max())
        if largest > UNRELAXED * AT_REST:
            yield relaxed(calculator, clamped, fmax=UNRELAXED * largest, max_steps=100)
    except PropertyError:
        return


def _combined(rows: Array) -> Array:
    """Fewer rows with the same sum of squares for any coefficients, but for what is negligible."""
    with threadpool_limits(1):  # the same bits for any number
        values, vectors = np.linalg.eigh(rows @ rows.T)
        return np.asarray(vectors[:, values > NEGLIGIBLE * values.max()].T @ rows)
