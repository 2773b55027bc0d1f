"""Elastic tensors against Lennard-Jones and EMT, averages against published tables, counts against the textbook."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from mlip_rs.errors import PropertyError
from mlip_rs.generate import prototype
from mlip_rs.generate.symmetry import crystal_symmetry, rotations
from mlip_rs.validate import elastic_analysis, polycrystal_averages
from mlip_rs.validate.figures.elastic import young_modulus_directions
from mlip_rs.validate.stiffness import independent_constants, symmetrized, young_modulus


def cubic(c11, c12, c44):
    c = np.diag([c11 - c12] * 3 + [c44] * 3).astype(float)
    c[:3, :3] += c12
    return c


def test_averages_of_copper_are_those_of_the_literature():
    # Hirth and Lothe, Theory of Dislocations: Cu C11 168.4, C12 121.4, C44 75.4 GPa, Voigt shear 54.6 and Reuss 40.0
    averages = polycrystal_averages(cubic(168.4, 121.4, 75.4))
    assert averages.shear_voigt == pytest.approx(54.6, abs=0.1)
    assert averages.shear_reuss == pytest.approx(40.0, abs=0.2)
    assert averages.bulk_voigt == pytest.approx((168.4 + 2 * 121.4) / 3)
    assert averages.bulk_reuss == pytest.approx(averages.bulk_voigt)


def test_isotropic_stiffness_has_equal_bounds_and_no_anisotropy():
    averages = polycrystal_averages(cubic(120.0, 60.0, 30.0))
    assert averages.shear_voigt == pytest.approx(30.0)
    assert averages.shear_reuss == pytest.approx(30.0)
    assert averages.universal_anisotropy == pytest.approx(0.0, abs=1e-12)
    assert averages.young_hill == pytest.approx(9 * 80 * 30 / (240 + 30))
    assert averages.poisson_hill == pytest.approx((240 - 60) / (480 + 60))


def test_unstable_stiffness_has_no_averages():
    with pytest.raises(PropertyError, match="unstable"):
        polycrystal_averages(cubic(100.0, 120.0, 50.0))


def test_young_modulus_of_a_cubic_crystal_along_axes_and_diagonal():
    # J. F. Nye, Physical Properties of Crystals: 1/E = s11 − 2 (s11 − s12 − s44/2)(n1²n2² + n2²n3² + n3²n1²)
    c = cubic(168.4, 121.4, 75.4)
    s = np.linalg.inv(c)
    diagonal = np.ones(3) / 3**0.5
    found = young_modulus(c, np.array([[1.0, 0.0, 0.0], diagonal]))
    assert found[0] == pytest.approx(1 / s[0, 0])
    assert found[1] == pytest.approx(1 / (s[0, 0] - 2 / 3 * (s[0, 0] - s[0, 1] - s[3, 3] / 2)))


@pytest.mark.parametrize(
    ("name", "system", "count"),
    [("fcc", "cubic", 3), ("diamond", "cubic", 3), ("hcp", "hexagonal", 5), ("beta-sn", "tetragonal", 6)],
)
def test_symmetry_leaves_the_textbook_number_of_constants(name, system, count):
    atoms = prototype(name, "Al", 17.0)
    assert crystal_symmetry(atoms).system == system
    assert independent_constants(rotations(atoms)) == count


def test_a_crystal_without_symmetry_keeps_all_21():
    atoms = prototype("fcc", "Al", 17.0).repeat((2, 2, 1))
    atoms.rattle(0.1, seed=0)
    assert crystal_symmetry(atoms).system == "triclinic"
    assert independent_constants(rotations(atoms)) == 21


def test_symmetrisation_takes_out_what_symmetry_forbids_in_any_orientation():
    atoms = bulk("Al", "fcc", a=4.05)
    atoms.rotate(37, (1, 2, 3), rotate_cell=True)
    group = rotations(atoms)
    noise = np.random.default_rng(0).normal(size=(6, 6))
    once = symmetrized(noise + noise.T, group)
    assert symmetrized(once, group) == pytest.approx(once)
    assert np.linalg.matrix_rank(once) >= 3


def test_lennard_jones_fcc_obeys_cauchy_and_its_own_symmetry():
    # pair forces and centres of inversion: C12 = C44 (Born and Huang), ions have nothing to relax
    calculator = LennardJones(sigma=1.0, epsilon=1.0, rc=1.3, smooth=False)
    analysis = elastic_analysis(calculator, bulk("Ar", "fcc", a=2**0.5 * 2 ** (1 / 6)), strain=1e-4)
    assert analysis.space_group == "Fm-3m"
    assert analysis.relaxed.c12 == pytest.approx(analysis.relaxed.c44, rel=1e-3)
    assert analysis.relaxed.c11 == pytest.approx(
        2 * analysis.relaxed.c12, rel=1e-3
    )  # nearest neighbours only
    assert analysis.relaxed.matrix == pytest.approx(analysis.clamped.matrix, abs=1e-6)
    assert analysis.symmetry_deviation < 1e-3 * analysis.relaxed.c11
    assert analysis.is_stable


def test_emt_hcp_softens_when_ions_relax_and_keeps_hexagonal_symmetry():
    analysis = elastic_analysis(EMT(), prototype("hcp", "Cu", 11.57), strain=2e-3, fmax=1e-4)
    assert analysis.system == "hexagonal"
    assert analysis.relaxed.matrix[0, 0] < analysis.clamped.matrix[0, 0] - 1.0
    assert analysis.symmetry_deviation < 0.02 * analysis.relaxed.c11
    assert analysis.averages.bulk_reuss <= analysis.averages.bulk_voigt
    assert analysis.to_dict()["n_independent"] == 5
    assert len(young_modulus_directions(analysis, analysis).axes) == 2
