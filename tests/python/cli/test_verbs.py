"""The verbs that read: pareto, evaluate, predict, inspect, bench; and the program as a whole."""

import json
import os
import shutil
import subprocess
import sys

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from cli_case import invoke, labelled_frames, spawn, write_frames

import mlip_rs
from mlip_rs.cli.verb import VALUES, repeated
from mlip_rs.cost.benchmark import benchmark, crystal
from mlip_rs.cost.timing import measure_list
from mlip_rs.errors import ConfigError
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.fitting import read_record
from mlip_rs.potential import Potential
from mlip_rs.workflows.inspection import describe, feature_kind

ERROR_KEYS = ("energy_mev_per_atom", "force_ev_per_angstrom", "stress_gpa")


@pytest.fixture
def best(small_run):
    return small_run / "best.mlip.json"


@pytest.fixture
def data(tmp_path):
    return write_frames(tmp_path / "al.extxyz", labelled_frames())


def output_of(*args) -> str:
    result = invoke(*args)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_pareto_json_has_points_with_costs_and_errors(small_run):
    points = json.loads(output_of("pareto", small_run, "--json"))["points"]
    costs = [point["predicted_us_per_atom"] for point in points]
    assert costs == sorted(costs)
    for point in points:
        assert (small_run / point["potential"]).is_file()
        assert {"n_features", "n_nonzero", "us_per_atom", "validation", "test"} <= point.keys()
        for key in ERROR_KEYS:
            assert point["test"][key].keys() == {"rmse", "mae", "max"}


@pytest.mark.parametrize("choice", ["knee", "best", "one-standard-error", "max-cost=1e9", "max-nonzero"])
def test_pareto_copies_the_potential_chosen(small_run, tmp_path, choice):
    out = tmp_path / "chosen.mlip.json"
    points = json.loads(output_of("pareto", small_run, "--json"))["points"]
    fewest = min(
        point["n_nonzero"] for point in points
    )  # which points are on the front depends on measured times
    choice = choice.replace("max-nonzero", f"max-nonzero={fewest}")
    document = json.loads(output_of("pareto", small_run, "--select", choice, "-o", out, "--json"))
    chosen = Potential.load(out)
    assert chosen.n_nonzero == document["selected"]["n_nonzero"]
    if choice in ("knee", "best", "one-standard-error"):
        assert out.read_bytes() == (small_run / f"{choice}.mlip.json").read_bytes()
    if choice.startswith("max-nonzero"):
        assert chosen.n_nonzero == fewest
    if choice.startswith("max-cost"):
        assert chosen == Potential.load(small_run / "best.mlip.json")


def test_a_run_of_an_earlier_version_has_no_choice_by_one_standard_error(small_run, tmp_path):
    shutil.copytree(small_run, tmp_path / "old")
    record = json.loads((tmp_path / "old/run.json").read_text())
    del record["one_standard_error"]
    (tmp_path / "old/run.json").write_text(json.dumps(record))
    assert "µs/atom" in output_of("pareto", tmp_path / "old")
    result = invoke(
        "pareto", tmp_path / "old", "--select", "one-standard-error", "-o", tmp_path / "chosen.mlip.json"
    )
    assert result.exit_code == 1
    assert "repeat the fit" in result.stderr
    assert not (tmp_path / "chosen.mlip.json").exists()


def test_pareto_draws_the_front(small_run, tmp_path):
    text = output_of("pareto", small_run, "--figure", tmp_path / "front.png")
    assert (tmp_path / "front.png").read_bytes().startswith(b"\x89PNG")
    assert "µs/atom" in text


def test_evaluate_agrees_with_the_errors_of_the_fit(small_run, best, data):
    document = json.loads(output_of("evaluate", best, data, "--json"))
    record = read_record(small_run)
    test = record["points"][record["best"]]["test"]
    for key in ERROR_KEYS:
        assert document[key] == pytest.approx(test[key], rel=1e-6, abs=1e-6)
    assert set(document["by_config_type"]) == set(test["by_config_type"])


def test_evaluate_draws_parity_plots(best, data, tmp_path):
    text = output_of("evaluate", best, data, "--figures", tmp_path / "figures")
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    parity = {"parity-energy.png", "parity-force.png", "parity-stress.png"}
    assert names == parity | {"coverage.png", "force-error-by-index.png"}
    assert "energy per atom" in text


def test_evaluate_in_a_notebook_takes_a_dataset(best, data):
    evaluation = evaluate(best, mlip_rs.read_dataset(data))
    assert evaluation.errors.energy is not None
    assert evaluation.errors.energy.n == 40


def test_predict_writes_what_the_potential_says(best, tmp_path):
    molecule = Atoms("Al2", positions=[[0, 0, 0], [0, 0, 2.8]])
    crystal_frame = bulk("Al", cubic=True)
    crystal_frame.rattle(0.05, seed=1)
    path = write_frames(tmp_path / "in.extxyz", [crystal_frame, molecule])
    document = json.loads(output_of("predict", best, path, "-o", tmp_path / "out.extxyz", "--json"))
    assert document["n_structures"] == 2
    solid, dimer = ase.io.read(tmp_path / "out.extxyz", ":")
    expected = Potential.load(best).predict(crystal_frame)
    assert solid.get_potential_energy() == pytest.approx(expected.energy, abs=1e-5)  # positions have 8 digits
    np.testing.assert_allclose(solid.get_forces(), expected.forces, atol=1e-6)
    np.testing.assert_allclose(solid.get_stress(), expected.stress, atol=1e-6)
    assert solid.calc.results["free_energy"] == solid.calc.results["energy"]
    assert "stress" not in dimer.calc.results


def test_inspect_shows_what_is_inside(best):
    text = output_of("inspect", best)
    document = json.loads(output_of("inspect", best, "--json"))
    potential = Potential.load(best)
    assert document["elements"] == ["Al"]
    assert document["hierarchy"] == "pair"
    assert sum(kind["kept"] for kind in document["kept"].values()) == potential.n_nonzero
    assert sum(kind["of"] for kind in document["kept"].values()) == potential.n_features
    assert document["version"] == mlip_rs.__version__
    assert document["info"]["data"]["n_structures"] == 40
    for word in ("cutoff", "reference energies", "training errors", "weights", "fingerprint", "checksum"):
        assert word in text
    assert describe(potential).to_dict() == document


@pytest.mark.parametrize(
    ("label", "kind"),
    [("1", "constant"), ("d[Al,0]^2", "d^2"), ("d[Al,0]*p[Al.0,Al.1,l=2]", "d*p")],
)
def test_the_kind_of_a_feature_is_its_label_without_indices(label, kind):
    assert feature_kind(label) == kind


def test_bench_times_every_size_and_number_of_threads(best, tmp_path):
    options = ("--sizes", "10", "50", "--threads", "1", "2", "--figure", tmp_path / "b.png")
    document = json.loads(output_of("bench", best, *options, "--json"))
    measured = document["measurements"]
    assert [(point["n_atoms"], point["threads"]) for point in measured] == [
        (16, 1),
        (16, 2),
        (64, 1),
        (64, 2),
    ]
    assert all(point["us_per_atom"] > 0 and point["n_nonzero"] > 0 for point in measured)
    assert (tmp_path / "b.png").is_file()


def test_bench_compares_potentials_with_the_first(best, small_run, tmp_path):
    front = sorted((small_run / "front").glob("*.mlip.json"))[0]
    options = ("--sizes", "10", "50", "--threads", "1", "-o", tmp_path / "b.png")
    document = json.loads(output_of("bench", best, front, *options, "--json"))
    names = ["best", front.name.removesuffix(".mlip.json")]
    assert [entry["potential"] for entry in document["potentials"]] == names
    measured = document["measurements"]
    assert [(point["potential"], point["n_atoms"]) for point in measured] == [
        (name, n_atoms) for name in names for n_atoms in (16, 64)
    ]
    for point, reference in zip(measured, measured[:2] * 2, strict=True):
        assert point["ratio"] == pytest.approx(point["us_per_atom"] / reference["us_per_atom"])
        assert 0.0 <= point["list_share"] < 1.0
        assert point["predicted_us_per_atom"] > 0.0
    header = output_of("bench", best, front, "--sizes", "10", "--threads", "1").splitlines()[2]
    assert header.split("  ")[0] == "potential"
    assert "ratio" in header
    assert "predicted" in header
    assert (tmp_path / "b.png").is_file()


def test_bench_names_files_of_one_name_by_their_folders(best, tmp_path):
    other = tmp_path / "other" / best.name
    other.parent.mkdir()
    other.write_bytes(best.read_bytes())
    options = ("--sizes", "10", "--threads", "1", "--json")
    document = json.loads(output_of("bench", best, other, *options))
    assert [entry["potential"] for entry in document["potentials"]] == [
        f"{best.parent.name}/best",
        "other/best",
    ]


def test_time_of_a_list_is_that_of_building_it(best):
    potential = Potential.load(best)
    atoms = crystal(["Al"]).repeat(5)
    assert measure_list(potential, atoms) > 0.0
    with pytest.raises(ConfigError, match="without atoms"):
        measure_list(potential, Atoms())
    with pytest.raises(ConfigError, match="without atoms"):
        benchmark(potential, sizes=[10], like=Atoms())


def test_bench_repeats_a_structure_given(best, data):
    text = output_of("bench", best, "--sizes", "8", "--threads", "1", "--like", data)
    assert text.startswith("Al, repeated")


@pytest.mark.parametrize("elements", [("Al",), ("W", "Ta"), ("Si",), ("Ga",), ("H", "O"), ("Mn",)])
def test_the_default_crystal_has_sensible_distances(elements):
    atoms = crystal(elements).repeat(4)
    nearest = np.sort(atoms.get_distances(0, range(1, len(atoms)), mic=True))[0]
    assert 0.5 < nearest < 4.5


def test_benchmark_of_an_alloy_mixes_the_elements():
    basis = mlip_rs.Basis(["Al", "Ni"], cutoff=4.0, hierarchy="pair", n_radial=3)
    coefficients = np.full(basis.n_features, 0.01)
    potential = Potential.from_coefficients(basis.to_dict(), coefficients, {"Al": 0.0, "Ni": 0.0})
    assert benchmark(potential, sizes=[20], threads=[1]).measurements[0].timing.us_per_atom > 0


def test_values_after_one_option_end_where_the_pattern_does():
    patterns = {"--elements": VALUES["SYMBOL..."]}
    assert repeated(["a.xyz", "--elements", "Al", "Ni", "b.xyz", "-o", "x"], patterns) == [
        *("a.xyz", "--elements", "Al", "--elements", "Ni", "b.xyz", "-o", "x")
    ]
    assert repeated(["--elements", "Al", "a.xyz", "Ni"], patterns) == ["--elements", "Al", "a.xyz", "Ni"]
    assert repeated(["--threads", "1", "2"], patterns) == ["--threads", "1", "2"]
    assert repeated(["--", "--elements", "Al", "Ni"], patterns) == ["--", "--elements", "Al", "Ni"]


def test_the_module_prints_the_version():
    command = [sys.executable, "-m", "mlip_rs", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"mlip-rs {mlip_rs.__version__}"


def test_help_imports_nothing_heavy():
    heavy = ("numpy", "ase", "matplotlib", "rich", "mlip_rs._core")
    code = f"""
import sys
from mlip_rs.cli.app import app
try:
    app(["fit", "--help"])
except SystemExit as stop:
    assert stop.code == 0
print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(("args", "code"), [(["fit"], 2), (["fitt"], 2), (["inspect", "no"], 1), (["-h"], 0)])
def test_exit_codes_of_the_program(args, code):
    done = spawn(*args)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Unix")
def test_a_reader_that_has_gone_is_no_traceback(small_run):
    read, write = os.pipe()
    os.close(read)
    done = spawn("pareto", small_run, "--json", capture_output=False, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert done.returncode == 1
    assert done.stderr == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")  # noqa: PTH110
def test_a_full_disk_is_an_error(small_run):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = spawn("pareto", small_run, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith("No space left on device\n")
