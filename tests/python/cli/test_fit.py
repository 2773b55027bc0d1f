"""`mlip-rs fit`: from files and options, or a configuration, to a run directory."""

import json
import sys

import pytest
from cli_case import SMALL_BASIS, errors, files_below, invoke, labelled_frames, spawn, write_frames

from mlip_rs.potential import Potential
from mlip_rs.workflows.config import load_job
from mlip_rs.workflows.fit_job import Job

CONFIG = """
[data]
train = "data/*.extxyz"
test = ["data/al.extxyz"]
index = ":30"

[basis]
cutoff = 5
hierarchy = "pair"
[[basis.radial]]
family = "gaussian"
parameters = {beta = [0.8], mu = [1.5, 2.5, 3.5]}
[[basis.radial]]
family = "bessel"
parameters = {n = [1, 2]}

[fit]
n_folds = 3
reference_energies = {Al = 0.0}

[weights]
forces = 0.2
stress = false
config_types = {eos_fcc = 2, rattle_fcc = {energy = 0.5}}

[output]
directory = "runs/al"
"""


@pytest.fixture
def data(tmp_path):
    return write_frames(tmp_path / "al.extxyz", labelled_frames())


@pytest.fixture
def config(tmp_path):
    (tmp_path / "project/data").mkdir(parents=True)
    write_frames(tmp_path / "project/data/al.extxyz", labelled_frames())
    path = tmp_path / "project/fit.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


@pytest.mark.usefixtures("no_report")
class TestFit:
    def test_needs_no_configuration_and_takes_elements_from_the_data(self, data, tmp_path):
        result = invoke("fit", data, *SMALL_BASIS, "-o", tmp_path / "run")
        assert result.exit_code == 0
        assert files_below(tmp_path / "run") >= {
            "best.mlip.json",
            "knee.mlip.json",
            "one-standard-error.mlip.json",
            "run.json",
            "report.html",
        }
        assert Potential.load(tmp_path / "run/best.mlip.json").elements == ("Al",)
        assert "coefficients" in result.stdout
        assert str(tmp_path / "run/knee.mlip.json") in result.stdout

    def test_progress_and_data_summary_go_to_stderr_as_plain_lines(self, data, tmp_path):
        result = invoke("fit", data, *SMALL_BASIS, "-o", tmp_path / "run")
        assert "40 structures" in result.stderr
        assert "normal equations" in result.stderr
        assert "\x1b" not in result.stderr + result.stdout

    def test_json_prints_nothing_else_on_stdout(self, data, tmp_path):
        result = invoke("fit", data, *SMALL_BASIS, "-o", tmp_path / "run", "--json")
        document = json.loads(result.stdout)
        assert {"directory", "best", "knee", "report", "points"} <= document.keys()
        assert (tmp_path / "run" / document["points"][0]["potential"]).is_file()

    def test_several_elements_follow_one_option(self, data, tmp_path):
        result = invoke("fit", "--elements", "Al", "Ni", data, "-o", tmp_path / "run")
        assert result.exit_code == 1
        assert "no atom of Ni in the data" in result.stderr

    def test_a_finished_run_of_something_else_is_kept(self, data, tmp_path):
        run = tmp_path / "run"
        invoke("fit", data, *SMALL_BASIS, "-o", run)
        before = (run / "best.mlip.json").read_bytes()
        result = invoke("fit", data, *SMALL_BASIS, "--method", "ridge", "-o", run)
        assert result.exit_code == 1
        assert errors(result) == [
            f"error: {run} holds a finished fit with other settings; choose another output directory (-o), "
            "or replace it (--overwrite)"
        ]
        assert (run / "best.mlip.json").read_bytes() == before

    def test_overwrite_replaces_another_fit(self, data, tmp_path):
        run = tmp_path / "run"
        invoke("fit", data, *SMALL_BASIS, "-o", run)
        result = invoke("fit", data, *SMALL_BASIS, "--n-radial", "5", "-o", run, "--overwrite")
        assert result.exit_code == 0
        assert json.loads((run / "run.json").read_text(encoding="utf-8"))["n_features"] == 6

    def test_the_same_command_again_gives_the_same_potential(self, data, tmp_path):
        run = tmp_path / "run"
        invoke("fit", data, *SMALL_BASIS, "-o", run)
        before = (run / "best.mlip.json").read_bytes()
        assert invoke("fit", data, *SMALL_BASIS, "-o", run, "--threads", "1").exit_code == 0
        assert (run / "best.mlip.json").read_bytes() == before

    def test_outliers_and_duplicates_are_dropped_when_asked_and_named(self, tmp_path):
        frames = labelled_frames()
        frames[7].calc.results["energy"] += 500.0
        path = write_frames(tmp_path / "al.extxyz", [*frames, frames[3]])
        options = ("--drop-outliers", "--drop-duplicates", "-o", tmp_path / "run")
        result = invoke("fit", path, *SMALL_BASIS, *options)
        assert result.exit_code == 0
        assert "39 structures" in result.stderr
        assert "frame 7 of al.extxyz dropped as an outlier" in result.stderr
        assert "frame 40 of al.extxyz dropped: the same structure as frame 3 of al.extxyz" in result.stderr

    def test_configuration_has_paths_relative_to_itself_and_options_the_last_word(self, config):
        job = load_job(config, {"basis": {"cutoff": 5.5}})
        assert job.basis.cutoff == 5.5
        assert [entry.family for entry in job.basis.radial] == ["gaussian", "bessel"]
        assert job.settings.weights.forces == 0.2
        assert job.settings.weights.stress is None
        assert job.directory == config.parent / "runs/al"
        result = invoke("fit", config, "--seed", "3")
        assert errors(result) == []
        record = json.loads((config.parent / "runs/al/run.json").read_text(encoding="utf-8"))
        assert record["settings"]["seed"] == 3
        assert record["data"]["n_structures"] == 30
        assert record["test_data"]["n_structures"] == 40

    def test_a_notebook_does_the_same_in_one_line(self, config):
        outcome = load_job(config).run()
        assert isinstance(load_job(config), Job)
        assert outcome.report.is_file()
        assert outcome.run.best() == Potential.load(outcome.directory / "best.mlip.json")

    def test_an_interruption_while_reading_leaves_nothing(self, data, tmp_path, monkeypatch):
        def interrupted(*args, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr("mlip_rs.workflows.fit_job.read_dataset", interrupted)
        result = invoke("fit", data, *SMALL_BASIS, "-o", tmp_path / "run")
        assert result.exit_code == 130
        assert errors(result) == ["interrupted; run the same command again to resume"]
        assert not (tmp_path / "run").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize(
    "phase", ["normal equations", "cross-validation", "elimination", "errors and costs", "error bars"]
)
def test_a_fit_interrupted_in_any_phase_resumes_to_the_same_bits(commanded, tmp_path, phase):
    command = ("fit", commanded / "al.extxyz", *SMALL_BASIS, "-o", tmp_path / "run")
    stopped = spawn(*command, interrupted_phase=phase)
    assert stopped.returncode == 130, stopped.stderr
    assert errors(stopped) == ["interrupted; run the same command again to resume"]
    assert stopped.stdout == ""
    left = files_below(tmp_path / "run")
    assert {name for name in left if not name.startswith("equations")} == set()
    assert not any(name.endswith(".tmp") for name in left)
    resumed = spawn(*command)
    assert resumed.returncode == 0, resumed.stderr
    expected = (commanded / "run/best.mlip.json").read_bytes()
    assert (tmp_path / "run/best.mlip.json").read_bytes() == expected


def test_a_fit_writes_the_page_to_read(data, tmp_path):
    result = invoke("fit", data, *SMALL_BASIS, "--method", "ridge", "-o", tmp_path / "run")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run/report.html").read_text(encoding="utf-8").startswith("<!")
