"""Newton's method in a trust region and a box, against scipy and against points tried all around."""

import numpy as np
import pytest
from scipy.optimize import minimize, rosen, rosen_der, rosen_hess

from mlip_rs.fitting.trust_region import Expansion, TrustRegion

CLOSE = 1e-6


def rosenbrock(x):
    return Expansion(float(rosen(x)), rosen_der(x), rosen_hess(x))


@pytest.mark.parametrize("upper", [2.0, 0.7])
def test_it_finds_the_minimum_that_scipy_finds_in_the_box(upper):
    start, n = np.array([-1.2, 1.0, -0.5]), 3
    region = TrustRegion(np.full(n, -2.0), np.full(n, upper), 1.0, 2.0, 1e-14)
    point, value = region.minimise(rosenbrock, start, 200)
    slow = minimize(
        rosen, np.clip(start, -2.0, upper), jac=rosen_der, method="L-BFGS-B", bounds=[(-2.0, upper)] * n
    )
    assert value <= slow.fun + CLOSE
    assert (point <= upper).all()


def test_no_point_within_radius_and_box_has_a_lower_model_where_it_is_convex(rng):
    for _ in range(20):
        a = rng.normal(size=(3, 3))
        here = Expansion(0.0, rng.normal(size=3), a @ a.T)
        region = TrustRegion(np.full(3, -5.0), np.full(3, 5.0), 1.0, 1.0, 0.0)
        step = region.step(here, np.zeros(3), 1.0)
        assert np.linalg.norm(step) <= 1.0 + CLOSE
        tried = rng.normal(size=(2000, 3))
        tried /= np.maximum(np.linalg.norm(tried, axis=1, keepdims=True), 1.0)
        assert here.change(step) <= min(here.change(own) for own in tried) + CLOSE


def test_negative_curvature_is_followed_to_the_radius():
    here = Expansion(0.0, np.array([0.1, 0.1]), np.diag([-1.0, 2.0]))
    region = TrustRegion(np.full(2, -9.0), np.full(2, 9.0), 3.0, 3.0, 0.0)
    step = region.step(here, np.zeros(2), 3.0)
    assert np.linalg.norm(step) == pytest.approx(3.0)
    assert here.change(step) < -4.0


def test_steps_stay_in_the_box_and_those_at_a_bound_move_along_it():
    here = Expansion(0.0, np.array([1.0, -1.0]), np.eye(2))
    region = TrustRegion(np.zeros(2), np.ones(2), 9.0, 9.0, 0.0)
    np.testing.assert_allclose(region.step(here, np.array([0.0, 0.5]), 9.0), [0.0, 0.5])


def test_points_without_a_value_shrink_the_radius_and_none_at_the_start_ends_the_search():
    def partly(x):
        return None if x[0] < 1.0 else Expansion(float(x @ x), 2.0 * x, 2.0 * np.eye(1))

    region = TrustRegion(np.array([-9.0]), np.array([9.0]), 8.0, 8.0, 1e-9)
    point, value = region.minimise(partly, np.array([4.0]), 12)
    assert 1.0 <= point[0] < 1.5
    assert value == pytest.approx(point[0] ** 2)
    assert region.minimise(partly, np.array([0.0]), 12)[1] == np.inf
