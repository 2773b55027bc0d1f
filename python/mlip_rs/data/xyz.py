"""Extended XYZ as people write it, frame by frame, made regular before ASE reads it."""

import contextlib
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import ase.io
import numpy as np
from ase import Atoms
from ase.geometry import cellpar_to_cell
from ase.io.extxyz import key_val_str_to_dict

from mlip_rs.data.opening import COPY_AGAIN, torn_at
from mlip_rs.data.species import Species
from mlip_rs.errors import DataError
from mlip_rs.text import counted

PROPERTY_NAMES: dict[str, str] = {
    "species": "species",
    "symbol": "species",
    "symbols": "species",
    "element": "species",
    "elements": "species",
    "pos": "pos",
    "position": "pos",
    "positions": "pos",
    "z": "Z",
    "atomic_number": "Z",
    "atomic_numbers": "Z",
}
"""Columns that ASE must know, by their names in lower case."""

TRUE: frozenset[str] = frozenset({"t", "true", "1", "yes", "p", "pp"})
FALSE: frozenset[str] = frozenset({"f", "false", "0", "no", "n", "m", "s", "ff"})

ABSENT: frozenset[str] = frozenset({"none", "null", "na", "n/a", "-", "--", ""})
"""Values that say that there is none, in lower case."""

_NINE_ONLY = re.compile(r"(?<![\w-])(virial|stress|Lattice)(\s*=)")
"""Keys for which ASE accepts nothing but nine numbers."""

_FORTRAN = re.compile(r"(?<!\S)([-+]?(?:\d+\.?\d*|\.\d+))[dD]([-+]?\d+)(?!\S)")
_FORTRAN_HINT = re.compile(r"[\d.][dD][-+\d]")
_DECIMAL_COMMA = re.compile(r"(?<!\S)-?\d+,\d+(?!\S)")
"""A number of a row, which commas never separate from the next."""

_CP2K = re.compile(r"^\s*i\s*=\s*\d+,.*\bE\s*=\s*[-+\d]")

CP2K_ENERGY: str = "E of CP2K (Hartree)"
"""Key of the energy in the comment of a CP2K trajectory."""


class XyzReader:
    """Frames of a text in extended XYZ.

    Parameters
    ----------
    lines
        The text.
    file
        Name for messages.
    species
        Elements of labels that are no symbols.
    """

    def __init__(self, lines: Iterable[str], file: str, species: Species) -> None:
        self._lines = self._whole(lines)
        self._file, self._species = file, species
        self._n_lines = self._n_kept = 0
        self._notes = Counter[str]()
        self._first: dict[str, int] = {}
        self._frame = 0

    def __iter__(self) -> Iterator[Atoms]:
        """Yield the frames in order.

        Raises
        ------
        DataError
            A frame that cannot be read; names file, frame and line.
        """
        while (count := self._next_count()) is not None:
            comment = next(self._lines, "").strip()
            rows = self._rows(count)
            yield self._atoms(count, comment, rows)
            self._frame += 1
            self._n_kept = self._n_lines

    def remarks(self) -> list[str]:
        """Say what was made regular."""
        told = [
            f"{self._file}: {note} ({times} frame{'s' if times > 1 else ''}, first frame {self._first[note]})"
            for note, times in self._notes.items()
        ]
        return [*told, *self._species.remarks(self._file)]

    @property
    def place(self) -> str:
        """Frame and file, the beginning of a message."""
        return f"frame {self._frame} of {self._file}"

    def _note(self, note: str) -> None:
        self._first.setdefault(note, self._frame)
        self._notes[note] += 1

    def _whole(self, lines: Iterable[str]) -> Iterator[str]:
        """Count the lines; one with NUL bytes was lost, with what stood there."""
        for line in lines:
            self._n_lines += 1
            if "\0" in line:
                keep = f"keep its first {self._n_kept} lines ({counted(self._frame, 'whole frame')}), or "
                raise DataError(
                    f"{self.place}: cannot be read: {torn_at(self._n_lines)}; {keep * bool(self._frame)}{COPY_AGAIN}"
                )
            yield line

    def _next_count(self) -> int | None:
        """Number of atoms of the next frame; None at the end."""
        skipped = False
        for line in self._lines:
            text = line.strip()
            if not text or text.startswith("#"):
                skipped = True
                continue
            if re.match(r"VEC[123]\s", text, re.IGNORECASE):
                raise DataError(
                    f"{self.place}: cannot be read: {text[:60]!r} is a lattice vector in the style of ADF and AMS, the "
                    "frame before would be read as a cluster; write its lattice into the comment line instead: "
                    'Lattice="ax ay az bx by bz cx cy cz", in Å'
                )
            if not re.fullmatch(r"\+?\d+", text):
                raise DataError(
                    f"{self.place}: cannot be read: {text[:60]!r} stands where the number of atoms should be; "
                    "the frame before has more rows than its first line says, or the file is damaged"
                )
            if skipped and self._frame:
                self._note("a blank or comment line before the frame was skipped")
            return int(text)
        return None

    def _rows(self, count: int) -> list[str]:
        rows: list[str] = []
        while len(rows) < count:
            line = next(self._lines, None)
            if line is None:
                raise DataError(
                    f"{self.place}: cannot be read: it has {len(rows)} atoms where its first line says {count}; "
                    "the file is damaged or truncated"
                )
            if line.strip():
                rows.append(line)
            else:
                self._note("blank lines between the atoms were skipped")
        return rows

    def _atoms(self, count: int, comment: str, rows: list[str]) -> Atoms:
        """Read one frame by ASE, from a header that has what ASE needs and nothing else."""
        try:
            info = self._header(comment)
            lattice, columns, pbc = self._cell(info), self._columns(info), self._pbc(info)
            properties = ":".join(f"{name}:{kind}:{width}" for name, kind, width in columns)
            body = self._body(rows, columns)
            text = f"{count}\n{lattice} Properties={properties} {pbc}\n{body}\n"
            atoms = ase.io.read(io.StringIO(text), format="extxyz", index=0)
        except Exception as error:  # parsers raise anything on damaged text
            if any(map(_DECIMAL_COMMA.search, rows)):
                raise DataError(
                    f"{self.place}: cannot be read: it has numbers with decimal commas; write decimal points"
                ) from error
            if isinstance(error, DataError):
                raise
            reason = " ".join(str(error).split())[:300]
            raise DataError(
                f"{self.place}: cannot be read ({type(error).__name__}: {reason}); correct the frame or leave it out"
            ) from error
        assert isinstance(atoms, Atoms)
        atoms.info = info
        return atoms

    def _header(self, comment: str) -> dict[str, Any]:
        """Values by key; numbers in Fortran's notation are numbers."""
        if _CP2K.match(comment):
            energy = float(comment.split("E =")[1].split()[0].rstrip(","))
            return {CP2K_ENERGY: energy}
        info: dict[str, Any] = {}
        for key, value in key_val_str_to_dict(_NINE_ONLY.sub(r"\1~\2", comment)).items():
            name = key.removesuffix("~")
            if not name:  # of an empty comment
                continue
            if isinstance(value, str) and value.strip().lower() in ABSENT:
                self._note(f"{name}={value} read as no {name}")
                continue
            info[name] = _numbers_in(value) if isinstance(value, str) else value
        return info

    def _named(self, info: dict[str, Any], names: tuple[str, ...]) -> Any:  # noqa: ANN401 (a value of the header)
        """Take the value of a key out of the header, in any spelling; None without."""
        if names[0] in info:
            return info.pop(names[0])
        key = next((key for key in info if key.lower() in [name.lower() for name in names]), None)
        if key is None:
            return None
        self._note(f"{key!r} taken as {names[0]!r}")
        return info.pop(key)

    def _cell(self, info: dict[str, Any]) -> str:
        names = ("Lattice", "cell") if np.size(info.get("cell", ())) in (3, 6, 9) else ("Lattice",)
        if "cell" in info and any(key.lower() == "lattice" for key in info):
            names = ("Lattice",)
        value = self._named(info, names)
        if value is None:
            return ""
        try:
            numbers = np.asarray(value, dtype=float).ravel()
        except (TypeError, ValueError):
            raise DataError(
                f"{self.place}: Lattice is {str(value)[:60]!r}; it must be nine numbers, Å"
            ) from None
        if numbers.size == 3:
            numbers = np.diag(numbers).ravel()
        elif numbers.size == 6:
            numbers = cellpar_to_cell(numbers).ravel()
        if numbers.size != 9:
            raise DataError(f"{self.place}: Lattice has {numbers.size} numbers, not 9; correct the header")
        if np.size(value) != 9:
            self._note(
                f"{np.size(value)} numbers taken as {'lengths and angles' if np.size(value) == 6 else 'edges'}"
            )
        return 'Lattice="' + " ".join(repr(float(x)) for x in numbers) + '"'

    def _pbc(self, info: dict[str, Any]) -> str:
        value = self._named(info, ("pbc", "periodic"))
        if value is None:
            return ""
        if isinstance(value, str) and re.fullmatch(r"[TFtf]{3}", value):
            value = list(value)
        words = re.findall(r"\w+", value) if isinstance(value, str) else list(np.atleast_1d(value))
        flags = [str(word).lower() for word in words]
        flags = 3 * flags if len(flags) == 1 else flags
        if len(flags) != 3 or not all(flag in TRUE | FALSE for flag in flags):
            raise DataError(f"{self.place}: pbc is {str(value)[:40]!r}; give three of T and F")
        return 'pbc="' + " ".join("T" if flag in TRUE else "F" for flag in flags) + '"'

    def _columns(self, info: dict[str, Any]) -> list[tuple[str, str, int]]:
        """Name, kind and width of the columns."""
        text = self._named(info, ("Properties",))
        if text is None:
            return [("species", "S", 1), ("pos", "R", 3)]
        parts = str(text).strip().split(":")
        if len(parts) % 3 or not all(width.strip().isdigit() for width in parts[2::3]):
            raise DataError(
                f"{self.place}: Properties is {str(text)[:80]!r}; it must be name:type:columns, repeated"
            )
        columns: list[tuple[str, str, int]] = []
        for name, kind, width in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
            usual = PROPERTY_NAMES.get(name.strip().lower(), name.strip())
            taken = any(usual == other for other, _, _ in columns)
            numbers_or_symbols = usual == "species" and not taken  # numbers become symbols
            letter = "S" if numbers_or_symbols else kind.strip().upper()[:1]
            columns.append((name.strip() if taken else usual, letter, int(width)))
        names = [name for name, _, _ in columns]
        if "pos" not in names or not {"species", "Z"} & set(names):
            raise DataError(
                f"{self.place}: Properties names {', '.join(names)}, but species and pos are needed; correct the header"
            )
        return columns

    def _body(self, rows: list[str], columns: list[tuple[str, str, int]]) -> str:
        """Rows with as many columns as named, elements for labels, and numbers that Python reads."""
        width = sum(size for _, _, size in columns)
        before, names = 0, [name for name, _, _ in columns]
        for name, _, size in columns:
            if name == ("species" if "species" in names else "Z"):
                break
            before += size
        made = []
        for atom, row in enumerate(rows):
            words = (_FORTRAN.sub(r"\1e\2", row) if _FORTRAN_HINT.search(row) else row).split()
            if len(words) < width:
                raise DataError(
                    f"{self.place}: cannot be read: atom {atom}: the row has {len(words)} columns, not {width}; "
                    "the file is damaged or truncated"
                )
            if len(words) > width and atom == 0:
                self._note(
                    f"rows have {len(words)} columns, of which the last {len(words) - width} are not named in "
                    "Properties and were not read; name them (such as forces:R:3)"
                )
            if "species" in names:
                words[before] = self._species.symbol(words[before], f"{self.place}: atom {atom}")
            made.append(" ".join(words[:width]))
        return "\n".join(made)


def _numbers_in(value: str) -> Any:  # noqa: ANN401 (a value of the header)
    """Numbers such as 1.0D+02 or a list in brackets, if a text holds nothing else; else the text."""
    if value.startswith("["):
        with contextlib.suppress(ValueError):
            return np.array(json.loads(value), dtype=float)
    if not _FORTRAN_HINT.search(value):
        return value
    try:
        numbers = [float(_FORTRAN.sub(r"\1e\2", word)) for word in re.findall(r"[^\s,]+", value)]
    except ValueError:
        return value
    return numbers[0] if len(numbers) == 1 else np.array(numbers)
