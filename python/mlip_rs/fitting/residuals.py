"""How far the predictions of many coefficient vectors are from the labels, summed structure by structure.

Only sums are stored, so that the memory does not depend on the number of structures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.basis import Basis
from mlip_rs.data import Frame, ReferenceEnergies
from mlip_rs.data.core_structures import core_structure, named
from mlip_rs.errors import StructureError
from mlip_rs.evaluate.errors import Errors, ErrorSums
from mlip_rs.threads import in_order, number_of_threads
from mlip_rs.units import ase_stress_from_virial

BATCH_STRUCTURES: int = 64
"""Structures of one call of the core; Ctrl-C takes effect between calls."""

ROWS: tuple[float, float] = (15.0, 0.3)
"""µs per atom of design rows, which serve all coefficient vectors: in all, and for each feature of a centre."""

EVALUATION: tuple[float, float] = (2.0, 0.0075)
"""µs per atom of an evaluator, which serves one vector: in all, and for each coefficient of a centre."""

COMPILATION: tuple[float, float] = (2000.0, 5.0)
"""µs in which an evaluator is made: in all, and for each coefficient of a centre. As the other two measured on Si."""

Columns = Sequence[int] | NDArray[np.intp] | slice


@dataclass(frozen=True)
class Residuals:
    """Residuals of P coefficient vectors on some structures.

    Parameters
    ----------
    sums
        Errors by config type.
    parts
        (K, P) sums of the weighted squared residuals of each set of structures that was added.
    """

    sums: ErrorSums
    parts: Array

    @property
    def squares(self) -> Array:
        """(P,) sum of the weighted squared residuals."""
        return np.asarray(self.parts.sum(axis=0))

    def standard_error(self, n_rows: Array) -> Array:
        """(P,) standard error of the root mean square, from the scatter of the mean squares of the K sets.

        With shares n_k/n of the rows, SE² = K/(K − 1) Σ_k (n_k/n)² (m_k − m)², for equal sets the variance of their
        mean squares over K; that of the root follows by dividing by 2 √m.

        Parameters
        ----------
        n_rows
            (K,) of each set.
        """
        share = n_rows[:, None] / n_rows.sum()
        means = self.parts / np.maximum(n_rows, 1.0)[:, None]
        mean = self.squares / n_rows.sum()
        count = max(len(n_rows), 2)
        variance = count / (count - 1) * ((share * (means - mean)) ** 2).sum(axis=0)
        return np.asarray(np.sqrt(variance) / (2.0 * np.sqrt(np.maximum(mean, np.finfo(float).tiny))))

    def errors(self, k: int) -> Errors:
        """Errors of the k-th coefficient vector, in total and by config type."""
        return self.sums.errors(k)

    def to_arrays(self) -> tuple[NDArray[Any], ...]:
        """The weighted squares, and the sums as arrays."""
        return self.parts, *self.sums.to_arrays()

    @classmethod
    def from_arrays(cls, parts: Array, *sums: NDArray[Any]) -> "Residuals":
        """The residuals that `to_arrays` took apart."""
        return cls(ErrorSums.from_arrays(*sums), parts)

    def columns(self, chosen: Columns) -> "Residuals":
        """Residuals of some of the coefficient vectors."""
        return Residuals(self.sums.columns(chosen), self.parts[:, chosen])

    def __add__(self, other: "Residuals") -> "Residuals":
        """Residuals of the same coefficient vectors on the structures of both."""
        return Residuals(self.sums + other.sums, np.vstack([self.parts, other.parts]))

    def beside(self, other: "Residuals") -> "Residuals":
        """Residuals of the coefficient vectors of both on the same structures."""
        return Residuals(self.sums.beside(other.sums), np.hstack([self.parts, other.parts]))


def residuals(
    basis: Basis,
    frames: Sequence[Frame],
    reference: ReferenceEnergies,
    coefficients: Array,
    weights: Array | None = None,
    threads: int | None = None,
    held: _core.HeldRows | None = None,
) -> Residuals:
    """Predict the labels of frames with P coefficient vectors (P, F) and compare.

    Parameters
    ----------
    weights
        (S, 3) of the squared residuals of energy per atom, force and stress components; None: zero.
    threads
        As for `Potential.predict`.
    held
        Design rows that need not be computed; takes up new ones.

    Raises
    ------
    StructureError
        Naming file, frame and atom.
    """
    predict: _Potentials | _DesignRows
    n_atoms = sum(frame.n_atoms for frame in frames)
    if held is None and _cheap_as_potentials(basis, coefficients, n_atoms):
        predict = _Potentials(basis, coefficients, number_of_threads(threads))
    else:
        predict = _DesignRows(basis, coefficients, number_of_threads(threads), held)
    weights = np.zeros((len(frames), 3)) if weights is None else weights
    sums, squares = ErrorSums.zeros(len(coefficients)), np.zeros(len(coefficients))
    for start in range(0, len(frames), BATCH_STRUCTURES):
        batch = frames[start : start + BATCH_STRUCTURES]
        try:
            rows = predict([core_structure(frame) for frame in batch])
        except StructureError as error:
            raise named(error, batch) from None
        for frame, values, factors in zip(batch, rows, weights[start:], strict=False):
            values[0] += reference.of(frame)
            differences = _differences(frame, values)
            sums.add(frame.config_type, differences)
            squares += _weighted_squares(differences, factors)
    return Residuals(sums, squares[None])


def _cheap_as_potentials(basis: Basis, coefficients: Array, n_atoms: int) -> bool:
    """Whether evaluators, one for each coefficient vector (P, F), take less time than design rows on so many atoms."""
    if not len(coefficients) or not np.isfinite(coefficients).all():
        return False
    vectors = np.array([len(coefficients), np.count_nonzero(coefficients) / len(basis.elements)])
    rows = np.array([1.0, basis.n_features / len(basis.elements)])
    return bool(vectors @ EVALUATION * n_atoms + vectors @ COMPILATION < rows @ ROWS * n_atoms)


class _DesignRows:
    """Predictions by design rows times coefficients; relative to the isolated atoms."""

    def __init__(self, basis: Basis, coefficients: Array, threads: int, held: _core.HeldRows | None) -> None:
        self.basis, self.threads, self.held = basis, threads, held
        self.columns = np.ascontiguousarray(coefficients.T)

    def __call__(self, structures: Sequence[_core.Structure]) -> list[Array]:
        """(1 + 3N + 6, P) of each structure: energy, forces, stress."""
        return list(_core.predict(self.basis.core, structures, self.columns, self.threads, self.held))


class _Potentials:
    """Predictions by the evaluator, one potential per coefficient vector."""

    def __init__(self, basis: Basis, coefficients: Array, threads: int) -> None:
        zero = [0.0] * len(basis.elements)

        def potential(own: Array) -> _core.Potential:
            return _core.Potential.from_coefficients(basis.core, np.ascontiguousarray(own), zero, "{}")

        self.potentials = list(in_order(potential, coefficients, threads))
        self.threads = threads

    def __call__(self, structures: Sequence[_core.Structure]) -> list[Array]:
        """(1 + 3N + 6, P) of each structure."""
        columns = [potential.evaluate_many(structures, self.threads) for potential in self.potentials]
        out = []
        for k, structure in enumerate(structures):
            volume = structure.volume if structure.volume > 0 else np.inf  # no volume, no stress
            parts = [
                np.concatenate(
                    [
                        [energies.sum()],
                        forces.ravel(),
                        ase_stress_from_virial(virials.sum(axis=0), volume),
                    ]
                )
                for energies, forces, virials in (column[k] for column in columns)
            ]
            out.append(np.stack(parts, axis=1))
        return out


def _differences(frame: Frame, values: Array) -> tuple[Array | None, Array | None, Array | None]:
    """Predicted minus labelled energy per atom (1, P), forces (3N, P), stress (6, P); None without a label."""
    energy = None if frame.energy is None else (values[:1] - frame.energy) / frame.n_atoms
    forces = None if frame.forces is None else values[1:-6] - frame.forces.reshape(-1, 1)
    stress = None if frame.stress is None else values[-6:] - frame.stress[:, None]
    return energy, forces, stress


def _weighted_squares(differences: Sequence[Array | None], weights: Array) -> Array | float:
    """(P,) weighted sum of the squared differences."""
    return sum(
        (
            weight * (difference**2).sum(axis=0)
            for difference, weight in zip(differences, weights, strict=True)
            if weight > 0 and difference is not None
        ),
        start=0.0,
    )
