"""Periodic boundaries: images, supercells, cells smaller than the cutoff, directions that do not repeat."""

import numpy as np
from ase import Atoms

from mlip_rs.verify.answer import Answer
from mlip_rs.verify.invariance import INVARIANCE_TOLERANCE
from mlip_rs.verify.result import Measured
from mlip_rs.verify.verified_calculator import VerifiedCalculator

SUPERCELL: tuple[int, int, int] = (2, 1, 3)
"""Repeats of the rattled crystal."""

MAX_SUPERCELL_ATOMS: int = 400
"""The small cell is repeated until it is wider than twice the cutoff, or has so many atoms."""


def check_lattice_vector(verified: VerifiedCalculator) -> list[Measured]:
    """Moving atoms by lattice vectors of the periodic directions changes nothing."""
    found = []
    for name, atoms in verified.samples.named().items():
        if not atoms.pbc.any():
            continue
        moved = atoms.copy()
        shifts = np.random.default_rng(0).integers(-3, 4, (len(atoms), 3)) * atoms.pbc
        shifts[0] = 2 * atoms.pbc
        moved.positions += shifts @ atoms.cell.array
        found += verified.differences(
            verified.answer(atoms),
            verified.answer(moved),
            atoms,
            INVARIANCE_TOLERANCE,
            f"of the {name} with atoms moved by lattice vectors",
        )
    return found


def check_supercell(verified: VerifiedCalculator) -> list[Measured]:
    """A cell repeated k times has k times the energy, and the same forces and stress."""
    return _repeated(verified, verified.samples.crystal, SUPERCELL, "of the repeated crystal")


def check_small_cells(verified: VerifiedCalculator) -> list[Measured]:
    """A skewed, left-handed cell smaller than the cutoff gives the same results as a supercell wider than twice it."""
    atoms = verified.samples.small_cell
    repeat = [1, 1, 1]
    while len(atoms) * np.prod(repeat) < MAX_SUPERCELL_ATOMS:
        heights = atoms.get_volume() / _face_areas(atoms) * repeat
        narrowest = int(np.argmin(heights))
        if heights[narrowest] > 2.0 * verified.cutoff:
            break
        repeat[narrowest] += 1
    return _repeated(verified, atoms, (repeat[0], repeat[1], repeat[2]), "of the repeated small cell")


def check_mixed_periodicity(verified: VerifiedCalculator) -> list[Measured]:
    """A non-periodic direction gives the same results as a periodic one with vacuum wider than the cutoff."""
    slab = verified.samples.slab
    free = verified.answer(slab)
    repeating = slab.copy()
    repeating.pbc = True
    tall = slab.copy()
    tall.cell[2] *= 1.7
    wire = slab.copy()
    wire.pbc = (True, False, False)
    wide = wire.copy()
    wide.cell[1] = wide.cell[1] / np.linalg.norm(wide.cell[1]) * (3.0 * verified.cutoff + 20.0)
    wide.pbc = (True, True, False)
    # Vectors are as long as atoms and cutoff reach, measured across the others.
    pairs = (
        (slab, free, repeating, "of the slab with vacuum"),
        (slab, free, tall, "of the slab in a taller cell"),
        (wire, verified.answer(wire), wide, "of the wire in a slab's cell"),
    )
    found = []
    for atoms, answer, other, where in pairs:
        twin = verified.answer(other)
        found += verified.differences(
            _without_stress(answer), _without_stress(twin), atoms, INVARIANCE_TOLERANCE, where
        )
    return found


def _repeated(
    verified: VerifiedCalculator, atoms: Atoms, repeat: tuple[int, int, int], where: str
) -> list[Measured]:
    count = int(np.prod(repeat))
    big = atoms.repeat(repeat)
    one, many = verified.answer(atoms), verified.answer(big)
    expected = Answer(one.energy * count, np.tile(one.forces, (count, 1)), one.stress)
    return verified.differences(expected, many, big, INVARIANCE_TOLERANCE, where)


def _face_areas(atoms: Atoms) -> np.ndarray:
    a, b, c = atoms.cell.array
    return np.array([np.linalg.norm(np.cross(*pair)) for pair in ((b, c), (c, a), (a, b))])


def _without_stress(answer: Answer) -> Answer:
    return Answer(answer.energy, answer.forces, None)
