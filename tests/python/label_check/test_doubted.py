"""Findings that may be errors of the small basis: single energies, and families of the hottest frames."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.label_check import check_labels
from mlip_rs.label_check.check import _confirmed
from mlip_rs.label_check.energies import _are_hottest
from mlip_rs.label_check.findings import Finding

SINGLE = Finding("energy: single frame", certain=True, message="", cure="", frames=(17,))


@pytest.mark.parametrize(
    ("others", "certain"),
    [
        ([], False),
        ([replace(SINGLE, frames=(3,))], False),
        ([replace(SINGLE, kind="energy: sign")], False),
        ([replace(SINGLE, certain=False)], True),
        ([replace(SINGLE, frames=(3,)), SINGLE], True),
    ],
)
def test_a_single_energy_is_certain_only_if_another_basis_finds_it(others, certain):
    (found,) = _confirmed([SINGLE], others)
    assert found.certain is certain


def test_what_is_found_in_units_and_signs_needs_no_second_opinion():
    sign = replace(SINGLE, kind="energy: sign")
    assert _confirmed([sign], []) == [sign]


def test_a_wrong_single_energy_stays_certain():
    data = read_dataset(DATA_PATH, index="::4")
    wrong = tuple(replace(f, energy=f.energy + 0.8 * f.n_atoms) if k == 40 else f for k, f in enumerate(data))
    found = check_labels(replace(data, frames=wrong)).findings
    assert [(one.kind, one.certain, one.frames) for one in found] == [("energy: single frame", True, (40,))]


def test_a_right_energy_that_one_small_basis_misses_is_no_error(shared_data):
    data = read_dataset(shared_data / "agau/AgAu_train.xyz", index="::24")
    assert not [one for one in check_labels(data).findings if one.certain]


@pytest.mark.parametrize(
    ("sizes", "members", "expected"),
    [
        ([1, 2, 3, 9, 8, 7], [0, 0, 0, 1, 1, 1], True),
        ([1, 9, 3, 8, 2, 7], [0, 0, 0, 1, 1, 1], False),
        ([9, 8, 7, 1, 2, 3], [0, 0, 0, 1, 1, 1], False),
        ([1, 2, 3, None, None, None], [0, 0, 0, 1, 1, 1], False),
    ],
)
def test_a_family_is_the_hottest_if_nearly_all_its_forces_are_larger(sizes, members, expected):
    rows = SimpleNamespace(forces=[None if size is None else np.full(6, float(size)) for size in sizes])
    assert _are_hottest(rows, np.array(members, dtype=bool)) is expected
