"""Atomic writing of files: a reader sees either the old or the complete new content."""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str], mode: str = "w") -> Iterator[IO[Any]]:
    """Open a temporary file that replaces the target when the block ends without an error.

    A symbolic link stays a link: the file it points to is replaced. An existing file keeps its permissions.
    Devices and pipes (/dev/null, /dev/stdout) are written to and never replaced.

    Parameters
    ----------
    path
        The file to write; its folder must exist.
    mode
        "w" for UTF-8 text, "wb" for bytes.

    Raises
    ------
    OSError
        The file cannot be written; the old one is unchanged and no temporary file remains.
    """
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "\n")
    if _is_device(path):
        with _naming(path), Path(path).open(mode, encoding=encoding, newline=newline) as file:
            yield file
        return
    target = Path(os.path.realpath(path))
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(13, "the existing file is write-protected", os.fspath(path))
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        # Not tempfile: its files are private, while the user's umask should decide.
        with temporary.open(mode.replace("w", "x"), encoding=encoding, newline=newline) as file:
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o7777)
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        # "90000 requested and 25584 written", without a number: of numpy, which wrote less than it was given.
        if isinstance(error, OSError) and "requested and" in str(error):
            raise OSError(
                errno.ENOSPC, f"the file is not whole, is the disk full? ({error})", os.fspath(path)
            ) from None
        if isinstance(error, OSError) and error.filename in (None, os.fspath(temporary)):
            error.filename = os.fspath(path)  # the user knows nothing of the temporary file
        raise
    _sync_folder(target.parent)


def append_whole(path: str | os.PathLike[str], text: str, *, sync: bool = False) -> None:
    """Append text to a file, whole or not at all; with `sync`, it is on the disk when this returns.

    Raises
    ------
    OSError
        Names the file; what was there before is unchanged.
    """
    with _naming(path), Path(path).open("ab", buffering=0) as file:
        before = None if _is_device(path) else file.tell()
        rest = memoryview(text.encode())
        try:
            while rest:
                rest = rest[file.write(rest) :]
            if sync:
                os.fsync(file.fileno())
                if before == 0:
                    _sync_folder(Path(path).absolute().parent)
        except BaseException:
            if before is not None:
                file.truncate(before)
            raise


def check_writable(path: str | os.PathLike[str]) -> None:
    """Check that `atomic_file` can write a file, before the computation of its content.

    Raises
    ------
    OSError
        The file is write-protected or a folder, or its folder is write-protected or does not exist.
    """
    if _is_device(path):
        return
    target, folder = Path(os.path.realpath(path)), Path(path).parent
    if target.is_dir():
        text = "is a folder, but a file must be written there; remove it or choose another output"
        raise IsADirectoryError(errno.EISDIR, text, os.fspath(path))
    if not target.parent.is_dir():
        text = "is not a folder; choose another output"
        raise NotADirectoryError(errno.ENOTDIR, text, os.fspath(folder))
    for place, rights in ((target, os.W_OK), (target.parent, os.W_OK | os.X_OK)):
        if place.exists() and not os.access(place, rights):
            named = path if place == target else folder
            raise PermissionError(errno.EACCES, "is write-protected; choose another output", os.fspath(named))
    try:
        _try_folder(target.parent)
    except OSError as error:
        text = f"cannot be written ({error.strerror}); choose another output"
        raise OSError(error.errno, text, os.fspath(path)) from None


def check_folder(path: str | os.PathLike[str]) -> None:
    """Check that a folder exists or can be made and that files can be made in it, and leave nothing behind.

    Raises
    ------
    OSError
        Names the folder and the reason.
    """
    folder = Path(path).absolute()
    made: list[Path] = []
    try:
        for place in reversed([folder, *folder.parents]):
            if not place.exists():
                place.mkdir()
                made.append(place)
        _try_folder(folder)
    except OSError as error:
        text = f"cannot be written ({error.strerror}); choose another output directory"
        raise OSError(error.errno, text, os.fspath(path)) from None
    finally:
        for place in reversed(made):
            place.rmdir()


def check_outputs(folder: str | os.PathLike[str], names: Sequence[str], folders: Sequence[str] = ()) -> None:
    """Check that some files, and folders of files, can be written in a folder, which need not exist; nothing is left.

    Raises
    ------
    OSError
        Names the file or folder and the reason.
    """
    check_folder(folder)
    if not Path(folder).is_dir():
        return
    for name in names:
        check_writable(Path(folder, name))
    for name in folders:
        if Path(folder, name).exists():
            check_writable(Path(folder, name, "any"))


def _try_folder(folder: Path) -> None:
    """Make a file in a folder and remove it: permissions alone do not tell (root, /proc, read-only disks)."""
    probe = folder / f".{secrets.token_hex(6)}.tmp"
    probe.touch(exist_ok=False)
    probe.unlink()


@contextlib.contextmanager
def _naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file in errors of writing, which do not say which one it was."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or os.fspath(path)
        raise


def write_atomically(path: str | os.PathLike[str], text: str) -> None:
    """Write UTF-8 text with `atomic_file`.

    Raises
    ------
    OSError
        The file cannot be written; the old one is unchanged and no temporary file remains.
    """
    with atomic_file(path) as file:
        file.write(text)


def distinct_names(paths: Sequence[str | os.PathLike[str]]) -> dict[str, str]:
    """Name each path of a potential by the fewest last parts that make the names distinct.

    The suffix is omitted, unless the names differ by nothing else (`x` and `x.mlip.json`). A path that is given twice
    is named once.

    >>> distinct_names(["al/best.mlip.json", "cu/best.mlip.json"])
    {'al/best': 'al/best.mlip.json', 'cu/best': 'cu/best.mlip.json'}
    """
    unique = {str(Path(path).absolute()): os.fspath(path) for path in paths}
    parts = [Path(path).parts for path in unique]
    names: list[str] = []
    for count in range(1, max(map(len, parts), default=0) + 1):
        whole = ["/".join(part[-count:]) for part in parts]
        stems = [plain_name(name).removesuffix(".mlip.json") for name in whole]
        names = stems if len(set(stems)) == len(unique) else whole
        if len(set(names)) == len(unique):
            break
    return dict(zip(names, unique.values(), strict=True))


def plain_name(name: str) -> str:
    """Name of a file without the suffix of its compression.

    >>> plain_name("si.mlip.json.xz")
    'si.mlip.json'
    """
    return name.removesuffix(".xz").removesuffix(".gz")


def _is_device(path: str | os.PathLike[str]) -> bool:
    """Tell whether a path is a device, pipe or socket."""
    try:
        kind = os.stat(path).st_mode  # noqa: PTH116 (bytes, too)
    except OSError:
        return False
    return not (stat.S_ISREG(kind) or stat.S_ISDIR(kind))


def _sync_folder(folder: Path) -> None:
    """Force the new name to disk, if the file system supports it (not on Windows, not on every network disk)."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
