"""Systems that tests outside the data are about: elements in any mixture, or one compound of the data."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from ase import Atoms
from ase.formula import Formula

Vectors = tuple[tuple[float, ...], ...]

VACUUM: float = 6.0
"""Å; layers of atoms further apart have vacuum between them."""


def systems_of(elements: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Each element, each pair of elements, and all of them together.

    >>> systems_of(["Ag", "Au"])
    (('Ag',), ('Au',), ('Ag', 'Au'))
    """
    found: list[tuple[str, ...]] = [(element,) for element in elements]
    found += list(combinations(elements, 2))
    return tuple(found if len(elements) < 3 else [*found, tuple(elements)])


def mixture(system: Sequence[str], n_atoms: int, rng: np.random.Generator) -> list[str]:
    """Symbols of atoms in random order: at least one of each element as far as they go, the others at random."""
    symbols = [*system[:n_atoms], *rng.choice(list(system), max(n_atoms - len(system), 0))]
    return [str(symbol) for symbol in rng.permutation(symbols)]


@dataclass(frozen=True)
class System:
    """Elements in any mixture; or, of a structure of the data, a compound that has its composition alone.

    Parameters
    ----------
    elements
        Chemical symbols.
    symbols
        Of the atoms of the structure; empty for mixtures.
    cell, positions, pbc
        (3, 3) lattice vectors and (N, 3) positions of the structure, Å, and along which vectors it is periodic.
    """

    elements: tuple[str, ...]
    symbols: tuple[str, ...] = ()
    cell: Vectors = ()
    positions: Vectors = ()
    pbc: tuple[bool, ...] = ()

    @classmethod
    def compound(cls, elements: Sequence[str], atoms: Atoms) -> "System":
        """The system of a structure.

        Parameters
        ----------
        elements
            In the order that names have.
        """
        symbols = tuple(atoms.get_chemical_symbols())
        present = tuple(element for element in elements if element in symbols)
        cell, positions = (tuple(map(tuple, a.tolist())) for a in (atoms.cell.array, atoms.positions))
        return cls(present, symbols, cell, positions, tuple(atoms.pbc.tolist()))

    @property
    def name(self) -> str:
        """For sentences.

        >>> System(("Ag", "Au")).name, System(("O", "Ti", "Sr"), ("O", "O", "O", "Sr", "Ti") * 2).name
        ('Ag–Au', 'SrTiO3')
        """
        if not self.symbols:
            return "–".join(self.elements)
        return str(Formula("".join(self.unit)).format("metal"))

    @property
    def unit(self) -> tuple[str, ...]:
        """Symbols of one formula unit of a compound."""
        counts = np.array([self.symbols.count(element) for element in self.elements])
        counts //= np.gcd.reduce(counts)
        return tuple(np.repeat(self.elements, counts).tolist())

    @property
    def structure(self) -> Atoms | None:
        """The structure of a compound."""
        if not self.symbols:
            return None
        return Atoms(self.symbols, self.positions, cell=self.cell, pbc=self.pbc)

    @property
    def crystal(self) -> Atoms | None:
        """The structure, if it is a crystal: no slab, chain or molecule, nor one of these in a periodic cell."""
        structure = self.structure
        return structure if structure is not None and is_crystal(structure) else None

    @property
    def volume(self) -> float | None:
        """Volume per atom of the crystal, Å³."""
        crystal = self.crystal
        return None if crystal is None else float(crystal.get_volume()) / len(crystal)

    def mixed(self, n_atoms: int, rng: np.random.Generator) -> list[str]:
        """Symbols in random order: of about so many atoms of a compound, as formula units are whole."""
        if not self.symbols:
            return mixture(self.elements, n_atoms, rng)
        unit = self.unit
        return [str(symbol) for symbol in rng.permutation(unit * max(round(n_atoms / len(unit)), 1))]


def is_crystal(atoms: Atoms) -> bool:
    """Whether a structure is periodic in all directions, without a gap wider than `VACUUM` between layers of atoms.

    >>> is_crystal(Atoms("Ni", cell=[3.0] * 3, pbc=True)), is_crystal(Atoms("Ni", cell=[12.0] * 3, pbc=True))
    (True, False)
    """
    if not atoms.pbc.all():
        return False
    heights = 1.0 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)
    places = np.sort(atoms.get_scaled_positions(wrap=True), axis=0)
    gaps = np.diff(np.vstack([places, places[:1] + 1.0]), axis=0).max(axis=0)
    return bool((gaps * heights <= VACUUM).all())


def systems_within(
    elements: Sequence[str], alone: Iterable[str], compounds: Iterable[System]
) -> tuple[System, ...]:
    """What data allow to be tested: mixtures of elements that they have alone, and compounds.

    Energies of mixtures are judged beside those of their elements; of an element that occurs only in compounds, as the
    oxygen of an oxide, data say nothing.

    Parameters
    ----------
    elements
        Of a potential.
    alone
        Those of which the data have crystals.
    compounds
        Those of the others, one for each set of elements that occurs.

    Returns
    -------
    Everything if nothing is known of the data.

    Examples
    --------
    >>> rutile = System.compound(["Ti", "O"], Atoms("Ti2O4", cell=[4.6, 4.6, 3.0], pbc=True))
    >>> [system.name for system in systems_within(["Ti", "O"], ["Ti"], [rutile])]
    ['Ti', 'TiO2']
    """
    everything, known, compounds = systems_of(elements), set(alone), tuple(compounds)
    found = tuple(System(system) for system in everything if known.issuperset(system)) + compounds
    return found or tuple(map(System, everything))
