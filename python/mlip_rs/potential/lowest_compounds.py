"""Compounds of elements that data do not have alone: the lowest structure of each set of elements.

Potentials keep it. Beside it stress tests judge what becomes of its atoms: the energies of crystals of the single
elements, such as oxygen, are whatever the basis makes of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from mlip_rs.generate.systems import System

COMPOUNDS_KEY: str = "lowest_compounds"
"""Entry of `Potential.info` with these structures: symbols, cell and positions (Å), and periodic directions."""

LARGEST_UNIT: int = 40
"""Most atoms of a formula unit; disordered mixtures in large cells have larger ones, and are no compounds."""

MOST_ATOMS: int = 2_000
"""Most atoms of a structure in the metadata of a potential."""

LENGTHS: tuple[float, float] = (1e-3, 1e4)
"""Å; lattice vectors and positions of the metadata are not longer, and volumes not smaller."""


def compounds_of(
    elements: Sequence[str], alone: Iterable[str], structures: Iterable[Atoms]
) -> tuple[System, ...]:
    """The compounds among structures whose elements are not all in `alone`, one for each set of elements."""
    known = set(alone)
    found: dict[tuple[str, ...], System] = {}
    for atoms in structures:
        system = System.compound(elements, atoms)
        is_compound = len(system.elements) > 1 and not known.issuperset(system.elements)
        if is_compound and len(system.unit) <= LARGEST_UNIT:
            found.setdefault(system.elements, system)
    return tuple(found.values())


def compounds_record(systems: Iterable[System]) -> list[dict[str, Any]]:
    """Entry of the metadata of a potential."""
    return [
        {"symbols": system.symbols, "cell": system.cell, "positions": system.positions, "pbc": system.pbc}
        for system in systems
    ]


def recorded_compounds(elements: Sequence[str], info: Mapping[str, Any]) -> tuple[System, ...]:
    """Compounds of the metadata of a potential; what is not understood is left out."""
    noted = info.get(COMPOUNDS_KEY)
    structures = []
    for entry in noted if isinstance(noted, list | tuple) else ():
        try:
            atoms = _structure(elements, entry)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError):
            continue
        if atoms is not None:
            structures.append(atoms)
    return compounds_of(elements, (), structures)


def _structure(elements: Sequence[str], entry: Mapping[str, Any]) -> Atoms | None:
    """The structure of an entry; None if its elements are others or its sizes are those of no structure."""
    symbols = list(entry["symbols"])
    if not 1 < len(symbols) <= MOST_ATOMS or not all(symbol in elements for symbol in symbols):
        return None
    cell, positions = (np.array(entry[name], dtype=float) for name in ("cell", "positions"))
    pbc = [bool(own) for own in entry["pbc"]]
    if cell.shape != (3, 3) or positions.shape != (len(symbols), 3) or len(pbc) != 3:
        return None
    least, most = LENGTHS
    if not (np.abs(cell) < most).all() or not (np.abs(positions) < most).all():
        return None
    if any(pbc) and not abs(np.linalg.det(cell)) > least:
        return None
    return Atoms(symbols, positions, cell=cell, pbc=pbc)
