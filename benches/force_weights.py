"""Weights that fall with the size of the forces: errors in bins of |F|, of structures that the fit has not seen.

    python benches/force_weights.py SHARED_DATA [--sets Mo Si] [--size medium] [--rules 0.1 0.1,1 0.0707,1]

A rule is the precision of a force (eV/Å), or that and the scale of `force_scale` in the median of the root mean squared
force components of the structures. Each third of the data, in random blocks, is predicted by a dense fit (`ridge`, no
repulsion, no anchor rows) to the others. Prints one Markdown table for each set.
"""

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import mlip_rs as mlip
from mlip_rs.data import Dataset, folds, read_dataset
from mlip_rs.evaluate.evaluation import labels_in

SETS = {
    "Al": "al_dft/al_dft.extxyz",
    "Mo": "mlearn/Mo_train.xyz",
    "Si": "mlearn/Si_train.xyz",
    "Ge": "mlearn/Ge_train.xyz",
    "Li": "mlearn/Li_train.xyz",
    "Cu": "mlearn2/Cu_train.xyz",
    "AgAu": "agau/AgAu_train.xyz",
}
N_FOLDS = 3
EDGES = (0.0, 0.1, 0.3, 1.0, 3.0, np.inf)
"""Of the bins, eV/Å."""

Array = NDArray[np.float64]


def rms(forces: Array) -> float:
    """Root mean square of the components."""
    return float(np.sqrt((forces**2).mean()))


def residuals(data: Dataset, size: str, weights: mlip.Weights) -> tuple[Array, list[Array]]:
    """(S,) errors of the energy, meV/atom, and (N, 3) errors of the forces of each structure, out of the fit."""
    assigned = folds(data, N_FOLDS, 0)
    energies, forces = np.empty(len(data)), [np.empty(0)] * len(data)
    settings = mlip.FitSettings(method="ridge", weights=weights, anchor_weight=0.0)
    for fold in range(N_FOLDS):
        members = np.flatnonzero(assigned == fold)
        run = mlip.fit(data.subset(assigned != fold), mlip.Basis(size=size, repulsion=None), settings)
        found = labels_in(run.best().predict([data[k].to_atoms() for k in members]))
        for k, energy, force in zip(members, found.energies, found.forces, strict=True):
            own = data[int(k)]
            assert own.energy is not None
            assert own.forces is not None
            assert force is not None
            energies[k] = 1e3 * (energy - own.energy) / own.n_atoms
            forces[k] = force - own.forces
    return energies, forces


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=["Mo", "Si"])
    parser.add_argument("--size", default="medium")
    parser.add_argument("--rules", nargs="+", default=["0.1", "0.1,1", "0.0707,1"])
    arguments = parser.parse_args()
    for name in arguments.sets:
        data = read_dataset(arguments.data / SETS[name])
        sizes = np.array([rms(frame.forces) for frame in data if frame.forces is not None])
        norms = [np.linalg.norm(frame.forces, axis=1) for frame in data if frame.forces is not None]
        scale = float(np.median(sizes[sizes > 0.0]))
        places = [np.digitize(own, EDGES) - 1 for own in (sizes, np.concatenate(norms))]
        bins = [f"{low:g} to {high:g}" for low, high in pairwise(EDGES)]
        print(
            f"\n{name}, scale {scale:.3f} eV/Å; RMSE of energies (meV/atom) by RMS force, of forces (eV/Å) by |F|"
        )
        print("\n| rule | energy | force | " + " | ".join(bins) + " |\n" + "|---" * (3 + len(bins)) + "|")
        for rule in arguments.rules:
            precision, *relative = (float(part) for part in rule.split(","))
            weights = mlip.Weights(forces=precision, force_scale=relative[0] * scale if relative else None)
            energies, forces = residuals(data, arguments.size, weights)
            squares = (np.concatenate(forces) ** 2).mean(axis=1)
            cells = [f"{rms(energies):.2f}", f"{np.sqrt(squares.mean()):.4f}"]
            for k in range(len(bins)):
                own, atoms = energies[places[0] == k], squares[places[1] == k]
                energy = f"{rms(own):.2f}" if len(own) else "–"
                cells.append(f"{energy}, {np.sqrt(atoms.mean()):.4f}" if len(atoms) else f"{energy}, –")
            print(f"| {rule} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
