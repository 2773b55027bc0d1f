"""Compounds that nobody tuned to, labelled by a universal potential: a perovskite, two oxides, a quaternary alloy.

    python benches/labelled_sets.py DIRECTORY [--sets STO MgO TiO2 NbMoTaW] [--teacher 7net-0]

Writes `SET_train.xyz` and `SET_test.xyz` with energies, forces and stresses. The environment needs the teacher beside
ASE (docs/distillation.md); the structures depend on the seed alone.
"""

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write
from ase.spacegroup import crystal

SEED = 5
Random = np.random.Generator


def displaced(atoms: Atoms, random: Random, displacement: float, strain: float) -> Atoms:
    """A copy with normal displacements (Å) and a symmetric normal strain."""
    atoms = atoms.copy()
    change = random.normal(0.0, strain, (3, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.5 * (change + change.T)), scale_atoms=True)
    atoms.positions += random.normal(0.0, displacement, (len(atoms), 3))
    return atoms


def strontium_titanate() -> Atoms:
    """40 atoms of the cubic perovskite at the lattice constant of PBE."""
    cell = crystal(
        ["Sr", "Ti", "O"],
        [(0, 0, 0), (0.5, 0.5, 0.5), (0.5, 0.5, 0)],
        spacegroup=221,
        cellpar=[3.94] * 3 + [90] * 3,
    )
    return cell.repeat(2)


def perovskite(random: Random, n: int) -> Iterator[Atoms]:
    """Displaced by 0.04 to 0.13 Å and strained by 2 %."""
    cell = strontium_titanate()
    for _ in range(n):
        yield displaced(cell, random, float(random.uniform(0.04, 0.13)), 0.02)


def periclase(random: Random, n: int) -> Iterator[Atoms]:
    """MgO, 64 atoms: two thirds displaced by 0.03 Å and strained by 1 %, the others by 0.15 to 0.35 Å and by 5 %."""
    cell = bulk("MgO", "rocksalt", a=4.26, cubic=True).repeat(2)
    for k in range(n):
        if k % 3 < 2:
            yield displaced(cell, random, 0.03, 0.01)
        else:
            yield displaced(cell, random, float(random.uniform(0.15, 0.35)), 0.05)


def rutile(random: Random, n: int) -> Iterator[Atoms]:
    """TiO2: rutile (48 atoms) and anatase (48), displaced by 0.05 to 0.2 Å and strained by 3 %."""
    of_rutile = {
        "basis": [(0, 0, 0), (0.305, 0.305, 0)],
        "spacegroup": 136,
        "cellpar": [4.65, 4.65, 2.97] + [90] * 3,
    }
    of_anatase = {
        "basis": [(0, 0, 0), (0, 0, 0.208)],
        "spacegroup": 141,
        "cellpar": [3.80, 3.80, 9.7] + [90] * 3,
    }
    phases = [
        crystal(["Ti", "O"], **of_rutile).repeat((2, 2, 2)),
        crystal(["Ti", "O"], **of_anatase).repeat((2, 2, 1)),
    ]
    for k in range(n):
        yield displaced(phases[k % 2], random, float(random.uniform(0.05, 0.2)), 0.03)


def refractory_alloy(random: Random, n: int) -> Iterator[Atoms]:
    """Nb, Mo, Ta and W, alone, by twos and all four, in bcc (54 atoms) and fcc cells (32), displaced and strained."""
    names = np.array(["Nb", "Mo", "Ta", "W"])
    cells = [bulk("W", "bcc", a=3.24, cubic=True).repeat(3), bulk("W", "fcc", a=4.1, cubic=True).repeat(2)]
    for k in range(n):
        cell = cells[0 if k % 4 else 1].copy()
        chosen = random.choice(names, size=(1, 2, 4)[k % 3], replace=False)
        cell.set_chemical_symbols(random.choice(chosen, size=len(cell)).tolist())
        yield displaced(cell, random, float(random.uniform(0.05, 0.3)), 0.03)


SETS: dict[str, tuple[Callable[[Random, int], Iterator[Atoms]], int, int]] = {
    "STO": (perovskite, 180, 40),
    "MgO": (periclase, 90, 45),
    "TiO2": (rutile, 120, 40),
    "NbMoTaW": (refractory_alloy, 180, 40),
}
"""Structures of a set, and how many train and test."""


def calculator_named(name: str) -> Calculator:
    """The teacher."""
    from sevenn.calculator import SevenNetCalculator

    return SevenNetCalculator(name, device="cpu")


def labelled(atoms: Atoms, calculator: Calculator) -> Atoms:
    """The structure with its labels, without the calculator."""
    atoms.calc = calculator
    results = {name: calculator.get_property(name, atoms) for name in ("energy", "forces", "stress")}
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--teacher", default="7net-0")
    arguments = parser.parse_args()
    calculator = calculator_named(arguments.teacher)
    arguments.directory.mkdir(parents=True, exist_ok=True)
    for name in arguments.sets:
        make, n_train, n_test = SETS[name]
        structures = list(make(np.random.default_rng(SEED), n_train + n_test))
        random = np.random.default_rng(SEED + 1)
        random.shuffle(structures)  # type: ignore[arg-type]
        done = [labelled(atoms, calculator) for atoms in structures]
        write(arguments.directory / f"{name}_train.xyz", done[:n_train], format="extxyz")
        write(arguments.directory / f"{name}_test.xyz", done[n_train:], format="extxyz")
        print(f"{name}: {n_train} structures to train, {n_test} to test", flush=True)


if __name__ == "__main__":
    main()
