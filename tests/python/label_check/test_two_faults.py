"""Two faults at once are told apart, or nothing is corrected; crowded atoms tell signs; test data are checked, too."""

from dataclasses import replace

import healthy_sets as h
import pytest
from ase.units import Bohr, GPa, Hartree, kcal, mol

from mlip_rs import FitSettings
from mlip_rs.data import Dataset
from mlip_rs.errors import DataError
from mlip_rs.fitting.label_review import review_labels
from mlip_rs.label_check import check_labels
from mlip_rs.progress import Silent

CORRECTING = FitSettings(correct_labels=True)


@pytest.fixture(scope="module")
def right() -> Dataset:
    return h.joined((h.crystal, 30))


def scaled(dataset: Dataset, **factors: float) -> Dataset:
    return replace(
        dataset,
        frames=tuple(
            replace(f, **{label: getattr(f, label) * factor for label, factor in factors.items()})
            for f in dataset
        ),
    )


PAIRS = {
    "Hartree and gradients": {"energy": 1 / Hartree, "forces": -1.0},
    "gradients and kBar": {"forces": -1.0, "stress": -10 / GPa},
    "gradients and kBar of the other sign": {"forces": -1.0, "stress": 10 / GPa},
    "atomic units": {"energy": 1 / Hartree, "forces": Bohr / Hartree},
    "gradients in atomic units": {"energy": 1 / Hartree, "forces": -Bohr / Hartree},
    "kcal/mol": {"energy": mol / kcal, "forces": mol / kcal},
    "Hartree and kBar": {"energy": 1 / Hartree, "stress": -10 / GPa},
}


@pytest.mark.parametrize("name", PAIRS)
def test_two_faults_are_corrected_to_the_right_labels(right, name):
    review = review_labels(scaled(right, **PAIRS[name]), CORRECTING, Silent())
    for frame, original in zip(review.dataset, right, strict=True):
        assert frame.energy == pytest.approx(original.energy, rel=1e-6)
        assert frame.forces == pytest.approx(original.forces, rel=1e-6, abs=1e-9)
        assert frame.stress == pytest.approx(original.stress, rel=1e-6, abs=1e-9)
    assert {found.label for found in review.corrected} == set(PAIRS[name])


@pytest.mark.parametrize("turned", [("energy",), ("forces", "stress")])
def test_of_labels_that_are_opposite_those_are_turned_that_pull_crowded_atoms_together(right, turned):
    wrong = scaled(right, **dict.fromkeys(turned, -1.0))
    found = check_labels(wrong).errors
    assert {one.label for one in found} == set(turned)
    assert all(one.kind.endswith(": sign") and "multiply by -1" in one.cure for one in found)
    review = review_labels(wrong, CORRECTING, Silent())
    for frame, original in zip(review.dataset, right, strict=True):
        assert frame.energy == pytest.approx(original.energy)
        assert frame.forces == pytest.approx(original.forces)
        assert frame.stress == pytest.approx(original.stress)


def test_a_correction_that_leaves_a_contradiction_is_undone(right):
    odd = scaled(right, forces=-1.0, stress=7.7)
    with pytest.raises(DataError, match="contradict each other"):
        review_labels(odd, CORRECTING, Silent())
    settings = replace(CORRECTING, allow_contradictory_labels=True)
    review = review_labels(odd, settings, Silent())
    assert review.corrected == ()
    assert all((f.forces == g.forces).all() for f, g in zip(review.dataset, odd, strict=True))


def in_file(dataset: Dataset, name: str) -> Dataset:
    return replace(dataset, frames=tuple(replace(f, file=name) for f in dataset))


def test_test_data_are_checked_against_the_training_data_and_corrected(right):
    training, test = right.subset(range(22)), in_file(right.subset(range(22, 30)), "test.xyz")
    wrong = scaled(test, forces=-1.0)
    with pytest.raises(DataError, match=r"forces of test\.xyz look like gradients"):
        review_labels(training, FitSettings(), Silent(), wrong)
    review = review_labels(training, CORRECTING, Silent(), wrong)
    assert review.dataset is training
    assert review.test is not None
    assert all((f.forces == g.forces).all() for f, g in zip(review.test, test, strict=True))
    assert review.test.notices[-1].startswith("corrected in 8 frames: forces of test.xyz")
    both = review_labels(scaled(training, forces=-1.0), CORRECTING, Silent(), wrong)
    assert all((f.forces == g.forces).all() for f, g in zip(both.dataset, training, strict=True))
    assert both.test is not None
    assert all((f.forces == g.forces).all() for f, g in zip(both.test, test, strict=True))


def test_test_data_that_are_right_change_nothing(right):
    training, test = right.subset(range(22)), in_file(right.subset(range(22, 30)), "test.xyz")
    review = review_labels(training, CORRECTING, Silent(), test)
    assert review.dataset is training
    assert review.test is test
