"""Classes held out of the whole fit, and the factors on error bars that follow."""

from dataclasses import replace

import numpy as np
import pytest

from mlip_rs import Basis, FitSettings, fit
from mlip_rs.data import Dataset, read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting.held_out_classes import (
    HeldOut,
    calibration,
    classes,
    held_out_classes,
    without,
)
from mlip_rs.fitting.problem import build_problem, check_data
from mlip_rs.progress import Progress
from mlip_rs.uncertainty import Committee
from mlip_rs.uncertainty.calibration import LEVELS, Calibration, normal_quantile

SETTINGS = FitSettings(n_folds=3, n_path=3, prior="flat", anchor_weight=0.0)


@pytest.fixture(scope="module")
def problem():
    dataset = read_dataset(DATA_PATH, index="::4")
    wanted = ("rattle_fcc", "rattle_bcc", "rattle_hcp", "strain_fcc")
    dataset = dataset.subset(np.array([frame.config_type in wanted for frame in dataset]))
    basis = Basis(["Al"], cutoff=5.5, r_min=2.0, hierarchy="pair", n_radial=6, repulsion=None)
    return build_problem(check_data(dataset, basis, SETTINGS), SETTINGS, persistent=False)


class Notes(Progress):
    """Keeps notices."""

    def __init__(self):
        self.notes = []

    def start(self, phase, total):
        pass

    def advance(self, count=1):
        pass

    def note(self, text):
        self.notes.append(text)


def test_classes_are_config_types(problem):
    names = [name for name, _ in classes(problem)]
    assert sorted(names) == ["rattle_bcc", "rattle_fcc", "rattle_hcp", "strain_fcc"]


def test_without_config_types_clusters_take_their_place(problem):
    only = np.array([frame.config_type == "rattle_fcc" for frame in problem.dataset])
    found = classes(without(problem, ~only, SETTINGS))
    assert len(found) > 1
    assert all(name.startswith("cluster") for name, _ in found)


def test_a_class_is_left_out_of_everything(problem):
    own = dict(classes(problem))["rattle_bcc"]
    rest = without(problem, own, SETTINGS)
    assert "rattle_bcc" not in rest.dataset.config_types
    assert len(rest.structure_weights) == len(rest.folds) == len(rest.dataset)
    (found,) = held_out_classes(problem, SETTINGS, [4], None, [("rattle_bcc", own)])
    assert found[0].n_structures == own.sum()
    assert len(found[0].errors["energy"]) == own.sum()
    assert len(found[0].index) == len(found[0].force_errors) == len(found[0].errors["forces"]) // 3
    assert all(np.isfinite(part).all() for part in (*found[0].bars.values(), found[0].index))


def test_with_the_factors_every_class_is_covered():
    rng = np.random.default_rng(0)
    held_out = []
    for name, scale in (("a", 0.5), ("b", 3.0)):
        errors, bars = {"energy": scale * rng.normal(size=500)}, {"energy": np.ones(500)}
        held_out.append(HeldOut(name, 500, 3, errors, bars, np.ones(0), np.ones(0), np.ones(0)))
    found = calibration(held_out)
    assert found.promise == pytest.approx(2 / 3)
    assert set(found.factors) == {"energy"}
    for level in LEVELS:
        width = normal_quantile(level) * found.factor("energy", level)
        for own in held_out:
            assert (np.abs(own.errors["energy"]) <= width + 1e-3).mean() >= level - 0.01
    assert found.coverage["energy"]["b"][1] < 0.6 < found.coverage["energy"]["a"][1]


def test_factors_never_fall_with_the_level():
    errors = {
        "energy": np.concatenate([np.full(60, 3.0), np.full(40, 3.1)])
    }  # all alike: far fewer in the tail
    found = calibration([HeldOut("a", 100, 3, errors, {"energy": np.ones(100)}, *[np.ones(0)] * 3)])
    widths = [normal_quantile(level) * found.factor("energy", level) for level in LEVELS]
    assert widths[0] == pytest.approx(3.1, rel=1e-3)
    assert list(found.factors["energy"]) == sorted(found.factors["energy"])
    assert Calibration.from_dict(found.to_dict()) == found


def test_a_fit_that_holds_classes_out_has_the_factors(problem):
    notes = Notes()
    settings = FitSettings(**{**vars(SETTINGS), "hold_out_classes": True})
    run = fit(problem.dataset, problem.basis, settings, progress=notes)
    committee = Committee.of(run.knee())
    assert sorted(committee.calibration.classes) == ["rattle_bcc", "rattle_fcc", "rattle_hcp", "strain_fcc"]
    assert min(min(own) for own in committee.calibration.factors.values()) >= 1.0
    assert "held_out_classes" in run.record["seconds"]


def test_the_only_atoms_of_an_element_are_not_held_out_and_widen_no_bar():
    wanted = [
        frame
        for frame in read_dataset(DATA_PATH, index="::4")
        if frame.config_type in ("rattle_fcc", "rattle_hcp", "strain_fcc")
    ]
    copper = [
        replace(frame, numbers=np.full(frame.n_atoms, 29), config_type="copper")
        for frame in wanted
        if frame.config_type == "rattle_hcp"
    ]
    basis = Basis(["Al", "Cu"], cutoff=5.5, r_min=2.0, hierarchy="pair", n_radial=4, repulsion=None)
    notes = Notes()
    settings = FitSettings(**{**vars(SETTINGS), "hold_out_classes": True})
    run = fit(Dataset((*wanted, *copper)), basis, settings, progress=notes)
    found = Committee.of(run.knee()).calibration
    assert set(found.classes) == {"rattle_fcc", "rattle_hcp", "strain_fcc"}
    assert found.promise == pytest.approx(3 / 4)
    assert found.not_held_out == {"copper": "without it, the data have no Cu"}
    assert all("copper" not in own for own in found.coverage.values())
    assert any("the class 'copper': without it, the data have no Cu" in note for note in notes.notes)
    assert Calibration.from_dict(found.to_dict()) == found


def test_a_class_that_cannot_be_missed_is_named(problem):
    notes = Notes()
    everything_but_two = np.ones(len(problem.dataset), dtype=bool)
    everything_but_two[:2] = False
    found = list(held_out_classes(problem, SETTINGS, [4], notes, [("nearly all", everything_but_two)]))
    assert found == []
    assert any("nearly all" in note for note in notes.notes)
