"""
From nothing, with a teacher
============================

No data at all: structures are generated, the loop labels only those that the potential does not know yet, and
stops when errors and error bars are small enough. The teacher is EMT of ASE; first principles or a universal
potential take its place in earnest: ``mlip-rs generate Cu -o cells.extxyz`` and ``mlip-rs learn cells.extxyz -c
calc.py:make -o cu``.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
from ase import Atoms
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

import mlip_rs as mlip
from mlip_rs.generate.plan import Plan
from mlip_rs.learn import LearnSettings, learn
from mlip_rs.workflows.generation import catalogue_of, generated

folder = Path(tempfile.mkdtemp())
plan = Plan({"elastic": 15, "phonon": 15, "rattle": 90, "vacancy": 10, "stacking-fault": 5, "slab": 15})
pool = generated(catalogue_of(["Cu"], calculator=EMT()), plan).structures


def labeller(structures: Sequence[Atoms]) -> list[Atoms]:
    """Return the structures with labels; one that could not be labelled would be left out."""
    done = []
    for atoms in structures:
        atoms = atoms.copy()
        atoms.calc = EMT()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        results["stress"] = atoms.get_stress()
        atoms.calc = SinglePointCalculator(atoms, **results)
        done.append(atoms)
    return done


# %%
# The loop
# --------
# A turn is a fit, error bars of the whole pool, and the batch of structures that makes the predicted variance
# of the pool fall most.

learned = learn(
    pool,
    labeller,
    folder / "cu",
    basis=mlip.Basis(["Cu"], size="medium", cutoff=6.0, angular_cutoff=5.0),
    settings=LearnSettings(energy=5.0, forces=0.1, batch=15),
)
print(learned.outcome)
print(len(learned.labelled), "of", len(pool), "structures were labelled")

# %%
# What is left of the pool has not been seen.

seen = {frame.positions.tobytes() for frame in learned.labelled}
rest = [atoms for atoms in labeller(pool) if atoms.positions.tobytes() not in seen]
by_teacher = [atoms.get_potential_energy() / len(atoms) for atoms in rest]
by_student = [learned.potential.predict(atoms).energy / len(atoms) for atoms in rest]
figure, axes = plt.subplots(figsize=(3.6, 3.4), layout="constrained")
axes.plot(by_teacher, by_student, "o", ms=4)
axes.axline((by_teacher[0], by_teacher[0]), slope=1.0, color="0.6", lw=0.8)
axes.set(xlabel="energy by the teacher (eV/atom)", ylabel="by the student (eV/atom)")
plt.show()
