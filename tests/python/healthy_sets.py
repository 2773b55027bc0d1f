"""Small healthy sets: parts of many kinds, labelled by EMT or a Morse potential."""

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.calculators.emt import EMT
from ase.calculators.morse import MorsePotential

from mlip_rs.data import Dataset, Frame


def labelled(atoms: Atoms, calculator, index: int, file: str, with_forces: bool = True) -> Frame:
    atoms.calc = calculator
    periodic = atoms.cell.rank == 3 and all(atoms.pbc)
    return Frame(
        atoms.numbers,
        atoms.positions,
        atoms.cell.array,
        atoms.pbc,
        atoms.get_potential_energy(),
        atoms.get_forces() if with_forces else None,
        atoms.get_stress() if periodic else None,
        config_type=file.removesuffix(".xyz"),
        file=file,
        index=index,
    )


def rattled(atoms: Atoms, random: np.random.Generator, size: float = 0.08) -> Atoms:
    atoms.positions += random.normal(0.0, size, atoms.positions.shape)
    return atoms


def crystal(random: np.random.Generator, k: int) -> Atoms:
    atoms = bulk("Cu", cubic=True) * ((1, 1, 1), (2, 1, 1), (2, 2, 1))[k % 3]
    atoms.set_cell(atoms.cell.array * random.uniform(0.97, 1.04), scale_atoms=True)
    return rattled(atoms, random)


def alloy(random: np.random.Generator, k: int) -> Atoms:
    atoms = bulk("Cu", a=3.85, cubic=True) * (2, 1, 1)
    atoms.set_chemical_symbols(list(random.choice(["Cu", "Au"], len(atoms))))
    return rattled(atoms, random)


def equation_of_state(random: np.random.Generator, k: int) -> Atoms:
    atoms = bulk("Cu", cubic=True)
    atoms.set_cell(atoms.cell.array * (0.93 + 0.01 * k), scale_atoms=True)
    return atoms


def dimer(random: np.random.Generator, k: int) -> Atoms:
    return Atoms("Cu2", [[0, 0, 0], [0, 0, 2.0 + 0.2 * k]], cell=[15.0] * 3, pbc=True)


def trimer(random: np.random.Generator, k: int) -> Atoms:
    return rattled(Atoms("Cu3", [[0, 0, 0], [2.5, 0, 0], [1.2, 2.1, 0]]), random, 0.15)


def free_atom(random: np.random.Generator, k: int) -> Atoms:
    return Atoms("Cu", cell=[14.0] * 3, pbc=True)


def slab(random: np.random.Generator, k: int) -> Atoms:
    return rattled(fcc111("Cu", (2, 2, 4), vacuum=8.0), random)


def cluster(random: np.random.Generator, k: int) -> Atoms:
    atoms = bulk("Cu", cubic=True) * (2, 2, 2)
    return rattled(Atoms(atoms.numbers, atoms.positions)[: 8 + k], random)


def water(random: np.random.Generator, k: int) -> Atoms:
    return rattled(molecule("H2O"), random, 0.06)


def methane(random: np.random.Generator, k: int) -> Atoms:
    return rattled(molecule("CH4"), random, 0.06)


def stretched_hydrogen(random: np.random.Generator, k: int) -> Atoms:
    return Atoms("H2", [[0, 0, 0], [0, 0, 0.85 + 0.02 * k]])


def morse() -> MorsePotential:
    return MorsePotential(epsilon=0.34, r0=2.87, rho0=3.9, rcut1=5, rcut2=7)


def joined(*parts, calculator=EMT, one_file=False, with_forces=True) -> Dataset:
    """Frames of parts given as (function, number)."""
    random = np.random.default_rng(4)
    frames = []
    for make, count in parts:
        for k in range(count):
            name = "all.xyz" if one_file else f"{make.__name__}.xyz"
            index = len(frames) if one_file else k
            frames.append(labelled(make(random, k), calculator(), index, name, with_forces))
    return Dataset(tuple(frames))
