"""
From calculations to a potential
================================

Runs of a first-principles code go in, a front of potentials comes out; one is chosen, tested and saved.

Labels are read from whatever ASE reads. For VASP these are the files of the runs themselves, ``vasprun.xml`` or
``OUTCAR``, given as a pattern: ``read_dataset("runs/*/vasprun.xml")``. Here they are 316 calculations of
aluminium that come with the package, every second of them.
"""

import tempfile
from pathlib import Path

import mlip_rs as mlip
from mlip_rs.data import read_dataset, summarize
from mlip_rs.demo import DATA_PATH

folder = Path(tempfile.mkdtemp())
data = read_dataset(DATA_PATH, index="::2")
print("\n".join(summarize(data).lines()))

# %%
# The fit
# -------
# ``Basis()`` alone takes elements, cutoff and size from the data. A small basis and a given cutoff of the
# angular functions make this one quick. Labels are compared with each other first: wrong units and signs end
# the fit with one sentence. In the shell the same is ``mlip-rs fit 'runs/*/vasprun.xml' --size small
# --angular-cutoff 5.5 -o al``.

basis = mlip.Basis(size="small", angular_cutoff=5.5)
run = mlip.fit(data, basis, mlip.FitSettings(n_folds=3), directory=folder / "al")
print(run.pareto())

# %%
# Each line is a potential: the errors are root mean squares of a cross-validation. As a figure:

from mlip_rs.fitting.run_directory import front_figure
from mlip_rs.plot.saving import save_figure

save_figure(front_figure(folder / "al"), folder / "front.png")

# %%
# One potential
# -------------
# The knee is the cheapest potential within 10 % of the lowest score. ``run.select(max_cost=3.0)`` takes the
# best one below 3 µs per atom.

potential = run.knee()
potential.save(folder / "al.mlip.json")
print(potential.n_nonzero, "functions")

# %%
# The other half of the data has not been seen by the fit.

from mlip_rs.evaluate.evaluation import evaluate

errors = evaluate(potential, read_dataset(DATA_PATH, index="1::2")).errors
print(f"{errors.energy.rmse:.1f} meV/atom, {errors.forces.rmse:.3f} eV/Å, {errors.stress.rmse:.2f} GPa")

# %%
# Use it as any calculator of ASE.

from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

atoms = bulk("Al")
atoms.calc = mlip.Potential.load(folder / "al.mlip.json").calculator()
BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-4)
print(
    f"lattice constant {atoms.cell.cellpar()[0] * 2**0.5:.3f} Å; 4.043 Å by the same first-principles settings"
)
