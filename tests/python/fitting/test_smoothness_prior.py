"""Smoothness priors: their form, their gradient, and that candidates which do not help are switched off."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

import mlip_rs as mlip
from mlip_rs.data import folds, reference_energies
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError, FitError
from mlip_rs.fitting import FitSettings, Weights, dense_fit
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.smoothness_prior import CONSTANT, STRONGEST, Prior

BASIS = mlip.Basis(["Al"], cutoff=5.0, r_min=1.5, size="small")
SETTINGS = FitSettings(method="ridge", n_folds=3, reference_energies={"Al": 0.0})
GRADIENT_TOLERANCE = 1e-5


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


def test_the_gradient_equals_finite_differences_of_the_cross_validated_score(cross_validation):
    prior = Prior.of(BASIS)
    seen = {}

    def tune(self, gradient, n_evaluations, advance):
        seen["gradient"] = gradient
        return prior.start()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Prior, "tune", tune)
        dense_fit._smooth(cross_validation)
    strengths = prior.start()
    penalties = prior.penalties(strengths)
    score, slope = seen["gradient"](penalties)
    assert score == pytest.approx(dense_fit._cross_validate(cross_validation, penalties), rel=1e-9)
    step = 1e-3
    for k, direction in enumerate(np.eye(len(strengths))):
        up, down = (seen["gradient"](prior.penalties(strengths + s * step * direction))[0] for s in (1, -1))
        analytic = float(prior.design[:, k] @ (slope * penalties))
        assert abs((up - down) / (2 * step) - analytic) < GRADIENT_TOLERANCE * score


def test_the_search_lowers_the_score_and_switches_off_a_group_that_only_hurts():
    prior = Prior(np.eye(2), ("order 1", "order 2"))

    def gradient(penalties):
        # The first group wants the penalty 1e-4, the second none of its features at all.
        logs = np.log(penalties)
        optimum = np.log(1e-4)
        score = 1.0 + (logs[0] - optimum) ** 2 / 100 + 1.0 / (1.0 + penalties[1] / 1e-5)
        slope = np.array(
            [2 * (logs[0] - optimum) / 100, -(penalties[1] / 1e-5) / (1.0 + penalties[1] / 1e-5) ** 2]
        )
        return score, slope / penalties

    strengths = prior.tune(gradient, 60, lambda: None)
    decades = strengths / np.log(10)
    assert abs(decades[0] + 4) < 1
    assert decades[1] > -3


def test_singular_matrices_raise_the_penalties_until_there_is_a_solution_or_an_error():
    prior = Prior(np.eye(1), ("order 1",))

    def sometimes(penalties):
        return None if penalties[0] < 1e-6 else (1.0 + penalties[0], np.array([1.0]))

    assert np.exp(prior.tune(sometimes, 30, lambda: None)[0]) >= 1e-6
    with pytest.raises(FitError, match="no penalty gives a solvable system"):
        prior.tune(lambda _penalties: None, 5, lambda: None)


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
