"""Curves along which distances pass the cutoff and the hand-over of the repulsion: dimers, a trimer, a crystal."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from mlip_rs.verify.structures import bond_length

if TYPE_CHECKING:
    from mlip_rs.verify.subject import Subject

SHORTEST: float = 0.5
"""Where dimers start, in sums of covalent radii."""

BEYOND: float = 0.3
"""How far beyond the cutoff curves end, Å."""

CRYSTAL_RANGE: tuple[float, float] = (0.55, 1.3)
"""Compression and expansion of the crystal, in its equilibrium size."""

TRIMER_ANGLE: float = 1.2
"""Angle at the end of a dimer at which the third atom leaves, radians."""

TRIMER_START: float = 0.9
"""Where it starts, in sums of covalent radii."""


@dataclass(frozen=True)
class Curve:
    """Structures along one coordinate.

    Parameters
    ----------
    name
        "Al–Ni dimer".
    start, end
        Range of the coordinate, Å.
    usual
        Distance in Å from which on the curve is that of ordinary matter, for the scale of what is large.
    value
        Energy in eV and its derivative in eV/Å at a coordinate.
    memory
        What has been found out about it.
    """

    name: str
    start: float
    end: float
    usual: float
    value: Callable[[float], tuple[float, float]]
    memory: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def sample(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Energies and derivatives (2, K) at the points (K,)."""
        return np.array([self.value(float(point)) for point in points]).T


def curves(subject: "Subject") -> Iterator[Curve]:
    """Dimers of all pairs of elements and a trimer; of our own potentials, which hand over crowded atoms, a crystal."""
    for first, second in combinations_with_replacement(subject.elements, 2):
        yield _dimer(subject, first, second)
    yield _trimer(subject)
    if subject.potential is not None:
        yield _compressed(subject)


def _dimer(subject: "Subject", first: str, second: str) -> Curve:
    def value(distance: float) -> tuple[float, float]:
        answer = subject.answer(Atoms([first, second], [[0, 0, 0], [0, 0, distance]]))
        return answer.energy, -float(answer.forces[1, 2])

    length = bond_length(first, second)
    end = subject.cutoff + BEYOND
    return Curve(f"{first}–{second} dimer", SHORTEST * length, end, 0.9 * length, value)


def _trimer(subject: "Subject") -> Curve:
    """An atom that leaves one end of a dimer at an angle."""
    first, second = subject.elements[0], subject.elements[-1]
    bond = bond_length(first, second)
    direction = np.array([np.cos(TRIMER_ANGLE), np.sin(TRIMER_ANGLE), 0.0])

    def value(distance: float) -> tuple[float, float]:
        positions = [np.zeros(3), [bond, 0.0, 0.0], distance * direction]
        answer = subject.answer(Atoms([first, second, first], positions))
        return answer.energy, -float(answer.forces[2] @ direction)

    start = TRIMER_START * bond_length(first, first)
    # The third atom leaves the far end of the dimer before or after the near one, within a bond length.
    return Curve(f"{first}–{second}–{first} trimer", start, subject.cutoff + bond + BEYOND, start, value)


def _compressed(subject: "Subject") -> Curve:
    """The perfect crystal by its nearest-neighbour distance; dE/ds = V tr σ / s."""
    spacing, unit = subject.samples.spacing, subject.samples.unit

    def value(distance: float) -> tuple[float, float]:
        atoms = unit.copy()
        atoms.set_cell(unit.cell.array * (distance / spacing), scale_atoms=True)
        answer = subject.answer(atoms)
        pressure = 0.0 if answer.stress is None else float(answer.stress[:3].sum())
        return answer.energy, pressure * atoms.get_volume() / distance

    low, high = (factor * spacing for factor in CRYSTAL_RANGE)
    return Curve(f"{subject.elements[0]} crystal", low, high, 0.9 * spacing, value)
