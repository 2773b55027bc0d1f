"""Elements of the types in files of LAMMPS, which need not name them."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.data import atomic_numbers

from mlip_rs.data.opening import open_text
from mlip_rs.errors import DataError

KINDS: frozenset[str] = frozenset({"lammps-dump-text", "lammps-dump-binary", "lammps-data"})


def reader_options(file: Path, kind: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the options for ASE's reader that map types to elements.

    Parameters
    ----------
    file
        A file of LAMMPS.
    kind
        ASE's name of the format.
    given
        Elements by type, as the user gave them.

    Raises
    ------
    DataError
        The file has types only and no element is given for them.
    """
    if given:
        types = {int(label): symbol for label, symbol in given.items() if label.isdigit()}
        if kind == "lammps-data":
            return {"Z_of_type": {number: atomic_numbers[symbol] for number, symbol in types.items()}}
        return {"specorder": [types.get(number) for number in range(1, max(types, default=0) + 1)]}
    if kind == "lammps-dump-binary" or not _names_elements(file, kind):
        raise DataError(
            f"{file}: the atoms have types of LAMMPS (1, 2, …) and no elements; name the elements of the types in "
            "order (--types SYMBOL..., such as --types Cu Zr), or write them (dump_modify element, Masses)"
        )
    return {}


def without_energy(atoms: Atoms) -> Atoms:
    """Drop the energy of 0 that ASE makes up for a dump with forces; files of LAMMPS hold none.

    >>> from ase.calculators.singlepoint import SinglePointCalculator
    >>> atoms = Atoms("Cu")
    >>> atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=[[0.0, 0.0, 0.1]])
    >>> list(without_energy(atoms).calc.results)
    ['forces']
    """
    if atoms.calc is not None:
        atoms.calc.results.pop("energy", None)
    return atoms


def _names_elements(file: Path, kind: str) -> bool:
    """Tell whether elements or masses are in the file."""
    with open_text(file) as lines:
        for line in lines:
            if kind == "lammps-data" and re.match(r"\s*(Masses|Atom Type Labels)\b", line):
                return True
            if kind == "lammps-dump-text" and line.startswith("ITEM: ATOMS"):
                return bool({"element", "mass"} & set(line.split()))
    return kind == "lammps-dump-text"
