"""Predictions of many coefficient vectors at once, and how far they are from the labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlip_rs import _core
from mlip_rs.basis import Basis
from mlip_rs.data import Frame, ReferenceEnergies
from mlip_rs.errors import StructureError
from mlip_rs.regression.equations import Array, core_structure, named
from mlip_rs.validate.metrics import Errors, Labels, evaluate_errors

BATCH_STRUCTURES: int = 64
"""Structures of one call of the core; Ctrl-C takes effect between calls."""


@dataclass(frozen=True)
class Predictions:
    """Predictions of P coefficient vectors for some frames.

    Parameters
    ----------
    frames
        The structures.
    values
        For each of them (1 + 3N + 6, P): energy in eV (absolute), forces in eV/Å, stress in eV/Å³.
    """

    frames: tuple[Frame, ...]
    values: tuple[Array, ...]

    def errors(self, k: int) -> Errors:
        """Errors of the k-th coefficient vector, in total and by config type."""
        labels = Labels(
            [f.energy for f in self.frames], [f.forces for f in self.frames], [f.stress for f in self.frames]
        )
        predicted = Labels(
            [float(v[0, k]) for v in self.values],
            [v[1:-6, k].reshape(-1, 3) for v in self.values],
            [v[-6:, k] for v in self.values],
        )
        return evaluate_errors(
            labels, predicted, [f.n_atoms for f in self.frames], [f.config_type for f in self.frames]
        )

    def weighted_squares(self, property_weights: Array, structure_weights: Array) -> Array:
        """(P,) sum of the weighted squared residuals; `structure_weights` is (S, 3)."""
        total = np.zeros(self.values[0].shape[1] if self.values else 0)
        for frame, values, factors in zip(self.frames, self.values, structure_weights, strict=True):
            energy, forces, stress = property_weights * factors
            if energy > 0 and frame.energy is not None:
                total += energy * ((values[0] - frame.energy) / frame.n_atoms) ** 2
            if forces > 0 and frame.forces is not None:
                total += forces * ((values[1:-6] - frame.forces.reshape(-1, 1)) ** 2).sum(axis=0)
            if stress > 0 and frame.stress is not None:
                total += stress * ((values[-6:] - frame.stress[:, None]) ** 2).sum(axis=0)
        return total


def joined(parts: Sequence[Predictions]) -> Predictions:
    """Predictions of several sets of frames as one."""
    return Predictions(
        tuple(frame for part in parts for frame in part.frames),
        tuple(value for part in parts for value in part.values),
    )


def predict(
    basis: Basis, frames: Sequence[Frame], reference: ReferenceEnergies, coefficients: Array, threads: int = 0
) -> Predictions:
    """Predict the labels of frames with P coefficient vectors (P, F).

    Raises
    ------
    StructureError
        Naming file, frame and atom.
    """
    columns = np.ascontiguousarray(coefficients.T)
    values: list[Array] = []
    for start in range(0, len(frames), BATCH_STRUCTURES):
        batch = frames[start : start + BATCH_STRUCTURES]
        try:
            rows = _core.predict(basis.core, [core_structure(frame) for frame in batch], columns, threads)
        except StructureError as error:
            raise named(error, batch) from None
        for frame, row in zip(batch, rows, strict=True):
            row[0] += reference.of(frame)
            values.append(row)
    return Predictions(tuple(frames), tuple(values))
