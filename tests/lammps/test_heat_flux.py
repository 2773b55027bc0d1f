"""The flux of heat is the time derivative of Σ r_i e_i; only the centroid virial gives it for many-body energies."""

import numpy as np
import pytest
from ase.build import bulk
from lammps_input import HEAD, pair_style
from potentials import random_potential

TIMESTEP = 2e-5
"""ps."""
TOLERANCE = 1e-5
"""Relative error of the flux, that of the finite difference included."""

FLUX = """boundary f f f
read_data atoms
{pair}velocity all create 900 4711 mom yes rot yes
compute k all ke/atom
compute e all pe/atom
compute s all {stress} NULL virial
compute j all heat/flux k e s
variable rx atom x*(c_k+c_e)
variable ry atom y*(c_k+c_e)
variable rz atom z*(c_k+c_e)
compute r all reduce sum v_rx v_ry v_rz
thermo_style custom step c_r[*] c_j[*]
thermo_modify format float %.17g
thermo 1
timestep {timestep}
fix 1 all nve
run 2
"""


@pytest.fixture
def cluster(lammps):
    lammps.potential(random_potential(("Al", "Ni"), "angular-poly"))
    atoms = bulk("NiAl", "cesiumchloride", a=2.9).repeat(3)
    atoms.rattle(0.1, seed=3)
    atoms.center(vacuum=8.0)
    lammps.structure(atoms, ("Al", "Ni"))
    return lammps


def flux_and_derivative(lammps, stress, ranks):
    pair = pair_style(("Al", "Ni"))
    found = lammps.run(HEAD + FLUX.format(pair=pair, stress=stress, timestep=TIMESTEP), ranks)
    lines = found.text.split("c_j[6]")[1].splitlines()[1:4]
    rows = np.array([[float(x) for x in line.split()] for line in lines])
    return rows[1, 4:7], (rows[2, 1:4] - rows[0, 1:4]) / (2 * TIMESTEP)


@pytest.mark.parametrize("ranks", [1, 2])
def test_flux_of_centroid_stress_is_the_time_derivative(cluster, ranks):
    flux, derivative = flux_and_derivative(cluster, "centroid/stress/atom", ranks)
    np.testing.assert_allclose(flux, derivative, rtol=0, atol=TOLERANCE * np.linalg.norm(derivative))


def test_flux_of_atomic_stress_is_wrong(cluster):
    """What most pair styles of machine-learning potentials offer."""
    flux, derivative = flux_and_derivative(cluster, "stress/atom", 1)
    assert np.linalg.norm(flux - derivative) > 0.01 * np.linalg.norm(derivative)
