"""Verdicts from slopes: for one slope there is always a pair of units, so none is believed."""

import numpy as np
import pytest
from ase.units import Bohr

from mlip_rs.label_check.energies import Energies
from mlip_rs.label_check.posterior import compare
from mlip_rs.label_check.regression import Slope, confirm
from mlip_rs.label_check.stresses import Stresses
from mlip_rs.label_check.verdict import judge

NONE = np.empty(0)
ALL = np.ones(12, dtype=bool)
COMPARISON = compare(np.arange(12.0), np.ones((12, 1)), np.zeros((12, 1)))


def energies(value: float, error: float) -> Energies:
    return Energies(NONE, False, Slope(value, error, COMPARISON, ALL), (), NONE)


def stresses(value: float, error: float) -> Stresses:
    return Stresses(Slope(value, error, COMPARISON, ALL), None, False, ALL)


@pytest.mark.parametrize("stress", [None, stresses(1.0, 0.008)])
@pytest.mark.parametrize("slope", [0.16, 0.0033])
def test_two_units_that_no_program_writes_are_not_made_up_for_one_slope(slope, stress):
    verdict = judge(energies(slope, slope / 10), stress, True, lambda: 1.0)
    assert verdict.best is None
    assert "energies have slope" in verdict.unnamed


def test_units_that_a_program_writes_together_are_found_from_one_slope():
    verdict = judge(energies(1 / Bohr, 0.01), None, True)
    assert verdict.best is not None
    assert {"energy", "forces"} in [set(one.faults) for one in (verdict.best, *verdict.others)]


@pytest.mark.parametrize(("sign", "label"), [(1.0, "energy"), (-1.0, "forces")])
def test_of_a_negative_slope_of_no_unit_the_sign_is_likely(sign, label):
    verdict = judge(energies(-0.16, 0.016), None, True, lambda: sign)
    assert verdict.best is not None
    assert {name: factor.value for name, factor in verdict.best.faults.items()} == {label: -1.0}
    assert verdict.unsure


def test_stresses_decide_where_the_slope_of_the_energies_is_that_of_no_unit():
    verdict = judge(energies(-0.0033, 3e-5), stresses(-1.0, 0.008), True, lambda: -1.0)
    assert verdict.best is not None
    assert {name: factor.value for name, factor in verdict.best.faults.items()} == {"forces": -1.0}
    assert not verdict.unsure


@pytest.mark.parametrize(("value", "confirmed"), [(0.4, None), (-0.4, -1.0)])
def test_a_sign_is_not_confirmed_against_the_regression(value, confirmed):
    mean = np.linspace(-1.0, 1.0, 12)
    slope = Slope(value, 0.3, COMPARISON, ALL)
    found = confirm(slope, -mean, mean, np.ones((12, 1)), np.zeros((12, 1)), [25.0, 0.04])
    assert found.confirmed == confirmed
