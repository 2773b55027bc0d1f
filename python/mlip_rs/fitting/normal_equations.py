"""Normal equations of energy, forces and stress: sums that add over blocks, folds and machines."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.data import Frame, ReferenceEnergies
from mlip_rs.data.core_structures import core_structure, named
from mlip_rs.errors import StructureError
from mlip_rs.threads import number_of_threads


@dataclass(frozen=True)
class System:
    """One weighted regression problem.

    Parameters
    ----------
    gram
        XᵀWX, (F, F).
    xty
        XᵀWy, (F,).
    yty
        yᵀWy.
    n_rows
        Rows that carry weight.
    """

    gram: Array
    xty: Array
    yty: float
    n_rows: int


@dataclass(frozen=True)
class NormalEquations:
    """Sums over rows: of energy per atom, forces and stress apart (G = 3), or of all together (G = 1).

    Apart, the weights of the properties can change later; together they need a third of the memory.

    Parameters
    ----------
    gram
        (G, F, F).
    xty
        (G, F).
    yty
        (G,).
    n_rows
        (G,).
    """

    gram: Array
    xty: Array
    yty: Array
    n_rows: NDArray[np.int64]

    @classmethod
    def zeros(cls, n_features: int, n_groups: int) -> "NormalEquations":
        """The sum over nothing."""
        return cls(
            np.zeros((n_groups, n_features, n_features)),
            np.zeros((n_groups, n_features)),
            np.zeros(n_groups),
            np.zeros(n_groups, dtype=np.int64),
        )

    def add(self, other: "NormalEquations") -> None:
        """Add a sum over other rows, in place."""
        self.gram[:] += other.gram
        self.xty[:] += other.xty
        self.yty[:] += other.yty
        self.n_rows[:] += other.n_rows


def accumulate(
    equations: NormalEquations,
    basis: _core.Basis,
    frames: Sequence[Frame],
    reference: ReferenceEnergies,
    weights: Array,
    threads: int | None = None,
    features: NDArray[np.int64] | None = None,
    held: _core.HeldRows | None = None,
) -> None:
    """Add the rows of some frames to the equations, in place.

    Only the lower triangles of the Gram matrices are updated; `symmetrize` completes them.

    Parameters
    ----------
    weights
        (S, 3) weights of the energy per atom, of each force and of each stress component.
    threads
        As for `Potential.predict`.
    features
        Numbers (F,) of the features of the equations, ascending; None: all.
    held
        Rows that need not be computed; takes up new ones.

    Raises
    ------
    StructureError
        Naming file, frame and atom.
    """
    energies = [0.0 if f.energy is None else (f.energy - reference.of(f)) / f.n_atoms for f in frames]
    forces = [np.zeros((f.n_atoms, 3)) if f.forces is None else f.forces for f in frames]
    stresses = [np.zeros(6) if f.stress is None else f.stress for f in frames]
    labels = _core.Labels(
        np.array(energies),
        np.concatenate(forces),
        np.array(stresses),
        np.ascontiguousarray(weights),
    )
    try:
        sums = _core.accumulate(
            basis,
            [core_structure(frame) for frame in frames],
            labels,
            equations.gram,
            equations.xty,
            number_of_threads(threads),
            None if features is None else features.tolist(),
            held,
        )
    except StructureError as error:
        raise named(error, frames) from None
    for k, (yty, n_rows) in enumerate(sums):
        equations.yty[k] += yty
        equations.n_rows[k] += n_rows


def symmetrize(equations: NormalEquations, threads: int | None = None) -> None:
    """Fill the upper triangles of the Gram matrices, in place."""
    for gram in equations.gram:
        _core.symmetrize(gram, number_of_threads(threads))
