"""Error bars of properties that are computed with a potential."""

import numpy as np
import pytest
from ase.build import bulk

from mlip_rs import Basis, Potential
from mlip_rs.errors import ConfigError
from mlip_rs.uncertainty import Committee, derived_property, property_uncertainty

COEFFICIENTS = [2.0, -0.2]
DEVIATIONS = np.array([0.01, -0.02, 0.02, 0.0])


@pytest.fixture
def potential():
    basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=2)
    potential = Potential.from_coefficients(basis, COEFFICIENTS, {"Al": -1.0})
    return Committee(np.array([1]), DEVIATIONS[:, None], {"energy": 0.5}, "each of 4").attached(potential)


def second(potential):
    return potential.coefficients("Al")["d[Al,1]"]


def test_it_is_the_sum_of_the_squared_deviations_of_the_members(potential):
    value, sigma = property_uncertainty(potential, second)
    assert value == pytest.approx(-0.2)
    assert isinstance(sigma, float)
    assert sigma == pytest.approx(np.sqrt((DEVIATIONS**2).sum()))


def test_a_linear_property_has_the_error_bar_of_the_committee_without_the_residual(potential):
    atoms = bulk("Al", a=4.1)
    value, sigma = property_uncertainty(potential, lambda one: one.predict(atoms).energy)
    assert value == potential.predict(atoms).energy
    assert np.hypot(sigma, 0.5) == pytest.approx(potential.uncertainty(atoms).energy)


def test_arrays_have_an_error_bar_for_each_number_and_zero_by_symmetry_is_zero(potential):
    value, sigma = property_uncertainty(potential, lambda one: np.array([[second(one), 3.0]]))
    assert value.shape == sigma.shape == (1, 2)
    assert sigma[0, 1] == 0.0
    assert sigma[0, 0] > 0.0


def test_members_that_fail_are_counted_and_named(potential):
    def fails(one):
        if second(one) < -0.21:
            raise ZeroDivisionError("no crystal")
        return second(one)

    found = property_uncertainty(potential, fails)
    assert (found.determined, found.n_members, found.failures) == (3, 4, ("member 2: no crystal",))
    rest = np.delete(DEVIATIONS, 1)
    assert found.sigma == pytest.approx(np.sqrt(4 / 3 * (rest**2).sum()))


def test_fewer_than_three_members_determine_nothing(potential):
    found = property_uncertainty(potential, lambda one: second(one) if second(one) > -0.2 - 1e-9 else np.nan)
    assert found.determined == 3
    found = property_uncertainty(potential, lambda one: [1.0, second(one) if second(one) < -0.195 else None])
    assert np.isnan(found.sigma[1])
    assert found.determined.tolist() == [4, 2]
    assert found.sigma[0] == 0.0


def test_another_shape_is_a_failure_of_the_member(potential):
    found = property_uncertainty(potential, lambda one: np.zeros(2 if second(one) < -0.21 else 3))
    assert found.n_members == 4
    assert "shape (2,)" in found.failures[0]


def test_what_fails_for_the_potential_itself_is_raised(potential):
    def fails(one):
        raise ZeroDivisionError("no crystal")

    with pytest.raises(ZeroDivisionError, match="no crystal"):
        property_uncertainty(potential, fails)


def test_without_a_committee_the_error_says_how_to_make_one(potential):
    with pytest.raises(ConfigError, match="fit again"):
        property_uncertainty(potential.with_info({}), second)


def test_no_members_or_other_shapes():
    assert np.isnan(derived_property(1.0, []).sigma)
    with pytest.raises(ConfigError, match="shape"):
        derived_property([1.0, 2.0], [[1.0], [2.0]])
