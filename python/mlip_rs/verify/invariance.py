"""Invariance under translation, rotation and permutation of the atoms."""

import numpy as np

from mlip_rs.verify.answer import Answer, largest
from mlip_rs.verify.result import Measured
from mlip_rs.verify.structures import improper_rotation
from mlip_rs.verify.verified_calculator import VerifiedCalculator

INVARIANCE_TOLERANCE: float = 1e-8
"""Relative change that rounding can explain."""

TRANSLATION: tuple[float, float, float] = (7.31, -12.9, 0.57)
"""Å; carries some atoms out of their cell."""


def check_translation(verified: VerifiedCalculator) -> list[Measured]:
    """Shifting all atoms changes nothing, and the forces sum to zero."""
    found = []
    for name, atoms in verified.samples.named().items():
        answer = verified.answer(atoms)
        shifted = atoms.copy()
        shifted.positions += TRANSLATION
        found += verified.differences(
            answer, verified.answer(shifted), atoms, INVARIANCE_TOLERANCE, f"of the shifted {name}"
        )
        limit = INVARIANCE_TOLERANCE * max(verified.force_scale, largest(answer.forces)) * len(atoms)
        found.append(
            Measured(largest(answer.forces.sum(axis=0)), limit, "eV/Å", f"total force of the {name}")
        )
    return found


def check_rotation(verified: VerifiedCalculator) -> list[Measured]:
    """Rotation and inversion leave the energy unchanged and rotate forces and stress with the structure."""
    found = []
    for seed, (name, atoms) in enumerate(verified.samples.named().items()):
        matrix = improper_rotation(seed)
        turned = atoms.copy()
        turned.set_cell(atoms.cell.array @ matrix)
        turned.positions = atoms.positions @ matrix
        answer = verified.answer(turned)
        back = Answer(answer.energy, answer.forces @ matrix.T, _turned_stress(answer.stress, matrix.T))
        found += verified.differences(
            verified.answer(atoms), back, atoms, INVARIANCE_TOLERANCE, f"of the rotated {name}"
        )
    return found


def check_permutation(verified: VerifiedCalculator) -> list[Measured]:
    """Energy, forces and stress do not depend on the order of the atoms."""
    found = []
    for name, atoms in verified.samples.named().items():
        order = np.random.default_rng(len(atoms)).permutation(len(atoms))
        if np.array_equal(order, np.arange(len(atoms))):
            order = order[::-1]
        answer = verified.answer(atoms[order])
        forces = np.empty_like(answer.forces)
        forces[order] = answer.forces
        found += verified.differences(
            verified.answer(atoms),
            Answer(answer.energy, forces, answer.stress),
            atoms,
            INVARIANCE_TOLERANCE,
            f"of the permuted {name}",
        )
    return found


def _turned_stress(stress: np.ndarray | None, matrix: np.ndarray) -> np.ndarray | None:
    """Stress (6,) after positions became positions @ matrix."""
    if stress is None:
        return None
    xx, yy, zz, yz, xz, xy = stress
    tensor = matrix.T @ np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]) @ matrix
    return np.array([tensor[0, 0], tensor[1, 1], tensor[2, 2], tensor[1, 2], tensor[0, 2], tensor[0, 1]])
