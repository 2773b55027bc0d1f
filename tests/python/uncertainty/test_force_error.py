"""The curve from the index of an atom to the error of its force."""

import numpy as np
import pytest

from mlip_rs.uncertainty.force_error import ForceError


def test_it_follows_errors_that_grow_with_the_index():
    rng = np.random.default_rng(0)
    index = rng.uniform(0.1, 3.0, 4000)
    curve = ForceError.fitted(index, np.abs(rng.normal(size=4000)) * 0.1 * index)
    np.testing.assert_allclose(curve(np.array([0.5, 1.5, 2.5])), [0.05, 0.15, 0.25], rtol=0.2)
    assert curve(np.array([30.0]))[0] == pytest.approx(3.0, rel=0.2)


def test_it_never_falls():
    rng = np.random.default_rng(1)
    index = rng.uniform(0.0, 1.0, 500)
    curve = ForceError.fitted(index, 1.0 - index)
    assert (np.diff(curve(np.linspace(0.0, 2.0, 50))) >= 0.0).all()


def test_few_atoms_have_none_and_equal_ones_one_value():
    assert ForceError.fitted(np.ones(5), np.ones(5)) is None
    assert ForceError.fitted(np.ones(500), np.full(500, 0.2))(np.array([0.5])).tolist() == [0.2]


@pytest.mark.parametrize(
    "document",
    [
        {"index": [], "error": []},
        {"index": [1.0], "error": [1.0, 2.0]},
        {"index": [1.0, 1.0], "error": [1.0, 2.0]},
        {"index": [1.0], "error": [-1.0]},
        {"index": [1.0], "error": [float("nan")]},
    ],
)
def test_damaged_curves_are_refused(document):
    with pytest.raises(ValueError, match=r"curve|float"):
        ForceError.from_dict(document)
