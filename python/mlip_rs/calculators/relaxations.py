"""Where the relaxations of a calculator ended, so that those of one that is nearly the same can begin there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator as AseCalculator
from numpy.typing import NDArray

from mlip_rs.errors import PropertyError

LARGEST_STRAIN: float = 0.05
"""Of the start of one relaxation with respect to that of another; beyond it they are not the same."""

LARGEST_SHIFT: float = 0.05
"""Å, of an atom in one start with respect to the other, after the strain and a common displacement."""


@dataclass
class Relaxations:
    """Starts and ends of relaxations.

    Examples
    --------
    >>> from ase.build import bulk
    >>> known = Relaxations()
    >>> start, end = bulk("Cu", "hcp", a=2.5, c=4.0), bulk("Cu", "hcp", a=2.5, c=4.1)
    >>> known.add(start, end)
    >>> print(f"{known.begin(bulk('Cu', 'hcp', a=2.51, c=4.0)).cell[2, 2]:.2f} Å")
    4.10 Å
    >>> print(f"{known.begin(bulk('Cu', 'hcp', a=2.8, c=4.0)).cell[2, 2]:.2f} Å")
    4.00 Å
    """

    pairs: list[tuple[Atoms, Atoms]] = field(default_factory=list)

    def add(self, start: Atoms, end: Atoms) -> None:
        """Keep a relaxation."""
        self.pairs.append((start.copy(), end.copy()))

    def begin(self, start: Atoms) -> Atoms:
        """A structure moved as the same one was in a relaxation that is known; else the structure itself."""
        for first, last in self.pairs:
            if _same(first, start):
                moved = start.copy()
                shift = _scaled(last) - _scaled(first)
                moved.set_cell(start.cell[:] @ np.linalg.solve(first.cell[:], last.cell[:]))
                moved.positions = (_scaled(start) + shift) @ moved.cell[:]
                return moved
        return start


def relaxation(calculator: Any, atoms: Atoms, run: Callable[[Atoms], Atoms]) -> Atoms:  # noqa: ANN401
    """Relax a structure; from where the same relaxation ended for a similar calculator, if that is known.

    Parameters
    ----------
    calculator
        Any ASE calculator; only a `RelaxingCalculator` changes anything.
    atoms
        Where it starts.
    run
        Relaxes a structure. If it raises `PropertyError` from the nearer start, it runs again from `atoms`.

    Raises
    ------
    PropertyError
        From `run`.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> len(relaxation(EMT(), bulk("Cu"), lambda atoms: atoms.repeat(2)))
    8
    """
    similar = getattr(calculator, "similar", None)
    start = atoms if similar is None else similar.begin(atoms)
    try:
        end = run(start)
    except PropertyError:
        if start is atoms:
            raise
        end = run(atoms)
    known = getattr(calculator, "relaxations", None)
    if known is not None:
        known.add(atoms, end)
    return end


class RelaxingCalculator(AseCalculator):  # type: ignore[misc]  # ASE carries no types
    """Another calculator, whose relaxations are kept, or begin where those of a similar one ended.

    Parameters
    ----------
    calculator
        Any ASE calculator.
    similar
        Relaxations of a calculator that is nearly the same; None: its own are kept.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> from mlip_rs.calculators.calculations import relaxed
    >>> first = RelaxingCalculator(EMT())
    >>> cluster = bulk("Cu", cubic=True)
    >>> cluster.pbc = False
    >>> _ = relaxed(first, cluster)
    >>> second = RelaxingCalculator(EMT(), first.relaxations)
    >>> len(first.relaxations.pairs), second.similar is first.relaxations
    (1, True)
    """

    def __init__(self, calculator: Any, similar: Relaxations | None = None) -> None:  # noqa: ANN401
        super().__init__()
        self.calculator, self.similar = calculator, similar
        self.relaxations = Relaxations() if similar is None else None
        self.implemented_properties = calculator.implemented_properties

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:  # noqa: ANN401
        """Return a property of the calculator behind."""
        return self.calculator.get_property(name, atoms, allow_calculation)


def _scaled(atoms: Atoms) -> NDArray[np.float64]:
    return np.asarray(np.linalg.solve(np.asarray(atoms.cell[:]).T, atoms.positions.T).T)


def _same(first: Atoms, other: Atoms) -> bool:
    if len(first) != len(other) or (first.numbers != other.numbers).any() or (first.pbc != other.pbc).any():
        return False
    if not (first.cell.rank == other.cell.rank == 3):
        return False
    strain = np.linalg.solve(first.cell[:], other.cell[:]) - np.eye(3)
    if np.abs(strain).max() > LARGEST_STRAIN:
        return False
    shift = (_scaled(other) - _scaled(first)) @ np.asarray(other.cell[:])
    return bool(np.abs(shift - shift.mean(axis=0)).max() <= LARGEST_SHIFT)
