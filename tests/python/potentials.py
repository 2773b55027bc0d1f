"""Potentials and structures shared by the tests of the potential, the calculator and the neighbour list."""

import json

import numpy as np
from ase import Atoms
from ase.build import bulk

from mlip_rs import _core
from mlip_rs.potential import Potential

HIERARCHIES = ("pair", "pair-poly", "angular", "angular-poly")
REFERENCES = {"Al": -1.5, "Ni": -2.5}

CALCULATOR_ROUNDING = 1e-10
"""eV and eV/Å that another order of summation can make."""

ARGON_EPSILON = 0.0104  # eV
ARGON_SIGMA = 3.4  # Å
ARGON_CUTOFF = 8.0  # Å


def spec(elements=("Al",), hierarchy="angular-poly", cutoff=4.5):
    """Specification of a small, smooth basis (C² cutoff function)."""
    document = {
        "elements": list(elements),
        "cutoff": cutoff,
        "cutoff_function": "polynomial",
        "radial": [{"function": {"family": "gaussian", "beta": [0.8], "mu": [1.5, 2.5, 3.5]}}],
        "pair": {"degree": 1, "cross_degree": 1},
        "constant": True,
    }
    poly = hierarchy.endswith("poly")
    if poly:
        document["pair"] = {"degree": 3, "cross_degree": 2}
    if hierarchy.startswith("angular"):
        degree = 2 if poly else 1
        document["angular"] = {"max_l": 3, "radial": "free", "degree": degree, "cross_degree": degree}
        document["mixed_degree"] = 2 if poly else 0
    return document


def random_potential(elements=("Al",), hierarchy="angular-poly", seed=1, info=None):
    """Random coefficients on every feature, smaller for higher degrees."""
    document = spec(elements, hierarchy)
    basis = _core.Basis(json.dumps(document))
    degrees = np.tile(basis.degrees(), len(elements))
    coefficients = np.random.default_rng(seed).uniform(-1, 1, basis.n_features) * 0.05**degrees
    references = {element: REFERENCES.get(element, 0.0) for element in elements}
    return Potential.from_coefficients(document, coefficients, references, info)


def random_index(potential, n_forms=8, seed=2):
    """Return an index of anomaly with random forms on every feature of a potential."""
    random = np.random.default_rng(seed)

    def center(element):
        labels = potential.coefficients(element)
        forms = {label: random.normal(0, 0.05, n_forms).tolist() for label in labels}
        return {"element": element, "offsets": random.normal(0, 1, n_forms).tolist(), "forms": forms}

    return {"shell": 0.7 * potential.cutoff, "centers": [center(element) for element in potential.elements]}


def argon_potential(epsilon=ARGON_EPSILON):
    """Lennard-Jones argon times the C² cutoff function, written as polynomials r^-12 and r^-6."""
    document = {
        "elements": ["Ar"],
        "cutoff": ARGON_CUTOFF,
        "cutoff_function": "polynomial",
        "radial": [{"function": {"family": "polynomial", "p": [-12, -6]}}],
        "pair": {"degree": 1, "cross_degree": 1},
    }
    # 4 ε [(σ/r)^12 − (σ/r)^6] per pair, half of it for each end.
    coefficients = 2.0 * epsilon * np.array([ARGON_SIGMA**12, -(ARGON_SIGMA**6)])
    return Potential.from_coefficients(document, coefficients, {"Ar": -0.1})


def aluminium(repeat=(2, 2, 1), amplitude=0.15, seed=2):
    """Rattled fcc aluminium."""
    atoms = bulk("Al", a=4.05, cubic=True).repeat(repeat)
    atoms.rattle(amplitude, seed=seed)
    return atoms


def alloy():
    """Five atoms in a skewed, left-handed cell smaller than twice the cutoff."""
    return Atoms(
        "AlNiAlNiAl",
        positions=[[0.1, 0.2, 0.0], [2.2, 2.3, 0.3], [2.0, 0.4, 2.4], [-0.2, 2.4, 2.5], [1.1, 1.4, 4.9]],
        cell=[[0.3, 4.1, 0.0], [3.9, 0.5, -0.4], [0.2, 0.7, 4.6]],
        pbc=True,
    )


def molecule():
    """Five atoms without a cell."""
    atoms = alloy()
    atoms.pbc = False
    atoms.cell = None
    return atoms


def slab():
    """Periodic in two directions; the third vector is missing."""
    atoms = alloy()
    atoms.pbc = (True, True, False)
    atoms.cell[2] = 0.0
    return atoms


def argon_crystal(repeat=3, a=5.3):
    return bulk("Ar", a=a, cubic=True).repeat(repeat)


def assert_same(atoms, other, tolerance=CALCULATOR_ROUNDING):
    """Same energies and forces from the calculators attached."""
    np.testing.assert_allclose(
        atoms.get_potential_energies(), other.get_potential_energies(), rtol=0, atol=tolerance
    )
    np.testing.assert_allclose(atoms.get_forces(), other.get_forces(), rtol=0, atol=tolerance)
