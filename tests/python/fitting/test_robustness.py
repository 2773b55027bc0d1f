"""Progress of what becomes of potentials that fail their stress test: every step counted, no misleading time left."""

import numpy as np
import pytest

import mlip_rs as mlip
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting import FitSettings, robustness, teacher
from mlip_rs.fitting.anchors import Anchors
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.potential.stress_test import StressFailure, StressOutcome, StressTest
from mlip_rs.progress import Steps

BASIS = mlip.Basis(["Al"], cutoff=5.0, hierarchy="angular", n_radial=5, n_angular=3, max_l=2)
SETTINGS = FitSettings(n_folds=3, n_path=12, n_prior=3, threads=1, elastic_weight=0.0)
SECONDS_PER_STRUCTURE = 2.0
MOST_WRONG = 2.0
"""Largest ratio of the time that comes and the time said, after a fifth of a phase; it may be shorter."""


class Recorder:
    """Receiver with a clock of its own, which turns as fast as the work that is done."""

    def __init__(self):
        self.now, self.phases = 0.0, []

    def start(self, phase, total):
        self.phases.append((phase, Steps(total, self.now), []))

    def advance(self, steps=1):
        _, counted, said = self.phases[-1]
        counted.advance(steps, self.now)
        said.append((steps, self.now, counted.seconds_left(self.now)))

    def note(self, message):
        pass

    def named(self, words):
        return [(counted, said) for phase, counted, said in self.phases if words in phase]


def verdict(passed):
    failure = None if passed else StressFailure("crowded", "Al, crowded: falls", 1.0, None)
    return StressTest((StressOutcome("crowded", 1.0 if passed else -1.0, failure),))


@pytest.fixture
def fitted(monkeypatch):
    """The progress of a fit whose potentials pass in the n-th test of each number of coefficients."""

    def fit(passes_in_test, anchor_weight=SETTINGS.anchor_weight):
        recorder, calls, found = Recorder(), {}, CrossValidation.residuals

        def stress_test(potential, **_):
            n = potential.n_nonzero
            calls[n] = calls.get(n, 0) + 1
            recorder.now += n
            return verdict(calls[n] >= passes_in_test(n))

        def predicted(dataset, *others):
            recorder.now += SECONDS_PER_STRUCTURE * len(dataset)
            return original(dataset, *others)

        def residuals(folds, fold, coefficients):
            recorder.now += SECONDS_PER_STRUCTURE * len(folds.problem.members(fold))
            return found(folds, fold, coefficients)

        original = robustness.predicted
        monkeypatch.setattr(robustness, "stress_test", stress_test)
        monkeypatch.setattr(robustness, "predicted", predicted)
        monkeypatch.setattr(CrossValidation, "residuals", residuals)
        monkeypatch.setattr(teacher, "stress_test", lambda *_, **__: verdict(True))
        data, test = read_dataset(DATA_PATH, index="::6"), read_dataset(DATA_PATH, index="3::9")
        settings = FitSettings(**(vars(SETTINGS) | {"anchor_weight": anchor_weight}))
        return mlip.fit(data, BASIS, settings, test=test, progress=recorder), recorder

    return fit


def test_refits_and_their_errors_are_phases_in_which_every_step_is_counted(fitted):
    """Some pass at once, some with either weight of the anchor rows, some never."""
    run, recorder = fitted(lambda n: {0: 1, 1: 2, 2: 3, 3: 99}[n % 4])
    assert any("anchor_weight" in point.potential.info for point in run.points)
    for words in (
        "stress test, before refits of those that fail",
        "refits of potentials",
        "errors of refitted",
    ):
        phases = recorder.named(words)
        assert phases
        for counted, said in phases:
            assert sum(steps for steps, _, _ in said) == counted.total


def test_no_phase_takes_much_longer_than_the_time_left_that_it_said(fitted):
    _, recorder = fitted(lambda n: 3 if n > 6 else 1)
    compared = 0
    for words in ("stress test, before refits", "refits of potentials", "errors of refitted"):
        for counted, said in recorder.named(words):
            end = said[-1][1]
            for (_, now, left), done in zip(said, np.cumsum([steps for steps, _, _ in said]), strict=True):
                if left is not None and counted.total // 5 < done < counted.total:
                    assert end - now < MOST_WRONG * left
                    compared += 1
    assert compared > 10


def test_a_fit_without_anchor_rows_promises_no_refits(fitted):
    _, recorder = fitted(lambda _: 99, anchor_weight=0.0)
    assert recorder.named("repulsion and stress test: potentials")
    assert not recorder.named("refit")


def test_no_heavier_rows_are_loaded_where_all_pass_with_the_lighter_ones(fitted, monkeypatch):
    factors, times = [], Anchors.times
    monkeypatch.setattr(Anchors, "times", lambda self, factor: factors.append(factor) or times(self, factor))
    run, _ = fitted(lambda _: 2)
    lighter, heavier = robustness.FACTORS
    weights = {point.potential.info.get("anchor_weight") for point in run.points} - {None}
    assert weights == {lighter * SETTINGS.anchor_weight}
    assert lighter in factors
    assert heavier not in factors
