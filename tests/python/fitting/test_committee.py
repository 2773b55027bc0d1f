"""Committees of a fit: what they contain, beside slow and obvious refits."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from mlip_rs import Basis, FitSettings, fit
from mlip_rs.data import nearest_neighbor_distance, read_dataset
from mlip_rs.data.read import dataset_from_atoms
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting import structure_clusters
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.committee_fits import CommitteeFits, equations_of
from mlip_rs.fitting.estimators.scaled import Scaled
from mlip_rs.fitting.nested_refits import nested, nested_refits
from mlip_rs.fitting.normal_equations import System
from mlip_rs.fitting.posterior_draws import N_DRAWS, posterior_draws
from mlip_rs.fitting.problem import build_problem, check_data
from mlip_rs.fitting.selection import selection
from mlip_rs.fitting.structure_clusters import clusters, mean_features
from mlip_rs.fitting.unseen_errors import SHIFT, sampled
from mlip_rs.progress import Silent
from mlip_rs.uncertainty import Committee
from mlip_rs.uncertainty.committee import full_coefficients
from mlip_rs.uncertainty.index_forms import TrainingAtoms

N_FOLDS = 3
SETTINGS = FitSettings(n_folds=N_FOLDS, n_path=4, prior="flat", anchor_weight=0.0)


@pytest.fixture(scope="module")
def dataset():
    return read_dataset(DATA_PATH, index="::6")


@pytest.fixture(scope="module")
def basis():
    return Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair-poly", n_radial=5, repulsion=None)


@pytest.fixture(scope="module")
def run(dataset, basis):
    return fit(dataset, basis, SETTINGS)


@pytest.fixture(scope="module")
def problem(dataset, basis):
    return build_problem(check_data(dataset, basis, SETTINGS), SETTINGS, persistent=False)


def test_every_potential_of_the_front_has_a_committee_and_an_index(run):
    for k in run.front:
        potential = run.points[k].potential
        committee = Committee.of(potential)
        assert len(committee.deviations) >= N_FOLDS
        assert set(committee.coverage) == {"energy", "forces", "stress"}
        assert committee.noise["energy"] == pytest.approx(1e-3 * run.points[k].training.energy.rmse)
        assert potential.has_index
        assert np.isfinite(committee.deviations).all()


def test_members_are_fits_without_folds_the_dropped_features_and_draws_of_the_posterior(
    run, problem, tmp_path
):
    point = run.points[run.knee_index]
    committee, own = Committee.of(point.potential), full_coefficients(point.potential)
    deviations = np.zeros((len(committee.deviations), len(own)))
    deviations[:, committee.features] = committee.deviations
    assert len(deviations) == N_FOLDS + 1 + N_DRAWS
    equations = assemble(problem, tmp_path)
    with equations.totalled():
        chosen = selection(problem, equations, SETTINGS, Silent())
        for fold in range(N_FOLDS):
            without = chosen.fold_coefficients[fold][run.knee_index]
            np.testing.assert_allclose(
                deviations[fold], np.sqrt((N_FOLDS - 1) / N_FOLDS) * (without - own), atol=1e-9
            )
        errors, spread = 0.0, 0.0
        of_data = chosen.folds.with_elastic_rows(None)
        for fold in range(N_FOLDS):
            scaled, _ = of_data.load(fold)
            draws = posterior_draws(scaled, chosen.penalty, chosen.folds.occurring)
            rows, target, weights = weighted_rows(problem, fold)
            errors += weights @ (rows @ chosen.fold_coefficients[fold][run.knee_index] - target) ** 2
            spread += weights @ ((rows @ draws.T) ** 2).sum(axis=1)
        scaled, _ = of_data.load(None)
        draws = posterior_draws(scaled, chosen.penalty, chosen.folds.occurring)
    dense = full_coefficients(run.points[-1].potential)
    np.testing.assert_allclose(deviations[N_FOLDS], dense - own, atol=1e-12)
    np.testing.assert_allclose(
        deviations[N_FOLDS + 1 :], SHIFT * np.sqrt(errors / spread) * draws, rtol=1e-5, atol=1e-12
    )


def weighted_rows(problem, fold):
    """Design rows, labels and weights of the structures of a fold."""
    rows, target, weights = [], [], []
    for k in problem.members(fold):
        frame = problem.dataset[k]
        design = problem.basis.core.design(_structure(frame))
        design[0] /= frame.n_atoms
        rows.append(design)
        energy = (frame.energy - problem.reference.of(frame)) / frame.n_atoms
        target.append(np.concatenate([[energy], frame.forces.ravel(), frame.stress]))
        own = problem.structure_weights[k] * problem.property_weights
        weights.append(np.repeat(own, [1, 3 * frame.n_atoms, 6]))
    return np.concatenate(rows), np.concatenate(target), np.concatenate(weights)


def test_draws_have_the_covariance_of_the_posterior(monkeypatch):
    monkeypatch.setattr("mlip_rs.fitting.posterior_draws.N_DRAWS", 20000)
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(8, 4))
    scale, penalty = rng.uniform(1.0, 2.0, 4), rng.uniform(0.1, 1.0, 4)
    scaled = Scaled(rows.T @ rows, np.zeros(4), scale, np.ones(4))
    expected = np.linalg.inv(scaled.gram + np.diag(penalty)) / np.outer(scale, scale)
    draws = posterior_draws(scaled, penalty, np.ones(4, dtype=bool))
    np.testing.assert_allclose(draws.T @ draws, expected, atol=0.05 * expected.max())


def test_a_singular_matrix_has_no_draws():
    nothing = Scaled(np.zeros((2, 2)), np.zeros(2), np.ones(2), np.ones(2))
    assert not posterior_draws(nothing, np.zeros(2), np.ones(2, dtype=bool)).any()


def test_clusters_are_left_out_as_by_slow_refits(problem, tmp_path):
    equations = assemble(problem, tmp_path)
    labels = clusters(mean_features(problem))
    with equations.totalled():
        chosen = selection(problem, equations, SETTINGS, Silent())
        found = CommitteeFits(chosen, [2], Silent()).fits()
        support = found.own[0] != 0.0
        for cluster, fitted in enumerate(found.without_clusters[:, 0]):
            rest = equations_of(problem, np.flatnonzero(labels != cluster), 1)
            system = chosen.elastic.added(System(rest.gram[0], rest.xty[0], 0.0, 0), None)
            scaled = Scaled.of(system, chosen.folds.scale, chosen.folds.penalized)
            slow = scaled.ridge(chosen.penalty[None], support)[0]
            np.testing.assert_allclose(fitted, slow, atol=2e-6)
    assert len(found.without_clusters) == labels.max() + 1 > 1


def test_clusters_of_many_rows_are_left_out_by_every_other_structure(problem, tmp_path, monkeypatch):
    n_rows = problem.dataset.n_labels(np.ones(3, dtype=bool))
    monkeypatch.setattr(structure_clusters, "ROWS_PER_FEATURE", n_rows // (3 * problem.basis.n_features) + 1)
    equations = assemble(problem, tmp_path)
    labels = clusters(mean_features(problem))
    with equations.totalled():
        chosen = selection(problem, equations, SETTINGS, Silent())
        assert structure_clusters.thinned(chosen.folds.n_rows, problem.basis.n_features) == 2
        found = CommitteeFits(chosen, [2], Silent()).fits()
        support = found.own[0] != 0.0
        for cluster, fitted in enumerate(found.without_clusters[:, 0]):
            gram, xty = 0.0, 0.0
            for other in set(labels.tolist()) - {cluster}:
                members = np.flatnonzero(labels == other)
                part = equations_of(problem, members[::2], 1)
                factor = len(members) / len(members[::2])
                gram, xty = gram + factor * part.gram[0], xty + factor * part.xty[0]
            system = chosen.elastic.added(System(gram, xty, 0.0, 0), None)
            scaled = Scaled.of(system, chosen.folds.scale, chosen.folds.penalized)
            slow = scaled.ridge(chosen.penalty[None], support)[0]
            np.testing.assert_allclose(fitted, slow, atol=2e-6)


def test_the_index_of_the_core_is_that_of_the_training_atoms(run, dataset):
    potential = run.knee()
    found = potential.core.index_many([_structure(frame) for frame in dataset])
    assert np.quantile(np.concatenate(found), 0.99) == pytest.approx(1.0, rel=0.05)


def test_the_index_of_the_core_is_that_of_its_forms(run, problem):
    potential = run.knee()
    structures = [_structure(frame) for frame in problem.dataset]
    species = [np.zeros(frame.n_atoms, dtype=np.int64) for frame in problem.dataset]
    atoms = TrainingAtoms.of(
        problem.basis.core, structures, species, nearest_neighbor_distance(problem.dataset)
    )
    forms = atoms.forms((full_coefficients(potential) != 0.0)[None])
    potential = potential.with_index(forms.to_dict())
    found = np.concatenate(potential.core.index_many(structures))
    np.testing.assert_allclose(found, forms.index(atoms), rtol=1e-4, atol=1e-5)
    assert np.quantile(found, 0.99) == pytest.approx(1.0, abs=1e-4)


def test_another_number_of_threads_gives_the_same_committee(run, dataset, basis):
    other = fit(dataset, basis, FitSettings(**{**vars(SETTINGS), "threads": 2}))
    assert other.knee().info["uncertainty"] == run.knee().info["uncertainty"]


def test_few_structures_and_one_class_give_finite_bars(basis):
    frames = read_dataset(DATA_PATH, index="::6")
    own = [k for k, frame in enumerate(frames) if frame.config_type == "rattle_fcc"][:7]
    small = frames.subset(np.isin(np.arange(len(frames)), own))
    settings = FitSettings(n_folds=2, n_path=2, prior="flat", allow_underdetermined=True)
    potential = fit(small, basis, settings).knee()
    atoms = _atoms(small[0])
    found = potential.uncertainty(atoms)
    assert np.isfinite([found.energy, *found.forces.ravel(), *found.index]).all()


@pytest.mark.parametrize("sizes", [(1, 3, 6), (6,), (2, 2), (6, 3, 0), (2, 5, 1)])
def test_nested_refits_are_those_on_each_support(sizes):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(30, 6))
    scaled = Scaled(rows.T @ rows, rows.T @ rng.normal(size=30), rng.uniform(1.0, 2.0, 6), np.ones(6))
    order, penalty = rng.permutation(6), rng.uniform(0.1, 1.0, 6)
    supports = [np.isin(np.arange(6), order[:n]) for n in sizes]
    assert nested(supports)
    for row, support in zip(nested_refits(scaled, penalty, supports), supports, strict=True):
        np.testing.assert_allclose(row, scaled.ridge(penalty[None], support)[0], rtol=1e-10)


def test_supports_that_exchange_features_are_not_nested():
    assert not nested([np.array([True, False]), np.array([False, True])])


def test_clusters_of_equal_structures_are_one():
    assert clusters(np.ones((20, 3))).tolist() == [0] * 20


def test_a_rare_pair_of_elements_is_in_the_sample(monkeypatch):
    monkeypatch.setattr("mlip_rs.fitting.unseen_errors.MOST_ATOMS", 20)
    rng = np.random.default_rng(0)
    frames = []
    for k in range(40):
        atoms = bulk(("Ag", "Au")[k % 2], a=4.1, cubic=True).repeat((2, 1, 1))
        if k == 17:
            atoms.symbols[0] = "Ag"
        atoms.rattle(0.05, rng=rng)
        atoms.calc = EMT()
        atoms.calc.calculate(atoms)
        frames.append(atoms)
    basis = Basis(["Ag", "Au"], cutoff=4.0, r_min=2.0, hierarchy="pair", n_radial=3, repulsion=None)
    problem = build_problem(
        check_data(dataset_from_atoms(frames), basis, SETTINGS), SETTINGS, persistent=False
    )
    chosen = sampled(problem)
    assert 17 in chosen
    assert len(chosen) <= 5


def _structure(frame):
    from mlip_rs.data.core_structures import core_structure

    return core_structure(frame)


def _atoms(frame):
    from ase import Atoms

    return Atoms(frame.numbers, frame.positions, cell=frame.cell, pbc=frame.pbc)
