"""
From VASP runs to a potential
=============================

A folder of VASP runs goes in, a front of potentials comes out; one is chosen, tested and used. This is what a first
potential takes, wrong runs included: two that did not converge, and four with other settings.

No VASP is needed to follow: the runs below are written by ``write_vasp_runs`` from the 316 first-principles
calculations of aluminium that come with the package (Quantum ESPRESSO, PBE), in the format of ``vasprun.xml`` of VASP
6, and the wrong ones among them are made wrong on purpose. Your own folder takes the place of ``runs``. An ``OUTCAR``
is read as well, and compressed files, too.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

from mlip_rs.demo import REFERENCE_PATH, write_vasp_runs

folder = Path(tempfile.mkdtemp())
shutil.copy(REFERENCE_PATH, folder / "reference.json")
files = write_vasp_runs(folder / "runs")
for kind in sorted({file.parents[1] for file in files}):
    print(f"runs/{kind.name}/00/vasprun.xml, … ({len(list(kind.iterdir()))} runs)")

# %%
# Relaxations and molecular dynamics (``relax``, ``md``) have many ionic steps, all of which are training data; the
# others are static runs. ``atom`` is one atom in a large box. Where runs lie in folders of folders, the upper folder
# is the kind of the structures, by which tables and folds of the cross-validation are made. The commands of this page
# are those that you type:


def shell(command: str, stream: str = "stdout", last: int = 0) -> None:
    words = [sys.executable, "-m", *shlex.split(command.replace("mlip-rs", "mlip_rs", 1))]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = re.sub(
        r"^\[ *[\d.]+ s\] ", "", getattr(done, stream).rstrip(), flags=re.MULTILINE
    )  # without times
    lines = [textwrap.fill(line, 105, subsequent_indent="    ") for line in printed.splitlines()[-last:]]
    print(f"$ {command}", *lines, sep="\n", end="\n\n")


# %%
# Look at the data
# ----------------
# Before any fit, ``--dry-run`` reads everything and says what is in it.

shell("mlip-rs fit 'runs/*/*/vasprun.xml' --size medium --dry-run", "stderr")

# %%
# Five things to read there:
#
# - **Energies**: of VASP the free energy ("free  energy TOTEN") is taken, from which the forces derive.
# - **Reference atoms**: ``Al 0 eV (found)`` is the energy of the run with one atom, on whose scale these data are.
#   Yours would be that of an atom in a box of 12 Å or more, spin-polarised, with the same POTCAR and ENCUT. Without it
#   the reference is fitted, ``--isolated-atoms Al=-0.31`` gives it by hand; only energies of atoms that evaporate and
#   cohesive energies depend on it.
# - **Unconverged steps**: where the electronic loop used all NELM iterations, labels are doubtful;
#   ``--drop-unconverged`` leaves these steps out, and keeps the others of the run.
# - **Settings that differ**: ENCUT, functional, POTCAR, smearing, spin or k-points of some runs are not those of the
#   others. Energies of a potential have one scale, so these runs have to go, or to be repeated. The same
#   structures with both settings show by how much they disagree (``duplicates``).
# - **Labels**: energies, forces and stresses agree with each other. Wrong units and signs, as in files that went
#   through other hands, would end the fit here with one sentence.
#
# Move the runs with other settings away, and fit. ``--size medium`` has a third of the default's candidate functions,
# and is for a quick answer; three folds instead of five save time, too.

(folder / "runs" / "old").rename(folder / "other-settings")
shell("mlip-rs fit 'runs/*/*/vasprun.xml' --size medium --folds 3 --drop-unconverged -o al")

# %%
# Each line is a potential: the errors are root mean squares of a cross-validation, in which every structure is
# predicted by a fit without it. ``al/report.html`` has all of this with figures; open it in a browser. The front:

from mlip_rs.fitting.run_directory import front_figure
from mlip_rs.plot.saving import save_figure

save_figure(front_figure(folder / "al"), folder / "front.png")

# %%
# One potential
# -------------
# The knee is the cheapest potential within 10 % of the lowest score; ``--select max-cost=5`` would take the best one
# below 5 µs per atom.

shell("mlip-rs pareto al --select knee -o al.mlip.json", last=1)
shell("mlip-rs inspect al.mlip.json")

# %%
# Test it
# -------
# ``verify`` asks whether the file is sound: forces are derivatives, nothing jumps, crowded and hot structures hold. Of
# its output here the last line.

shell("mlip-rs verify al.mlip.json", last=1)

# %%
# ``validate`` computes what one wants to know, with error bars that tell how much the data leave open. The reference
# here are properties computed directly with the settings of the data; without ``--reference`` the table has no such
# column. A property that misses its limit is called FAIL, and the exit code is 1.

shell(
    "mlip-rs validate al.mlip.json --quick --only prototypes elastic phonons zone-boundary vacancy "
    "--reference reference.json -o validation"
)

# %%
# Use it
# ------
# In ASE as any calculator; in LAMMPS by ``mlip-rs lammps run al.mlip.json POSCAR --ensemble npt --temperature 300 -o
# md`` (a tutorial of its own).

from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

import mlip_rs as mlip

atoms = bulk("Al")
atoms.calc = mlip.Potential.load(folder / "al.mlip.json").calculator()
BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-4)
length = atoms.cell.cellpar()[0] * 2**0.5
print(f"lattice constant {length:.3f} Å; 4.043 Å by the same first-principles settings")

# %%
# The whole in Python is ``run = mlip.fit("runs/*/*/vasprun.xml", mlip.Basis(size="medium"))`` and
# ``run.knee().save("al.mlip.json")``. For real work leave ``--size`` and ``--folds`` out.
