"""A file of structures with labels, in the format that its name says."""

import bz2
import errno
import gzip
import lzma
import os
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import ase.io
from ase import Atoms
from ase.io.formats import ioformats

from mlip_rs.errors import ConfigError
from mlip_rs.files import atomic_file, check_writable

FORMATS: dict[str, str] = {
    "": "extxyz",
    ".xyz": "extxyz",
    ".extxyz": "extxyz",
    ".exyz": "extxyz",
    ".traj": "traj",
    ".json": "json",
    ".db": "db",
}
"""ASE's format by suffix, of those that hold energies, forces and stresses."""

COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda content: gzip.compress(content, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}


class LabelledFile:
    """A file to be written with structures and their labels; refused before anything is computed.

    Parameters
    ----------
    path
        `.xyz`, `.extxyz`, `.traj`, `.json` or `.db`, also compressed (`.gz`, `.bz2`, `.xz`); without a suffix it
        becomes extended XYZ.

    Raises
    ------
    ConfigError
        The suffix says another format, such as `.cif`, which holds no labels, or none.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> LabelledFile("out.traj.gz").format
    'traj'
    >>> LabelledFile("out.cif")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    mlip_rs.errors.ConfigError: out.cif: '.cif' is no format that holds energies, forces and stresses; ...
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        name = self._path.name.lower()
        self._compression = next((suffix for suffix in COMPRESSORS if name.endswith(suffix)), "")
        bare = name.removesuffix(self._compression)
        suffix = "" if self._path.exists() and not self._path.is_file() else Path(bare).suffix
        original = self._path.name[: len(bare)]
        known = next((fmt.name for fmt in ioformats.values() if fmt.match_name(original)), None)
        if suffix not in FORMATS or known not in {None, *FORMATS.values()}:
            what = repr(suffix) if suffix not in FORMATS else f"{original} (of {known})"
            raise ConfigError(
                f"{path}: {what} is no format that holds energies, forces and stresses; "
                "write .extxyz, .traj, .json or .db"
            )
        self.format = FORMATS[suffix]
        check_writable(self._path)

    def write(self, structures: Sequence[Atoms]) -> None:
        """Write all structures with the labels of their calculators, or nothing.

        Raises
        ------
        OSError
            The file cannot be written; an old one is unchanged.
        """
        if self.format == "extxyz" and not self._compression:
            with atomic_file(self._path) as file:
                ase.io.write(file, list(structures), format="extxyz")
            return
        content = self._content(list(structures))
        with atomic_file(self._path, "wb") as file:
            file.write(COMPRESSORS[self._compression](content) if self._compression else content)

    def _content(self, structures: list[Atoms]) -> bytes:
        """Bytes of the file before compression.

        Raises
        ------
        OSError
            They cannot be written to the folder of temporary files; names the output.
        """
        try:
            with tempfile.TemporaryDirectory(prefix="mlip-rs-") as folder:
                copy = Path(folder) / f"labelled.{self.format}"
                ase.io.write(copy, structures, format=self.format)
                return copy.read_bytes()
        except OSError as error:
            error.filename = os.fspath(self._path)  # the user knows nothing of the temporary file
            raise
        except sqlite3.Error as error:
            text = f"cannot be written ({error}); is the disk full, or the size of files limited (ulimit -f)?"
            raise OSError(errno.EIO, text, os.fspath(self._path)) from error
