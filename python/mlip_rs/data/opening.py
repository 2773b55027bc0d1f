"""Files as bytes on disk: compressed, with a byte order mark, in UTF-16 or from a pipe."""

import bz2
import gzip
import io
import lzma
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from mlip_rs.errors import DataError

COMPRESSIONS: dict[bytes, str] = {
    b"\x1f\x8b": ".gz",
    b"BZh": ".bz2",
    b"\xfd7zXZ\x00": ".xz",
    b"PK\x03\x04": ".zip",
}
"""Suffix by the first bytes."""

ENCODINGS: dict[bytes, str] = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
"""Encoding by the byte order mark."""

OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}

COPY_AGAIN: str = "copy or write the file again"
"""The cure of a torn file."""

HEAD: int = 8192
"""Bytes that are looked at to recognise a format."""


@contextmanager
def plain_file(file: Path) -> Iterator[Path]:
    """Give the file itself, or a decompressed and decoded copy of it that exists until the block ends.

    Parameters
    ----------
    file
        A regular file, or a pipe, which is read once.

    Raises
    ------
    DataError
        An archive of several files, damaged compressed data, text that is not what its byte order mark says.
    """
    pipe = not file.is_file()
    first = b"" if pipe else _first_bytes(file)
    packed = _compression(first)
    if not pipe and _encoding(first) is None and (packed is None or file.name.lower().endswith(".npz")):
        yield file
        return
    content = _pipe(file) if pipe else file.read_bytes()
    name = "standard-input" if pipe else file.name
    if packed is None:
        packed = _compression(content)
    if packed is not None:
        name = name[: -len(packed)] if name.lower().endswith(packed) else name
        content = _decompressed(content, packed, file)
    encoding = _encoding(content)
    if encoding is not None:
        try:
            content = content.decode(encoding).encode()
        except UnicodeDecodeError as error:
            raise DataError(f"{file}: is not text in {encoding}, as its beginning says ({error})") from None
    with tempfile.TemporaryDirectory(prefix="mlip-rs-") as folder:
        copy = Path(folder) / name
        copy.write_bytes(content)
        yield copy


def open_text(file: Path) -> IO[str]:
    """Open a text file, compressed or not, with line ends of any system."""
    packed = _compression(_first_bytes(file))
    if packed in OPENERS:
        return io.TextIOWrapper(OPENERS[packed](file, "rb"), encoding="utf-8", errors="replace")
    return file.open(encoding="utf-8", errors="replace")


def torn_at(line: int) -> str:
    """Say that a line of a text, counted from 1, has NUL bytes."""
    return f"line {line} holds NUL bytes where text should be, as after a crash or on a full disk"


def line_of_nul(file: Path) -> int | None:
    """Return the first line, counted from 1, with a NUL byte behind nothing but text; None if there is none."""
    with open_text(file) as lines:
        for number, line in enumerate(lines, 1):
            before, found, _ = line.partition("\0")
            if any(character < " " and not character.isspace() for character in before):
                return None  # no text
            if found:
                return number
    return None


def head_of(file: Path) -> bytes:
    """Return the first bytes of the decompressed content; none if it is damaged."""
    packed = _compression(_first_bytes(file))
    opener = OPENERS.get(packed or "", open)
    try:
        with opener(file, "rb") as stream:
            return bytes(stream.read(HEAD))
    except (OSError, EOFError, lzma.LZMAError):
        return b""


def _first_bytes(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(8)


def _compression(first: bytes) -> str | None:
    return next((suffix for magic, suffix in COMPRESSIONS.items() if first.startswith(magic)), None)


def _encoding(first: bytes) -> str | None:
    marked = next((name for mark, name in ENCODINGS.items() if first.startswith(mark)), None)
    if marked == "utf-16" and b"\x00" not in first:
        return None
    if marked is None and len(first) >= 4 and first[1:4:2] == b"\x00\x00" and b"\x00" not in first[:4:2]:
        return "utf-16-le" if first[:4:2].isascii() else None
    return marked


def _pipe(file: Path) -> bytes:
    if str(file) == "-":
        return sys.stdin.buffer.read()
    return file.read_bytes()


def _decompressed(content: bytes, packed: str, file: Path) -> bytes:
    try:
        if packed != ".zip":
            return bytes(OPENERS[packed](io.BytesIO(content), "rb").read())
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.namelist() if not member.endswith("/")]
            if len(members) != 1:
                raise DataError(
                    f"{file}: is an archive of {len(members)} files; unpack it and give the files that are meant"
                )
            return archive.read(members[0])
    except DataError:
        raise
    except Exception as error:  # of four libraries
        raise DataError(
            f"{file}: cannot be read: its compressed data are damaged ({error}); copy it again"
        ) from None
