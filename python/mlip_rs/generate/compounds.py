"""Ordered compounds of two and three elements by Strukturbericht, besides those that are compared everywhere."""

from collections.abc import Sequence
from itertools import permutations

from ase import Atoms
from ase.spacegroup import crystal

from mlip_rs.generate.out_of_domain import Spheres

Site = tuple[float, float, float]

_HEXAGONAL = (1.0, 1.0, 0.816, 90.0, 90.0, 120.0)

COMPOUNDS: dict[str, tuple[int, tuple[float, ...], str, tuple[Site, ...], float]] = {
    "B8_1": (194, (1.0, 1.0, 1.4, 90.0, 90.0, 120.0), "AB", ((0, 0, 0), (1 / 3, 2 / 3, 1 / 4)), 1.1),
    "A15": (223, (1.0,) * 3, "AB", ((0, 0, 0), (1 / 4, 0, 1 / 2)), 1.05),
    "C11_b": (139, (1.0, 1.0, 3.0), "AB", ((0, 0, 0), (0, 0, 1 / 3)), 1.01),
    "C15": (227, (1.0,) * 3, "AB", ((1 / 8, 1 / 8, 1 / 8), (1 / 2, 1 / 2, 1 / 2)), 1.0),
    "D0_3": (225, (1.0,) * 3, "ABB", ((0, 0, 0), (1 / 2, 1 / 2, 1 / 2), (1 / 4, 1 / 4, 1 / 4)), 1.01),
    "D0_19": (194, _HEXAGONAL, "AB", ((1 / 3, 2 / 3, 1 / 4), (5 / 6, 2 / 3, 1 / 4)), 1.0),
    "D0_22": (139, (1.0, 1.0, 2.0), "ABB", ((0, 0, 0), (0, 0, 1 / 2), (0, 1 / 2, 1 / 4)), 1.0),
    "L2_1": (225, (1.0,) * 3, "ABC", ((1 / 4, 1 / 4, 1 / 4), (0, 0, 0), (1 / 2, 1 / 2, 1 / 2)), 1.01),
    "C1_b": (216, (1.0,) * 3, "ABC", ((0, 0, 0), (1 / 4, 1 / 4, 1 / 4), (1 / 2, 1 / 2, 1 / 2)), 1.25),
    "E2_1": (221, (1.0,) * 3, "ABC", ((0, 0, 0), (1 / 2, 1 / 2, 1 / 2), (0, 1 / 2, 1 / 2)), 1.15),
}
"""Space group, cell, elements, sites (Pearson's Handbook), and volume per atom in that of fcc, about."""

EQUIVALENT: dict[str, str] = {"L2_1": "BC", "C1_b": "AC"}
"""Roles that may be exchanged."""


def compounds(system: Sequence[str], spheres: Spheres) -> list[tuple[str, Atoms]]:
    """Names and primitive cells of the compounds of all elements of a system, with the elements in every role.

    Parameters
    ----------
    system
        Two or three chemical symbols; there are none of others.
    spheres
        Volumes of the elements.

    Examples
    --------
    >>> import numpy as np
    >>> spheres = Spheres(("Ag", "Au"), np.full((2, 2), 2.9), np.array([17.1, 17.0]))
    >>> [f"{name} {atoms.symbols}" for name, atoms in compounds(["Ag", "Au"], spheres)][-2:]
    ['D0_22 AgAu3', 'D0_22 AuAg3']
    """
    found = []
    for name, (number, cell, roles, sites, openness) in COMPOUNDS.items():
        if len(set(roles)) != len(system):
            continue
        for order in permutations(system):
            symbols = [order["ABC".index(role)] for role in roles]
            twins = [order["ABC".index(role)] for role in EQUIVALENT.get(name, "")]
            if twins != sorted(twins):
                continue
            cellpar = [*cell, *(90.0,) * (6 - len(cell))]
            setting = 2 if number == 227 else 1
            atoms = crystal(
                symbols, sites, spacegroup=number, setting=setting, cellpar=cellpar, primitive_cell=True
            )
            atoms = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
            volume = openness * spheres.volume(atoms.get_chemical_symbols())
            atoms.set_cell(
                atoms.cell * (volume * len(atoms) / atoms.get_volume()) ** (1 / 3), scale_atoms=True
            )
            found.append((name, atoms))
    return found
