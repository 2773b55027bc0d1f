"""
Defects with error bars
=======================

Vacancy, surfaces, stacking faults and grain boundaries of aluminium. Every number has an error bar: each member
of the committee that a fit leaves computes the property, too.
"""

import tempfile
from pathlib import Path

from ase.build import bulk

import mlip_rs as mlip
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.uncertainty import property_uncertainty
from mlip_rs.workflows.validation import validate

folder = Path(tempfile.mkdtemp())
basis = mlip.Basis(size="small", angular_cutoff=5.5)
run = mlip.fit(read_dataset(DATA_PATH), basis, mlip.FitSettings(n_folds=3))
potential = run.best()
potential.save(folder / "al.mlip.json")

# %%
# A property of your own
# ----------------------
# Any function of a potential has an error bar: here the energy of a vacancy, without relaxation.

perfect = bulk("Al", cubic=True, a=4.043).repeat(2)
defect = perfect.copy()
del defect[0]


def vacancy_energy(one: mlip.Potential) -> float:
    n, whole = len(perfect), one.predict(perfect).energy
    return one.predict(defect).energy - whole * (n - 1) / n


found = property_uncertainty(potential, vacancy_energy)
print(f"vacancy {float(found.value):.2f} ± {float(found.sigma):.2f} eV; 0.74 eV by first principles")

# %%
# Properties that come with the package
# -------------------------------------
# ``mlip-rs validate al.mlip.json --only vacancy surfaces …`` in the shell; its report says as well which results
# rest on surroundings that the data do not contain.

only = ("vacancy", "surfaces", "stacking-fault", "grain-boundaries")
validation = validate(folder / "al.mlip.json", folder / "validation", only=only, quick=True)
for name, row in validation.barred:
    print(f"{name}: {row.name} {row.shown} {row.unit}")

# %%
# Where not to trust it
# ---------------------
# The index of anomaly says for every atom how unlike the data its surroundings are: above 1 is rare among the
# training atoms, above 1.5 clearly outside. Displaced atoms leave the data, in a compressed crystal all of them:

for ratio in (1.0, 0.7):
    for displacement in (0.1, 0.3):
        atoms = bulk("Al", cubic=True, a=4.043 * ratio ** (1 / 3)).repeat(3)
        atoms.rattle(displacement, seed=0)
        index = potential.uncertainty(atoms).index
        outside = f"{(index > 1.5).sum():3d} of {len(index)} atoms outside, largest index {index.max():.1f}"
        print(f"{ratio:.1f} of the volume, displaced by {displacement} Å: {outside}")
