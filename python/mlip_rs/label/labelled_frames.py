"""The file of labelled structures: extended XYZ that is valid at every moment, to which whole frames are appended."""

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io.extxyz import write_extxyz

from mlip_rs.data.label_names import label_name
from mlip_rs.errors import ConfigError, DataError
from mlip_rs.files import append_whole, check_writable
from mlip_rs.label.labels import Labels
from mlip_rs.label.unlabelled import LABEL_ID, Unlabelled

SUFFIXES: tuple[str, ...] = (".extxyz", ".xyz")
"""Of files that frames can be appended to."""

ZERO_SMEARING: str = "energy_zero_smearing"
"""Key of the energy that is extrapolated to no smearing."""

SOURCE: str = "label_source"
"""Key of what made the labels."""

SECONDS: str = "label_seconds"
"""Key of the time that the calculation took."""


_ID = re.compile(rf"(?<!\S){LABEL_ID}=id-([0-9a-f]+)(?!\S)".encode())


class LabelledFrames:
    """A file of labelled structures, found by their identities.

    Parameters
    ----------
    path
        `.extxyz` or `.xyz`; it need not exist.

    Attributes
    ----------
    ids
        Identities of the structures in the file.
    torn
        Whether `recover` has cut off a frame that was not whole.

    Raises
    ------
    ConfigError
        Another suffix.
    OSError
        The file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if self.path.suffix.lower() not in SUFFIXES:
            raise ConfigError(f"{path}: labels are appended as extended XYZ; name a file .extxyz or .xyz")
        check_writable(self.path)
        self.ids: set[str] = set()
        self.torn = False

    def recover(self) -> None:
        """Find what is in the file, and cut off a frame at its end that was being written when a run was killed.

        Raises
        ------
        DataError
            A frame that no run has written; names its line.
        """
        self.ids, self.torn = set(), False
        if not self.path.exists():
            return
        end, line = 0, 1
        with self.path.open("rb") as file:
            for found, length, n_lines in _whole_frames(file):
                if found is None:
                    raise DataError(
                        f"{self.path}: line {line + 1}: the frame has no {LABEL_ID}, so that no labels can be added; "
                        "choose another output (-o)"
                    )
                self.ids.add(found)
                end, line = end + length, line + n_lines
            file.seek(end)
            rest = file.read()
        if not rest:
            return
        if _begins_a_frame(rest) or not self.ids:
            raise DataError(
                f"{self.path}: line {line} and what follows is no frame that was written here; mend the file, or "
                "choose another output (-o)"
            )
        os.truncate(self.path, end)
        self.torn = True

    def append(self, structure: Unlabelled, labels: Labels, seconds: float, source: str) -> None:
        """Append a frame in one piece, and have it on the disk when this returns.

        Raises
        ------
        OSError
            The file cannot be written; what was there before is unchanged.
        """
        text = io.StringIO()
        write_extxyz(text, [labelled(structure, labels, seconds, source)])
        append_whole(self.path, text.getvalue(), sync=True)
        self.ids.add(structure.label_id)


def labelled(structure: Unlabelled, labels: Labels, seconds: float, source: str) -> Atoms:
    """The structure with its labels in place of any that it had, under the names that ASE uses.

    Whatever else the file told of it, such as `config_type`, is kept.

    Parameters
    ----------
    structure
        What was labelled.
    labels
        Its labels.
    seconds
        Time that the calculation took.
    source
        What made them, in words.
    """
    atoms = structure.atoms.copy()
    atoms.info = {key: value for key, value in atoms.info.items() if not _is_label(key) and _is_kept(value)}
    for key in [key for key in atoms.arrays if _is_label(key)]:
        del atoms.arrays[key]
    atoms.info[LABEL_ID] = f"id-{structure.label_id}"  # text, even where all sixteen digits are decimal
    atoms.info[SOURCE] = source
    atoms.info[SECONDS] = float(f"{seconds:.3g}")
    results: dict[str, object] = {"energy": labels.energy, "forces": labels.forces}
    if labels.stress is not None:
        results["stress"] = labels.stress
    if labels.energy_zero_smearing is not None:
        atoms.info[ZERO_SMEARING] = labels.energy_zero_smearing
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def _is_label(key: str) -> bool:
    """Whether a key of the input is a label of another calculation, which would contradict the new one."""
    return label_name(key) is not None or key.lower() in ("energies", "stresses", ZERO_SMEARING)


def _is_kept(value: object) -> bool:
    """Whether extended XYZ has a form for a value; for an empty text it has none."""
    return isinstance(value, bool | int | float | np.generic | np.ndarray) or (
        isinstance(value, str) and value != ""
    )


def _whole_frames(file: io.BufferedReader) -> Iterator[tuple[str | None, int, int]]:
    """Yield identity, bytes and lines of frames until one is not whole."""
    while (frame := _next_frame(file)) is not None:
        own = _ID.search(frame[1])
        yield None if own is None else own[1].decode(), sum(map(len, frame)), len(frame)


def _next_frame(file: io.BufferedReader) -> list[bytes] | None:
    """Lines of a frame; None if it is not whole."""
    first = file.readline()
    if not first.strip().isdigit():
        return None
    lines = [first, *(file.readline() for _ in range(int(first) + 1))]
    whole = all(line.endswith(b"\n") and b"\0" not in line for line in lines)
    return lines if whole else None


def _begins_a_frame(rest: bytes) -> bool:
    """Whether a whole frame follows what could not be read, so that this is no end torn by a kill."""
    return rest.find(f"{LABEL_ID}=".encode(), rest.find(b"\n") + 1) != rest.rfind(f"{LABEL_ID}=".encode())
