"""The format of a file, by its name or by its content."""

import re
from pathlib import Path

from ase.io.formats import UnknownFileTypeError, filetype, ioformats

from mlip_rs.data.foreign import refuse_foreign
from mlip_rs.data.opening import head_of
from mlip_rs.data.vasp import vasp_format
from mlip_rs.errors import DataError

XYZ_SUFFIXES: tuple[str, ...] = (".xyz", ".extxyz", ".exyz")

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?"
_ATOM_LINE = re.compile(rf"\s*\S+(?:\s+{_NUMBER}){{3}}(?:\s|$)")


def format_of(file: Path, format: str | None) -> str:
    """Return ASE's name of the format: the given one, or that of the name or, failing that, of the content.

    Raises
    ------
    DataError
        A format that neither the name nor the content shows, or that ASE does not read.
    """
    head = head_of(file)
    if format is None:
        refuse_foreign(file, head)
    kind = format or vasp_format(file)
    if kind is None and _without_compression(file.name).lower().endswith(XYZ_SUFFIXES):
        kind = "extxyz"
    if kind is None and head[:15] == b"SQLite format 3":
        kind = "db"
    try:
        kind = kind or _by_content(head) or filetype(str(file))
    except UnknownFileTypeError:
        kind = None
    except Exception as error:  # compressed data that are damaged
        raise DataError(f"{file}: cannot be read ({type(error).__name__}: {error})") from error
    if kind is None or (format is None and kind not in ioformats):  # ASE guesses that a suffix is a format
        raise DataError(
            f"{file}: the format is not recognised; name it (--format extxyz, vasp-xml, lammps-data, … as "
            "`ase info --formats` lists them), or convert the file"
        )
    return "extxyz" if kind == "xyz" else kind


def _by_content(head: bytes) -> str | None:
    """Recognise formats that ASE recognises by few suffixes only."""
    whole, _, _ = head.partition(b"\0")  # what is torn behind it, its reader says
    lines = whole.decode("utf-8", "replace").splitlines()
    filled = [line for line in lines if line.strip() and not line.startswith("#")]
    if len(filled) > 1 and re.fullmatch(r"\s*\d+\s*", filled[0]):
        rows = lines[lines.index(filled[0]) + 2 :]
        return "extxyz" if rows and _ATOM_LINE.match(rows[0]) else None
    if any(line.startswith("ITEM: TIMESTEP") for line in filled[:1]):
        return "lammps-dump-text"
    text = "\n".join(lines)
    if re.search(r"^\s*\d+\s+atoms\b", text, re.MULTILINE) and re.search(r"\bxlo\s+xhi\b", text):
        return "lammps-data"
    return None


def _without_compression(name: str) -> str:
    return re.sub(r"\.(gz|bz2|xz|zip)$", "", name, flags=re.IGNORECASE)
