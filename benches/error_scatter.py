"""Test errors with their standard errors: few test structures scatter.

    python benches/error_scatter.py Ge_test.xyz ge/best.mlip.json [Si_test.xyz si/knee.mlip.json ...]

Pairs of a file and a potential. The standard errors of the MAE of energies (meV/atom) and forces (eV/Å) are those of a
bootstrap over the structures of the file, as if others of the same kind had been drawn (B. Efron, Ann. Stat. 7, 1
(1979)). The last column leaves out the structure with the largest error of the energy. Prints a Markdown row for each.
"""

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms

from mlip_rs import Potential
from mlip_rs.arrays import Array
from mlip_rs.data import read_dataset
from mlip_rs.units import MEV_PER_EV

N_DRAWS: int = 4000
SEED: int = 0


def absolute_errors(potential: Potential, path: Path) -> tuple[Array, Array, Array]:
    """(S,) of the energies in meV/atom; sums of those of the force components in eV/Å, and their numbers."""
    frames = list(read_dataset(path))
    structures = [Atoms(own.numbers, own.positions, cell=own.cell, pbc=own.pbc) for own in frames]
    energies, forces, counts = [], [], []
    for frame, found in zip(frames, potential.predict(structures), strict=True):
        if frame.energy is None or frame.forces is None:
            raise SystemExit(f"{path}: frame {frame.index} has no energy or no forces")
        energies.append(MEV_PER_EV * abs(found.energy - frame.energy) / frame.n_atoms)
        forces.append(np.abs(found.forces - frame.forces).sum())
        counts.append(frame.forces.size)
    return np.array(energies), np.array(forces), np.array(counts, dtype=float)


def row(path: Path, file: Path) -> str:
    """Markdown row of a potential."""
    potential = Potential.load(file)
    energies, forces, counts = absolute_errors(potential, path)
    draws = np.random.default_rng(SEED).integers(len(energies), size=(N_DRAWS, len(energies)))
    of_energy = energies[draws].mean(axis=1).std(ddof=1)
    of_forces = (forces[draws].sum(axis=1) / counts[draws].sum(axis=1)).std(ddof=1)
    others = np.delete(energies, energies.argmax()).mean()
    name, force = f"{file.parent.name}/{file.name.split('.')[0]}", forces.sum() / counts.sum()
    return (
        f"| {path.stem}, {len(energies)} | {name}, {potential.n_nonzero} | {energies.mean():.2f} ± {of_energy:.2f} | "
        f"{force:.4f} ± {of_forces:.4f} | {others:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", type=Path, nargs="+", metavar="FILE POTENTIAL")
    arguments = parser.parse_args()
    if len(arguments.pairs) % 2:
        parser.error("give a potential after each file")
    print(
        "| file, structures | potential, coefficients | energy | force | energy without the worst structure |"
    )
    print("|---|---|---|---|---|")
    for path, file in zip(arguments.pairs[::2], arguments.pairs[1::2], strict=True):
        print(row(path, file), flush=True)


if __name__ == "__main__":
    main()
