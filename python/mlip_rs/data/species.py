"""Elements behind the labels of atoms in files: symbols, site labels, atomic numbers, types of LAMMPS."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from ase.data import atomic_numbers, chemical_symbols

from mlip_rs.errors import DataError

DUMMIES: frozenset[str] = frozenset({"x", "xx", "gh", "ghost", "bq", "du", "vac", "va", "q", "ef"})
"""Labels of dummy and ghost atoms, in lower case."""

ISOTOPES: dict[str, str] = {"D": "H", "T": "H"}

_SITE = re.compile(r"([A-Z][a-z]?)(?:\d[\w+\-.'*]*|[_:\-+.@'*][\w+\-.'*:]*)$")
"""A symbol with a site number, a charge, or a tag behind a separator: Cu1, Fe2+, Si_a, O-up."""


@dataclass
class Species:
    """Elements of the labels in a file, with a remark on each label that is no symbol.

    Parameters
    ----------
    types
        Given by the user: symbols in the order of the types 1, 2, …, or entries LABEL=SYMBOL.
    meaning
        Labels met so far and their symbols.

    Raises
    ------
    DataError
        An entry of `types` that names no element.

    Examples
    --------
    >>> species = Species(("Cu", "Si_x=Si"))
    >>> [species.symbol(label, "frame 0 of a.xyz") for label in ("1", "Si_x", "Fe2+", "AL")]
    ['Cu', 'Si', 'Fe', 'Al']
    """

    types: Sequence[str] = ()
    meaning: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.given = types_given(self.types)
        self.numeric: set[str] = set()

    def symbol(self, label: str, place: str) -> str:
        """Return the element of a label.

        Parameters
        ----------
        label
            As in the file.
        place
            Frame and file, the beginning of a message.

        Raises
        ------
        DataError
            Not the label of an element, or of a dummy atom.
        """
        known = self.meaning.get(label)
        if known is None:
            known = self.given.get(label) or self._understood(label, place)
            self.meaning[label] = known
        return known

    def remarks(self, file: str) -> list[str]:
        """Say how labels were understood that are no symbols.

        Raises
        ------
        DataError
            Numbers that may be types as well as atomic numbers.
        """
        numbers = sorted(int(label) for label in self.numeric)
        if numbers == list(range(1, len(numbers) + 1)) and numbers:
            symbols = [chemical_symbols[number] for number in numbers]
            mapping = " ".join(f"{n}={s}" for n, s in zip(numbers, symbols, strict=True))
            raise DataError(
                f"{file}: atoms are labelled {', '.join(map(str, numbers))}, which may be types of LAMMPS or atomic "
                f"numbers ({', '.join(symbols)}); name the elements of the types (--types SYMBOL..., such as "
                f"--types Cu Zr; or --types {mapping})"
            )
        others = [f"{label} is {symbol}" for label, symbol in self.meaning.items() if label != symbol]
        if not others:
            return []
        rest = f", … ({len(others)} labels)" if len(others) > 8 else ""
        return [f"{file}: labels of atoms read as elements: {', '.join(others[:8])}{rest}"]

    def _understood(self, label: str, place: str) -> str:
        if label in atomic_numbers and label != "X":
            return label
        if re.fullmatch(r"\d{1,3}", label) and 0 < int(label) < len(chemical_symbols):
            self.numeric.add(label)
            return str(chemical_symbols[int(label)])
        if label in ISOTOPES:
            return ISOTOPES[label]
        cure = f"name its element (--types {label}=SYMBOL), or drop the frame"
        if re.sub(r"\d+$", "", label).lower() in DUMMIES:
            raise DataError(f"{place}: {label!r} is a dummy atom, not the symbol of an element; {cure}")
        site = _SITE.match(label)
        bare = site[1] if site else label
        if bare in atomic_numbers:
            return bare
        if bare.isalpha() and bare.capitalize() in atomic_numbers and len(bare) <= 2:
            return bare.capitalize()
        raise DataError(f"{place}: {label!r} is not the symbol of an element; {cure}")


def types_given(types: Sequence[str]) -> dict[str, str]:
    """Return the element by label of the entries that the user gave; those without a label count from 1.

    Raises
    ------
    DataError
        An entry that names no element, or a label with two elements.

    Examples
    --------
    >>> types_given(["Cu", "Zr"]), types_given(["Si_a=Si"])
    ({'1': 'Cu', '2': 'Zr'}, {'Si_a': 'Si'})
    """
    found: dict[str, str] = {}
    position = 0
    for entry in (part for text in types for part in text.split(",") if part):
        label, equals, symbol = entry.rpartition("=")
        if not equals:
            position += 1
            label = str(position)
        if symbol not in atomic_numbers or symbol == "X":
            raise DataError(
                f"types: {entry!r} names no element; give SYMBOL in the order of the types, or LABEL=SYMBOL"
            )
        if found.setdefault(label, symbol) != symbol:
            raise DataError(f"types: {label!r} has two elements, {found[label]} and {symbol}")
    return found
