"""What the requirements of the compiled evaluator cost, each."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class UnitCosts:
    """Times of one core, ns: of an atom and of a neighbour whatever is computed, then of each requirement.

    Parameters
    ----------
    atom, neighbor
        Neighbour list, forces, repulsion.
    column, harmonic, sum
        For each neighbour: one radial function, one spherical harmonic, one sum over neighbours.
    row, term
        For each atom: one prefix and one monomial of the polynomial.
    """

    atom: float = 60.0
    neighbor: float = 15.0
    column: float = 2.0
    harmonic: float = 1.3
    sum: float = 0.2
    row: float = 0.8
    term: float = 0.12

    @property
    def values(self) -> NDArray[np.float64]:
        """(7,) in this order."""
        return np.array(list(asdict(self).values()))
