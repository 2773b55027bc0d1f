"""Atoms outside what a potential was fitted to, by their index of anomaly."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from mlip_rs.arrays import Array
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.errors import ConfigError, StructureError
from mlip_rs.potential import Potential
from mlip_rs.potential.data_range import CLEARLY_OUTSIDE, shown
from mlip_rs.threads import number_of_threads

__all__ = ["CLEARLY_OUTSIDE", "CURE", "NO_INDEX", "Departure", "indices", "shown"]

CURE: str = (
    "an earlier version made it, it was imported, or it is not on the front of its fit; "
    "fit again, and take one of the front"
)
"""How a potential gets the index and the error bars that it lacks."""

NO_INDEX: str = f"the potential has no index of anomaly: {CURE}"


@dataclass(frozen=True)
class Departure:
    """The atom of a structure that is least like those of the training data.

    Parameters
    ----------
    atom
        Number of the atom, from 0.
    symbol
        Chemical symbol.
    index
        Index of anomaly; 1 is the 99 % quantile of the training atoms.

    Examples
    --------
    >>> print(Departure(17, "Al", 3.25).sentence("step 420: "))  # doctest: +NORMALIZE_WHITESPACE
    step 420: atom 17 (Al) is unlike the atoms that the potential was fitted to (index 3.2; 99 % of those have
    less than 1): check energies and forces from here on before you trust them
    """

    atom: int
    symbol: str
    index: float

    @classmethod
    def of(cls, symbols: Sequence[str], index: Array, threshold: float) -> "Departure | None":
        """The atom with the largest index (N,), if that is above a threshold."""
        if not len(index):
            return None
        atom = int(np.argmax(index))
        largest = float(index[atom])
        return None if largest <= threshold else cls(atom, symbols[atom], largest)

    def sentence(self, where: str = "") -> str:
        """What has happened, and what to do; `where` stands in front."""
        if self.index <= 1.0:
            return (
                f"{where}atom {self.atom} ({self.symbol}) has an index of anomaly of {shown(self.index)}, above the "
                "threshold, but below 1 as 99 % of the atoms that the potential was fitted to"
            )
        return (
            f"{where}atom {self.atom} ({self.symbol}) is unlike the atoms that the potential was fitted to "
            f"(index {shown(self.index)}; 99 % of those have less than 1): check energies and forces from here on "
            "before you trust them"
        )


def indices(potential: Potential, structures: Sequence[Atoms], threads: int | None = None) -> list[Array]:
    """Index of anomaly (N,) of the atoms of structures.

    Parameters
    ----------
    potential
        With an index.
    structures
        ASE structures.
    threads
        As for `Potential.predict`.

    Raises
    ------
    ConfigError
        The potential has no index; the message says how to make it.
    StructureError
        A structure cannot be evaluated; names its place in the list, the atom and the cure.

    Examples
    --------
    >>> from mlip_rs import Basis, Potential
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=2)
    >>> indices(Potential.from_coefficients(basis, [2.0, -0.2], {"Al": 0.0}), [])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    mlip_rs.errors.ConfigError: the potential has no index of anomaly: ...
    """
    if not potential.has_index:
        raise ConfigError(NO_INDEX)
    cores = []
    for k, atoms in enumerate(structures):
        try:
            cores.append(structure_from_atoms(atoms))
        except StructureError as error:
            raise StructureError(f"structure {k}: {error}") from None
    try:
        return list(potential.core.index_many(cores, number_of_threads(threads)))
    except StructureError as error:
        message, k = error.args
        raise StructureError(f"structure {k}: {message}") from None
