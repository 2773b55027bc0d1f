"""A calculator of ASE that makes another one for every structure, such as with k-points by the size of the cell."""

from collections.abc import Callable
from typing import Any, ClassVar

from ase import Atoms
from ase.calculators.calculator import (
    Calculator,
    CalculatorSetupError,
    PropertyNotImplementedError,
    all_changes,
)


class PerStructureCalculator(Calculator):  # type: ignore[misc]  # ASE has no types
    """Asks a new calculator for every structure.

    Parameters
    ----------
    make
        Returns a calculator for a structure.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> atoms = bulk("Cu", a=3.59)
    >>> atoms.calc = PerStructureCalculator(lambda atoms: EMT())
    >>> f"{atoms.get_potential_energy():.3f} eV"
    '-0.007 eV'
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]

    def __init__(self, make: Callable[[Atoms], Any]) -> None:
        super().__init__()
        self._make = make

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Any = ("energy",),  # noqa: ANN401 (as in ASE)
        system_changes: Any = all_changes,  # noqa: ANN401 (as in ASE)
    ) -> None:
        """Results of the calculator of this structure: those that are asked for, and what else it has then.

        Raises
        ------
        CalculatorSetupError
            There is no structure.
        PropertyNotImplementedError
            The calculator has not what is asked for.
        """
        super().calculate(atoms, properties, system_changes)
        if self.atoms is None:
            raise CalculatorSetupError("there is no structure to calculate")
        inner = self._make(self.atoms.copy())
        self.results = {name: inner.get_property(name, self.atoms) for name in properties}
        for name in self.implemented_properties:
            if name not in self.results:
                try:
                    value = inner.get_property(name, self.atoms, allow_calculation=False)
                except PropertyNotImplementedError:
                    continue
                if value is not None:
                    self.results[name] = value
