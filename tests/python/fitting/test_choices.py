"""Front, best, knee and limits are what their sentences say, and go by predicted cost alone."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from mlip_rs import Basis, FitSettings, fit
from mlip_rs.cost.timing import Timing
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting import points as points_module
from mlip_rs.fitting.limits import cost_of, rounded
from mlip_rs.fitting.result import KNEE_TOLERANCE, Run
from mlip_rs.fitting.run_directory import choose, front_points


def front_of(*pairs, repels=None, failed=()):
    """A run of points with these costs and scores, made by hand."""
    repels = repels or [True] * len(pairs)
    made = (
        SimpleNamespace(
            cost=cost,
            score=score,
            score_error=0.0,
            repels=good,
            failed_stress_test=k in failed,
            potential=SimpleNamespace(n_nonzero=99 - k),
        )
        for k, ((cost, score), good) in enumerate(zip(pairs, repels, strict=True))
    )
    return Run(tuple(made), {})


@pytest.mark.parametrize(
    ("pairs", "repels", "knee", "best"),
    [
        (((1, 2.0), (2, 1.09), (3, 1.05), (9, 1.0)), None, 1, 3),
        (((1, 2.0), (2, 1.11), (3, 1.05), (9, 1.0)), None, 2, 3),
        (((1, 1.10), (2, 1.0)), None, 0, 1),  # exactly 10 % is within
        (((5, 1.0), (1, 1.3)), None, 0, 0),  # the best may be the knee
        (((2, 1.09), (2, 1.02), (9, 1.0)), None, 1, 2),  # of equally cheap ones the better
        (((1, 1.05), (1.001, 1.01), (9, 1.0)), None, 0, 2),  # cheapest, by however little
        (((1, 1.05), (2, 1.06), (9, 1.0)), [False, True, True], 1, 2),  # one that repels
        (((1, 1.05), (2, 1.5), (9, 1.0)), [False, True, False], 0, 2),  # if there is any within
        (((1, 1.15), (2, 1.08), (9, 1.0)), [True, True, False], 1, 1),  # 10 % of the lowest, not of best
    ],
)
def test_knee_is_the_cheapest_within_ten_per_cent_of_the_lowest(pairs, repels, knee, best):
    run = front_of(*pairs, repels=repels)
    assert (run.knee_index, run.best_index) == (knee, best)
    lowest = min(score for _, score in pairs)
    assert run.points[knee].score <= (1 + KNEE_TOLERANCE) * lowest


def test_best_is_the_cheapest_of_those_that_scores_cannot_tell_apart():
    pairs = (1, 1.5), (2, 1.02), (3, 1.004), (5, 1.001), (9, 1.0)
    run = front_of(*pairs)
    assert (run.best_index, run.front) == (2, (0, 1, 2))
    assert front_of(*pairs, failed=(2,)).best_index == 3
    # One that repels, of those within 10 %: the best of these.
    repels = [True, True, False, False, False]
    assert front_of(*pairs, repels=repels).best_index == 1


def test_what_failed_its_stress_test_has_no_name_and_is_not_on_the_front():
    pairs = (1, 1.5), (2, 1.2), (3, 1.05), (9, 1.0)
    run = front_of(*pairs, failed=(2, 3))
    assert run.front == (0, 1)
    assert run.best_index == run.knee_index == run.one_standard_error_index == 1
    assert front_of(*pairs, failed=range(4)).front == (0, 1, 2, 3)  # none is better than the others


def test_the_front_leaves_out_what_errs_ten_times_as_much_unless_it_is_as_precise_as_asked_for():
    assert front_of((1, 20.1), (2, 19.9), (3, 2.0)).front == (1, 2)
    assert front_of((1, 1.1), (2, 0.9), (3, 0.05)).front == (1, 2)
    assert front_of((1, 0.5), (2, 1e-9), (3, 0.0)).front == (0, 1, 2)


def test_a_useless_potential_is_not_named_because_it_alone_passed():
    """Several times the error of the others is no cure; these keep their names, and the fit warns of them."""
    pairs = (1, 5.0), (2, 1.2), (3, 1.05), (9, 1.0)
    useless = front_of(*pairs, failed=(1, 2, 3))
    assert useless.front == (0, 1, 2, 3)
    assert (useless.best_index, useless.knee_index) == (3, 2)
    worse = front_of((1, 1.49), *pairs[1:], failed=(1, 2, 3))
    assert (worse.front, worse.best_index) == ((0,), 0)


def test_knee_of_random_fronts_is_that_of_the_definition():
    rng = np.random.default_rng(3)
    for _ in range(200):
        pairs = [tuple(pair) for pair in rng.uniform(1.0, 1.5, (12, 2))]
        run = front_of(*pairs)
        limit = 1.1 * min(score for _, score in pairs)
        assert run.points[run.knee_index].cost == min(cost for cost, score in pairs if score <= limit)
        assert {run.knee_index, run.best_index} <= set(run.front)


def test_last_digits_of_another_machine_change_nothing():
    pairs = [(2.0, 1.0), (2.0, 1.0), (1.0, 1.05), (1.0, 1.05), (0.5, 3.0)]
    exact = front_of(*((rounded(cost), score) for cost, score in pairs))
    rng = np.random.default_rng(1)
    for _ in range(50):
        noisy = 1.0 + 1e-11 * rng.normal(size=(len(pairs), 2))
        other = front_of(*((rounded(c * a), s * b) for (c, s), (a, b) in zip(pairs, noisy, strict=True)))
        chosen = [(run.front, run.best_index, run.knee_index) for run in (exact, other)]
        assert chosen[0] == chosen[1]


@pytest.mark.parametrize("method", ["cost-aware", "lasso"])
def test_times_of_this_machine_decide_nothing(tmp_path, monkeypatch, method):
    data = read_dataset(DATA_PATH, index="::4")
    basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair-poly", n_radial=5)
    settings = FitSettings(method=method, n_folds=3, n_path=8, prior="flat", reference_energies={"Al": 0.0})
    outcomes = []
    for seed in range(3):
        rng = np.random.default_rng(seed)

        def timed(potential, atoms, rng=rng, **_):
            return Timing(len(atoms), 1, float(rng.uniform(0.01, 100.0)))

        monkeypatch.setattr(points_module, "measure", timed)
        directory = tmp_path / f"{method}-{seed}"
        fit(data, basis, settings, directory=directory)
        record = json.loads((directory / "run.json").read_text())
        chosen = [choose(directory, choice) for choice in ("knee", "best", "max-cost=1.5", "max-force=0.6")]
        outcomes.append(
            {
                "files": {p.name: p.read_text() for p in sorted(directory.rglob("*.mlip.json"))},
                "named": [record[name] for name in ("front", "best", "knee", "one_standard_error")],
                "chosen": [point["potential"] for point in chosen],
                "costs": [point["predicted_us_per_atom"] for point in record["points"]],
                "points": [point["potential"] for point in front_points(directory)],
            }
        )
        assert record["points"][0]["us_per_atom"] != pytest.approx(
            record["points"][0]["predicted_us_per_atom"]
        )
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert None not in outcomes[0]["costs"]


def test_runs_of_earlier_versions_go_by_the_time_measured():
    assert cost_of({"us_per_atom": 2.5}) == 2.5
    assert cost_of({"us_per_atom": 2.5, "predicted_us_per_atom": None}) == 2.5
    assert cost_of({"us_per_atom": 2.5, "predicted_us_per_atom": 1.5}) == 1.5
