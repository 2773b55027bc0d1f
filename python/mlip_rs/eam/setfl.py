"""Files of LAMMPS' pair styles eam/alloy and eam/fs, and of tables of pair functions."""

from collections.abc import Iterator, Sequence

import numpy as np
from ase.data import atomic_masses, atomic_numbers

from mlip_rs.arrays import Array
from mlip_rs.eam.splines import extended
from mlip_rs.eam.tables import EamTables, EmbeddedTerm
from mlip_rs.errors import ConfigError

STYLES: tuple[str, ...] = ("eam/alloy", "eam/fs")
"""Styles of embedded-atom files."""

PER_LINE: int = 5

SAME_DENSITY: float = 1e-9
"""Relative difference of densities around centres of different elements that eam/alloy takes for none."""


def setfl(tables: EamTables, term: EmbeddedTerm, pair: Array, style: str, comment: str) -> str:
    """Text of one file: a term and a pair function.

    Parameters
    ----------
    tables
        Elements and distances.
    term
        Density and embedding functions.
    pair
        (E, E, R) r φ(r), eV Å.
    style
        "eam/alloy", whose density depends on the element of the neighbour alone, or "eam/fs".
    comment
        What the file is; its first three lines are used.

    Raises
    ------
    ConfigError
        The density depends on the element of the centre, and the style is "eam/alloy".

    Examples
    --------
    >>> term = EmbeddedTerm(np.zeros((1, 1, 9)), np.zeros((1, 9)), 1.0)
    >>> tables = EamTables(("Al",), 4.0, np.zeros((1, 1, 9)), (term,))
    >>> setfl(tables, term, tables.pair, "eam/alloy", "nothing").splitlines()[3:6]
    ['1 Al', '9 1.0 11 0.5 4.0', '13 26.9815385 0.0 fcc']
    """
    if style == "eam/alloy":
        _check_alloy(tables.elements, term)
    n = len(tables.elements)
    lines = [*[*comment.splitlines(), "", "", ""][:3], f"{n} {' '.join(tables.elements)}"]
    density, pair = extended(term.density), extended(pair)
    counts = f"{term.embedding.shape[1]} {term.spacing!r} {pair.shape[-1]}"
    lines.append(f"{counts} {tables.spacing!r} {tables.cutoff!r}")
    for i, symbol in enumerate(tables.elements):
        z = atomic_numbers[symbol]
        lines.append(f"{z} {float(atomic_masses[z])!r} 0.0 fcc")
        lines += _numbers(term.embedding[i])
        # What an atom of this element makes at the centres of each element.
        centers = [i] if style == "eam/alloy" else range(n)
        for center in centers:
            lines += _numbers(density[center, i])
    for i in range(n):
        for j in range(i + 1):
            lines += _numbers(pair[i, j])
    return "\n".join(lines) + "\n"


def pair_style_table(
    elements: Sequence[str],
    first: int,
    second: int,
    distances: Array,
    energies: Array,
    forces: Array,
    comment: str,
) -> str:
    """Text of a section of a file of `pair_style table`.

    Parameters
    ----------
    elements, first, second
        Chemical symbols, and numbers of the two elements.
    distances
        (K,) Å, evenly spaced in r².
    energies, forces
        (K,) φ in eV, −dφ/dr in eV/Å.
    comment
        What the section is.

    Examples
    --------
    >>> r = np.sqrt(np.linspace(1.0, 4.0, 4))
    >>> print(pair_style_table(["Al"], 0, 0, r, 1 / r, r**-2, "example").splitlines()[2])
    N 4 RSQ 1.0 2.0
    """
    head = [f"# {line}" for line in comment.splitlines()]
    head += [
        f"{elements[first]}-{elements[second]}",
        f"N {len(distances)} RSQ {float(distances[0])!r} {float(distances[-1])!r}",
        "",
    ]
    rows = [
        f"{k} {r:.15e} {energy:.15e} {force:.15e}"
        for k, (r, energy, force) in enumerate(zip(distances, energies, forces, strict=True), start=1)
    ]
    return "\n".join([*head, *rows]) + "\n\n"


def _numbers(values: Array) -> Iterator[str]:
    for start in range(0, len(values), PER_LINE):
        yield " ".join(f"{value:.16e}" for value in values[start : start + PER_LINE])


def _check_alloy(elements: Sequence[str], term: EmbeddedTerm) -> None:
    different = np.abs(term.density - term.density[:1]).max(initial=0.0)
    if different > SAME_DENSITY * np.abs(term.density).max(initial=0.0):
        raise ConfigError(
            f"eam/alloy has one density for each element of the neighbour, but here it depends on the centre "
            f"({', '.join(elements)}) as well; export to eam/fs"
        )
