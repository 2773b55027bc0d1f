"""Faults of one file among several are found, named and corrected there; files that are right stay as they are."""

from dataclasses import replace

import numpy as np
import pytest
from ase import units

from mlip_rs.data import Dataset, read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting.label_review import review_labels
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.label_check import check_files
from mlip_rs.progress import Silent

FAULTS = {
    "forces": lambda frame: replace(frame, forces=-frame.forces),
    "energy": lambda frame: replace(frame, energy=frame.energy / units.Hartree),
    "positions": lambda frame: replace(
        frame, positions=frame.positions / units.Bohr, cell=frame.cell / units.Bohr
    ),
}


def two_files(fault=None):
    """Aluminium of the demo, every second frame in a file of its own with a fault."""
    frames = []
    for k, frame in enumerate(read_dataset(DATA_PATH, index="::5")):
        right = replace(frame, file=f"{'ab'[k % 2]}.extxyz")
        frames.append(fault(right) if fault and k % 2 else right)
    return Dataset(tuple(frames))


def test_files_that_are_right_raise_nothing():
    assert check_files(two_files()).findings == ()


@pytest.mark.parametrize("label", FAULTS)
def test_a_fault_of_one_file_is_named_there(label):
    check = check_files(two_files(FAULTS[label]))
    assert check.errors
    assert {found.files for found in check.errors} == {("b.extxyz",)}
    assert check.errors[0].label == label


@pytest.mark.parametrize("label", FAULTS)
def test_a_correction_gives_the_true_labels_and_leaves_the_other_file(label):
    settings = FitSettings(correct_labels=True)
    review = review_labels(two_files(FAULTS[label]), settings, Silent())
    for found, right in zip(review.dataset, two_files(), strict=True):
        np.testing.assert_allclose(found.energy, right.energy, rtol=1e-6)
        np.testing.assert_allclose(found.forces, right.forces, rtol=1e-6)
        np.testing.assert_allclose(found.positions, right.positions, rtol=1e-6, atol=1e-6)
