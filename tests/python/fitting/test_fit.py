"""The fit against scikit-learn, planted models, interruptions and the number of threads."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from sklearn.linear_model import ElasticNet, Ridge

import mlip_rs
from mlip_rs import _core
from mlip_rs.basis import Basis
from mlip_rs.data import dataset_from_atoms, folds, read_dataset, reference_energies
from mlip_rs.data.core_structures import core_structure
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError, FitError, MlipError
from mlip_rs.fitting import FitSettings, Run, Weights, fit, open_fold, shares
from mlip_rs.fitting import assemble as assembly
from mlip_rs.fitting.estimators.lasso import adaptive_weights
from mlip_rs.fitting.estimators.scaled import PathOptions, Scaled, feature_scale
from mlip_rs.fitting.normal_equations import System
from mlip_rs.potential import Potential

BASIS = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=12, r_min=1.5, repulsion=None)
POLY = Basis(["Al"], cutoff=5.0, hierarchy="pair-poly", n_radial=6, pair_cross_degree=2, r_min=1.5)
REFERENCE = {"Al": 0.0}
ORACLE_TOLERANCE = 1e-6
RECOVERY_TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def aluminium():
    return read_dataset(DATA_PATH).subset(range(60))


def weighted_rows(basis, dataset, weights):
    """The design and targets written out, for oracles: every row times the root of its weight."""
    reference = reference_energies(dataset, REFERENCE)
    energy, forces, stress = np.sqrt(weights.of_properties())
    factors = np.sqrt(weights.of_structures(dataset, reference))
    rows, targets = [], []
    for frame, (e, f, s) in zip(dataset, factors, strict=True):
        design = basis.core.design(core_structure(frame))
        rows += [e * energy * design[:1] / frame.n_atoms, f * forces * design[1:-6], s * stress * design[-6:]]
        targets += [[e * energy * frame.energy / frame.n_atoms], f * forces * frame.forces.ravel()]
        targets += [s * stress * frame.stress]
    return np.vstack(rows), np.concatenate(targets)


def system(basis, dataset, weights, directory):
    reference = reference_energies(dataset, REFERENCE)
    problem = assembly.Problem(
        basis,
        dataset,
        reference,
        weights.of_structures(dataset, reference),
        weights.of_properties(),
        folds(dataset, 3),
    )
    equations = assembly.assemble(problem, directory)
    with equations.totalled():
        return equations.system(np.empty((basis.n_features, basis.n_features)))


def test_large_forces_count_less_beside_small_ones(aluminium):
    reference = reference_energies(aluminium, REFERENCE)
    alike = Weights()
    assert (alike.of_structures(aluminium, reference) == 1.0).all()  # alike enough
    frames = [replace(f, forces=f.forces * (30.0 if k % 4 == 0 else 1.0)) for k, f in enumerate(aluminium)]
    wide = replace(aluminium, frames=tuple(frames))
    sizes = np.array([np.sqrt((frame.forces**2).mean()) for frame in wide])
    scale = 2.0 * float(np.median(sizes[sizes > 1e-12]))
    factors = alike.of_structures(wide, reference)
    np.testing.assert_allclose(factors[:, 1], 1.0 / (1.0 + (sizes / scale) ** 2))
    assert (factors[:, [0, 2]] == 1.0).all()
    fixed = alike.with_scale_of(wide)
    assert fixed.force_scale == pytest.approx(scale)
    some = sizes < scale
    np.testing.assert_array_equal(
        fixed.of_structures(wide.subset(np.flatnonzero(some)), reference), factors[some]
    )
    assert (Weights(force_scale=None).of_structures(wide, reference) == 1.0).all()


def test_stresses_count_more_where_atoms_feel_no_forces(aluminium):
    reference = reference_energies(aluminium, REFERENCE)
    sizes = np.array([np.sqrt((frame.forces**2).mean()) for frame in aluminium])
    expected = 1.0 + 24.0 / (1.0 + (sizes / 0.05) ** 2)
    factors = Weights(static_scale=0.05).of_structures(aluminium, reference)
    np.testing.assert_allclose(factors[:, 2], expected)
    assert (factors[:, :2] == 1.0).all()
    assert np.ptp(factors[:, 2]) > 0.1  # the data have small and large forces
    frames = [replace(f, stress=0.05 * f.stress) for f in aluminium]
    slight = replace(aluminium, frames=tuple(frames))
    scale = 0.1 * float(np.median(sizes[sizes > 1e-12]))
    assert Weights().with_scale_of(aluminium).static_scale is None
    assert Weights().with_scale_of(slight).static_scale == pytest.approx(scale)
    assert (Weights(static_scale=None).of_structures(slight, reference) == 1.0).all()


def test_stresses_without_forces_are_not_taken_for_those_of_atoms_at_rest(aluminium):
    reference = reference_energies(aluminium, REFERENCE)
    frames = [replace(f, forces=None) if k == 0 else f for k, f in enumerate(aluminium)]
    data = replace(aluminium, frames=tuple(frames))
    assert Weights(static_scale=0.05).of_structures(data, reference)[0, 2] == 1.0


def test_normal_equations_equal_the_products_of_all_rows(aluminium, tmp_path):
    weights = Weights(energy_scale=0.5, force_scale=2.0)
    x, y = weighted_rows(POLY, aluminium, weights)
    total = system(POLY, aluminium, weights, tmp_path)
    scale = np.sqrt(np.diag(x.T @ x))
    assert np.abs((total.gram - x.T @ x) / np.outer(scale, scale)).max() < 1e-12
    np.testing.assert_allclose(total.xty / scale, x.T @ y / scale, rtol=0, atol=1e-11 * np.linalg.norm(y))
    assert total.yty == pytest.approx(y @ y, rel=1e-12)


def test_ridge_equals_scikit_learn(aluminium, tmp_path):
    weights = Weights()
    x, y = weighted_rows(BASIS, aluminium, weights)
    total = system(BASIS, aluminium, weights, tmp_path)
    scale = feature_scale(total)
    ours = Scaled.of(total, scale, np.ones(len(scale))).ridge(np.array([1e-4]))[0]
    oracle = Ridge(alpha=1e-4, fit_intercept=False, solver="svd").fit(x / scale, y).coef_ / scale
    np.testing.assert_allclose(ours, oracle, rtol=ORACLE_TOLERANCE)


def test_elastic_net_path_equals_scikit_learn(aluminium, tmp_path):
    weights = Weights()
    x, y = weighted_rows(BASIS, aluminium, weights)
    total = system(BASIS, aluminium, weights, tmp_path)
    scale = feature_scale(total)
    scaled = Scaled.of(total, scale, np.ones(len(scale)))
    l1, ridge = np.ones(len(scale)), 1e-2
    largest = scaled.lambda_max(l1, ridge)
    lambdas = largest * np.array([0.5, 0.1, 0.02])
    ours = scaled.path(lambdas, l1, PathOptions(ridge, 100, 1))
    for coefficients, penalty in zip(ours, lambdas, strict=True):
        n = len(y)
        oracle = ElasticNet(
            alpha=(penalty + ridge) / n,
            l1_ratio=penalty / (penalty + ridge),
            fit_intercept=False,
            tol=1e-14,
            max_iter=1_000_000,
        ).fit(x / scale, y)
        np.testing.assert_allclose(
            coefficients, oracle.coef_, rtol=0, atol=ORACLE_TOLERANCE * np.abs(coefficients).max()
        )


def planted(dataset, basis, coefficients):
    """The frames of a dataset, labelled by a known potential."""
    potential = Potential.from_coefficients(basis.to_dict(), coefficients, REFERENCE)
    frames = []
    for frame in dataset:
        atoms = frame.to_atoms()
        prediction = potential.predict(atoms)
        atoms.calc = SinglePointCalculator(
            atoms, energy=prediction.energy, forces=prediction.forces, stress=prediction.stress
        )
        atoms.info["config_type"] = frame.config_type
        frames.append(atoms)
    return dataset_from_atoms(frames)


def test_a_planted_sparse_model_is_recovered(aluminium):
    coefficients = np.zeros(BASIS.n_features)
    coefficients[[2, 5, 9]] = [0.3, -0.2, 0.05]
    data = planted(aluminium, BASIS, coefficients)
    run = fit(data, BASIS, FitSettings(n_folds=3, reference_energies=REFERENCE))
    sparse = [point for point in run.points if point.potential.n_nonzero == 3]
    assert sparse
    found = sparse[0].potential.coefficients("Al")
    assert found == pytest.approx({"d[Al,2]": 0.3, "d[Al,5]": -0.2, "d[Al,9]": 0.05}, rel=RECOVERY_TOLERANCE)


def test_the_number_of_threads_changes_no_bit(aluminium, tmp_path):
    texts = []
    for threads in (1, 2):
        settings = FitSettings(n_folds=3, reference_energies=REFERENCE, threads=threads)
        texts.append(fit(aluminium, POLY, settings).best().to_json())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("share_rows", [32768, 250])
def test_an_interrupted_assembly_resumes_to_the_same_bits(aluminium, tmp_path, monkeypatch, share_rows):
    settings = FitSettings(n_folds=3, reference_energies=REFERENCE)
    monkeypatch.setattr(shares, "BATCH_ROWS", 100)
    monkeypatch.setattr(shares, "SHARE_ROWS", share_rows)
    monkeypatch.setattr(open_fold, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(open_fold, "CHECKPOINT_SHARE", np.inf)
    honest, calls, cut = assembly.accumulate, [], [0]

    def interrupted(*args, **kwargs):
        calls.append(1)
        if len(calls) == cut[0]:
            raise KeyboardInterrupt
        honest(*args, **kwargs)

    monkeypatch.setattr(assembly, "accumulate", interrupted)
    whole = fit(aluminium, POLY, settings, directory=tmp_path / "whole")
    n_batches, cut[0] = len(calls), len(calls) + 7
    with pytest.raises(KeyboardInterrupt):
        fit(aluminium, POLY, settings, directory=tmp_path / "cut")
    assert not (tmp_path / "cut" / "run.json").exists()
    resumed = fit(aluminium, POLY, settings, directory=tmp_path / "cut")
    assert len(calls) == 2 * n_batches + 1  # only the batch that was cut is computed again
    assert resumed.best().to_json() == whole.best().to_json()
    assert any((tmp_path / "cut" / "equations").glob("fold-*.npz"))
    assert not list((tmp_path / "cut" / "equations").glob("*.partial.npz"))


def test_equations_of_another_fit_are_not_mixed_in(aluminium, tmp_path):
    settings = FitSettings(n_folds=3, reference_energies=REFERENCE)
    fit(aluminium, BASIS, settings, directory=tmp_path)
    with pytest.raises(FitError, match="another fit"):
        fit(aluminium, POLY, settings, directory=tmp_path)


def test_equations_without_a_manifest_are_not_trusted(aluminium, tmp_path):
    settings = FitSettings(n_folds=3, reference_energies=REFERENCE)
    first = fit(aluminium, BASIS, settings, directory=tmp_path)
    (tmp_path / "equations" / "manifest.json").unlink()
    wider = Weights(force_scale=0.1)
    other = FitSettings(n_folds=3, reference_energies=REFERENCE, weights=wider)
    with pytest.raises(FitError, match="another fit"):
        fit(aluminium, BASIS, other, directory=tmp_path)
    second = fit(aluminium, BASIS, other, directory=tmp_path, overwrite=True)
    assert second.best().to_json() == fit(aluminium, BASIS, other).best().to_json()
    assert second.best().to_json() != first.best().to_json()


def test_a_path_that_ends_before_its_first_point_leaves_the_dense_candidate(aluminium):
    settings = FitSettings(n_folds=3, reference_energies=REFERENCE, method="lasso", n_path=1, max_nonzero=1)
    run = fit(aluminium, BASIS, settings)
    assert [point.potential.n_nonzero for point in run.points] == [BASIS.n_features]


def test_scaled_equations_are_exactly_symmetric(rng):
    x = rng.normal(size=(40, 30)) * np.geomspace(1e-12, 1e12, 30)
    x[:, 7] = 0.0
    gram = np.tril(x.T @ x)
    gram += np.tril(gram, -1).T
    # What is left of a feature in the training folds when rounding has eaten all but its products.
    gram[3, 3] = 0.0
    total = System(gram, np.ones(30), 1.0, 40)
    scaled = Scaled.of(total, np.linalg.norm(x, axis=0) + (np.arange(30) == 7), np.ones(30))
    assert (scaled.gram == scaled.gram.T).all()
    assert np.isfinite(scaled.lambda_max(np.ones(30), 1e-3))


def test_adaptive_weights_do_not_depend_on_the_size_of_constants():
    penalized = np.array([0.0, 1.0, 1.0])
    scaled = Scaled(np.eye(3), np.ones(3), np.ones(3), penalized)
    weights = [adaptive_weights(scaled, np.array([c, 0.1, 0.4]), 0.5) for c in (0.0, 1e9)]
    np.testing.assert_array_equal(weights[0], weights[1])
    np.testing.assert_allclose(weights[0], [0.0, 4 / 3, 2 / 3])


def test_validation_predictions_come_from_the_other_folds(aluminium):
    settings = FitSettings(
        method="ridge", n_folds=3, reference_energies=REFERENCE, ridge_penalties=(1e-6,), prior="flat"
    )
    run = fit(aluminium, BASIS, settings)
    assigned, weights = folds(aluminium, 3), Weights().with_scale_of(aluminium)
    squares, rows = 0.0, 0
    for fold in range(3):
        x, y = weighted_rows(BASIS, aluminium.subset(assigned != fold), weights)
        whole, _ = weighted_rows(BASIS, aluminium, weights)
        scale = np.linalg.norm(whole, axis=0)
        w = Ridge(alpha=1e-6, fit_intercept=False, solver="svd").fit(x / scale, y).coef_ / scale
        held, labels = weighted_rows(BASIS, aluminium.subset(assigned == fold), weights)
        squares, rows = squares + ((held @ w - labels) ** 2).sum(), rows + len(labels)
    assert run.points[0].score == pytest.approx(np.sqrt(squares / rows), rel=1e-6)


def test_missing_labels_are_left_out(aluminium):
    frames = [frame.to_atoms() for frame in aluminium]
    reference = fit(aluminium, BASIS, FitSettings(n_folds=3, reference_energies=REFERENCE))
    partial = []
    for k, (atoms, frame) in enumerate(zip(frames, aluminium, strict=True)):
        labels = {"energy": frame.energy, "forces": frame.forces, "stress": frame.stress}
        if k % 3 == 0:
            del labels["stress"]
        if k % 4 == 0:
            del labels["forces"]
        if k % 5 == 1:
            del labels["energy"]
        atoms.calc = SinglePointCalculator(atoms, **labels)
        atoms.info["config_type"] = frame.config_type
        partial.append(atoms)
    data = dataset_from_atoms(partial)
    run = fit(data, BASIS, FitSettings(n_folds=3, reference_energies=REFERENCE))
    assert data.labels.stresses == len(data) - 20
    assert np.isfinite(run.points[-1].score)
    assert run.best().to_json() != reference.best().to_json()


def test_weights_of_a_config_type_switch_it_off(aluminium):
    kind = aluminium[0].config_type
    weights = Weights(config_types={kind: 0.0})
    reference = reference_energies(aluminium, REFERENCE)
    factors = weights.of_structures(aluminium, reference)
    chosen = np.array([frame.config_type == kind for frame in aluminium])
    assert (factors[chosen] == 0).all()
    assert (factors[~chosen].sum(axis=1) > 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Weights(energy=-1.0), "positive"),
        (lambda: Weights(energy=None, forces=None, stress=None), "switched off"),
        (lambda: Weights(config_types={"a": {"force": 1.0}}), "none of"),
        (lambda: FitSettings(method="magic"), "does not exist"),
        (lambda: FitSettings(n_folds=1), "at least 2"),
        (lambda: Basis(["Al"], hierarchy="pairs"), "does not exist"),
        (lambda: Basis("Al"), "list of symbols"),
        (lambda: Basis(["Al"], cutoff=-1.0).core, "cutoff"),
        (lambda: Basis(["Xx"]).core, "chemical symbol"),
        (lambda: Basis(["Al"], hierarchy="angular", max_l=99).core, "max_l"),
        (lambda: Basis(["Al"], hierarchy="angular-poly", n_angular=30, max_l=8).core, "limit"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(ConfigError, match=message):
        make()


def test_an_unknown_config_type_in_the_weights_is_refused(aluminium):
    settings = FitSettings(weights=Weights(config_types={"nonsense": 2.0}), reference_energies=REFERENCE)
    with pytest.raises(ConfigError, match="nonsense"):
        fit(aluminium, BASIS, settings)


def test_more_features_than_rows_is_refused_unless_allowed(aluminium):
    few = aluminium.subset(range(8))
    basis = Basis(["Al"], cutoff=5.0, hierarchy="pair-poly", n_radial=12)
    with pytest.raises(FitError, match="rows of data"):
        fit(few, basis, FitSettings(n_folds=2, reference_energies=REFERENCE))
    settings = FitSettings(
        n_folds=2, reference_energies=REFERENCE, allow_underdetermined=True, method="ridge"
    )
    assert np.isfinite(fit(few, basis, settings).points[-1].score)


def test_a_cutoff_below_all_distances_is_refused(aluminium):
    with pytest.raises(ConfigError, match="raise the cutoff"):
        fit(aluminium, Basis(["Al"], cutoff=1.0, hierarchy="pair"), FitSettings(reference_energies=REFERENCE))


def test_a_cutoff_far_beyond_all_distances_is_refused():
    frames = []
    for distance in np.linspace(2.2, 4.0, 12):
        atoms = Atoms("Al2", positions=[[0, 0, 0], [distance, 0, 0]])
        atoms.calc = SinglePointCalculator(atoms, energy=-1.0 / distance, forces=np.zeros((2, 3)))
        frames.append(atoms)
    with pytest.raises(ConfigError, match="lower the cutoff"):
        fit(dataset_from_atoms(frames), Basis(["Al"], cutoff=20.0, hierarchy="pair", n_radial=4))


def test_fitted_reference_energies_absorb_a_shift_of_all_energies():
    frames = []
    rng = np.random.default_rng(5)
    for _ in range(20):
        atoms = bulk("Al", "fcc", 4.05 * rng.uniform(0.95, 1.1), cubic=True)
        atoms.rattle(0.1, rng=rng)
        emt = EMT()
        energy = emt.get_potential_energy(atoms)
        forces = emt.get_forces(atoms)
        atoms.calc = SinglePointCalculator(atoms, energy=energy - 4 * 100.0, forces=forces)
        frames.append(atoms)
    basis = Basis(["Al"], cutoff=5.0, hierarchy="pair-poly", n_radial=5)
    run = fit(dataset_from_atoms(frames), basis, FitSettings(n_folds=3))
    assert run.record["reference_energies"]["source"] == "fitted"
    predicted = run.best().predict(frames[0]).energy
    assert predicted == pytest.approx(frames[0].get_potential_energy(), abs=0.01)


def test_the_run_directory_holds_the_front_and_its_record(aluminium, tmp_path):
    run = fit(aluminium, POLY, FitSettings(n_folds=3, reference_energies=REFERENCE), directory=tmp_path)
    record = json.loads((tmp_path / "run.json").read_text())
    assert len(record["points"]) == len(run.points)
    for k in record["front"]:
        stored = Potential.load(tmp_path / record["points"][k]["potential"])
        assert stored.to_json() == run.points[k].potential.to_json()
    assert Potential.load(tmp_path / "best.mlip.json").to_json() == run.best().to_json()
    assert Potential.load(tmp_path / "knee.mlip.json").n_nonzero == run.knee().n_nonzero
    costs = [point["predicted_us_per_atom"] for point in run.pareto()]
    scores = [point["score"] for point in run.pareto()]
    assert costs == sorted(costs)
    assert scores == sorted(scores, reverse=True)
    printed = str(run.pareto()).splitlines()
    assert printed[0].split()[:2] == ["coefficients", "µs/atom"]
    assert len(printed) == 1 + len(costs)
    assert all(f"{cost:.2f}" in line for cost, line in zip(costs, printed[1:], strict=True))


def test_the_best_lies_on_the_front_even_among_equals():
    def run_of(*pairs):
        good = {"repels": True, "failed_stress_test": False}
        return Run(tuple(SimpleNamespace(cost=cost, score=score, **good) for cost, score in pairs), {})

    run = run_of((3.0, 1.0), (1.0, 1.05), (2.0, 1.0), (0.5, 2.0))
    assert run.front == (3, 1, 2)
    assert run.best_index == 2


def test_impossible_selections_name_the_cheapest(aluminium):
    run = fit(aluminium, BASIS, FitSettings(n_folds=3, reference_energies=REFERENCE))
    with pytest.raises(ConfigError, match="the lowest are max-cost="):
        run.select(max_cost=1e-6)
    with pytest.raises(ConfigError, match=r"max-nonzero=1, max-force=1e-09.* not together"):
        run.select(max_nonzero=1, max_force=1e-9)
    front = [run.points[k] for k in run.front]  # others were not tested outside the data
    limit = float(np.median([point.validation.forces.rmse for point in front]))
    allowed = [point for point in front if point.validation.forces.rmse <= limit]
    assert run.select(max_force=limit) is min(allowed, key=lambda point: point.cost).potential
    fewest = min(point.potential.n_nonzero for point in front)
    assert run.select(max_nonzero=fewest).n_nonzero == fewest
    assert isinstance(run, Run)
    assert mlip_rs.fit is fit


def test_errors_of_the_core_are_errors_of_the_package():
    with pytest.raises(MlipError):
        _core.Basis("{}")
    with pytest.raises(FitError, match="NaN"):
        _core.lambda_max(np.full((2, 2), np.nan), np.zeros(2), np.ones(2), np.zeros(2))


def test_scaling_leaves_features_that_never_occur_alone():
    gram = np.diag([4.0, 0.0])
    scale = feature_scale(System(gram, np.array([2.0, 0.0]), 1.0, 3))
    np.testing.assert_array_equal(scale, [2.0, 1.0])
