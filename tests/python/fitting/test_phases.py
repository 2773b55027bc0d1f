"""Times of the phases: nothing is left out, nothing counted twice."""

import json
import time

from mlip_rs.basis import Basis
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting import FitSettings
from mlip_rs.fitting.phases import Phases
from mlip_rs.progress import Silent
from mlip_rs.workflows.fit_job import Job, Sources

ACCOUNTED = 0.95
"""Least part of the time of a job that its phases add up to."""


class Notes(Silent):
    def __init__(self):
        self.messages = []

    def note(self, message):
        self.messages.append(message)


def test_phases_of_a_job_account_for_its_time(tmp_path):
    notes = Notes()
    basis = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=8)
    settings = FitSettings(n_folds=3, n_path=5, n_prior=2)
    job = Job(Sources((str(DATA_PATH),), index="::4"), basis, settings, tmp_path / "run")
    begin = time.perf_counter()
    outcome = job.run(notes)
    total = time.perf_counter() - begin
    seconds = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["seconds"]
    assert seconds == outcome.run.record["seconds"]
    wanted = [
        "read",
        "labels",
        "check",
        "assemble",
        "select",
        "errors",
        "costs",
        "stress_test",
        "uncertainty",
        "save",
        "report",
    ]
    assert list(seconds) == wanted
    assert ACCOUNTED * total < sum(seconds.values()) <= total
    times = [message.split(" ")[1:-2] for message in notes.messages if message.startswith("time: ")]
    assert ["_".join(words) for words in times] == wanted  # each said once


def test_a_phase_entered_twice_is_added_and_the_current_one_goes_on():
    notes = Notes()
    phases = Phases(notes)
    for name in ("a", "b", "a", "a"):
        phases.enter(name)
    assert list(phases.stop()) == ["a", "b"]
    assert [message.split()[1] for message in notes.messages] == ["a", "b", "a"]
