"""Group LASSO, elastic net, forward selection, the one-standard-error rule: oracles, whole fits, bad input."""

import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, Lasso

from mlip_rs.basis import Basis
from mlip_rs.data import dataset_from_atoms, read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError, DataError, FitError
from mlip_rs.evaluate.errors import ErrorSums
from mlip_rs.fitting import FitSettings, Run, Weights, fit
from mlip_rs.fitting.estimators.own import OwnEstimator
from mlip_rs.fitting.estimators.scaled import PathOptions, Scaled, feature_scale, group_weights
from mlip_rs.fitting.normal_equations import System
from mlip_rs.fitting.residuals import Residuals
from mlip_rs.potential import Potential

BASIS = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=12, r_min=1.5, repulsion=None)
POLY = Basis(["Al"], cutoff=5.0, hierarchy="pair-poly", n_radial=6, pair_cross_degree=2, r_min=1.5)
REFERENCE = {"Al": 0.0}
SPARSE = ("lasso", "adaptive-lasso", "elastic-net", "group-lasso", "omp")
ORACLE_TOLERANCE = 1e-6
RECOVERY_TOLERANCE = 1e-6


@pytest.fixture(scope="module")
def aluminium():
    return read_dataset(DATA_PATH).subset(range(45))


def settings(method, **others):
    return FitSettings(method=method, n_folds=3, reference_energies=REFERENCE, prior="flat", **others)


def scaled_of(x, y):
    system = System(x.T @ x, x.T @ y, float(y @ y), len(y))
    return Scaled.of(system, feature_scale(system), np.ones(x.shape[1]))


def labelled(dataset, basis, coefficients, noise=0.0):
    """The frames of a dataset, labelled by a known potential and noise of the forces (eV/Å)."""
    from ase.calculators.singlepoint import SinglePointCalculator

    rng = np.random.default_rng(7)
    potential = Potential.from_coefficients(basis.to_dict(), coefficients, REFERENCE)
    frames = []
    for frame in dataset:
        atoms = frame.to_atoms()
        found = potential.predict(atoms)
        forces = found.forces + noise * rng.normal(size=found.forces.shape)
        atoms.calc = SinglePointCalculator(atoms, energy=found.energy, forces=forces, stress=found.stress)
        frames.append(atoms)
    return dataset_from_atoms(frames)


def test_the_elastic_net_equals_scikit_learn(rng):
    x = rng.normal(size=(80, 20))
    x /= np.linalg.norm(x, axis=0)
    y = x[:, 0] - 2 * x[:, 7] + 0.1 * rng.normal(size=80)
    scaled, ones = scaled_of(x, y), np.ones(20)
    lambdas = scaled.lambda_max(ones, 0.0) * np.array([0.5, 0.1, 0.01])
    ours = scaled.path(lambdas, ones, PathOptions(0.0, 20, 1), l1_ratio=0.3)
    for w, penalty in zip(ours, lambdas, strict=True):
        alpha = penalty / 0.3 / len(y)
        oracle = ElasticNet(alpha, l1_ratio=0.3, fit_intercept=False, tol=1e-14, max_iter=100_000).fit(x, y)
        np.testing.assert_allclose(w, oracle.coef_, atol=ORACLE_TOLERANCE)


def test_the_group_lasso_minimises_its_objective(rng):
    x = rng.normal(size=(60, 24))
    x[:, 1] = x[:, 0]
    x[:, 9] = 0.0
    y = x[:, :3] @ [1.0, 2.0, -1.0] + 0.1 * rng.normal(size=60)
    groups = np.repeat(np.arange(8), 3)
    scaled = scaled_of(x, y)
    weights = group_weights(groups, np.ones(24))
    largest = scaled.group_lambda_max(groups, weights, 1e-3)
    lambdas = largest * np.array([1.0, 0.3, 0.01])
    path = scaled.group_path(lambdas, groups, weights, PathOptions(1e-3, 24, 1))
    assert not path[0].any()
    assert set(groups[path[1] != 0]) == {0}
    for w, penalty in zip(path, lambdas, strict=True):

        def objective(w, penalty=penalty):
            norms = np.sqrt(np.bincount(groups, weights=w**2))
            smooth = 0.5 * w @ scaled.gram @ w - scaled.xty @ w + 0.5e-3 * w @ w
            return smooth + penalty * weights @ norms

        lowest = objective(w)
        for _ in range(200):
            assert objective(w + rng.normal(size=24) * 10.0 ** rng.uniform(-4, 0)) > lowest


def test_forward_selection_prefers_cheap_features_of_equal_gain(rng):
    x = np.linalg.qr(rng.normal(size=(30, 6)))[0]
    scaled = scaled_of(x, x @ [3.0, 3.0, 1.0, 0.0, 0.0, 0.0])
    picks = scaled.forward(np.arange(6), np.array([4.0, 1.0, 0.1, 1.0, 1.0, 1.0]), PathOptions(0.0, 6, 1))
    assert [pick.group for pick in picks] == [2, 1, 0]
    assert [pick.gain for pick in picks] == pytest.approx([1.0, 9.0, 9.0])


def test_groups_are_what_the_evaluator_pays_for_together():
    basis = Basis(["Al", "Ni"], cutoff=5.0, hierarchy="pair-poly", n_radial=3, pair_cross_degree=2)
    groups, labels = basis.core.groups(), basis.core.labels()
    of = dict(zip(labels, groups.tolist(), strict=True))
    assert len(groups) == basis.core.features_per_center
    assert of["d[Al,0]"] == of["d[Ni,0]"]
    assert of["d[Al,0]"] == of["d[Al,0]^2"] == of["d[Al,0]^3"]
    assert of["d[Al,0]"] != of["d[Al,1]"]


@pytest.mark.parametrize("method", ["adaptive-lasso", "omp"])
def test_a_planted_model_of_overlapping_functions_is_recovered_exactly(aluminium, method):
    coefficients = np.zeros(BASIS.n_features)
    coefficients[[2, 5, 9]] = [0.3, -0.2, 0.05]
    run = fit(labelled(aluminium, BASIS, coefficients), BASIS, settings(method))
    sparse = [point for point in run.points if point.potential.n_nonzero == 3]
    assert sparse
    found = sparse[-1].potential.coefficients("Al")
    assert found == pytest.approx({"d[Al,2]": 0.3, "d[Al,5]": -0.2, "d[Al,9]": 0.05}, rel=RECOVERY_TOLERANCE)


def one_standard_error_support(x, y, n_folds=5, most=20):
    """Features of the shortest forward selection whose validation is within one standard error of the best."""
    fold = np.arange(len(y)) % n_folds
    parts = np.empty((n_folds, most + 1))

    def order(x, y):
        picks = scaled_of(x, y).forward(np.arange(x.shape[1]), np.ones(x.shape[1]), PathOptions(0.0, most, 1))
        return [pick.group for pick in picks]

    for k in range(n_folds):
        kept = fold != k
        chosen = order(x[kept], y[kept])
        for n in range(most + 1):
            own = x[:, chosen[:n]]
            w = np.linalg.lstsq(own[kept], y[kept], rcond=None)[0]
            parts[k, n] = ((y - own @ w)[~kept] ** 2).sum()
    validation = Residuals(ErrorSums.zeros(most + 1), parts)
    scores = np.sqrt(validation.squares / len(y))
    best = scores.argmin()
    error = validation.standard_error(np.bincount(fold).astype(float))[best]
    return set(order(x, y)[: np.flatnonzero(scores <= scores[best] + error)[0]])


@pytest.mark.parametrize("draw", range(4))
def test_noise_adds_no_features(draw):
    rng = np.random.default_rng(draw)
    x, noise = rng.normal(size=(400, 200)), rng.normal(size=400)
    coefficients = rng.choice([-1.0, 1.0], 10) * rng.uniform(0.5, 1.0, 10)
    assert one_standard_error_support(x, x[:, :10] @ coefficients + noise) == set(range(10))
    assert not one_standard_error_support(x, noise)


@pytest.mark.parametrize("method", ["elastic-net", "group-lasso", "omp"])
def test_the_new_methods_end_with_the_dense_fit_and_do_not_depend_on_threads(aluminium, method):
    runs = [fit(aluminium, POLY, settings(method, threads=threads)) for threads in (1, 2)]
    sizes = [point.potential.n_nonzero for point in runs[0].points]
    assert len(sizes) > 3
    assert sizes[-1] == POLY.n_features
    found = [[point.potential.coefficients("Al") for point in run.points] for run in runs]
    assert found[0] == found[1]
    assert all(point.score_error > 0 for point in runs[0].points)


def test_the_standard_error_is_that_of_the_mean_of_equal_folds():
    parts = np.array([[1.0, 4.0], [2.0, 4.0], [6.0, 4.0]])
    residuals = Residuals(ErrorSums.zeros(2), parts)
    expected = np.std([0.1, 0.2, 0.6], ddof=1) / np.sqrt(3) / (2 * np.sqrt(0.3))
    np.testing.assert_allclose(residuals.standard_error(np.full(3, 10.0)), [expected, 0.0], atol=1e-15)


def test_one_standard_error_takes_the_sparsest_that_is_no_worse():
    def point(n, score, error=0.0, repels=True):
        potential = SimpleNamespace(n_nonzero=n)
        return SimpleNamespace(
            potential=potential,
            score=score,
            score_error=error,
            cost=float(n),
            repels=repels,
            failed_stress_test=False,
        )

    points = point(3, 1.3), point(5, 1.09, repels=False), point(8, 1.08), point(20, 1.0, 0.1)
    assert Run(points, {}).one_standard_error_index == 2
    assert Run(points[:2] + points[3:], {}).one_standard_error_index == 2
    assert Run((*points[:3], point(20, 1.0, 0.0)), {}).one_standard_error_index == 3


@pytest.mark.parametrize("method", SPARSE)
def test_collinear_constant_and_absent_features_do_no_harm(rng, method):
    x = rng.normal(size=(50, 9))
    x[:, 3] = 2.0 * x[:, 2]  # collinear
    x[:, 4] = 0.0  # never occurs
    x[:, 5] = 1.0  # constant
    y = x[:, 2] + 5.0 + 0.01 * rng.normal(size=50)
    system = System(x.T @ x, x.T @ y, float(y @ y), len(y))
    penalized = (np.arange(9) != 5).astype(float)
    scaled = Scaled.of(system, feature_scale(system), penalized)
    if method == "omp":
        picks = scaled.forward(np.arange(9), penalized, PathOptions(0.0, 4, 1))
        on = {5, *(j for pick in picks for j in pick.features)}
    elif method == "group-lasso":
        groups = np.array([0, 0, 1, 1, 5, 3, 4, 4, 4])  # nothing in group 2
        weights = group_weights(groups, penalized)
        largest = scaled.group_lambda_max(groups, weights, 0.0)
        path = scaled.group_path(largest * np.array([0.5]), groups, weights, PathOptions(0.0, 9, 1))
        on = set(np.flatnonzero(path[0]).tolist())
    else:
        largest = scaled.lambda_max(penalized, 0.0)
        ratio = 0.5 if method == "elastic-net" else 1.0
        path = scaled.path(largest * np.array([0.5]), penalized, PathOptions(0.0, 9, 1), ratio)
        on = set(np.flatnonzero(path[0]).tolist())
    assert 5 in on
    assert on & {2, 3}
    assert 4 not in on


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (np.array([0, 1]), "groups: expected 3 entries"),
        (np.array([0, 1, 2]), "feature 2 is in group 2, but there are numbers for 2 groups"),
        (np.array([0, -1, 1]), "an integer from 0 on"),
        (np.array([0.0, 0.5, 1.0]), "an integer from 0 on"),
    ],
)
def test_groups_that_make_no_sense_are_refused(groups, message):
    scaled = Scaled(np.eye(3), np.ones(3), np.ones(3), np.ones(3))
    with pytest.raises(FitError, match=message):
        scaled.group_lambda_max(groups, np.ones(2), 0.0)
    with pytest.raises(FitError, match=message):
        scaled.forward(groups, np.ones(2), PathOptions(0.0, 3, 1))


@pytest.mark.parametrize("ratio", [0.0, -0.1, 1.5, float("nan")])
def test_an_l1_ratio_out_of_range_is_refused(ratio):
    with pytest.raises(ConfigError, match="l1_ratio"):
        FitSettings(l1_ratio=ratio)


def test_fewer_structures_than_folds_is_refused(aluminium):
    with pytest.raises(DataError, match="5 folds"):
        fit(aluminium.subset(range(3)), BASIS, FitSettings(method="omp", reference_energies=REFERENCE))


def test_weights_that_switch_everything_off_are_refused(aluminium):
    kinds = dict.fromkeys(aluminium.config_types, 0.0)
    with pytest.raises(DataError, match="no label carries weight"):
        fit(aluminium, BASIS, settings("group-lasso", weights=Weights(config_types=kinds)))


def test_an_estimator_that_warns_at_every_penalty_warns_once():
    class Talkative(Lasso):
        def fit(self, X, y):
            for k in range(20):
                warnings.warn(f"penalty {k}: no convergence", ConvergenceWarning, stacklevel=1)
            return super().fit(X, y)

    rng = np.random.default_rng(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        OwnEstimator(Talkative(alpha=0.01))._coefficients(rng.normal(size=(5, 3)), rng.normal(size=5))
    assert len(caught) == 1
    assert "Talkative" in str(caught[0].message)
    assert "penalty 0" in str(caught[0].message)
