"""Imported potentials beside pypolymlp itself: differences of energies, forces and stresses, and time per atom.

    pip install pypolymlp                                  # perhaps elsewhere: --peer-python
    python benches/import_peers.py NAME=FILE[,FILE...]... [--peer-python PYTHON] [--sizes 256 2048] [--json]

FILE is a `polymlp.yaml`, such as those in `examples/calculator` of pypolymlp's source. Differences, relative to the
energy, to the largest force component and to the largest component of the virial, are the largest over cubic crystals
(fcc, bcc, diamond, simple; rattled and not) and six random cells. Time is core time of one thread, median of 3: ours
with the neighbour list reused; pypolymlp with its list, which compares all pairs of atoms. The ratio is that of its
cheapest size to our largest.
"""

import argparse
import json
import subprocess
import sys
from itertools import cycle, islice

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii

import mlip_rs as mlip
from mlip_rs.cost.timing import measure

XX_YY_ZZ_XY_YZ_ZX = [0, 1, 2, 5, 3, 4]

PEER = """
import json, sys, time
import numpy as np
from pypolymlp.calculator.properties import Properties
from pypolymlp.core.data_format import PolymlpStructure

files, elements, repeats, structures = json.load(sys.stdin)
properties = Properties(pot=files if len(files) > 1 else files[0])
out = []
for symbols, cell, positions in structures:
    types = np.array([elements.index(symbol) for symbol in symbols])
    order = np.argsort(types, kind="stable")
    axis = np.array(cell).T
    structure = PolymlpStructure(
        axis=axis, positions=np.linalg.solve(axis, np.array(positions).T)[:, order], types=types[order].tolist(),
        n_atoms=[int((types == k).sum()) for k in range(len(elements))], elements=[symbols[k] for k in order],
        volume=abs(np.linalg.det(axis)),
    )
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        energy, forces, virial = properties.eval(structure, use_openmp=False)
        times.append(time.process_time() - begin)
    forces = forces.T[np.argsort(order)]
    out.append([energy, forces.tolist(), np.asarray(virial).tolist(), float(np.median(times))])
json.dump(out, sys.stdout)
"""


def peer(python: str, files, elements, structures, repeats: int = 1):
    """Energy, forces, virial and seconds of every structure by pypolymlp."""
    entries = [[list(a.symbols), a.cell.array.tolist(), a.positions.tolist()] for a in structures]
    done = subprocess.run(
        [python, "-c", PEER],
        input=json.dumps([files, list(elements), repeats, entries]),
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def crystals(elements, rng):
    """Four cubic crystals of mixed elements, as they are and rattled."""
    for name, a in (("fcc", 4.05), ("bcc", 3.2), ("diamond", 5.4), ("sc", 2.8)):
        atoms = bulk("Al", name, a=a, cubic=True).repeat(2)
        atoms.symbols[:] = list(islice(cycle(elements), len(atoms)))
        yield atoms.copy()
        atoms.positions += rng.normal(0.0, 0.15, atoms.positions.shape)
        yield atoms


def random_cells(elements, rng, n_atoms: int = 24):
    """Six skewed cells of random atoms that keep a distance."""
    for _ in range(6):
        symbols = list(elements) + list(rng.choice(elements, n_atoms - len(elements)))
        radius = np.mean([covalent_radii[atomic_numbers[symbol]] for symbol in symbols])
        edge = (0.9 * n_atoms) ** (1 / 3) * 2 * radius
        cell = np.eye(3) * edge + rng.normal(0, 0.1 * edge, (3, 3))
        points: list[np.ndarray] = []
        while len(points) < n_atoms:
            point = rng.random(3)
            steps = [point - other - np.round(point - other) for other in points]
            if all(np.linalg.norm(step @ cell) > 1.2 * radius for step in steps):
                points.append(point)
        yield Atoms(symbols, scaled_positions=points, cell=cell, pbc=True)


def differences(potential, structures, theirs):
    """Largest relative differences of energy, forces and virial."""
    worst = np.zeros(3)
    for atoms, (energy, forces, virial, _) in zip(structures, theirs, strict=True):
        found = potential.predict(atoms)
        own = -found.stress[XX_YY_ZZ_XY_YZ_ZX] * atoms.get_volume()
        scale = max(np.abs(forces).max(), 1e-3)  # eV/Å; the forces of crystals vanish
        worst = np.maximum(
            worst,
            [
                abs(found.energy - energy) / abs(energy),
                np.abs(found.forces - np.array(forces)).max() / scale,
                np.abs(own - np.array(virial)).max() / np.abs(virial).max(),
            ],
        )
    return worst.tolist()


def crystal_like(elements, n_atoms: int, rng):
    """A rattled fcc crystal of about this many atoms with a volume that suits its elements."""
    radius = np.mean([covalent_radii[atomic_numbers[symbol]] for symbol in elements])
    atoms = bulk("Al", "fcc", a=2.0 * radius * 2**0.5 * 1.1, cubic=True).repeat(
        round((n_atoms / 4) ** (1 / 3))
    )
    atoms.symbols[:] = list(islice(cycle(elements), len(atoms)))
    atoms.positions += rng.normal(0.0, 0.05, atoms.positions.shape)
    return atoms


def compared(name: str, files, python: str, sizes):
    potential = mlip.import_potential(files)
    rng = np.random.default_rng(1)
    structures = [*crystals(potential.elements, rng), *random_cells(potential.elements, rng)]
    worst = differences(potential, structures, peer(python, files, potential.elements, structures))
    ours, theirs = [], []
    for n_atoms in sizes:
        atoms = crystal_like(potential.elements, n_atoms, rng)
        ours.append(measure(potential, atoms).us_per_atom)
        theirs.append(peer(python, files, potential.elements, [atoms], 3)[0][3] / len(atoms) * 1e6)
    return {
        "name": name,
        "n_coefficients": potential.info["imported_from"]["n_coefficients"],
        "differences": dict(zip(("energy", "forces", "virial"), worst, strict=True)),
        "us_per_atom": dict(zip(map(str, sizes), ours, strict=True)),
        "pypolymlp_us_per_atom": dict(zip(map(str, sizes), theirs, strict=True)),
        "ratio": min(theirs) / ours[-1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="NAME=FILE[,FILE...]")
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 2048])
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    for model in given.models:
        name, _, files = model.partition("=")
        row = compared(name, files.split(","), given.peer_python, given.sizes)
        if given.json:
            print(json.dumps(row), flush=True)
            continue
        worst = ", ".join(f"{key} {value:.1e}" for key, value in row["differences"].items())
        times = "; ".join(
            f"{size} atoms {row['us_per_atom'][size]:.1f} and {row['pypolymlp_us_per_atom'][size]:.1f} µs"
            for size in row["us_per_atom"]
        )
        print(
            f"{name}: {row['n_coefficients']} coefficients; {worst}; {times}; {row['ratio']:.0f} times",
            flush=True,
        )


if __name__ == "__main__":
    main()
