"""The verbs `export` and `explain`."""

import json
import sys

import pytest
from cli_case import errors, invoke

from mlip_rs.demo import DATA_PATH


@pytest.fixture
def potential(small_run):
    return small_run / "best.mlip.json"


def test_export_prints_the_input_and_the_differences(potential, tmp_path):
    result = invoke(
        "export",
        potential,
        "--to",
        "eam/alloy",
        "-o",
        tmp_path / "Al",
        "--data",
        DATA_PATH,
        "--index",
        "::50",
    )
    assert result.exit_code == 0, result.stderr
    assert "pair_style hybrid/overlay eam/alloy eam/alloy" in result.stdout
    assert "files (exact) less potential:" in result.stdout
    assert (tmp_path / "Al.lammps").is_file()


def test_export_as_json(potential, tmp_path):
    result = invoke(
        "export", potential, "--to", "table", "-o", tmp_path / "Al", "--data", DATA_PATH, "--json"
    )
    document = json.loads(result.stdout)
    assert document["exact"]
    assert document["all"]["force_max"] < 1e-6
    assert len(document["structures"]) > 10
    assert [path.rsplit("/", 1)[1] for path in document["files"]] == ["Al.table", "Al.lammps"]


def test_export_in_a_form_that_does_not_exist(potential, tmp_path):
    result = invoke("export", potential, "--to", "meam", "-o", tmp_path / "Al")
    assert result.exit_code == 1
    assert errors(result) == ["error: 'meam' is no form of export; choose table, eam/alloy, eam/fs"]


@pytest.mark.parametrize("verb", [("export", "--to", "table"), ("explain",)])
def test_reading_options_without_data_are_refused(potential, tmp_path, verb):
    result = invoke(*verb, potential, "-o", tmp_path / "out", "--index", ":5")
    assert result.exit_code == 2
    assert "give --data as well" in result.stderr


def test_explain_writes_report_figures_and_numbers(potential, tmp_path):
    folder = tmp_path / "inside"
    result = invoke("explain", potential, "--data", DATA_PATH, "--index", "::25", "-o", folder)
    assert result.exit_code == 0, result.stderr
    assert "any function of densities" in result.stdout
    document = json.loads((folder / "explanation.json").read_text())
    assert document["potential"] == "run/best"
    assert document["angles"]["force_share"] < 1e-3  # a pair potential has none
    assert (folder / "explanation.html").read_text().startswith("<!doctype html>")
    assert (folder / "figures" / "functions.png").is_file()


def test_explain_without_data_makes_crystals(potential, tmp_path):
    result = invoke("explain", potential, "-o", tmp_path / "inside", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["structures"] >= 27
    assert document["left_over_of_labels"] == []


def occupied(tmp_path):
    """Places where nothing can be written, by name."""
    (tmp_path / "file").write_text("")
    (tmp_path / "Al.table").mkdir()
    (tmp_path / "Ni.lammps").mkdir()
    for name in ("figures", "explanation.html", "explanation.md", "explanation.json"):
        (tmp_path / f"of {name}").mkdir()
    for name in ("explanation.html", "explanation.md", "explanation.json"):
        (tmp_path / f"of {name}" / name).mkdir()
    (tmp_path / "of figures" / "figures").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("verb", "place", "named"),
    [
        ("export", "file/Al", "file"),
        ("export", "Al", "Al.table"),
        ("export", "Ni", "Ni.lammps"),
        ("export", "/proc/Al", "/proc"),
        ("export", "/proc/new/Al", "/proc/new"),
        ("explain", "file", "file"),
        ("explain", "file/inside", "file/inside"),
        ("explain", "of figures", "figures"),
        ("explain", "of explanation.html", "explanation.html"),
        ("explain", "of explanation.md", "explanation.md"),
        ("explain", "of explanation.json", "explanation.json"),
        ("explain", "/proc/inside", "/proc/inside"),
    ],
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_what_cannot_be_written_is_told_before_anything_is_computed(
    potential, tmp_path, monkeypatch, verb, place, named
):
    def reached(*arguments, **options):
        raise AssertionError("computed before the place was looked at")

    monkeypatch.setattr("mlip_rs.eam.export.pair_tables", reached)
    monkeypatch.setattr("mlip_rs.eam.export.differences", reached)
    monkeypatch.setattr("mlip_rs.workflows.explanation.explain", reached)
    form = ("--to", "table") if verb == "export" else ()
    result = invoke(
        *(verb, potential, *form, "-o", occupied(tmp_path) / place, "--data", DATA_PATH, "--index", "::50")
    )
    assert result.exit_code == 1
    (line,) = errors(result)
    assert f"{named}: " in line
    assert "choose another output" in line
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".tmp"]
