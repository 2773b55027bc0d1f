"""Estimators as scikit-learn's, against its oracles, and estimators of others in a fit."""

import runpy

import numpy as np
import pytest
from conftest import REPOSITORY
from sklearn.base import clone
from sklearn.linear_model import ARDRegression, LassoCV, OrthogonalMatchingPursuit
from sklearn.linear_model import Lasso as OtherLasso
from sklearn.linear_model import Ridge as OtherRidge
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlip_rs.basis import Basis
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError, FitError
from mlip_rs.fitting import METHODS, FitSettings, fit
from mlip_rs.fitting.estimators import CostAware, ForwardSelection, GroupLasso, Lasso, Ridge
from mlip_rs.fitting.estimators.choice import estimator_of
from mlip_rs.fitting.estimators.own import equivalent_rows
from mlip_rs.fitting.estimators.scaled import Scaled
from mlip_rs.fitting.run_config import configuration

OURS = [Ridge(), Lasso(), GroupLasso(), ForwardSelection(), CostAware()]
TOLERANCE = 1e-8

BASIS = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=12, r_min=1.5, repulsion=None)


@parametrize_with_checks(OURS)
def test_ours_are_estimators_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.fixture
def rows(rng):
    x = rng.normal(size=(80, 12)) * np.geomspace(0.1, 10.0, 12)
    w = np.zeros(12)
    w[[2, 5, 9]] = [3.0, -1.0, 0.5]
    return x, x @ w + 0.01 * rng.normal(size=80), w


@pytest.mark.parametrize(
    "estimator",
    [Lasso(alpha=0.05), Lasso(alpha=0.05, adaptive_power=1.0), Lasso(alpha=0.05, l1_ratio=0.9),
     GroupLasso(alpha=0.05), ForwardSelection(n_nonzero=3), CostAware(size=np.sqrt(4 / 13 * 3 / 12) + 1e-9)],
    ids=lambda estimator: repr(estimator)[:40],
)  # fmt: skip
def test_each_method_finds_the_features_of_a_sparse_model(estimator, rows):
    x, y, w = rows
    found = clone(estimator).fit(x, y)
    np.testing.assert_array_equal(found.coef_ != 0.0, w != 0.0)
    np.testing.assert_allclose(found.coef_, w, atol=0.05)
    np.testing.assert_array_equal(found.predict(x), x @ found.coef_)


def test_weights_of_rows_and_the_gram_path_agree_with_repeated_rows(rows):
    x, y, _ = rows
    counts = np.arange(len(y)) % 3
    weighted = Lasso(alpha=0.05).fit(x, y, sample_weight=counts)
    repeated = Lasso(alpha=0.05).fit(np.repeat(x, counts, axis=0), np.repeat(y, counts))
    by_gram = Lasso(alpha=0.05).fit_gram((x * counts[:, None]).T @ x, (x * counts[:, None]).T @ y)
    for other in (repeated, by_gram):
        np.testing.assert_allclose(weighted.coef_, other.coef_, rtol=TOLERANCE, atol=TOLERANCE)


def test_ridge_equals_that_of_scikit_learn_on_features_of_unit_norm(rows):
    x, y, _ = rows
    norm = np.linalg.norm(x, axis=0)
    wanted = OtherRidge(alpha=0.1, fit_intercept=False).fit(x / norm, y).coef_ / norm
    np.testing.assert_allclose(Ridge(ridge=0.1).fit(x, y).coef_, wanted, rtol=TOLERANCE)


def test_parameters_are_searched_by_scikit_learn(rows):
    x, y, _ = rows
    search = GridSearchCV(Lasso(), {"alpha": [0.9, 0.1, 1e-2]}).fit(x, y)
    assert search.best_params_["alpha"] < 0.9


def test_equivalent_rows_have_the_same_normal_equations(rng):
    x = rng.normal(size=(40, 6))
    x[:, 4] = x[:, 3]  # collinear
    scaled = Scaled(x.T @ x, x.T @ rng.normal(size=40), np.ones(6), np.ones(6))
    own, labels = equivalent_rows(scaled)
    assert len(own) == 5
    np.testing.assert_allclose(own.T @ own, scaled.gram, atol=TOLERANCE)
    np.testing.assert_allclose(own.T @ labels, scaled.xty, atol=TOLERANCE)


def test_every_method_has_an_estimator():
    assert [type(estimator_of(FitSettings(method=name))).__name__ for name in METHODS] == [
        "CostAware", "Lasso", "Lasso", "Lasso", "GroupLasso", "ForwardSelection", "Ridge",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def aluminium():
    return read_dataset(DATA_PATH).subset(range(45))


def settings(method):
    return FitSettings(method=method, n_folds=3, n_prior=2, n_path=6, reference_energies={"Al": 0.0})


@pytest.mark.parametrize(
    "estimator",
    [
        OtherLasso(alpha=1e-3),
        LassoCV(cv=3, alphas=[1e-2, 1e-3]),
        ARDRegression(max_iter=20),
        OrthogonalMatchingPursuit(n_nonzero_coefs=4),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_an_estimator_of_scikit_learn_chooses_the_features(aluminium, estimator):
    run = fit(aluminium, BASIS, settings(estimator))
    sparse, dense = run.points
    assert 0 < sparse.potential.n_nonzero < dense.potential.n_nonzero == BASIS.n_features
    assert np.isfinite([sparse.score, sparse.score_error]).all()
    assert run.record["settings"]["method"] == sparse.potential.info["method"] == repr(estimator)
    assert not hasattr(estimator, "coef_")  # clones are fitted


def test_an_estimator_of_ours_gives_the_path_of_its_name(aluminium):
    by_name = fit(aluminium, BASIS, settings("lasso"))
    given = fit(aluminium, BASIS, settings(Lasso()))
    assert [p.potential.coefficients("Al") for p in given.points] == [
        p.potential.coefficients("Al") for p in by_name.points
    ]


def test_a_configuration_says_that_an_estimator_was_given_in_python(aluminium):
    record = fit(aluminium, BASIS, settings(OrthogonalMatchingPursuit(n_nonzero_coefs=3))).record
    assert "OrthogonalMatchingPursuit" in configuration(record)


class Broken(OtherLasso):
    def fit(self, X, y):
        self.coef_ = np.full(X.shape[1], np.nan)
        return self


def test_an_estimator_without_finite_coefficients_is_named(aluminium):
    with pytest.raises(FitError, match=r"Broken.* gives no finite coefficient for each feature"):
        fit(aluminium, BASIS, settings(Broken()))


@pytest.mark.parametrize("method", [3, None, OtherLasso, "lars"])
def test_what_is_no_method_is_refused(method):
    with pytest.raises(ConfigError, match=r"method .* (is neither a name|does not exist)"):
        FitSettings(method=method)


def test_the_example_of_an_own_estimator_runs(capsys):
    example = runpy.run_path(str(REPOSITORY / "examples" / "own_estimator.py"))
    example["main"](every=6)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("(")[0] for line in lines] == ["Lasso", "Lasso", *["LargestCoefficients"] * 2]
    sparse, dense = (int(line.split(": ")[1].split()[0]) for line in lines[:2])
    assert 0 < sparse < dense


class WithoutCoefficients(OtherRidge):
    """Forgets its coefficients."""

    def fit(self, x, y):
        return self


class Raises(OtherRidge):
    """Fails."""

    def fit(self, x, y):
        raise RuntimeError("no convergence")


@pytest.mark.parametrize(
    ("estimator", "cause"),
    [(WithoutCoefficients(), "AttributeError"), (Raises(), "RuntimeError: no convergence")],
)
def test_an_estimator_that_fails_is_named_with_the_cause(aluminium, estimator, cause):
    with pytest.raises(FitError, match=rf"{type(estimator).__name__}\(\) as method: .*{cause}"):
        fit(aluminium, BASIS, settings(estimator))
