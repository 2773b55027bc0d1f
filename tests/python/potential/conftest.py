"""A potential and its file, shared by the tests of this folder."""

import pytest
from potentials import random_potential


@pytest.fixture
def potential():
    return random_potential(("Al", "Ni"), info={"rmse": 0.1 + 0.2, "data": ["a.xyz"]})


@pytest.fixture
def path(tmp_path, potential):
    target = tmp_path / "al.mlip.json"
    potential.save(target)
    return target
