"""Imported cluster expansions beside PACE itself: differences of energies, forces and stresses, and time per atom.

    pip install python-ace==0.4.0rc1                       # perhaps elsewhere: --peer-python
    python benches/import_pace.py [FILE.yace...] [--peer-python PYTHON] [--n-atoms 2000]

Without files, python-ace makes linear models of usual size with random coefficients: one element, 500 and 250
functions; two elements. Differences as in `import_peers.py`; of forces that vanish by symmetry, in units of 1e-6
of the energy per Å. Time is core time of one thread for an evaluation with the neighbour list reused; of PACE the
faster of its two evaluators, which are those of LAMMPS.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase.build import bulk
from import_peers import crystals, random_cells

import mlip_rs as mlip
from mlip_rs.cost.timing import measure

MODELS = {  # Elements, functions of each, cutoff (Å), n and l of each rank.
    "Al-500": (["Al"], 500, 7.0, [15, 6, 4, 3, 2], [0, 6, 4, 3, 2]),
    "Al-250": (["Al"], 250, 6.0, [8, 5, 3, 2], [0, 5, 3, 2]),
    "AlNi-500": (["Al", "Ni"], 500, 6.5, [12, 5, 3, 2, 1], [0, 4, 3, 2, 1]),
}

PEER = """
import contextlib, io, json, sys, time
import numpy as np
from ase import Atoms
from pyace import PyACECalculator, create_multispecies_basis_config
from pyace.basis import ACEBBasisSet

def make(path, elements, n_functions, rcut, nradmax, lmax):
    every = {"npot": "FinnisSinclair", "fs_parameters": [1, 1], "ndensity": 1}
    bonds = {"radbase": "ChebExpCos", "radparameters": [5.25], "rcut": rcut, "dcut": 0.01}
    orders = {"nradmax_by_orders": nradmax, "lmax_by_orders": lmax}
    basis = ACEBBasisSet(create_multispecies_basis_config({
        "deltaSplineBins": 0.001, "elements": elements, "embeddings": {"ALL": every}, "bonds": {"ALL": bonds},
        "functions": {"number_of_functions_per_element": n_functions, "ALL": orders},
    }))
    rng = np.random.default_rng(5)
    given = np.array(basis.all_coeffs)
    basis.all_coeffs = (given + rng.normal(0.0, 0.1, len(given))).tolist()
    basis.to_ACECTildeBasisSet().save_yaml(path)

def evaluate(path, structures, repeats):
    out = []
    for symbols, cell, positions in structures:
        atoms = Atoms(symbols, positions=positions, cell=cell, pbc=True)
        best = None
        for recursive in (False, True):
            calc = PyACECalculator(path, recursive_evaluator=recursive, recursive=recursive)
            environment = calc.get_atomic_env(atoms)
            times = []
            for _ in range(repeats):
                begin = time.process_time()
                calc.ace.compute(environment, compute_projections=False)
                times.append((time.process_time() - begin) / len(atoms) * 1e6)
            if best is None or np.median(times) < best:
                best = float(np.median(times))
        atoms.calc = PyACECalculator(path)
        stress = atoms.get_stress().tolist()
        out.append([float(atoms.get_potential_energy()), atoms.get_forces().tolist(), stress, best])
    return out

with contextlib.redirect_stdout(io.StringIO()):
    what, *arguments = json.load(sys.stdin)
    found = {"make": make, "evaluate": evaluate}[what](*arguments)
print(json.dumps(found))
"""


def peer(python: str, *arguments):
    """What python-ace makes or computes."""
    done = subprocess.run(
        [python, "-c", PEER], input=json.dumps(arguments), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def evaluated(python: str, file: str, structures, repeats: int = 1):
    """Energy, forces, stress and µs per atom of every structure by PACE."""
    entries = [[list(a.symbols), a.cell.array.tolist(), a.positions.tolist()] for a in structures]
    return peer(python, "evaluate", file, entries, repeats)


def differences(potential, structures, theirs):
    """Largest relative differences of energy, forces and stress."""
    worst = np.zeros(3)
    for atoms, (energy, forces, stress, _) in zip(structures, theirs, strict=True):
        found = potential.predict(atoms)
        rows = [
            abs(found.energy - energy) / abs(energy),
            np.abs(found.forces - np.array(forces)).max() / max(np.abs(forces).max(), 1e-6 * abs(energy)),
            np.abs(found.stress - np.array(stress)).max() / np.abs(stress).max(),
        ]
        worst = np.maximum(worst, rows)
    return worst


def compare(file: str, python: str, n_atoms: int) -> None:
    potential = mlip.import_potential(file)
    elements, rng = potential.elements, np.random.default_rng(1)
    structures = [*crystals(elements, rng), *random_cells(elements, rng)]
    worst = differences(potential, structures, evaluated(python, file, structures))
    atoms = bulk(elements[0], cubic=True)
    atoms = atoms.repeat(round((n_atoms / len(atoms)) ** (1 / 3)))
    atoms.symbols[:] = [elements[k % len(elements)] for k in range(len(atoms))]
    atoms.rattle(0.03, seed=1)
    own = measure(potential, atoms).us_per_atom
    theirs = evaluated(python, file, [atoms], 3)[0][3]
    print(
        f"{Path(file).stem}: {potential.info['imported_from']['n_functions']} functions; energy {worst[0]:.1e}, forces "
        f"{worst[1]:.1e}, stress {worst[2]:.1e}; {len(atoms)} atoms {own:.1f} and {theirs:.1f} µs; "
        f"{theirs / own:.1f} times",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--n-atoms", type=int, default=2000)
    given = parser.parse_args()
    for file in given.files:
        compare(file, given.peer_python, given.n_atoms)
    with tempfile.TemporaryDirectory() as place:
        for name, settings in {} if given.files else MODELS.items():
            peer(given.peer_python, "make", f"{place}/{name}.yace", *settings)
            compare(f"{place}/{name}.yace", given.peer_python, given.n_atoms)


if __name__ == "__main__":
    main()
