"""The text of a potential file, read without trust."""

import gzip
import io
import lzma
import stat
import zlib
from pathlib import Path

from mlip_rs.errors import PotentialFileError

MAX_FILE_BYTES: int = 256 << 20
"""Larger potential files are refused before they are read; compressed ones as soon as more has been unpacked."""

_GZIP, _XZ = b"\x1f\x8b", b"\xfd7zXZ\x00"
"""First bytes of compressed files."""


def potential_text(path: Path, end: bytes = b"") -> str:
    """The text of a potential file, which may be compressed by gzip or xz, whatever its name.

    Parameters
    ----------
    path
        The file.
    end
        What begins a line after which nothing is read, as of a file whose second part is no text.

    Raises
    ------
    PotentialFileError
        The file is missing, unreadable, too large or no text; the message gives the reason and the cure, not the name.
    """
    try:
        # Before opening: a pipe would wait for a writer that never comes.
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise PotentialFileError("is a directory; give a potential file in it (*.mlip.json)")
        if not stat.S_ISREG(mode):
            raise PotentialFileError("is not a regular file; give a potential file (*.mlip.json)")
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1) if path.stat().st_size <= MAX_FILE_BYTES else None
        content = content if content is None else _unpacked(content)
    except PotentialFileError:
        raise  # a ValueError itself
    except FileNotFoundError:
        raise PotentialFileError(
            f"there is no such file (working directory {Path.cwd()}); check the path"
        ) from None
    except PermissionError:
        raise PotentialFileError("may not be read; check its permissions") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        raise PotentialFileError(f"cannot be read ({reason(error)}); check the path and the disk") from error
    if content is None or len(content) > MAX_FILE_BYTES:
        raise PotentialFileError(
            f"is larger than {MAX_FILE_BYTES >> 20} MB, as no potential is; check that it is the right file"
        )
    if end:
        content = content.split(b"\n" + end, maxsplit=1)[0]
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PotentialFileError(
            f"is not UTF-8 text (byte {error.start}); check that it is a potential file, unpacked and copied as it was"
        ) from None


def packed(text: str, name: str) -> bytes:
    """Content of a potential file: compressed if its name ends in `.gz` or `.xz`."""
    content = text.encode()
    if name.endswith(".gz"):
        return gzip.compress(content, mtime=0)
    return lzma.compress(content) if name.endswith(".xz") else content


def _unpacked(content: bytes) -> bytes:
    """Content as it was before it was compressed, at most one byte more than is allowed."""
    stream = io.BytesIO(content)
    try:
        if content.startswith(_GZIP):
            return gzip.GzipFile(fileobj=stream).read(MAX_FILE_BYTES + 1)
        if content.startswith(_XZ):
            return lzma.LZMAFile(stream).read(MAX_FILE_BYTES + 1)
        return content
    except (gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError) as error:
        raise PotentialFileError(
            f"is compressed, but cannot be unpacked ({error}); was it cut short? Copy it again"
        ) from None


def reason(error: Exception) -> str:
    """What an error of the system says, without the name of the file."""
    return getattr(error, "strerror", None) or str(error)
