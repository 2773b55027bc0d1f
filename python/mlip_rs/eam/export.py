"""Writing a potential as files that LAMMPS reads as it comes: tables of pairs, or embedded-atom files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlip_rs import _core
from mlip_rs.data import Dataset
from mlip_rs.eam.differences import Difference, differences, summarised
from mlip_rs.eam.exact import SPACING, ExactForm
from mlip_rs.eam.pair_table import CLOSEST, pair_tables
from mlip_rs.eam.projection import N_TERMS, projected_tables
from mlip_rs.eam.setfl import SAME_DENSITY, STYLES, pair_style_table, setfl
from mlip_rs.eam.switch import switch_term
from mlip_rs.eam.tables import EamTables, EmbeddedTerm
from mlip_rs.errors import ConfigError
from mlip_rs.files import check_outputs, write_atomically
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent

TARGETS: tuple[str, ...] = ("table", *STYLES)
"""Kinds of files."""

INPUT_SUFFIX: str = ".lammps"
"""Ends the name of the input lines beside the files."""


@dataclass(frozen=True)
class Export:
    """Files for LAMMPS.

    Parameters
    ----------
    to
        "table", "eam/alloy" or "eam/fs".
    exact
        Whether the files are the potential but for the interpolation of tables.
    files
        What was written, the input lines last.
    input_lines
        `pair_style` and `pair_coeff`, for the working directory in which the files were named.
    notes
        Where the files hold, one sentence each.
    differences
        Files less potential, by structure of the data; empty without data.

    Examples
    --------
    >>> Export("table", True, (), ("pair_style table spline 8001",), (), ()).to_dict()["exact"]
    True
    """

    to: str
    exact: bool
    files: tuple[Path, ...]
    input_lines: tuple[str, ...]
    notes: tuple[str, ...]
    differences: tuple[Difference, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Record of the fields, the unit in each key."""
        return {
            "to": self.to,
            "exact": self.exact,
            "files": [str(path) for path in self.files],
            "input": list(self.input_lines),
            "notes": list(self.notes),
            "all": summarised(self.differences).to_dict() if self.differences else None,
            "structures": [own.to_dict() for own in self.differences],
        }


def export_potential(
    potential: Potential,
    output: str | os.PathLike[str],
    to: str = "eam/fs",
    *,
    data: Dataset | None = None,
    n_terms: int = N_TERMS,
    spacing: float = SPACING,
    progress: Progress | None = None,
) -> Export:
    """Write a potential as files that LAMMPS runs without any addition.

    A pair potential is exact in every form, one with products of two pairwise sums in the embedded-atom forms. Any
    other is projected: `n_terms` densities and embedding functions are fitted to its energies and forces on data.

    Parameters
    ----------
    potential
        What to write.
    output
        Beginning of the names of the files, such as "potentials/Al", or a folder: the names are then the elements.
    to
        "table", "eam/alloy" or "eam/fs".
    data
        Structures on which the difference to the potential is stated, and on which it is projected if it must be.
    n_terms
        Densities of a projection.
    spacing
        Distance of the points of the tables of embedded-atom files, Å, at most.
    progress
        Told of a projection.

    Raises
    ------
    ConfigError
        The form cannot hold the potential; the message names a feature and the cure.
    OSError
        A file cannot be written; where that can be seen, it is raised before anything is computed.

    Examples
    --------
    >>> import tempfile
    >>> from mlip_rs import Basis
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=1, repulsion=None)
    >>> potential = Potential.from_coefficients(basis, [1.0], {"Al": -3.0})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export = export_potential(potential, f"{folder}/Al", "eam/alloy", spacing=0.1)
    >>> [path.name for path in export.files], export.input_lines[0]
    (['Al.eam.alloy', 'Al.lammps'], 'pair_style eam/alloy')
    """
    if to not in TARGETS:
        raise ConfigError(f"{to!r} is no form of export; choose {', '.join(TARGETS)}")
    _check_place(os.fspath(output), to, potential.elements)
    if to == "table":
        return _export_tables(potential, os.fspath(output), data, progress)
    exact = not ExactForm(potential).obstacle
    if exact:
        tables = ExactForm(potential, spacing).tables()
    elif data is None:
        raise ConfigError(ExactForm(potential).obstacle)
    else:
        tables = projected_tables(potential, data, n_terms, spacing, progress or Silent())
    tables, notes = _with_switch(potential, tables, to)
    found = () if data is None else differences(potential, tables, data, progress=progress)
    stem = _stem(os.fspath(output), potential.elements)
    names = _names(stem, to, len(tables.terms))
    head = _head(potential, exact)
    texts = []
    for k, term in enumerate(tables.terms):
        part = f"; part {k + 1} of {len(names)}, to be summed by hybrid/overlay" if len(names) > 1 else ""
        pair = tables.pair if k == 0 else 0.0 * tables.pair
        texts.append(setfl(tables, term, pair, to, "\n".join([head + part, *notes])))
    for name, text in zip(names, texts, strict=True):
        write_atomically(name, text)
    lines = _eam_input(potential.elements, to, names)
    return _finished(Export(to, exact, tuple(map(Path, names)), lines, notes, found), head, stem)


def _export_tables(
    potential: Potential, output: str, data: Dataset | None, progress: Progress | None
) -> Export:
    tables = pair_tables(potential)
    references = {
        s: potential.reference_energies[s] + potential.coefficients(s).get("1", 0.0)
        for s in potential.elements
    }
    found = () if data is None else differences(potential, tables, data, references, progress)
    stem = _stem(output, potential.elements)
    name = _names(stem, "table", 1)[0]
    shown = ", ".join(f"{symbol} {energy:.9g}" for symbol, energy in references.items())
    notes = [
        f"LAMMPS' energy leaves out the energies of single atoms: {shown} eV each",
        f"the table begins at {CLOSEST} Å: LAMMPS stops where two atoms are closer",
    ]
    if "density" in (potential.spec.get("repulsion") or {}):
        notes.append(
            "the switching of crowded atoms to ZBL, beyond all data, is exact for two atoms alone only"
        )
    points, cutoff = len(tables.distances), float(tables.distances[-1])
    lines, text, head = [f"pair_style table spline {points}"], "", _head(potential, True)
    for (i, j), energies in tables.energies.items():
        keyword = f"{potential.elements[i]}-{potential.elements[j]}"
        lines.append(f"pair_coeff {i + 1} {j + 1} {_quoted(name)} {keyword} {cutoff!r}")
        comment = "\n".join([head, *notes])
        text += pair_style_table(
            potential.elements, i, j, tables.distances, energies, tables.forces[i, j], comment
        )
    write_atomically(name, text)
    return _finished(Export("table", True, (Path(name),), tuple(lines), tuple(notes), found), head, stem)


def _with_switch(potential: Potential, tables: EamTables, to: str) -> tuple[EamTables, tuple[str, ...]]:
    """Tables with the embedding function that stands for the switching by density, and what to say of it."""
    notes = ["energies are those of the potential, with the energies of single atoms"]
    term = switch_term(potential, tables)
    if term is not None and (to == "eam/fs" or _same_for_all_centers(term)):
        tables = EamTables(tables.elements, tables.cutoff, tables.pair, (*tables.terms, term))
        notes.append(
            "beyond the density of the data, only compressed fcc crystals of one element follow the potential"
        )
    elif term is not None:
        notes.append("the switching of crowded atoms to ZBL, beyond all data, is left out; eam/fs has it")
    return tables, tuple(notes)


def _same_for_all_centers(term: EmbeddedTerm) -> bool:
    return bool(abs(term.density - term.density[:1]).max() <= SAME_DENSITY * abs(term.density).max())


def _names(output: str, to: str, count: int) -> list[str]:
    """Names of files: Al.eam.fs, or Al.1.eam.fs, Al.2.eam.fs and so on."""
    suffix = "." + to.replace("/", ".")
    stem = output.removesuffix(suffix)
    return [f"{stem}{suffix}"] if count == 1 else [f"{stem}.{k + 1}{suffix}" for k in range(count)]


def _beginning(output: str, elements: Sequence[str]) -> Path:
    """Beginning of the names: in a folder, the elements."""
    path = Path(output)
    return path / "".join(elements) if output.endswith(os.sep) or path.is_dir() else path


def _check_place(output: str, to: str, elements: Sequence[str]) -> None:
    """Raise an OSError where files cannot be written, before anything is computed."""
    path = _beginning(output, elements)
    check_outputs(path.parent, [Path(_names(str(path), to, 1)[0]).name, _input_name(str(path), to).name])


def _stem(output: str, elements: Sequence[str]) -> str:
    """Beginning of the names; its folder is made."""
    path = _beginning(output, elements)
    path.parent.mkdir(parents=True, exist_ok=True)
    return str(path)


def _input_name(stem: str, to: str) -> Path:
    return Path(stem.removesuffix("." + to.replace("/", ".")) + INPUT_SUFFIX)


def _quoted(name: str) -> str:
    """A file name as one word of an input line."""
    return f'"{name}"' if any(character.isspace() for character in name) else name


def _head(potential: Potential, exact: bool) -> str:
    kind = "exact" if exact else "projected"
    checksum = potential.checksum.removeprefix("sha256:")[:12]
    return (
        f"{'-'.join(potential.elements)} {potential.hierarchy} potential {checksum}, {kind}, by mlip-rs "
        f"{_core.__version__}"
    )


def _eam_input(elements: Sequence[str], to: str, names: Sequence[str]) -> tuple[str, ...]:
    symbols = " ".join(elements)
    if len(names) == 1:
        return f"pair_style {to}", f"pair_coeff * * {_quoted(names[0])} {symbols}"
    lines = [f"pair_style hybrid/overlay {' '.join([to] * len(names))}"]
    lines += [f"pair_coeff * * {to} {k} {_quoted(name)} {symbols}" for k, name in enumerate(names, start=1)]
    return tuple(lines)


def _finished(export: Export, head: str, output: str) -> Export:
    """Write the input lines beside the files."""
    path = _input_name(output, export.to)
    types = "types 1, 2, … are the elements in the order of pair_coeff; units metal"
    comments = [f"# {line}" for line in (head, types, *export.notes)]
    write_atomically(path, "\n".join([*comments, *export.input_lines]) + "\n")
    return Export(
        export.to, export.exact, (*export.files, path), export.input_lines, export.notes, export.differences
    )
