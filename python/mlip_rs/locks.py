"""Locks of files, that two processes do not write the same output."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mlip_rs.errors import ConfigError
from mlip_rs.files import check_folder

LOCK: str = ".lock"
"""File in the run directory, held while a fit runs; the system lets go of it when the process ends, however it ends."""

_held: set[Path] = set()
"""Files that this process holds already."""


@contextmanager
def locked(directory: str | os.PathLike[str] | None) -> Iterator[None]:
    """Hold a run directory, which is made if it does not exist; in the process that holds it, this does nothing.

    None stands for no directory. Where the system has no such locks (Windows, some network disks), nothing is held.

    Raises
    ------
    ConfigError
        Another process is fitting there; names it.
    OSError
        The directory cannot be made or written to.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, locked(folder):
    ...     [path.name for path in Path(folder).iterdir()]
    ['.lock']
    """
    path = None if directory is None else Path(directory).absolute() / LOCK
    if path is None or path in _held:
        yield
        return
    told = (
        f"{path.parent}: {{}} is fitting there; wait until it ends, or choose another output directory (-o)"
    )
    try:
        with lock_file(path, told):
            yield
    finally:
        with suppress(OSError):
            path.parent.rmdir()  # if nothing came to be in it


@contextmanager
def lock_file(path: Path, told: str) -> Iterator[None]:
    """Hold a file, which is made, with its folder, and removed at the end.

    Parameters
    ----------
    path
        The file; nothing else may be in it.
    told
        Message of the error, with a blank `{}` for who holds it.

    Raises
    ------
    ConfigError
        Another process holds it, or this one does.
    OSError
        It cannot be made.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, lock_file(Path(folder, "a.lock"), "{} writes a"):
    ...     with lock_file(Path(folder, "a.lock"), "{} writes a"):
    ...         pass
    Traceback (most recent call last):
    mlip_rs.errors.ConfigError: this process writes a
    """
    path = path.absolute()
    if path in _held:
        raise ConfigError(told.replace("{}", "this process"))
    check_folder(path.parent)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _acquired(path, told)
    _held.add(path)
    try:
        yield
    finally:
        _held.discard(path)
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _acquired(path: Path, told: str) -> int:
    """Descriptor of the file, locked."""
    try:
        import fcntl
    except ImportError:
        return os.open(path, os.O_RDWR | os.O_CREAT)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 20).decode(errors="replace").strip()
            os.close(descriptor)
            raise ConfigError(
                told.replace("{}", f"process {owner}" if owner else "another process")
            ) from None
        except OSError:
            return descriptor
        with suppress(FileNotFoundError):
            if os.fstat(descriptor).st_ino == path.stat().st_ino:
                os.ftruncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
                return descriptor
        os.close(descriptor)  # its owner removed the file in between
