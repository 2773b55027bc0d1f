"""The flux of heat is the time derivative of Σ r_i e_i; only the centroid virial gives it for many-body energies."""

import numpy as np
import pytest
from ase.build import bulk
from heat_flux_case import flux_and_derivative, flux_input
from lammps_input import pair_style
from potentials import random_potential

TOLERANCE = 1e-5
"""Relative error of the flux, that of the finite difference included."""


@pytest.fixture
def cluster(lammps):
    lammps.potential(random_potential(("Al", "Ni"), "angular-poly"))
    atoms = bulk("NiAl", "cesiumchloride", a=2.9).repeat(3)
    atoms.rattle(0.1, seed=3)
    atoms.center(vacuum=8.0)
    lammps.structure(atoms, ("Al", "Ni"))
    return lammps


def found(lammps, stress, ranks):
    text = flux_input(pair_style(("Al", "Ni")), stress)
    return flux_and_derivative(lammps.run(text, ranks).text)


@pytest.mark.parametrize("ranks", [1, 2])
def test_flux_of_centroid_stress_is_the_time_derivative(cluster, ranks):
    flux, derivative = found(cluster, "centroid/stress/atom", ranks)
    np.testing.assert_allclose(flux, derivative, rtol=0, atol=TOLERANCE * np.linalg.norm(derivative))


def test_flux_of_atomic_stress_is_wrong(cluster):
    """What most pair styles of machine-learning potentials offer."""
    flux, derivative = found(cluster, "stress/atom", 1)
    assert np.linalg.norm(flux - derivative) > 0.01 * np.linalg.norm(derivative)
