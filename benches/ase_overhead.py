"""What the ASE calculator adds to an evaluation by the core.

    python benches/ase_overhead.py POTENTIAL

Steps of both kinds alternate: atoms are moved, then `get_forces`, or the calculator's own evaluator is called with
their arrays (two evaluators differ by a few per cent, as their memory happens to lie). The neighbour list is reused.
One thread, wall time, medians.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from ase.build import bulk

import mlip_rs as mlip
from mlip_rs.data.core_structures import arrays_from_atoms
from mlip_rs.generate.prototypes import crystal

SIZES = (1, 3, 10, 13)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("potential", type=Path)
    potential = mlip.Potential.load(parser.parse_args().potential)
    cell = crystal(potential.elements)
    cell = bulk(cell.symbols[0], cubic=True) if len(potential.elements) == 1 else cell
    print("| atoms | core, µs | through ASE, µs | overhead, µs | |\n|---|---|---|---|---|")
    for repeat in SIZES:
        atoms = cell.repeat(repeat)
        atoms.calc = potential.calculator(threads=1)
        evaluator = atoms.calc._evaluator
        rng = np.random.default_rng(0)
        core, ase = [], []
        for step in range(max(200, 40000 // len(atoms))):
            atoms.positions += rng.normal(size=atoms.positions.shape, scale=1e-4)
            begin = time.perf_counter()
            if step % 2:
                evaluator.compute(*arrays_from_atoms(atoms))
            else:
                atoms.get_forces()
            (core if step % 2 else ase).append(time.perf_counter() - begin)
        a, b = (1e6 * statistics.median(times) for times in (core, ase))
        print(f"| {len(atoms)} | {a:.0f} | {b:.0f} | {b - a:.0f} | {b / a - 1:.1%} |", flush=True)


if __name__ == "__main__":
    main()
