"""Potentials that the tests of the calculator share."""

import pytest
from potentials import HIERARCHIES, argon_potential, random_potential


@pytest.fixture(params=HIERARCHIES)
def potential(request):
    return random_potential(("Al", "Ni"), request.param)


@pytest.fixture(scope="module")
def argon():
    return argon_potential()
