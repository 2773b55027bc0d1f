"""Smoothness priors: their form, derivatives of the score, and that candidates which do not help are switched off."""

from copy import copy
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from scipy.optimize import minimize

import mlip_rs as mlip
from mlip_rs.data import folds, reference_energies
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError, FitError
from mlip_rs.fitting import FitSettings, Weights, dense_fit
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.estimators.scaled import Scaled
from mlip_rs.fitting.folds_at_once import FoldsAtOnce
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.smoothness_prior import CONSTANT, STEEPEST, STRONGEST, WEAKEST, Prior
from mlip_rs.fitting.trust_region import Expansion

BASIS = mlip.Basis(["Al"], cutoff=5.0, r_min=1.5, size="small")
SETTINGS = FitSettings(method="ridge", n_folds=3, reference_energies={"Al": 0.0})
DERIVATIVE_TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def aluminium():
    return mlip.read_dataset(DATA_PATH, index="::3")


@pytest.fixture
def cross_validation(aluminium, tmp_path):
    weights, reference = Weights(), reference_energies(aluminium, {"Al": 0.0})
    problem = Problem(
        BASIS,
        aluminium,
        reference,
        weights.of_structures(aluminium, reference),
        weights.of_properties(),
        folds(aluminium, 3),
    )
    equations = assemble(problem, tmp_path)
    with equations.totalled():
        yield CrossValidation(problem, equations, SETTINGS, mlip.progress.Silent())


def test_penalties_grow_with_l_and_n_and_groups_are_order_and_degree():
    prior = Prior.of(BASIS)
    assert {"order 1", "order 2", "exponent of l"} <= set(prior.names)
    feature_degrees = BASIS.core.feature_degrees()
    assert prior.design.shape == (BASIS.n_features, len(prior.names))
    strengths = prior.start()
    strengths[prior.is_exponent] = 2.0
    penalties = prior.penalties(strengths)
    second = (feature_degrees[:, 0] == 1) & (feature_degrees[:, 1] == 2)
    roughness = feature_degrees[second, 2] + 1000 * feature_degrees[second, 4]
    smooth, rough = penalties[second][roughness.argmin()], penalties[second][roughness.argmax()]
    assert rough > 2.0 * smooth


def test_constants_are_hardly_penalised():
    basis = replace(BASIS, constant=True)
    prior = Prior.of(basis)
    assert prior.penalties(prior.start())[basis.labels().index("1")] == CONSTANT


@pytest.fixture
def score(cross_validation, monkeypatch):
    """The score that the search for a prior minimises, as a function of the strengths."""
    seen = {}

    def tune(prior, score, n_evaluations, advance):
        seen["score"] = score
        return prior.start()

    monkeypatch.setattr(Prior, "tune", tune)
    dense_fit._smooth(cross_validation)
    monkeypatch.undo()
    return seen["score"]


def test_derivatives_of_the_cross_validated_score_equal_finite_differences(cross_validation, score):
    prior = Prior.of(BASIS)
    strengths = prior.start()
    found = score(strengths)
    expected = dense_fit._cross_validate(cross_validation, prior.penalties(strengths))
    assert found.value == pytest.approx(expected, rel=1e-9)
    step = 1e-3
    for k, direction in enumerate(np.eye(len(strengths))):
        up, down = (score(strengths + s * step * direction) for s in (1, -1))
        slope = (up.value - down.value) / (2 * step)
        assert abs(slope - found.gradient[k]) < DERIVATIVE_TOLERANCE * found.value
        curvature = (up.gradient - down.gradient) / (2 * step)
        np.testing.assert_allclose(
            curvature, found.hessian[k], rtol=0, atol=DERIVATIVE_TOLERANCE * found.value
        )


@pytest.mark.parametrize("order", ["C", "F"])
def test_right_hand_sides_in_any_order_of_memory_are_solved_row_by_row(rng, order):
    x, rows = rng.normal(size=(9, 5)), np.asarray(rng.normal(size=(3, 5)), order=order)
    scaled = Scaled(x.T @ x, rng.normal(size=5), np.ones(5), np.ones(5))
    w, z = scaled.adjoint(np.full(5, 0.3), lambda _: rows)
    matrix = scaled.gram + 0.3 * np.eye(5)
    np.testing.assert_allclose(w, np.linalg.solve(matrix, scaled.xty))
    np.testing.assert_allclose(z, np.linalg.solve(matrix, rows.T).T)


def test_the_score_has_the_same_bits_whatever_the_number_of_threads(cross_validation):
    prior = Prior.of(BASIS)
    penalties = prior.penalties(prior.start())
    found = []
    for threads in (1, 2):
        folds = copy(cross_validation)
        folds.settings = replace(SETTINGS, threads=threads)
        found.append(
            list(
                FoldsAtOnce(folds).each(
                    lambda own, fold: dense_fit._fold_score(own, fold, penalties, prior.design), folds.folds
                )
            )
        )
    for one, two in zip(*found, strict=True):
        for own, other in zip(one, two, strict=True):
            np.testing.assert_array_equal(own, other)


def test_few_steps_find_a_score_as_low_as_a_long_search_by_gradients(score):
    prior = Prior.of(BASIS)

    def by_gradients(strengths):
        found = score(strengths)
        return np.log(found.value), found.gradient / found.value

    exponents = prior.is_exponent
    bounds = [(0.0, STEEPEST) if exponent else (np.log(WEAKEST), np.log(STRONGEST)) for exponent in exponents]
    slow = minimize(
        by_gradients, prior.start(), jac=True, method="L-BFGS-B", bounds=bounds, options={"maxfun": 60}
    )
    counted = []
    strengths = prior.tune(score, 12, lambda: counted.append(1))
    assert len(counted) <= 12
    assert np.log(score(strengths).value) < slow.fun + 0.005


def test_the_search_lowers_the_score_and_switches_off_a_group_that_only_hurts():
    prior = Prior(np.eye(2), ("order 1", "order 2"))

    def score(strengths):
        # The first group wants the penalty 1e-4, the second none of its features at all.
        optimum, fall = np.log(1e-4), 1.0 / (1.0 + np.exp(strengths[1]) / 1e-5)
        return Expansion(
            1.0 + (strengths[0] - optimum) ** 2 / 100 + fall,
            np.array([(strengths[0] - optimum) / 50, -fall * (1.0 - fall)]),
            np.diag([1 / 50, fall * (1.0 - fall) * (1.0 - 2.0 * fall)]),
        )

    strengths = prior.tune(score, 60, lambda: None)
    decades = strengths / np.log(10)
    assert abs(decades[0] + 4) < 1
    assert decades[1] > -3


def test_singular_matrices_raise_the_penalties_until_there_is_a_solution_or_an_error():
    prior = Prior(np.eye(1), ("order 1",))

    def sometimes(strengths):
        penalty = np.exp(strengths[0])
        return (
            None
            if penalty < 1e-3
            else Expansion(1.0 + penalty, np.full(1, penalty), np.full((1, 1), penalty))
        )

    assert np.exp(prior.tune(sometimes, FitSettings().n_prior, lambda: None)[0]) >= 1e-3
    with pytest.raises(FitError, match="no penalty gives a solvable system"):
        prior.tune(lambda _strengths: None, 5, lambda: None)


def test_labels_that_are_met_exactly_end_the_search():
    prior = Prior(np.eye(1), ("order 1",))
    counted = []
    prior.tune(lambda _: Expansion(0.0, np.zeros(1), np.zeros((1, 1))), 5, lambda: counted.append(1))
    assert len(counted) == 1


def test_the_smooth_prior_predicts_better_than_the_best_flat_one(aluminium):
    basis = mlip.Basis(["Al"], cutoff=5.0, size="medium")
    smooth, flat = (
        mlip.fit(aluminium, basis, replace(SETTINGS, prior=prior)) for prior in ("smooth", "flat")
    )
    assert smooth.points[-1].score < flat.points[-1].score
    assert smooth.record["ridge_penalty"] is None
    assert 0 < max(v for k, v in smooth.record["prior"].items() if k.startswith("order")) <= STRONGEST
    assert flat.record["prior"] == {}
    assert flat.record["ridge_penalty"] > 0


def test_settings_of_the_prior_are_checked():
    with pytest.raises(ConfigError, match="prior 'rough' does not exist"):
        FitSettings(prior="rough")
    with pytest.raises(ConfigError, match="n_prior must be at least 1"):
        FitSettings(n_prior=0)


def test_pairs_that_only_occur_far_apart_get_no_absurd_coefficients():
    # One gold atom per cell: the shortest Au-Au distance is that of the cells.
    rng = np.random.default_rng(3)
    frames = []
    for _ in range(12):
        atoms = bulk("Cu", cubic=True) * (2, 2, 1)
        atoms.symbols[0] = "Au"
        atoms.rattle(0.1, seed=int(rng.integers(1 << 30)))
        atoms.calc = EMT()
        atoms.get_forces()
        frames.append(atoms)
    run = mlip.fit(frames, mlip.Basis(cutoff=5.4, size="small"), FitSettings(method="ridge", n_folds=3))
    potential = run.best()
    for element in potential.elements:
        assert max(map(abs, potential.coefficients(element).values())) < 1e6
    pair = frames[0].copy()
    pair.symbols[1] = "Au"  # a nearest neighbour
    assert abs(potential.predict(pair).energy - potential.predict(frames[0]).energy) < 1e4
