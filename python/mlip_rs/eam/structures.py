"""Structures on which a potential is looked at where no data are given."""

import numpy as np
from ase import Atoms

from mlip_rs.data import Dataset
from mlip_rs.data.frames import Frame
from mlip_rs.eam.gauge import reference_crystals
from mlip_rs.generate.out_of_domain import supercell
from mlip_rs.potential import Potential
from mlip_rs.potential.compression import Compression
from mlip_rs.potential.short_range import shortest_distances

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


COMPRESSED: tuple[str, ...] = ("fcc", "bcc", "sc", "diamond")

N_DISTANCES: int = 12
"""Nearest-neighbour distances of a compressed and stretched crystal."""

FARTHEST: float = 0.8
"""The largest of them, in cutoffs."""


def compressed_crystals(potential: Potential) -> tuple[Frame, ...]:
    """Crystals of every element from the shortest distance of the data on, which keep projections from holes there.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=1)
    >>> len(compressed_crystals(Potential.from_coefficients(basis, [1.0], {"Al": 0.0})))
    48
    """
    frames, periodic = [], np.ones(3, dtype=np.bool_)
    for k, element in enumerate(potential.elements):
        shortest = shortest_distances(potential)[k][k]
        for lattice in COMPRESSED:
            numbers, positions, cell, _ = Compression.crystal(lattice, element).unit
            for r in np.geomspace(shortest, max(FARTHEST * potential.cutoff, 1.1 * shortest), N_DISTANCES):
                frame = Frame(
                    numbers.astype(np.int64),
                    positions * r,
                    cell * r,
                    periodic,
                    config_type=lattice,
                    file="made",
                )
                frames.append(frame)
    return tuple(frames)


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
