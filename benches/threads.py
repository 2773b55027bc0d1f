"""Two threads against one, wall time of an evaluation with its neighbour list reused.

    python benches/threads.py POTENTIAL... [--sizes 4000 16000]

Rattled crystals of the first element. Fifteen evaluations by one thread and by two alternate four times; medians
and shortest times. Other work on the machine takes a core away from the two.
"""

import argparse
import statistics
import time
from pathlib import Path

import mlip_rs as mlip
from mlip_rs import _core
from mlip_rs.cost.timing import SKIN
from mlip_rs.data.core_structures import arrays_from_atoms
from mlip_rs.generate.prototypes import crystal, enlarged

ROUNDS, EVALUATIONS = 4, 15


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("potentials", nargs="+", type=Path)
    parser.add_argument("--sizes", nargs="+", type=int, default=[4000, 16000])
    args = parser.parse_args()
    print("| potential | atoms | one thread, ms | two, ms | median | shortest |\n|---|---|---|---|---|---|")
    for path in args.potentials:
        potential = mlip.Potential.load(path)
        for size in args.sizes:
            atoms = enlarged(crystal(potential.elements), size)
            atoms.rattle(0.02, seed=0)
            arrays = arrays_from_atoms(atoms)
            evaluators = {n: _core.Evaluator(potential.core, SKIN, n) for n in (1, 2)}
            times: dict[int, list[float]] = {1: [], 2: []}
            for _ in range(ROUNDS):
                for n, evaluator in evaluators.items():
                    for _ in range(EVALUATIONS):
                        begin = time.perf_counter()
                        evaluator.compute(*arrays)
                        times[n].append(1e3 * (time.perf_counter() - begin))
            one, two = (statistics.median(times[n]) for n in (1, 2))
            shortest = min(times[1]) / min(times[2])
            print(
                f"| {path.name} | {len(atoms)} | {one:.2f} | {two:.2f} | {one / two:.2f} | {shortest:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
