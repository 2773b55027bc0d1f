"""Healthy sets of many kinds, mixed at random: every finding of `check_labels` is a false alarm.

    python benches/label_zoo.py [--sets 100] [--first 0] [--verbose]

Each set joins one to four parts (crystals, dimers, trimers, free atoms, clusters, slabs, equations of state, other
lattices, molecules, primitive cells) of one or two elements, labelled by EMT, Morse, Lennard-Jones or an ionic model,
with or without stresses, forces and large energies of the free atoms, in one file or several.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.calculators.morse import MorsePotential
from ase.cluster import Octahedron

from mlip_rs.data import Dataset, Frame
from mlip_rs.label_check import check_labels

Random = np.random.Generator
LATTICE = {"Cu": 3.61, "Al": 4.05, "Au": 4.08, "Ni": 3.52, "Pd": 3.89, "Ag": 4.09, "Pt": 3.92, "Ar": 5.3}
ALL_ELECTRON = {
    "Cu": -45000.0,
    "Al": -6600.0,
    "Au": -517000.0,
    "Ni": -41000.0,
    "Pd": -137000.0,
    "Ag": -144000.0,
}


class Ionic(Calculator):
    """Born–Mayer repulsion and damped Coulomb attraction between charges of alternate sign, cut off at 8 Å."""

    implemented_properties = ("energy", "forces", "stress")

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        from ase.neighborlist import neighbor_list

        i, j, d, vectors = neighbor_list("ijdD", self.atoms, 8.0)
        charge = np.where(self.atoms.numbers == self.atoms.numbers.min(), 1.0, -1.0)
        qq = 14.4 * 0.5 * charge[i] * charge[j] * np.exp(-d / 4.0) / d
        wall = 1500.0 * np.exp(-d / 0.3)
        taper, slope = (1 - d / 8.0) ** 2, -2 / 8.0 * (1 - d / 8.0)
        energy = 0.5 * ((qq + wall) * taper).sum()
        derivative = (-qq * (1 / 4.0 + 1 / d) - wall / 0.3) * taper + (qq + wall) * slope
        pull = derivative[:, None] * vectors / d[:, None]
        forces = np.zeros((len(self.atoms), 3))
        np.add.at(forces, i, pull)
        self.results = {"energy": float(energy), "forces": forces}
        if self.atoms.cell.rank == 3:
            virial = 0.5 * vectors.T @ pull / self.atoms.get_volume()
            self.results["stress"] = virial[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


def rattled(atoms: Atoms, random: Random, size: float) -> Atoms:
    atoms.positions += random.normal(0.0, size, atoms.positions.shape)
    return atoms


def mixed(atoms: Atoms, elements: list[str], random: Random) -> Atoms:
    if len(elements) > 1:
        atoms.set_chemical_symbols(list(random.choice(elements, len(atoms))))
    return atoms


def lattice(elements: list[str]) -> float:
    return float(np.mean([LATTICE[e] for e in elements]))


def crystals(elements: list[str], random: Random) -> Atoms:
    repeat = [(1, 1, 1), (2, 1, 1), (2, 2, 1), (2, 2, 2)][int(random.integers(4))]
    atoms = mixed(bulk(elements[0], "fcc", lattice(elements), cubic=True) * repeat, elements, random)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) * random.uniform(0.96, 1.05)), scale_atoms=True)
    return rattled(atoms, random, random.uniform(0.03, 0.15))


def dynamics(elements: list[str], random: Random) -> Atoms:
    atoms = mixed(bulk(elements[0], "fcc", lattice(elements), cubic=True) * (2, 2, 2), elements, random)
    return rattled(atoms, random, 0.1)


def vacancies(elements: list[str], random: Random) -> Atoms:
    atoms = mixed(bulk(elements[0], "fcc", lattice(elements), cubic=True) * (2, 2, 1), elements, random)
    del atoms[0]
    return rattled(atoms, random, 0.06)


def equation_of_state(elements: list[str], random: Random) -> Atoms:
    a = lattice(elements) * random.uniform(0.92, 1.1)
    return mixed(
        bulk(elements[0], "fcc", a, cubic=len(elements) > 1 or random.random() < 0.5), elements, random
    )


def primitive(elements: list[str], random: Random) -> Atoms:
    atoms = bulk(elements[0], "fcc", lattice(elements))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + random.normal(0, 0.03, (3, 3))), scale_atoms=True)
    return mixed(atoms, elements, random)


def other_lattices(elements: list[str], random: Random) -> Atoms:
    kind, factor = [("bcc", 0.8), ("sc", 0.67), ("diamond", 1.45)][int(random.integers(3))]
    atoms = bulk(elements[0], kind, factor * lattice(elements) * random.uniform(0.95, 1.08), cubic=True)
    return rattled(mixed(atoms, elements, random), random, random.choice([0.0, 0.05]))


def expanded(elements: list[str], random: Random) -> Atoms:
    atoms = crystals(elements, random)
    atoms.set_cell(atoms.cell.array * random.uniform(1.1, 1.5), scale_atoms=True)
    return atoms


def dimers(elements: list[str], random: Random) -> Atoms:
    d = lattice(elements) / 2**0.5 * random.uniform(0.75, 1.7)
    box = random.choice([0.0, 15.0])
    pair = [str(random.choice(elements)), str(random.choice(elements))]
    return Atoms(pair, [[0, 0, 0], [0, 0, d]], cell=[box] * 3, pbc=box > 0)


def trimers(elements: list[str], random: Random) -> Atoms:
    d = lattice(elements) / 2**0.5 * random.uniform(0.85, 1.2)
    atoms = Atoms(
        [elements[0]] * 3, d * np.array([[0, 0, 0], [1, 0, 0], [0.5, 0.87, 0]]), cell=[16] * 3, pbc=True
    )
    return rattled(mixed(atoms, elements, random), random, 0.1)


def free_atoms(elements: list[str], random: Random) -> Atoms:
    return Atoms(str(random.choice(elements)), cell=[14.0] * 3, pbc=True)


def clusters(elements: list[str], random: Random) -> Atoms:
    atoms = Octahedron(elements[0], 3, latticeconstant=lattice(elements))
    atoms = Atoms(atoms.numbers, atoms.positions)
    if random.random() < 0.5:
        atoms = atoms[: int(random.integers(4, len(atoms)))]
    return rattled(mixed(atoms, elements, random), random, 0.1)


def slabs(elements: list[str], random: Random) -> Atoms:
    layers = int(random.integers(2, 6))
    atoms = fcc111(elements[0], (2, 2, layers), a=lattice(elements), vacuum=8.0)
    atoms.pbc = [True, True, bool(random.integers(2))]
    return rattled(mixed(atoms, elements, random), random, random.choice([0.0, 0.08]))


def random_gas(elements: list[str], random: Random) -> Atoms:
    d = lattice(elements) / 2**0.5
    points: list[np.ndarray] = []
    while len(points) < 8:
        point = random.uniform(0, 3.2 * d, 3)
        if all(np.linalg.norm((point - p + 1.6 * d) % (3.2 * d) - 1.6 * d) > 0.8 * d for p in points):
            points.append(point)
    return mixed(Atoms([elements[0]] * 8, points, cell=[3.2 * d] * 3, pbc=True), elements, random)


METALLIC = (crystals, dynamics, vacancies, equation_of_state, primitive, other_lattices, expanded, dimers)
METALLIC += (trimers, free_atoms, clusters, slabs, random_gas)


def water(elements: list[str], random: Random) -> Atoms:
    return rattled(molecule("H2O"), random, 0.06)


def methane(elements: list[str], random: Random) -> Atoms:
    return rattled(molecule("CH4"), random, 0.06)


def hydrocarbons(elements: list[str], random: Random) -> Atoms:
    return rattled(molecule(str(random.choice(["C2H4", "C2H6", "CH4", "H2O", "CO2", "NH3"]))), random, 0.07)


def hydrogen(elements: list[str], random: Random) -> Atoms:
    d = random.uniform(0.6, 1.4)
    return rattled(Atoms("H2", [[0, 0, 0], [0, 0, d]]), random, 0.02)


def molecules_in_a_box(elements: list[str], random: Random) -> Atoms:
    total = Atoms(cell=[7.0] * 3, pbc=True)
    for k in range(4):
        one = molecule("H2O")
        one.rotate(random.uniform(0, 180), random.normal(size=3), center="COM")
        one.translate(np.array([1.75, 1.75, 1.75]) + 3.5 * np.array([k & 1, k >> 1, (k & 1) ^ (k >> 1)]))
        total += one
    return rattled(total, random, 0.05)


MOLECULAR = (water, methane, hydrocarbons, hydrogen, molecules_in_a_box)


def rock_salt(elements: list[str], random: Random) -> Atoms:
    atoms = bulk("NaCl", "rocksalt", 5.6 * random.uniform(0.95, 1.06), cubic=True)
    return rattled(atoms, random, random.choice([0.0, 0.1, 0.15]))


def salt_molecules(elements: list[str], random: Random) -> Atoms:
    return Atoms("NaCl", [[0, 0, 0], [0, 0, random.uniform(2.0, 4.0)]], cell=[18] * 3, pbc=True)


def salt_clusters(elements: list[str], random: Random) -> Atoms:
    atoms = bulk("NaCl", "rocksalt", 5.6, cubic=True)
    return rattled(Atoms(atoms.numbers, atoms.positions), random, 0.1)


IONIC = (rock_salt, salt_molecules, salt_clusters)


def emt() -> Calculator:
    return EMT()


def morse() -> Calculator:
    return MorsePotential(epsilon=0.34, r0=2.87, rho0=3.9, rcut1=5, rcut2=7)


def lennard_jones() -> Calculator:
    return LennardJones(sigma=2.4, epsilon=0.3, rc=7, smooth=True)


def system(random: Random) -> tuple[list[str], tuple[Callable[..., Atoms], ...], Callable[[], Calculator]]:
    kind = random.random()
    if kind < 0.15:
        return ["O", "H"], MOLECULAR, emt
    if kind < 0.25:
        return ["Na", "Cl"], IONIC, Ionic
    pairs = [["Cu"], ["Al"], ["Au"], ["Ni"], ["Cu", "Au"], ["Ni", "Al"], ["Ag", "Pd"]]
    elements = pairs[int(random.integers(len(pairs)))]
    if kind < 0.75 or len(elements) > 1:
        return elements, METALLIC, emt
    return elements, METALLIC, morse if kind < 0.88 else lennard_jones


def healthy(seed: int) -> tuple[str, Dataset]:
    """One set, and what it is made of."""
    random = np.random.default_rng(seed)
    elements, available, make = system(random)
    n_parts = int(random.integers(1, 1 + min(4, len(available))))
    parts = [available[k] for k in random.permutation(len(available))[:n_parts]]
    with_stress, with_forces = random.random() < 0.7, random.random() < 0.9
    free = ALL_ELECTRON if random.random() < 0.3 else {}
    named, files = random.random() < 0.5, random.random() < 0.5
    frames: list[Frame] = []
    text = []
    for part in parts:
        count = int(random.choice([5, 10, 15, 20, 30, 45]))
        text.append(f"{count} {part.__name__}")
        for index in range(count):
            atoms = part(elements, random)
            atoms.calc = make()
            energy = atoms.get_potential_energy() + sum(
                free.get(s, 0.0) for s in atoms.get_chemical_symbols()
            )
            stress = atoms.get_stress() if with_stress and atoms.cell.rank == 3 and all(atoms.pbc) else None
            frames.append(
                Frame(
                    atoms.numbers,
                    atoms.positions,
                    atoms.cell.array,
                    atoms.pbc,
                    energy,
                    atoms.get_forces() if with_forces else None,
                    stress,
                    config_type=part.__name__ if named else "",
                    file=f"{part.__name__}.xyz" if files else "all.xyz",
                    index=index if files else len(frames),
                )
            )
    labels = ("E", "F" * with_forces, "S" * with_stress)
    names = ("all-electron" if free else "", "types" if named else "", "files" if files else "")
    words = [make.__name__, "-".join(elements), *text, "".join(labels), *filter(None, names)]
    return ", ".join(words), Dataset(tuple(frames))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=100)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="what was not checked, too")
    options = parser.parse_args()
    refused = warned = compared = 0
    started = time.process_time()
    for seed in range(options.first, options.first + options.sets):
        name, dataset = healthy(seed)
        check = check_labels(dataset)
        refused += bool(check.errors)
        warned += bool(check.warnings)
        compared += check.n_sample > 0
        if check.findings or options.verbose:
            print(f"{seed}: {name}")
            print("\n".join("    " + line[:330] for line in check.lines()), flush=True)
    spent = time.process_time() - started
    print(
        f"{options.sets} healthy sets, {compared} compared: {refused} refused, {warned} warned of ({spent:.0f} s)"
    )


if __name__ == "__main__":
    main()
