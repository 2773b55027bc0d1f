"""Structures on which a potential is looked at where no data are given."""

import numpy as np
from ase import Atoms

from mlip_rs.data import Dataset
from mlip_rs.data.frames import Frame
from mlip_rs.eam.gauge import reference_crystals
from mlip_rs.generate.out_of_domain import supercell
from mlip_rs.potential import Potential
from mlip_rs.potential.compression import Compression

N_ATOMS: int = 32

STRETCHES: tuple[float, ...] = (0.95, 1.0, 1.05)
"""Nearest-neighbour distances, in that of the crystal of lowest energy."""

RATTLES: tuple[float, ...] = (0.03, 0.06, 0.1)
"""Standard deviations of displacements, in nearest-neighbour distances."""

LATTICES: tuple[str, ...] = ("fcc", "bcc", "hcp")
"""Besides the lattice of lowest energy."""


def rattled_crystals(potential: Potential, seed: int = 0) -> Dataset:
    """Crystals of every element and, of several, disordered alloys, strained and rattled: no labels, no data needed.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=4)
    >>> potential = Potential.from_coefficients(basis, [2.0, -0.2, -0.1, 0.0], {"Al": 0.0})
    >>> len(rattled_crystals(potential)) >= 27
    True
    """
    rng, frames = np.random.default_rng(seed), []
    for crystal in reference_crystals(potential):
        for lattice in dict.fromkeys((crystal.lattice, *LATTICES)):
            numbers, positions, cell, _ = Compression.crystal(lattice, crystal.element).unit
            unit = Atoms(numbers=numbers, positions=positions, cell=cell, pbc=True)
            for stretch in STRETCHES:
                for rattle in RATTLES:
                    atoms = supercell(unit, N_ATOMS)
                    atoms.set_cell(atoms.cell.array * stretch * crystal.distance, scale_atoms=True)
                    frames.append(_frame(potential, atoms, rattle * crystal.distance, lattice, rng))
    return Dataset(tuple(frames))


def _frame(
    potential: Potential, atoms: Atoms, rattle: float, lattice: str, rng: np.random.Generator
) -> Frame:
    positions = atoms.positions + rng.normal(0.0, rattle, (len(atoms), 3))
    numbers = atoms.numbers
    if len(potential.elements) > 1 and rng.random() < 0.7:
        others = Atoms("".join(potential.elements)).numbers
        numbers = rng.choice(others, len(atoms))
    return Frame(
        np.asarray(numbers),
        positions,
        atoms.cell.array,
        np.ones(3, dtype=np.bool_),
        config_type=f"rattled {lattice}",
        file="made",
    )
