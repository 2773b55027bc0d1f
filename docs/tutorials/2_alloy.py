"""
An alloy
========

A potential of copper and gold, from structures to the energies of ordered compounds. The labels are made by the
effective-medium theory (EMT) of ASE, which takes no time: put your own code in its place (``mlip-rs label``
runs it, here or on a cluster).
"""

import matplotlib.pyplot as plt
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

import mlip_rs as mlip
from mlip_rs.generate.plan import Plan
from mlip_rs.text import table_lines
from mlip_rs.workflows.generation import catalogue_of, generated

# %%
# Structures
# ----------
# Prototypes of both elements and of their compounds, alloys on their lattices, strained and displaced. In the
# shell: ``mlip-rs generate Cu Au --kinds eos=20 elastic=15 phonon=8 rattle=50 vacancy=4 -o cells.extxyz``.

catalogue = catalogue_of(["Cu", "Au"], calculator=EMT())
plan = Plan({"eos": 20, "elastic": 15, "phonon": 8, "rattle": 50, "vacancy": 4})
cells = generated(catalogue, plan)
print("\n".join(table_lines(*cells.table())))


def labelled(atoms: Atoms) -> Atoms:
    atoms = atoms.copy()
    atoms.calc = EMT()
    results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
    results["stress"] = atoms.get_stress()
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


data = [labelled(atoms) for atoms in cells.structures]
data = [
    atoms for atoms in data if abs(atoms.get_forces()).max() < 3.0 and abs(atoms.get_stress()).max() < 0.1
]
print(
    f"{len(data)} of {len(cells.structures)} are not far from equilibrium; a potential for everything would take all"
)

# %%
# The fit
# -------
# One basis for both elements; every function knows the element of each neighbour. EMT is an embedded-atom
# method, for which pairwise functions and their products are enough; for a real alloy leave out ``hierarchy``
# and ``n_radial``. Three folds instead of five, and 20 numbers of functions instead of 50, save time.

basis = mlip.Basis(hierarchy="pair-poly", cutoff=6.0, n_radial=12)
run = mlip.fit(data, basis, mlip.FitSettings(n_folds=3, n_path=20))
potential = run.best()
point = run.points[run.best_index]
print(f"{potential.n_nonzero} functions, {point.validation.energy.rmse:.1f} meV/atom in the cross-validation")

# %%
# Ordered compounds
# -----------------
# Energies of formation of relaxed compounds, by the potential and by EMT.


def relaxed_energy(atoms: Atoms, calculator: object) -> float:
    atoms = atoms.copy()
    atoms.calc = calculator
    BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=0.01, steps=100)
    return atoms.get_potential_energy() / len(atoms)


def compound(n_gold: int, symbols: str, a: float) -> tuple[float, Atoms]:
    atoms = bulk("Cu", cubic=True, a=a)
    atoms.symbols = symbols
    return n_gold / 4, atoms


cubes = [
    compound(0, "Cu4", 3.6),
    compound(1, "AuCu3", 3.75),
    compound(2, "Au2Cu2", 3.87),
    compound(3, "CuAu3", 3.98),
    compound(4, "Au4", 4.06),
]
figure, axes = plt.subplots(figsize=(4.5, 3.2), layout="constrained")
for name, calculator, style in (
    ("EMT", EMT(), "o-"),
    ("potential", potential.calculator(), "s--"),
):
    energies = [relaxed_energy(atoms, calculator) for _, atoms in cubes]
    formation = [
        1e3 * (energy - (1 - x) * energies[0] - x * energies[-1])
        for (x, _), energy in zip(cubes, energies, strict=True)
    ]
    axes.plot([x for x, _ in cubes], formation, style, label=name)
    print(name, [f"{value:.1f}" for value in formation])
axes.set(xlabel="part of Au", ylabel="energy of formation (meV/atom)")
axes.legend(frameon=False)
plt.show()
