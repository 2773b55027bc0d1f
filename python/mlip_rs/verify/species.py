"""Known and unknown elements, isolated atoms, and invalid input."""

from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from mlip_rs.errors import PropertyError
from mlip_rs.verify.answer import Answer, largest
from mlip_rs.verify.invariance import INVARIANCE_TOLERANCE
from mlip_rs.verify.result import Measured
from mlip_rs.verify.structures import bond_length
from mlip_rs.verify.verified_calculator import VerifiedCalculator

CANDIDATES: tuple[str, ...] = ("Xe", "Pu", "He", "Og", "Fr")
"""Elements that a potential is unlikely to know."""


def check_species(verified: VerifiedCalculator) -> list[Measured]:
    """Every pair of the stated elements can be evaluated, and an unknown element is refused by name."""
    for i, first in enumerate(verified.elements):
        for second in verified.elements[i:]:
            length = 1.2 * bond_length(first, second)
            verified.answer(Atoms([first, second], [[0, 0, 0], [0, 0, length]]))
    unknown = next(
        symbol for symbol in (*CANDIDATES, *chemical_symbols[1:]) if symbol not in verified.elements
    )
    symbols = [verified.elements[0], unknown]
    atoms = Atoms(symbols, [[0, 0, 0], [0, 0, 1.2 * bond_length(*symbols)]])
    error = refusal(verified, atoms)
    # A `PropertyError` is this package's own word for an answer that is not finite.
    by_name = error is not None and not isinstance(error, PropertyError) and unknown in str(error)
    where = f"{unknown} is refused: {error}" if by_name else f"{unknown} is not refused by name"
    return [Measured(float(not by_name), 0.0, "elements", where)]


def check_isolated_atom(verified: VerifiedCalculator) -> list[Measured]:
    """Atoms farther apart than the cutoff do not interact: energies add up, and forces are zero."""
    found = []
    for symbol in verified.elements:
        alone = Atoms(symbol)
        answer = verified.answer(alone)
        reference = _stated_energy(verified, symbol, answer.energy)
        lattice = Atoms(symbol, cell=np.eye(3) * (verified.cutoff + 1.0), pbc=True)
        two = Atoms([symbol, symbol], [[0, 0, 0], [0, 0, verified.cutoff + 1.0]])
        energy_of_two = 2.0 * answer.energy
        expected = Answer(reference, np.zeros((1, 3)), None)
        pair = Answer(energy_of_two, np.zeros((2, 3)), None)
        for twin, atoms, other, where in (
            (expected, alone, answer, f"of a free {symbol} atom"),
            (expected, lattice, verified.answer(lattice), f"of one {symbol} atom in a wide cell"),
            (pair, two, verified.answer(two), f"of two {symbol} atoms beyond the cutoff"),
        ):
            bare = Answer(other.energy, other.forces, None)
            found += verified.differences(twin, bare, atoms, INVARIANCE_TOLERANCE, where)
    return found


def check_bad_input(verified: VerifiedCalculator) -> list[Measured]:
    """Positions or cells that are not finite, and coinciding atoms, never give finite results."""
    symbol = verified.elements[0]
    pair = Atoms([symbol, symbol], [[0, 0, 0], [0, 0, bond_length(symbol, symbol)]])
    crystal = verified.samples.crystal
    spoilt: dict[str, tuple[Atoms, Callable[[Atoms], None]]] = {
        "NaN position": (pair, lambda atoms: atoms.positions.__setitem__((1, 2), np.nan)),
        "infinite position": (pair, lambda atoms: atoms.positions.__setitem__((1, 2), np.inf)),
        "NaN position in a crystal": (crystal, lambda atoms: atoms.positions.__setitem__((1, 2), np.nan)),
        "NaN in the cell": (crystal, lambda atoms: atoms.cell.__setitem__((0, 0), np.nan)),
        "two atoms on one spot": (pair, lambda atoms: atoms.positions.__setitem__(1, atoms.positions[0])),
    }
    accepted = []
    for name, (good, spoil) in spoilt.items():
        atoms = good.copy()
        spoil(atoms)
        if refusal(verified, atoms) is None:
            accepted.append(name)
    where = f"finite results for: {', '.join(accepted)}" if accepted else "all refused"
    return [Measured(float(len(accepted)), 0.0, "structures", where)]


def check_empty_structure(verified: VerifiedCalculator) -> list[Measured]:
    """A structure without atoms has zero energy and no forces, or is refused with a message."""
    empty = Atoms(cell=np.eye(3) * 10.0, pbc=True)
    try:
        answer = verified.answer(empty)
    except Exception as error:
        if not str(error):
            raise
        return [Measured(0.0, 0.0, "eV", f"refused: {error}")]
    return [
        Measured(abs(answer.energy), 0.0, "eV", "energy"),
        Measured(largest(answer.forces), 0.0, "eV/Å", "forces"),
    ]


def _stated_energy(verified: VerifiedCalculator, symbol: str, otherwise: float) -> float:
    """Energy of a free atom in eV by the potential file: reference energy and coefficient of the constant feature."""
    if verified.potential is None:
        return otherwise
    constant = verified.potential.coefficients(symbol).get("1", 0.0)
    return verified.potential.reference_energies[symbol] + constant


def refusal(verified: VerifiedCalculator, atoms: Atoms) -> Exception | None:
    """Return the error of a calculator that refuses the atoms; None if it gives a finite answer.

    A new calculator is asked: one that has met bad input may be good for nothing afterwards.
    """
    try:
        verified.answer(atoms, verified.make())
    except Exception as error:
        return error
    return None
