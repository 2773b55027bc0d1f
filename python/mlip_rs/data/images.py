"""Structures of one file, as ASE reads it, with remarks on what was made regular or left out."""

import re
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import ase.db
from ase import Atoms
from ase.data import atomic_numbers
from ase.io import iread
from ase.io.formats import UnknownFileTypeError, ioformats

from mlip_rs.data import lammps
from mlip_rs.data.formats import format_of
from mlip_rs.data.labels import RawFrame
from mlip_rs.data.opening import COPY_AGAIN, head_of, line_of_nul, open_text, plain_file, torn_at
from mlip_rs.data.paths import shown_name
from mlip_rs.data.species import Species
from mlip_rs.data.vasp import unconverged_steps
from mlip_rs.data.vasp_settings import settings_of
from mlip_rs.data.vasp_text import cell_charge, needs_plain_outcar, plain_outcar, steps_of_force_field
from mlip_rs.data.xyz import XyzReader
from mlip_rs.errors import DataError


@dataclass(frozen=True)
class Images:
    """Frames of one file.

    Parameters
    ----------
    frames
        In order.
    remarks
        What the user should know about the file, one sentence each.
    settings
        Settings of a run of VASP by name; empty for other files.
    """

    frames: tuple[RawFrame, ...]
    remarks: tuple[str, ...]
    settings: Mapping[str, str] = field(default_factory=dict)


def read_images(file: Path, slice_: slice, format: str | None, types: Sequence[str]) -> Images:
    """Read the frames of one file.

    Parameters
    ----------
    file
        A file or pipe; "-" is standard input.
    slice_
        Frames to take.
    format
        ASE's name of the format; None: by name or content.
    types
        Elements of labels that are no symbols, see `Species`.

    Raises
    ------
    DataError
        The file is empty, unreadable, of an unknown format, or has no frame.
    """
    if file.is_file() and file.stat().st_size == 0:
        raise DataError(f"{file}: the file is empty; write it again or leave it out")
    with plain_file(file) as plain:
        try:
            return _Reading(file, plain, slice_, format_of(plain, format), types).images()
        except DataError as error:
            if plain == file:
                raise
            raise DataError(str(error).replace(str(plain), str(file))) from error


class _Reading:
    """One file while it is read.

    Parameters
    ----------
    file
        As the user named it.
    plain
        The same without compression, in UTF-8.
    slice_, kind, types
        Frames to take, format and elements of labels.
    """

    def __init__(self, file: Path, plain: Path, slice_: slice, kind: str, types: Sequence[str]) -> None:
        self._file, self._plain, self._slice, self._kind = file, plain, slice_, kind
        self._species = Species(types)
        self._name = shown_name(file) if file.is_file() else plain.name
        self._remarks: list[str] = []
        self._n_read = 0
        self._predicted: frozenset[int] = frozenset()

    def images(self) -> Images:
        """Read the frames."""
        frames: list[RawFrame] = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                for position, atoms in self._selected():
                    frames.append(RawFrame.of(atoms, f"frame {position} of {self._name}", position))
                    self._n_read += 1
            except UnknownFileTypeError as error:
                raise DataError(
                    f"{self._file}: {self._kind!r} is not the name of a format; `ase info --formats` lists them "
                    "(extxyz, vasp-xml, lammps-data, …)"
                ) from error
            except DataError:
                raise
            except Exception as error:  # parsers raise anything on damaged files
                raise DataError(self._unreadable(error)) from error
        if not frames and self._predicted:
            raise DataError(
                f"{self._file}: all {len(self._predicted)} ionic steps are predictions of the machine-learned force "
                "field of VASP, not ab initio; give the run that trained it"
            )
        if not frames:
            raise DataError(f"{self._file}: no structures found in it; check the file and the index")
        told = dict.fromkeys(f"{self._name}: {item.message}" for item in caught)
        settings: dict[str, str] = {}
        if self._kind in ("vasp-xml", "vasp-out"):
            frames = self._charged(self._with_convergence(frames))
            settings = settings_of(self._plain, frames[0].atoms.cell.array)
        return Images(tuple(frames), tuple(dict.fromkeys([*told, *self._remarks])), settings)

    def _selected(self) -> Iterator[tuple[int, Atoms]]:
        """Yield pairs of index and atoms, and of a forward slice read nothing behind its end."""
        start, stop, step = self._slice.start or 0, self._slice.stop, self._slice.step or 1
        if min(start, stop or 0) >= 0 and step > 0:
            for position, atoms in enumerate(islice(self._all(), stop)):
                if position >= start and (position - start) % step == 0:
                    yield position, atoms
            return
        everything = list(self._all())
        for position in range(len(everything))[self._slice]:
            yield position, everything[position]

    def _all(self) -> Iterator[Atoms]:
        if self._kind == "extxyz":
            yield from self._xyz()
        elif self._kind in ("db", "json"):
            yield from self._database()
        elif self._kind in ("vasp-xml", "vasp-out"):
            yield from self._vasp()
        elif self._kind in lammps.KINDS:
            options = lammps.reader_options(self._plain, self._kind, self._species.given)
            yield from map(lammps.without_energy, self._ase(**options))
        else:
            yield from self._ase()

    def _database(self) -> Iterator[Atoms]:
        head = head_of(self._plain)
        if (
            self._kind == "json"
            and b'"ids"' not in head
            and b'"ase_objtype"' not in head
            and b'"numbers"' not in head
        ):
            raise DataError(
                f"{self._file}: is JSON, but not a database of ASE; convert it to extxyz with energy, forces and stress"
            )
        with ase.db.connect(str(self._plain), type=self._kind, serial=True) as database:
            for row in database.select():
                yield row.toatoms(add_additional_information=True)

    def _ase(self, file: Path | None = None, **options: Any) -> Iterator[Atoms]:  # noqa: ANN401 (of a reader)
        name = str(file or self._plain)
        yield from iread(name, index=":", format=self._kind, do_not_split_by_at_sign=True, **options)

    def _xyz(self) -> Iterator[Atoms]:
        with open_text(self._plain) as lines:
            reader = XyzReader(lines, self._name, self._species)
            try:
                yield from reader
            finally:
                self._remarks.extend(reader.remarks())

    def _vasp(self) -> Iterator[Atoms]:
        """Ab-initio steps; those of a force field that is learned on the fly are left out."""
        self._predicted = steps_of_force_field(self._plain)
        if self._predicted:
            self._remarks.append(
                f"{self._name}: {len(self._predicted)} ionic steps are predictions of the machine-learned "
                "force field of VASP, not ab initio, and were left out; frames count the others"
            )
        if self._kind == "vasp-out" and needs_plain_outcar(self._plain):
            with tempfile.TemporaryDirectory(prefix="mlip-rs-") as folder, open_text(self._plain) as lines:
                copy = Path(folder) / "OUTCAR"
                copy.write_text("".join(plain_outcar(lines)), encoding="utf-8")
                yield from self._ase(copy)
            return
        for step, atoms in enumerate(self._ase()):
            if step not in self._predicted:
                yield atoms

    def _charged(self, frames: list[RawFrame]) -> list[RawFrame]:
        charge = cell_charge(self._plain)
        if charge is None:
            return frames
        return [replace(frame, values={"total_charge": charge, **frame.values}) for frame in frames]

    def _with_convergence(self, frames: list[RawFrame]) -> list[RawFrame]:
        """Mark the ionic steps whose electronic loop did not converge, and remark on them."""
        taken = {frame.index for frame in frames}
        positions = [
            step - sum(other < step for other in self._predicted)
            for step in unconverged_steps(self._plain)
            if step not in self._predicted
        ]
        steps = [step for step in positions if step in taken]
        if not steps:
            return frames
        shown = ", ".join(map(str, steps[:8])) + (", …" if len(steps) > 8 else "")
        self._remarks.append(
            f"{self._name}: the electronic loop did not converge (NELM reached) in {len(steps)} of "
            f"{len(frames)} ionic steps: {shown}; --drop-unconverged leaves them out"
        )
        unconverged = set(steps)
        return [
            replace(frame, values={"converged": False, **frame.values})
            if frame.index in unconverged
            else frame
            for frame in frames
        ]

    def _unreadable(self, error: Exception) -> str:
        reason = " ".join(str(error).split()) or "no reason given"
        if len(reason) > 300:
            reason = reason[:300] + " …"
        start, step = self._slice.start or 0, self._slice.step or 1
        forward = start >= 0 and step > 0
        place = f"frame {start + self._n_read * step} of {self._file}" if forward else str(self._file)
        text = self._kind == "cif" or not (self._kind == "db" or ioformats[self._kind].isbinary)
        torn = line_of_nul(self._plain) if text else None
        if torn is not None:
            return f"{place}: cannot be read: {torn_at(torn)}; {COPY_AGAIN}"
        symbol = str(error.args[0]) if isinstance(error, KeyError) and error.args else ""
        if re.fullmatch(r"[A-Z][\w+\-.]*", symbol) and symbol not in atomic_numbers:
            return f"{place}: {symbol!r} is not the symbol of an element; correct it, or drop the frame"
        return (
            f"{place}: cannot be read ({type(error).__name__}: {reason}); the file is damaged, truncated or of "
            "another format: check it there, or name the format (--format)"
        )
