"""Make the models `mtp_*.mtp` and `mtp_reference.json` beside this file, the numbers by motep.

    pip install motep==0.2.0  # in its own environment
    PYTHONPATH=tests/python python tests/python/importers/make_mtp_cases.py

Tables and coefficients are those of `../mtp_case.py`. The C engine of motep computes energies (eV), forces (eV/Å) and
stresses (eV/Å³, xx yy zz yz xz xy). Two atoms are closer than `min_dist`.
"""

import json
from pathlib import Path

import numpy as np
from ase import Atoms
from motep.calculator import MTP
from motep.io.mlip.mtp import read_mtp
from mtp_case import MODELS, text

HERE = Path(__file__).parent
SCALED = [
    [0.05, 0.1, 0.02],
    [0.5, 0.45, 0.1],
    [0.1, 0.55, 0.6],
    [0.6, 0.07, 0.55],
    [0.85, 0.6, 0.65],
    [0.3, 0.2, 0.2],
]
CELL = [[5.6, 0, 0], [0.7, 5.9, 0], [-0.4, 0.3, 5.4]]
SYMBOLS = ["Ni", "Al", "Al", "Ni", "Al", "Ni"]


def main():
    positions = (np.array(SCALED) @ np.array(CELL)).tolist()
    reference = {"structure": {"symbols": SYMBOLS, "cell": CELL, "positions": positions}, "cases": {}}
    for name, (_, _, n_elements) in MODELS.items():
        path = HERE / f"mtp_{name}.mtp"
        path.write_text(text(name), encoding="utf-8")
        elements = ["Al", "Ni"][:n_elements]
        atoms = Atoms(
            [s if s in elements else "Al" for s in SYMBOLS], positions=positions, cell=CELL, pbc=True
        )
        data = read_mtp(path)
        data.species = [{"Al": 13, "Ni": 28}[symbol] for symbol in elements]
        atoms.calc = MTP(data, engine="cext")
        reference["cases"][name] = {
            "elements": elements,
            "energy": float(atoms.get_potential_energy()),
            "forces": atoms.get_forces().tolist(),
            "stress": atoms.get_stress().tolist(),
        }
    (HERE / "mtp_reference.json").write_text(json.dumps(reference) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
