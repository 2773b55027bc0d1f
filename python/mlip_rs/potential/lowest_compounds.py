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


def compounds_of(
    elements: Sequence[str], alone: Iterable[str], structures: Iterable[Atoms]
) -> tuple[System, ...]:
    """The compounds among structures whose elements are not all in `alone`."""
    known = set(alone)
    return tuple(
        System.compound(elements, atoms)
        for atoms in structures
        if len(present := set(atoms.get_chemical_symbols())) > 1 and not known.issuperset(present)
    )


def compounds_record(systems: Iterable[System]) -> list[dict[str, Any]]:
    """Entry of the metadata of a potential."""
    return [
        {"symbols": system.symbols, "cell": system.cell, "positions": system.positions, "pbc": system.pbc}
        for system in systems
    ]


def recorded_compounds(elements: Sequence[str], info: Mapping[str, Any]) -> tuple[System, ...]:
    """Compounds of the metadata of a potential; what is not understood is left out."""
    noted = info.get(COMPOUNDS_KEY)
    found = []
    for entry in noted if isinstance(noted, list | tuple) else ():
        try:
            atoms = Atoms(
                list(entry["symbols"]),
                entry["positions"],
                cell=entry["cell"],
                pbc=[bool(b) for b in entry["pbc"]],
            )
            finite = np.isfinite(atoms.positions).all() and np.isfinite(atoms.cell.array).all()
            solid = not atoms.pbc.all() or atoms.get_volume() > 0.0
        except (KeyError, TypeError, ValueError, IndexError):
            continue
        if finite and solid and len(set(atoms.symbols)) > 1 and set(atoms.symbols) <= set(elements):
            found.append(System.compound(elements, atoms))
    return tuple(found)
