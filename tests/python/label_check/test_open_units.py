"""Slopes far from 1 that name no unit for sure raise a warning; those that say nothing, or are near 1, do not."""

from types import SimpleNamespace

import healthy_sets as h
import pytest

from mlip_rs.label_check.open_units import check_open_units
from mlip_rs.label_check.regression import Slope
from mlip_rs.label_check.verdict import judge


@pytest.fixture(scope="module")
def dataset():
    return h.joined((h.crystal, 4))


def found(dataset, **slopes):
    rows = SimpleNamespace(names=[(dataset[0].file, dataset[0].config_type)])
    given = {name: SimpleNamespace(slope=Slope(*slope, None, None)) for name, slope in slopes.items()}
    return list(check_open_units(dataset, rows, given.get("energies"), given.get("stresses")))


def test_both_slopes_far_from_one_say_that_the_forces_are_in_another_unit(dataset):
    (warning,) = found(dataset, energies=(39.8, 8.0), stresses=(18.9, 4.0))
    assert (warning.kind, warning.certain, warning.correction) == ("forces: unit", False, None)
    assert "Hartree/bohr or Rydberg/bohr" in warning.message


def test_one_slope_far_from_one_says_it_of_that_label(dataset):
    (warning,) = found(dataset, energies=(0.8, 0.2), stresses=(-495.0, 100.0))
    assert warning.kind == "stress: unit"
    assert "kBar, positive under compression" in warning.message


@pytest.mark.parametrize("slope", [(0.3, 0.05), (5.0, 1.0), (40.0, 20.0), (40.0, 1.0)])
def test_slopes_that_are_sure_or_say_nothing_raise_nothing(dataset, slope):
    assert found(dataset, energies=slope) == []


def test_two_faults_are_not_made_up_for_one_slope_that_a_small_basis_may_have():
    energies = SimpleNamespace(slope=Slope(0.444, 0.05, None, None))
    stresses = SimpleNamespace(slope=Slope(0.86, 0.03, None, None), virial=False)
    for verdict in (judge(energies, None, True), judge(energies, stresses, True)):
        assert verdict.best is None
        assert verdict.unnamed.startswith("energies have slope 0.44 ")
