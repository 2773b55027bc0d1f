"""A fit refuses labels that contradict each other, corrects them on request, or goes on all the same and says so."""

import json
from dataclasses import replace

import pytest

from mlip_rs import Basis, FitSettings, Potential, fit
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import DataError
from mlip_rs.fitting import scan_weights
from mlip_rs.fitting.label_review import review_labels
from mlip_rs.progress import Silent

QUICK = {"n_folds": 3, "n_path": 2, "prior": "flat"}
BASIS = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=6, repulsion=None)


@pytest.fixture(scope="module")
def right():
    return read_dataset(DATA_PATH, index="::4")


@pytest.fixture(scope="module")
def gradients(right):
    return replace(right, frames=tuple(replace(frame, forces=-frame.forces) for frame in right))


class Notes(Silent):
    def __init__(self):
        self.messages = []

    def note(self, message):
        self.messages.append(message)


def test_contradictions_are_refused_before_anything_is_computed(gradients, tmp_path):
    with pytest.raises(DataError, match=r"look like gradients.*± .*multiply by -1.*--correct-labels"):
        fit(gradients, BASIS, FitSettings(**QUICK), directory=tmp_path / "run")
    with pytest.raises(DataError, match="look like gradients"):
        scan_weights(gradients, BASIS, FitSettings(**QUICK), directory=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_corrections_on_request_give_the_fit_of_the_right_labels(right, gradients, tmp_path):
    wanted = fit(right, BASIS, FitSettings(**QUICK))
    run = fit(gradients, BASIS, FitSettings(**QUICK, correct_labels=True), directory=tmp_path)
    record = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["label_check"]
    assert [found["kind"] for found in record["corrected"]] == ["forces: sign"]
    assert (record["errors"], record["allowed"]) == ([], False)
    assert run.best().coefficients("Al") == wanted.best().coefficients("Al")
    assert (
        Potential.load(tmp_path / "best.mlip.json").info["data"]["notices"] == run.record["data"]["notices"]
    )
    assert run.record["data"]["notices"][-1].startswith("corrected in 79 frames: forces of")
    assert run.record["data"]["fingerprint"] == wanted.record["data"]["fingerprint"]


def test_contradictions_that_are_allowed_are_recorded(gradients):
    run = fit(gradients, BASIS, FitSettings(**QUICK, allow_contradictory_labels=True))
    assert run.record["label_check"]["allowed"]
    assert [found["kind"] for found in run.record["label_check"]["errors"]] == ["forces: sign"]
    assert "contradict each other, allowed on request" in run.best().info["data"]["notices"][-1]


def test_labels_that_agree_change_nothing(right):
    notes = Notes()
    review = review_labels(right, FitSettings(correct_labels=True), notes)
    assert review.dataset is right
    assert review.to_dict()["corrected"] == []
    assert notes.messages[0].startswith("labels: energies, forces and stresses agree")


def test_what_could_not_be_checked_is_said(right):
    notes = Notes()
    review = review_labels(right.subset(range(5)), FitSettings(), notes)
    assert notes.messages == [
        "labels: not checked: all labels, with 5 structures; 15 are needed to compare them"
    ]
    assert review.to_dict()["unchecked"] == ["all labels, with 5 structures; 15 are needed to compare them"]


def told_of_one_source(dataset):
    return replace(
        dataset, frames=tuple(replace(frame, label_source="teacher a (a 1.0)") for frame in dataset)
    )


def test_energies_of_one_calculator_are_no_mixture_of_codes(right):
    shifted = replace(
        right,
        frames=tuple(
            replace(frame, energy=frame.energy + 0.8 * frame.n_atoms) if k % 4 == 0 else frame
            for k, frame in enumerate(right)
        ),
    )
    with pytest.raises(DataError, match="use one code"):
        review_labels(shifted, FitSettings(), Silent())
    with pytest.raises(DataError, match=r"teacher a \(a 1.0\) made all labels.*not smooth there.*left out"):
        review_labels(told_of_one_source(shifted), FitSettings(), Silent())


def test_forces_of_the_wrong_sign_are_refused_whoever_made_them(gradients):
    with pytest.raises(DataError, match="look like gradients"):
        review_labels(told_of_one_source(gradients), FitSettings(), Silent())
