"""Neighbour lists beside vesin: full lists (i, j, S, r_ij) as NumPy arrays, one thread, medians of five.

pip install vesin
python benches/neighbors.py
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import vesin
from ase.build import bulk

from mlip_rs import _core
from mlip_rs.data.core_structures import structure_from_atoms

CUTOFF = 6.5


def median_seconds(work: Callable[[], object]) -> float:
    work()
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main() -> None:
    print("| atoms | pairs | mlip_rs ns/pair | vesin ns/pair | ratio |\n|---|---|---|---|---|")
    for n in (6, 14, 29):
        atoms = bulk("Al", "fcc", 4.05, cubic=True).repeat(n)
        atoms.rattle(0.1, seed=1)
        structure = structure_from_atoms(atoms)
        peer = vesin.NeighborList(cutoff=CUTOFF, full_list=True)
        points, box = atoms.positions, np.asarray(atoms.cell)

        def ours(structure: _core.Structure = structure) -> object:
            return _core.neighbor_list(structure, CUTOFF, 1)

        def theirs(
            peer: vesin.NeighborList = peer, points: np.ndarray = points, box: np.ndarray = box
        ) -> object:
            return peer.compute(points=points, box=box, periodic=True, quantities="ijSD", copy=False)

        n_pairs = len(ours()[0])
        assert n_pairs == len(theirs()[0])
        a, b = (median_seconds(work) / n_pairs * 1e9 for work in (ours, theirs))
        print(f"| {len(atoms)} | {n_pairs} | {a:.1f} | {b:.1f} | {b / a:.1f} |")


if __name__ == "__main__":
    main()
