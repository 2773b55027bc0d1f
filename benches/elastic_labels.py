"""Elastic constants of a cubic crystal over the front of a fit, against those of the labels of its strained cells.

    python benches/elastic_labels.py Mo_train.xyz mo [Si_train.xyz si ...] [--config-type Elastic] [--largest 0.0205]

Pairs of a training set and the directory of a fit to it. C11, C12 and C44 are those that describe the stresses of the
cells strained by no more than `--largest` best, by least squares, from the labels and from each potential on the same
cells: the lattice constant and the size of the strains are no difference between the two. Cells are supercells of the
cubic cell, of one size, with edges along x, y, z; that of most edges is the one without strain. Prints a
Markdown row for each set.
"""

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms

from mlip_rs import Potential
from mlip_rs.arrays import Array
from mlip_rs.data import Frame, read_dataset
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA

N_CONSTANTS: int = 3
HALF_SHEARS = np.array([1.0, 1.0, 1.0, 0.5, 0.5, 0.5])


def strains(frames: list[Frame]) -> Array:
    """(S, 6) strains xx yy zz 2yz 2xz 2xy of cells (S) of one cubic crystal."""
    cells = np.array([frame.cell for frame in frames])
    edges, counts = np.unique(np.diagonal(cells, axis1=1, axis2=2).round(4), return_counts=True)
    deformation = cells / edges[counts.argmax()] - np.eye(3)
    symmetric = 0.5 * (deformation + deformation.transpose(0, 2, 1))
    i, j = np.array([0, 1, 2, 1, 0, 0]), np.array([0, 1, 2, 2, 2, 1])
    return np.asarray(symmetric[:, i, j] / HALF_SHEARS)


def constants(strain: Array, stress: Array) -> Array:
    """(3,) C11, C12, C44 in GPa by strains (S, 6) and stresses (S, 6) in eV/Å³; a constant pressure is fitted too."""
    trace = strain[:, :3].sum(axis=1, keepdims=True)
    zero, one = np.zeros(strain[:, :3].shape), np.ones(strain[:, :3].shape)
    normal = np.stack([strain[:, :3], trace - strain[:, :3], zero, one], axis=-1)
    shear = np.stack([zero, zero, strain[:, 3:], zero], axis=-1)
    rows = np.concatenate([normal, shear], axis=1).reshape(-1, N_CONSTANTS + 1)
    return np.asarray(
        np.linalg.lstsq(rows, stress.ravel(), rcond=None)[0][:N_CONSTANTS] * EV_PER_ANGSTROM3_IN_GPA
    )


def stresses(potential: Potential, frames: list[Frame]) -> Array:
    """(S, 6) stresses of a potential, eV/Å³."""
    out = []
    for frame in frames:
        atoms = Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc)
        atoms.calc = potential.calculator()
        out.append(atoms.get_stress())
    return np.array(out)


def row(path: Path, run: Path, config_type: str, largest: float) -> str:
    """Markdown row of a fit."""
    frames = [own for own in read_dataset(path) if own.config_type == config_type and own.stress is not None]
    if not frames:
        raise SystemExit(f"{path}: no frame of the config type {config_type} has a stress")
    strain = strains(frames)
    small = np.abs(strain * HALF_SHEARS).max(axis=1) <= largest
    strain = strain[small]
    frames = [frame for frame, own in zip(frames, small, strict=True) if own]
    labels = constants(strain, np.array([frame.stress for frame in frames]))
    files = {Potential.load(file).n_nonzero: file for file in sorted((run / "front").glob("*.json*"))}
    named = {Potential.load(run / f"{name}.mlip.json").n_nonzero: name for name in ("knee", "best")}
    cells = []
    for n, file in sorted(files.items()):
        deviations = 100.0 * (constants(strain, stresses(Potential.load(file), frames)) / labels - 1.0)
        text = ", ".join(f"{own:+.0f}" for own in deviations)
        cells.append(f"{n}{' ' + named[n] if n in named else ''}: {text}")
    c11, c12, c44 = labels
    return f"| {path.stem} | {len(frames)}: {c11:.0f}, {c12:.0f}, {c44:.0f} | {'; '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", type=Path, nargs="+", metavar="FILE RUN")
    parser.add_argument("--config-type", default="Elastic")
    parser.add_argument("--largest", type=float, default=0.0205, help="Of a strain; 0.0205 by default.")
    arguments = parser.parse_args()
    if len(arguments.pairs) % 2:
        parser.error("give a run directory after each training set")
    print("| set | strained cells: C11, C12, C44 (GPa) | coefficients: deviations in % |")
    print("|---|---|---|")
    for path, run in zip(arguments.pairs[::2], arguments.pairs[1::2], strict=True):
        print(row(path, run, arguments.config_type, arguments.largest), flush=True)


if __name__ == "__main__":
    main()
