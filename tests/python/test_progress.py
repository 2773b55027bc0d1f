"""Progress: the time left, never more steps than there are, few lines in a log."""

import io
import re

import numpy as np
import pytest

from mlip_rs.basis import Basis
from mlip_rs.fitting.smoothness_prior import Prior
from mlip_rs.fitting.trust_region import Expansion
from mlip_rs.progress import Bars, Lines, Steps, duration


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    return io.StringIO()


def counts(text: str) -> list[tuple[int, int]]:
    return [(int(done), int(total)) for done, total in re.findall(r"(\d+) of (\d+)", text)]


def test_steps_beyond_the_total_are_not_shown_in_lines():
    clock, stream = Clock(), io.StringIO()
    lines = Lines(stream, interval=0.0, clock=clock)
    lines.start("search", 15)
    for _ in range(17):
        clock.now += 1.0
        lines.advance()
    found = counts(stream.getvalue())
    assert found[-1] == (15, 15)
    assert all(done <= total for done, total in found)


def test_steps_beyond_the_total_are_not_shown_in_bars(terminal):
    bars = Bars(terminal)
    bars.open()
    bars.start("search", 3)
    bars.advance(5)
    bars.close()
    assert "3 of 3" in terminal.getvalue()
    assert "5 of 3" not in terminal.getvalue()


def test_a_finished_phase_leaves_a_line_and_no_bar(terminal):
    bars = Bars(terminal)
    bars.open()
    for name in ("first", "second", "third"):
        bars.start(name, 2)
        bars.advance(2)
    assert len(bars._bars.tasks) == 1
    bars.close()
    assert terminal.getvalue().count("second: 2 of 2") == 1


def test_time_left_follows_the_pace():
    steps = Steps(100, now=0.0)
    assert steps.seconds_left(0.0) is None
    for k in range(1, 21):
        steps.advance(1, now=3.0 * k)
    assert steps.seconds_left(60.0) == pytest.approx(240.0)
    assert steps.text(60.0) == "20 of 100, about 4 min left"
    steps.advance(80, now=300.0)
    assert steps.text(300.0) == "100 of 100"


def test_steps_found_finished_do_not_make_the_rest_look_fast():
    steps = Steps(100, now=0.0)
    steps.advance(80, now=0.1)  # of a run that was interrupted
    steps.advance(10, now=50.1)
    assert steps.seconds_left(50.1) == pytest.approx(50.0)


def test_lines_grow_rarer_and_say_what_is_left():
    clock, stream = Clock(), io.StringIO()
    lines = Lines(stream, clock=clock)
    lines.start("structures", 36_000)
    for _ in range(36_000):
        clock.now += 0.1
        lines.advance()
    written = stream.getvalue().splitlines()
    assert 10 < len(written) < 60
    assert all("left" in line for line in written[1:-1])


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (119.0, "119 s"), (125.0, "2 min"), (86400.0, "24.0 h")]
)
def test_durations_are_read_easily(seconds, text):
    assert duration(seconds) == text


def test_the_search_for_a_prior_counts_no_more_evaluations_than_announced():
    basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair-poly", n_radial=4)
    prior = Prior.of(basis)
    evaluated, counted = [], []

    def score(strengths):
        evaluated.append(strengths)
        wave = np.sin(3.0 * strengths)  # so rough that steps fail
        return Expansion(
            float(100.0 + strengths @ strengths + wave.sum()),
            2.0 * strengths + 3.0 * np.cos(3.0 * strengths),
            np.diag(2.0 - 9.0 * wave),
        )

    for most in range(1, 12):
        evaluated.clear()
        counted.clear()
        prior.tune(score, most, lambda: counted.append(1))
        assert len(counted) == len(evaluated) <= most
