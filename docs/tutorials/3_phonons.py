"""
Phonons and thermal expansion
=============================

Phonon bands by phonopy, with the scatter of the committee as error bars, and the thermal expansion of aluminium
in the quasi-harmonic approximation. ``mlip-rs validate al.mlip.json --only phonons quasi-harmonic -o
validation`` does it in the shell, and much more.
"""

import tempfile
from pathlib import Path

import mlip_rs as mlip
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.workflows.validation import validate

folder = Path(tempfile.mkdtemp())
basis = mlip.Basis(size="small", angular_cutoff=5.5)
run = mlip.fit(read_dataset(DATA_PATH), basis, mlip.FitSettings(n_folds=3))
run.best().save(folder / "al.mlip.json")

# %%
# One call computes what is asked for and keeps every finished property; the same call after an interruption
# goes on from there. The reference can be a file of properties, another potential, or any calculator of ASE.

found = validate(
    folder / "al.mlip.json", folder / "validation", only=("phonons", "quasi-harmonic"), quick=True
)
for result in found.properties:
    print(f"{result.title}: {result.status}")
    for row in result.rows:
        print("   ", row.name, row.shown, row.unit)

# %%
# The figures are files beside the report ``validation/report.html``: bands with the committee as a shade, the
# density of states, the volume against temperature.

print(*sorted(path.name for path in (folder / "validation" / "figures").iterdir()), sep="\n")
