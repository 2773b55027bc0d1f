"""Curves whose distances pass the cutoffs and the onset of the repulsion: dimers, a trimer, a compressed crystal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from mlip_rs.verify.answer import Answer
from mlip_rs.verify.structures import Samples, bond_length

Answers = Callable[[Atoms], Answer]
"""Energy, forces and stress of a structure."""

SHORTEST: float = 0.5
"""Shortest distance of the dimers, in sums of covalent radii."""

BEYOND: float = 0.3
"""Distance beyond the cutoff at which the curves end, in Å."""

CRYSTAL_RANGE: tuple[float, float] = (0.55, 1.3)
"""Compression and expansion of the crystal, in its equilibrium size."""

TRIMER_ANGLE: float = 1.2
"""Angle at the end of a dimer at which the third atom leaves, radians."""

TRIMER_START: float = 0.9
"""Shortest distance of the third atom, in sums of covalent radii."""


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
        Distance in Å above which the curve is that of ordinary matter; sets the scale of the steps.
    value
        Energy in eV and its derivative in eV/Å at a coordinate.
    memory
        Results of earlier searches along the curve.
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


def curves(
    answers: Answers, elements: Sequence[str], cutoff: float, samples: Samples, *, with_crystal: bool
) -> Iterator[Curve]:
    """Dimers of all pairs of elements, a trimer, and on request a crystal under compression.

    Parameters
    ----------
    answers
        Energy, forces and stress of a structure.
    elements, cutoff
        Elements and cutoff (Å) of the calculator.
    samples
        Structures of these elements.
    with_crystal
        Add the crystal, for potentials whose repulsion depends on the local density.
    """
    for first, second in combinations_with_replacement(elements, 2):
        yield _dimer(answers, cutoff, first, second)
    yield _trimer(answers, cutoff, elements[0], elements[-1])
    if with_crystal:
        yield _compressed(answers, samples, elements[0])


def _dimer(answers: Answers, cutoff: float, first: str, second: str) -> Curve:
    def value(distance: float) -> tuple[float, float]:
        answer = answers(Atoms([first, second], [[0, 0, 0], [0, 0, distance]]))
        return answer.energy, -float(answer.forces[1, 2])

    length = bond_length(first, second)
    return Curve(f"{first}–{second} dimer", SHORTEST * length, cutoff + BEYOND, 0.9 * length, value)


def _trimer(answers: Answers, cutoff: float, first: str, second: str) -> Curve:
    """An atom that leaves one end of a dimer at an angle."""
    bond = bond_length(first, second)
    direction = np.array([np.cos(TRIMER_ANGLE), np.sin(TRIMER_ANGLE), 0.0])

    def value(distance: float) -> tuple[float, float]:
        positions = [np.zeros(3), [bond, 0.0, 0.0], distance * direction]
        answer = answers(Atoms([first, second, first], positions))
        return answer.energy, -float(answer.forces[2] @ direction)

    start = TRIMER_START * bond_length(first, first)
    # The third atom leaves the far end of the dimer before or after the near one, within a bond length.
    return Curve(f"{first}–{second}–{first} trimer", start, cutoff + bond + BEYOND, start, value)


def _compressed(answers: Answers, samples: Samples, element: str) -> Curve:
    """The perfect crystal by its nearest-neighbour distance; dE/ds = V tr σ / s."""
    spacing, unit = samples.spacing, samples.unit

    def value(distance: float) -> tuple[float, float]:
        atoms = unit.copy()
        atoms.set_cell(unit.cell.array * (distance / spacing), scale_atoms=True)
        answer = answers(atoms)
        pressure = 0.0 if answer.stress is None else float(answer.stress[:3].sum())
        return answer.energy, pressure * atoms.get_volume() / distance

    low, high = (factor * spacing for factor in CRYSTAL_RANGE)
    return Curve(f"{element} crystal", low, high, 0.9 * spacing, value)
