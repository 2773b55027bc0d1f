"""Potentials that fail their stress test are told wherever somebody chooses one: fit, pareto, report."""

import json

import pytest
from cli_case import invoke

from mlip_rs import Basis, FitSettings
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting import robustness, teacher
from mlip_rs.fitting.result import LOSS, Run
from mlip_rs.fitting.stress_warnings import stress_test_warnings
from mlip_rs.potential.stress_test import StressFailure, StressOutcome, StressTest
from mlip_rs.report.outside_data import outside_data_content

HELD = {"passed": True, "n_structures": 40, "failures": []}
FELL = {"passed": False, "n_structures": 40, "failures": ["Al, crowded: falls"]}
FIT = (DATA_PATH, "--index", "::6", "--cutoff", "5", "--hierarchy", "pair", "--n-radial", "6", "--folds", "3")


def fitted(tmp_path, monkeypatch, holds, *options):
    """The directory and outcome of a fit in which potentials with a number of coefficients hold."""

    def stress_test(potential, **_):
        failure = (
            None if holds(potential.n_nonzero) else StressFailure("crowded", "Al, crowded: falls", 1.0, None)
        )
        return StressTest((StressOutcome("crowded", 0.0, failure),))

    monkeypatch.setattr(robustness, "stress_test", stress_test)
    monkeypatch.setattr(teacher, "stress_test", lambda *_, **__: StressTest((StressOutcome("crowded", 1.0),)))
    outcome = invoke("fit", *FIT, *options, "-o", tmp_path / "run")
    assert outcome.exit_code == 0, outcome.stderr
    return tmp_path / "run", outcome


@pytest.mark.usefixtures("no_report")
def test_pareto_and_fit_say_what_left_the_front(tmp_path, monkeypatch):
    directory, outcome = fitted(tmp_path, monkeypatch, lambda n: n > 1)
    shown = invoke("pareto", directory)
    document = json.loads(invoke("pareto", directory, "--json").stdout)
    for text in (outcome.stdout, shown.stdout, " ".join(document["warnings"])):
        assert "failed its stress test and is not on the front" in text
    assert "not to be trusted" not in shown.stdout


@pytest.mark.usefixtures("no_report")
def test_named_potentials_that_fail_are_named_with_the_cure(tmp_path, monkeypatch):
    directory, outcome = fitted(tmp_path, monkeypatch, lambda n: n < 3)
    for text in (outcome.stdout, invoke("pareto", directory).stdout):
        assert "not to be trusted outside the data: failed: Al, crowded: falls" in text
        assert "disordered structures to the data" in text
        assert text.splitlines()[0].endswith("stress test")
        assert any(line.endswith("failed") for line in text.splitlines())
    selected = invoke("pareto", directory, "--select", "best", "-o", tmp_path / "best.mlip.json")
    assert "warning: it is not to be trusted outside the data" in selected.stdout


def test_nothing_is_said_where_all_hold():
    points = [{"score": score, "stress_test": HELD} for score in (2.0, 1.0)]
    assert stress_test_warnings(points, [0, 1], {"best": 1, "knee": 1}) == []
    assert stress_test_warnings([{"score": 1.0}], [0], {"best": 0}) == []


def test_lost_ones_are_counted_and_named_ones_joined():
    points = [
        {"score": 1.0, "stress_test": FELL},
        {"score": 0.9, "stress_test": FELL},
        {"score": 1.2, "stress_test": HELD},
    ]
    (lost,) = stress_test_warnings(points, [2], {"best": 2, "knee": 2})
    assert lost == (
        "2 potentials failed their stress test and are not on the front (their lowest score is 0.900; "
        "best has 1.200)"
    )
    first, second = stress_test_warnings(points[:2], [0, 1], {"best": 1, "knee": 1})
    assert first.startswith("best, knee: not to be trusted")
    assert "(none did)" in second
    assert f"{LOSS:g} times" in second


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"basis": {"repulsion": None}, "settings": {"anchor_weight": 0.1}}, "no repulsion"),
        ({"basis": {"repulsion": {}}, "settings": {"anchor_weight": 0.0}}, "anchor_weight is 0"),
        ({"basis": {"repulsion": {}}, "settings": {"anchor_weight": 0.1}}, "no dense fit passes"),
    ],
)
def test_the_report_says_why_there_are_no_anchor_rows(record, said):
    """Of a run without potentials that were tested, and of one with."""
    text = "\n".join(map(str, outside_data_content(Run((), record | {"anchors": None}))))
    assert "The fit has no anchor rows" in text
    assert said in text


def test_the_report_says_how_a_teacher_was_made_to_hold():
    noted = {"n_structures": 200, "n_atoms": 2000, "weight": 0.005, "teacher_n_nonzero": 998}
    before = {"teacher_weight": 5e-6, "teacher_n_nonzero_before": 898}
    alone, taught = (
        "\n".join(map(str, outside_data_content(Run((), {"anchors": anchors}))))
        for anchors in (noted, noted | before)
    )
    assert "with 998 coefficients" in alone
    assert "898" not in alone
    assert (
        "with weight 5e-06 and the predictions of a less accurate fit that held, with 898 coefficients"
        in taught
    )


def test_a_refit_that_passes_and_is_useless_does_not_replace_the_point(monkeypatch):
    import mlip_rs

    calls = {}

    def stress_test(potential, **_):
        n = potential.n_nonzero
        calls[n] = calls.get(n, 0) + 1
        failure = None if calls[n] > 1 else StressFailure("crowded", "falls", 1.0, None)
        return StressTest((StressOutcome("crowded", 0.0, failure),))

    monkeypatch.setattr(robustness, "stress_test", stress_test)
    monkeypatch.setattr(robustness, "LOSS", 0.0)  # whatever a refit costs is too much
    monkeypatch.setattr(teacher, "stress_test", lambda *_, **__: StressTest((StressOutcome("crowded", 1.0),)))
    basis = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=6)
    run = mlip_rs.fit(mlip_rs.read_dataset(DATA_PATH, index="::6"), basis, FitSettings(n_folds=3, n_path=5))
    assert all("anchor_weight" not in point.potential.info for point in run.points)
    assert run.points[run.best_index].failed_stress_test
