"""How far invariants with angles reach: chosen from data that need them near or far, kept, never against a setting."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from cli_case import labelled_frames

from mlip_rs.basis import Basis
from mlip_rs.data import dataset_from_atoms
from mlip_rs.plans import evaluation_plans
from mlip_rs.potential import Potential
from mlip_rs.regression import FitSettings, Weights, fit, reach
from mlip_rs.regression.costs import CostModel
from mlip_rs.structures import pair_counts
from mlip_rs.unit_costs import UnitCosts

CUTOFF = 5.5
BASIS = Basis(["Al"], cutoff=CUTOFF, r_min=2.0)
SETTINGS = FitSettings(reference_energies={"Al": -1.0})


def labelled(angular_cutoff, rng):
    """Rattled crystals with labels of a potential whose invariants with angles reach that far."""
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
    """Reaches that are asked for; the shorter ones are said to be a little better."""
    asked = []

    def score(_dataset, basis, _settings, _progress):
        asked.append(basis.angular_cutoff)
        return 1.0 + 0.05 * basis.angular_cutoff

    monkeypatch.setattr(reach, "_score", score)
    return asked


@pytest.mark.parametrize("near", [0.7 * CUTOFF, CUTOFF])
def test_data_made_with_a_reach_ask_for_it(near, rng):
    settings = replace(SETTINGS, prior="flat")
    found = reach.suggest_angular_cutoff(labelled(near, rng), BASIS, settings)
    assert found == pytest.approx(near, abs=0.01)


def test_the_shortest_that_is_as_good_is_taken():
    assert reach.shortest({6.0: 1.0, 5.4: 0.99, 4.8: 1.0, 4.2: 1.05}) == 4.8
    assert reach.shortest({6.0: 1.0, 5.4: 1.2}) == 6.0


def test_much_worse_scores_end_the_search(monkeypatch, rng):
    tried = []

    def score(_dataset, basis, _settings, _progress):
        tried.append(basis.angular_cutoff)
        return 1.0 if basis.angular_cutoff == CUTOFF else 2.0

    monkeypatch.setattr(reach, "_score", score)
    assert reach.suggest_angular_cutoff(labelled(4.0, rng), BASIS, SETTINGS) == CUTOFF
    assert tried == [CUTOFF, 4.95]


def test_too_few_labels_to_tell(counted):
    few = dataset_from_atoms(labelled_frames()[:10])
    assert reach.suggest_angular_cutoff(few, BASIS, SETTINGS) == CUTOFF
    assert counted == []


def test_scores_are_kept_and_found_again_if_damaged(tmp_path, counted, rng):
    dataset = labelled(0.7 * CUTOFF, rng)

    def suggest(settings=SETTINGS):
        counted.clear()
        return reach.suggest_angular_cutoff(dataset, BASIS, settings, directory=tmp_path), len(counted)

    chosen, n_fits = suggest()
    assert n_fits == len(reach.FACTORS)
    assert suggest() == (chosen, 0)
    # Nor are they computed again for other precisions: a scan of weights shares its equations with the fit.
    assert suggest(replace(SETTINGS, weights=Weights(energy=0.01))) == (chosen, 0)
    path = tmp_path / reach.FILE
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


def test_costs_count_neighbours_within_reach():
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
