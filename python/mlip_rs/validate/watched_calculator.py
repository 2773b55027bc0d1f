"""A calculator that notes in which surroundings atoms are evaluated, so that a result can say what it rests on."""

from dataclasses import replace
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator as AseCalculator

from mlip_rs.calculators.calculations import Calculator
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.errors import StructureError
from mlip_rs.potential import Potential
from mlip_rs.potential.data_range import DataRange, surroundings

FIRST: int = 20
"""Structures of the same number of atoms that are all looked at; of those that follow, as along a run, every tenth."""


class DataWatch:
    """The range of the surroundings seen so far.

    Parameters
    ----------
    cutoff
        Å.
    potential
        Its index of anomaly is noted as well, if it has one.
    """

    def __init__(self, cutoff: float, potential: Potential | None = None) -> None:
        self._potential = potential if potential is not None and potential.has_index else None
        self._nothing = DataRange(cutoff, {}, {})
        self.seen = self._nothing
        self._counts: dict[int, int] = {}
        self._last: bytes = b""

    def restart(self) -> DataRange:
        """Begin anew; the range until now."""
        seen, self.seen, self._counts = self.seen, self._nothing, {}
        return seen

    def include(self, seen: DataRange) -> None:
        """Count a range as seen."""
        self.seen = self.seen | seen

    def see(self, atoms: Atoms) -> None:
        """Look at a structure, unless it is the last one again or one of many alike."""
        content = atoms.positions.tobytes() + atoms.cell.array.tobytes()
        if content == self._last:
            return
        self._last = content
        count = self._counts[len(atoms)] = self._counts.get(len(atoms), 0) + 1
        if count > FIRST and count % 10:
            return
        if not len(atoms) or not np.isfinite(atoms.positions).all():
            return
        try:
            structure = structure_from_atoms(atoms)
            index = None if self._potential is None else self._potential.core.index_many([structure], 1)[0]
        except StructureError:
            return  # the calculator will say what is wrong
        found = surroundings(structure, atoms.get_chemical_symbols(), self.seen.cutoff)
        self.include(found if index is None else replace(found, index=float(index.max())))


class WatchedCalculator(AseCalculator):  # type: ignore[misc]  # ASE carries no types
    """Another calculator, whose structures are seen by a watch.

    Parameters
    ----------
    calculator, watch
        Any ASE calculator, and the watch.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> watch = DataWatch(5.0)
    >>> atoms = bulk("Cu", a=3.6)
    >>> atoms.calc = WatchedCalculator(EMT(), watch)
    >>> print(f"{atoms.get_potential_energy():.2f} eV, {watch.seen.closest['Cu-Cu']:.2f} Å")
    -0.01 eV, 2.55 Å
    """

    def __init__(self, calculator: Calculator, watch: DataWatch) -> None:
        super().__init__()
        self.unwatched, self.watch = calculator, watch
        self.implemented_properties = calculator.implemented_properties
        # Of a `RelaxingCalculator` behind.
        self.relaxations = getattr(calculator, "relaxations", None)
        self.similar = getattr(calculator, "similar", None)

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True) -> Any:  # noqa: ANN401
        """Return a property of the calculator behind, after a look at the structure."""
        if atoms is not None:
            self.watch.see(atoms)
        return self.unwatched.get_property(name, atoms, allow_calculation)


def unwatched(calculator: Calculator) -> Calculator:
    """The calculator behind a watch, for structures that a result does not rest on; any other one as it is."""
    return calculator.unwatched if isinstance(calculator, WatchedCalculator) else calculator
