"""Pairs closer than those of the data: errors by where the repulsion takes over.

    python benches/close_pairs.py FILE... [--size medium] [--inner 0.8 0.6 0.45] [--angular-cutoff 4.5]

The tenth of the structures of each file whose closest pairs are closest, in the median of all structures, is left out;
a dense fit to the others predicts it. Prints a Markdown row for each file: RMSE of its forces without repulsion, then
with ZBL in full below `inner` times where it begins; of all atoms, and of those in pairs closer than any fitted.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import mlip_rs as mlip
from mlip_rs import _core
from mlip_rs.basis.repulsion import Repulsion
from mlip_rs.data import Dataset, Frame, read_dataset
from mlip_rs.data.core_structures import structure_from_arrays
from mlip_rs.evaluate.evaluation import labels_in
from mlip_rs.fitting.data_domain import SWITCHINGS, domain

HELD_OUT = 0.1
REACH = 6.0
"""Å; pairs beyond are not close."""

Distances = dict[tuple[int, int], float]


def pairs(frame: Frame) -> tuple[NDArray[np.int64], list[tuple[int, int]], NDArray[np.float64]]:
    """First atom, elements and distance of each pair."""
    structure = structure_from_arrays(frame.numbers, frame.positions, frame.cell, frame.pbc)
    first, second, _, vectors = _core.neighbor_list(structure, REACH, 1)
    elements = np.sort(np.stack([frame.numbers[first], frame.numbers[second]], axis=1), axis=1)
    return first, [(int(a), int(b)) for a, b in elements], np.linalg.norm(vectors, axis=1)


def closest(frame: Frame) -> Distances:
    """Shortest distance of each pair of elements, Å."""
    found: Distances = {}
    _, elements, distances = pairs(frame)
    for key, distance in zip(elements, distances, strict=True):
        found[key] = min(found.get(key, np.inf), float(distance))
    return found


def parts(data: Dataset) -> tuple[Dataset, Dataset, Distances]:
    """Structures to fit, those left out, and the shortest distances of the former."""
    own = [closest(frame) for frame in data]
    keys = set().union(*own)
    typical = {key: float(np.median([d[key] for d in own if key in d])) for key in keys}
    nearness = np.array([min((d[key] / typical[key] for key in d), default=np.inf) for d in own])
    left_out = np.zeros(len(data), dtype=bool)
    left_out[np.argsort(nearness)[: max(3, int(HELD_OUT * len(data)))]] = True
    limits = {
        key: min((d[key] for d, out in zip(own, left_out, strict=True) if key in d and not out), default=0.0)
        for key in keys
    }
    return data.subset(~left_out), data.subset(left_out), limits


def force_errors(potential: mlip.Potential, left_out: Dataset, limits: Distances) -> tuple[float, float]:
    """RMSE of the forces of all atoms and of those in close pairs, eV/Å."""
    everything, close = [], []
    found = labels_in(potential.predict([frame.to_atoms() for frame in left_out]))
    for frame, forces in zip(left_out, found.forces, strict=True):
        assert forces is not None
        assert frame.forces is not None
        first, elements, distances = pairs(frame)
        near = np.unique(first[distances < np.array([limits[key] for key in elements])])
        everything.append(forces - frame.forces)
        close.append((forces - frame.forces)[near])
    both = (np.concatenate(everything), np.concatenate(close))
    return float(np.sqrt((both[0] ** 2).mean())), float(np.sqrt((both[1] ** 2).mean()))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--size", default="medium")
    parser.add_argument("--inner", type=float, nargs="+", default=[0.8, 0.6, 0.45])
    parser.add_argument("--angular-cutoff", type=float, default=4.5, metavar="Å")
    arguments = parser.parse_args()
    print("| set | closest | none |" + "".join(f" {inner:g} |" for inner in arguments.inner))
    print("|---|---|---|" + "---|" * len(arguments.inner))
    size = int(arguments.size) if arguments.size.isdigit() else arguments.size
    for path in arguments.files:
        data = read_dataset(path)
        fitted, left_out, limits = parts(data)
        basis = mlip.Basis(size=size, angular_cutoff=arguments.angular_cutoff).resolved(fitted)
        own = domain(fitted, basis.elements, basis.core.cutoff)
        repulsions: list[Repulsion | None] = [None]
        repulsions += [own.repulsion(replace(SWITCHINGS[0], inner=inner)) for inner in arguments.inner]
        cells = []
        for repulsion in repulsions:
            settings = mlip.FitSettings(method="ridge", anchor_weight=0.0)
            run = mlip.fit(fitted, replace(basis, repulsion=repulsion), settings)
            cells.append("{:.3f}, {:.3f}".format(*force_errors(run.best(), left_out, limits)))
        nearest = min(
            distance / limits[key]
            for frame in left_out
            for key, distance in closest(frame).items()
            if limits[key]
        )
        print(f"| {path.stem} | {nearest:.2f} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
