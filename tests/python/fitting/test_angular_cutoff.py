"""The angular cutoff: chosen from data that need a short or a long one, stored, never against a setting."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from cli_case import invoke, labelled_frames, write_frames

from mlip_rs.basis import Basis, RadialSet
from mlip_rs.cost.model import CostModel
from mlip_rs.cost.plan import evaluation_plans
from mlip_rs.cost.units import UnitCosts
from mlip_rs.data import dataset_from_atoms
from mlip_rs.data.core_structures import pair_counts
from mlip_rs.errors import FitError
from mlip_rs.fitting import FitSettings, Weights, angular_cutoff, fit
from mlip_rs.potential import Potential

CUTOFF = 5.5
BASIS = Basis(["Al"], cutoff=CUTOFF, r_min=2.0)
SETTINGS = FitSettings(reference_energies={"Al": -1.0})


def labelled(angular_cutoff, rng):
    """Rattled crystals with labels of a potential with that angular cutoff."""
    made = Basis(
        ["Al"], cutoff=CUTOFF, r_min=2.0, size="small", angular_cutoff=angular_cutoff, repulsion=None
    )
    labels = made.labels()
    coefficients = np.where([label.startswith("p[") for label in labels], rng.normal(size=len(labels)), 0.0)
    potential = Potential.from_coefficients(made.to_dict(), coefficients, {"Al": -1.0}, {})
    frames = []
    for k in range(24):
        atoms = bulk("Al", "fcc", a=4.05, cubic=True).repeat((2, 1, 1))
        atoms.positions += 0.15 * rng.normal(size=atoms.positions.shape)
        atoms.set_cell(atoms.cell * (0.97 + 0.0025 * k), scale_atoms=True)
        atoms.calc = potential.calculator()
        atoms.get_forces()
        frames.append(atoms)
    return dataset_from_atoms(frames)


@pytest.fixture
def counted(monkeypatch):
    """Reaches that are asked for; the shorter ones are said to be better."""
    asked = []

    def score(_dataset, basis, _settings, _progress):
        asked.append(basis.angular_cutoff)
        return basis.angular_cutoff

    monkeypatch.setattr(angular_cutoff, "_score", score)
    return asked


@pytest.mark.parametrize("near", [0.7 * CUTOFF, CUTOFF])
def test_data_made_with_a_reach_ask_for_it(near, rng):
    settings = replace(SETTINGS, prior="flat")
    found = angular_cutoff.suggest_angular_cutoff(labelled(near, rng), BASIS, settings)
    assert found == pytest.approx(near, abs=0.01)


def test_the_shortest_that_is_as_good_is_taken():
    assert angular_cutoff.shortest({6.0: 1.0, 5.4: 0.94, 4.8: 0.95, 4.2: 0.99}) == 4.8
    assert angular_cutoff.shortest({6.0: 1.0, 5.4: 1.2}) == 6.0


def test_nothing_is_shortened_for_what_a_larger_basis_would_not_gain():
    assert angular_cutoff.shortest({6.0: 1.0, 5.4: 0.98, 4.8: 0.99}) == 6.0


def test_much_worse_scores_end_the_search(monkeypatch, rng):
    tried = []

    def score(_dataset, basis, _settings, _progress):
        tried.append(basis.angular_cutoff)
        return 1.0 if basis.angular_cutoff == CUTOFF else 2.0

    monkeypatch.setattr(angular_cutoff, "_score", score)
    assert angular_cutoff.suggest_angular_cutoff(labelled(4.0, rng), BASIS, SETTINGS) == CUTOFF
    assert tried == [CUTOFF, 4.95]


def test_too_few_labels_to_tell(counted):
    few = dataset_from_atoms(labelled_frames()[:10])
    assert angular_cutoff.suggest_angular_cutoff(few, BASIS, SETTINGS) == CUTOFF
    assert counted == []


def test_scores_are_kept_and_found_again_if_damaged(tmp_path, counted, rng):
    dataset = labelled(0.7 * CUTOFF, rng)

    def suggest(settings=SETTINGS):
        counted.clear()
        return angular_cutoff.suggest_angular_cutoff(dataset, BASIS, settings, directory=tmp_path), len(
            counted
        )

    chosen, n_fits = suggest()
    assert n_fits == 1 + len(angular_cutoff.FACTORS)
    assert suggest() == (chosen, 0)
    # Nor are they computed again for other precisions: a scan of weights shares its equations with the fit.
    assert suggest(replace(SETTINGS, weights=Weights(energy=0.01))) == (chosen, 0)
    path = tmp_path / angular_cutoff.FILE
    document = json.loads(path.read_text(encoding="utf-8"))
    (key,) = document
    document[key].popitem()  # interrupted before the last one
    path.write_text(json.dumps(document), encoding="utf-8")
    assert suggest() == (chosen, 1)
    assert suggest(replace(SETTINGS, seed=3))[1] == n_fits
    assert suggest() == (chosen, 0)
    for damaged in ('{"a', json.dumps({key: {"near": 1}})):
        path.write_text(damaged, encoding="utf-8")
        assert suggest() == (chosen, n_fits)


def test_a_fit_takes_it_unless_told(tmp_path, counted):
    dataset = dataset_from_atoms(labelled_frames())
    small = Basis(["Al"], cutoff=6.0, size="small")
    run = fit(dataset, small, FitSettings(method="ridge"), directory=tmp_path / "run")
    assert counted == [6.0, 5.4, 4.8, 4.2]
    reaches = {entry["orders"][0]: entry.get("cutoff") for entry in run.best().spec["radial"]}
    assert reaches == {1: None, 2: 4.2}
    counted.clear()
    fit(dataset, replace(small, angular_cutoff=5.0), FitSettings(method="ridge"))
    fit(dataset, Basis(["Al"], cutoff=6.0, hierarchy="pair"), FitSettings(method="ridge"))
    assert counted == []


def test_costs_count_neighbours_within_the_angular_cutoff():
    atoms = bulk("Al", "fcc", a=4.05, cubic=True).repeat(2)
    basis = Basis(["Al"], cutoff=6.0, angular_cutoff=4.3, size="small")
    near, far = pair_counts(atoms, basis.elements, [4.3, 6.0])[0, 0] / len(atoms)
    assert (near, far) == (18, 54)
    model = CostModel.of(basis, atoms, UnitCosts())
    counts = dict(
        zip(UnitCosts.__dataclass_fields__, model.counts(np.ones(basis.n_features, bool)), strict=True)
    )
    orders = {part.order: part for part in basis.describe().orders}
    max_l = max(part.max_l for part in orders.values() if part.max_l is not None)
    assert counts["neighbor"] == far
    assert counts["harmonic"] == near * ((max_l + 1) ** 2 - 1)
    potential = Potential.from_coefficients(basis.to_dict(), np.ones(basis.n_features), {"Al": 0.0}, {})
    plan = evaluation_plans(potential, atoms)[0]
    assert (plan.near, plan.neighbors, plan.near_neighbors) == ((4.3,), (54,), (18,))
    assert plan.us_per_atom == pytest.approx(model.cost(np.ones(basis.n_features, bool)), rel=0.02)
    whole = Potential.from_coefficients(
        replace(basis, angular_cutoff=6.0).to_dict(), np.ones(basis.n_features), {"Al": 0.0}, {}
    )
    assert evaluation_plans(whole, atoms)[0].us_per_atom > 1.2 * plan.us_per_atom


@pytest.mark.parametrize("cutoff", [4.678, 4.674, 5.0001])
def test_cutoffs_with_more_digits_than_the_reaches(counted, cutoff):
    dataset = dataset_from_atoms(labelled_frames())
    found = angular_cutoff.suggest_angular_cutoff(dataset, replace(BASIS, cutoff=cutoff), FitSettings())
    assert counted[0] == cutoff
    assert found == counted[-1] <= 0.7 * cutoff
    assert found == pytest.approx(0.7 * cutoff, abs=0.01)


def test_small_fits_that_fail_leave_the_cutoff(monkeypatch):
    def refused(*_):
        raise FitError("4 structures are not enough for 5 folds")

    monkeypatch.setattr(angular_cutoff, "_score", refused)
    dataset = dataset_from_atoms(labelled_frames())
    assert angular_cutoff.suggest_angular_cutoff(dataset, replace(BASIS, cutoff=6.0), FitSettings()) == 6.0


def test_a_part_of_the_data_has_all_elements_and_enough_structures(monkeypatch):
    frames = labelled_frames()
    rare = frames[7].copy()
    rare.numbers[0] = 28
    rare.calc = SinglePointCalculator(rare, **frames[7].calc.results)
    dataset = dataset_from_atoms([*frames[:7], rare, *frames[8:]])
    settings = FitSettings(n_folds=2)
    monkeypatch.setattr(angular_cutoff, "MAX_ROWS", dataset.n_labels() // 4)
    part = angular_cutoff._part(dataset, dataset.n_labels(), settings)
    assert part.elements == ("Al", "Ni")
    assert 20 <= len(part) <= 21
    assert len(angular_cutoff._part(dataset, dataset.n_labels(), FitSettings(n_folds=5))) == len(dataset)


def test_a_command_is_refused_by_no_run_of_its_own(tmp_path, counted):
    arguments = [
        "fit",
        str(write_frames(tmp_path / "al.extxyz", labelled_frames())),
        "-o",
        str(tmp_path / "run"),
    ]
    arguments += ["--size", "small", "--cutoff", "6", "--method", "ridge"]
    assert invoke(*arguments).exit_code == 0
    assert counted
    counted.clear()
    assert invoke(*arguments).exit_code == 0
    assert counted == []
    assert invoke(*arguments, "--angular-cutoff", "5").exit_code != 0


def test_overwriting_keeps_what_is_not_of_the_run(tmp_path):
    dataset = dataset_from_atoms(labelled_frames())
    basis = Basis(["Al"], cutoff=6.0, size="small", angular_cutoff=5.0)
    run = fit(dataset, basis, FitSettings(method="ridge"), directory=tmp_path)
    run.best().save(tmp_path / "front" / "mine.mlip.json")
    fit(
        dataset,
        replace(basis, angular_cutoff=4.5),
        FitSettings(method="ridge"),
        directory=tmp_path,
        overwrite=True,
    )
    assert (tmp_path / "front" / "mine.mlip.json").is_file()
    assert len(list((tmp_path / "front").iterdir())) == 2


def test_contracted_functions_reach_no_further_than_they_are_made_for():
    sets = [
        RadialSet("gaussian", {"beta": [0.5], "mu": [2.0, 3.0, 4.0]}, orders=(1,)),
        RadialSet(
            "gaussian",
            {"beta": [1.0], "mu": [1.5, 2.5, 3.0]},
            orders=(2,),
            cutoff=3.6,
            contraction=np.ones((3, 1, 3)).tolist(),
        ),
    ]
    basis = Basis(["Al"], cutoff=6.0, hierarchy="angular", radial=sets, max_l=2)
    potential = Potential.from_coefficients(basis.to_dict(), np.ones(basis.n_features), {"Al": 0.0}, {})
    assert evaluation_plans(potential)[0].near == (3.6,)


def test_what_is_left_without_coefficients_is_not_paid_for():
    atoms = bulk("Al", "fcc", a=4.05, cubic=True).repeat(2)
    basis = Basis(["Al"], cutoff=6.0, angular_cutoff=4.3, size="small", repulsion=None)
    weights = np.array([0.0 if "d[" in label else 1.0 for label in basis.labels()])
    potential = Potential.from_coefficients(basis.to_dict(), weights, {"Al": 0.0}, {})
    assert evaluation_plans(potential, atoms)[0].neighbors == (18,)
