"""Potentials with a known embedded-atom part, and structures to look at them on."""

import numpy as np
from ase.build import bulk

from mlip_rs import Basis, Potential
from mlip_rs.basis import Repulsion
from mlip_rs.data import Dataset
from mlip_rs.data.frames import Frame

CUTOFF = 5.0
REPULSION = Repulsion(inner=((1.2,),), outer=((1.9,),))


def rattled(n=8, seed=1, elements=("Al",)):
    """Crystals of aluminium's size, rattled and strained, without labels."""
    rng, frames = np.random.default_rng(seed), []
    for k in range(n):
        atoms = bulk("Al", ("fcc", "bcc")[k % 2], cubic=True, a=(4.05, 3.2)[k % 2]).repeat((2, 2, 1))
        cell = atoms.cell.array @ (np.eye(3) * rng.uniform(0.95, 1.1) + rng.normal(0, 0.02, (3, 3)))
        atoms.set_cell(cell, scale_atoms=True)
        positions = atoms.positions + rng.normal(0.0, 0.12, (len(atoms), 3))
        numbers = rng.choice([{"Al": 13, "Ni": 28}[s] for s in elements], len(atoms))
        frames.append(Frame(numbers, positions, cell, np.ones(3, bool), config_type=("fcc", "bcc")[k % 2]))
    return Dataset(tuple(frames))


def basis_of(hierarchy, **settings):
    return Basis(
        ["Al"], cutoff=CUTOFF, r_min=1.8, hierarchy=hierarchy, n_radial=4, repulsion=REPULSION, **settings
    )


def pair_potential():
    return Potential.from_coefficients(basis_of("pair"), [1.0, 0.1, -0.1, -0.02], {"Al": -1.0})


def one_density_potential(strength=0.05):
    """Pair functions, and the square of one density, the sum of the first three functions."""
    basis = basis_of("pair-poly", pair_degree=2, pair_cross_degree=2)
    weights = dict.fromkeys(basis.labels(), 0.0)
    weights |= {"d[Al,0]": 1.0, "d[Al,1]": -0.4, "d[Al,2]": -0.3}
    for i in range(3):
        for j in range(i, 3):
            label = f"d[Al,{i}]^2" if i == j else f"d[Al,{i}]*d[Al,{j}]"
            weights[label] = strength * (1.0 if i == j else 2.0)
    return Potential.from_coefficients(basis, list(weights.values()), {"Al": -1.0})


def angular_potential(strength=0.2, seed=4):
    """Pair functions and bond angles."""
    basis = basis_of("angular", max_l=2, n_angular=2)
    rng = np.random.default_rng(seed)
    weights = [
        strength * rng.uniform(-1, 1) if label.startswith("p") else (1.0 if label == "d[Al,0]" else -0.05)
        for label in basis.labels()
    ]
    return Potential.from_coefficients(basis, weights, {"Al": -1.0})
