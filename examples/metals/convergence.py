"""Convergence of the labels of an element: a strained, rattled cell of four atoms with other settings.

    python convergence.py K "density=4.5" "density=3" "density=3 cutoff=350" -o K/convergence.json

The first settings are those that the others are compared with. Printed and written: difference of the energy
(meV/atom), largest differences of a force component (meV/Å) and of a stress component (GPa), k-points, iterations,
seconds.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from first_principles import metal

from mlip_rs.files import write_atomically
from mlip_rs.generate.ground_states import GroundState

STRAIN, RATTLE, SEED = 0.03, 0.1, 0


def distorted(element: str) -> Atoms:
    """Four atoms of fcc or bcc at the volume of `mlip-rs generate`, distorted."""
    state = GroundState.of(element)
    structure = state.name if state.name in ("fcc", "bcc") else "fcc"
    per_cube = {"fcc": 4, "bcc": 2}[structure]
    atoms = bulk(element, structure, a=(per_cube * state.volume) ** (1.0 / 3.0), cubic=True)
    atoms = atoms.repeat((4 // per_cube, 1, 1))
    rng = np.random.default_rng(SEED)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-STRAIN, STRAIN, (3, 3))), scale_atoms=True)
    atoms.rattle(RATTLE, seed=SEED)
    return atoms


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("element")
    parser.add_argument("settings", nargs="+", help="as density=3 width=0.5 cutoff=350")
    parser.add_argument("-o", "--output", type=Path, required=True)
    arguments = parser.parse_args()
    rows, first = [], None
    for text in arguments.settings:
        given = {name: float(value) for name, value in (part.split("=") for part in text.split())}
        atoms, start = distorted(arguments.element), time.monotonic()
        atoms.calc = metal(atoms, **given)
        energy = 1e3 * atoms.get_potential_energy(force_consistent=True) / len(atoms)
        forces, stress = 1e3 * atoms.get_forces(), atoms.get_stress() / units.GPa
        first = first or (energy, forces, stress)
        gpaw = getattr(atoms.calc, "calculator", atoms.calc)
        row = {
            "settings": text,
            "energy_mev_per_atom": energy - first[0],
            "force_mev_per_angstrom": float(np.abs(forces - first[1]).max()),
            "stress_gpa": float(np.abs(stress - first[2]).max()),
            "k_points": len(gpaw.get_ibz_k_points()),
            "iterations": int(gpaw.get_number_of_iterations()),
            "seconds": round(time.monotonic() - start, 1),
        }
        rows.append(row)
        print(row, flush=True)
    write_atomically(arguments.output, json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
