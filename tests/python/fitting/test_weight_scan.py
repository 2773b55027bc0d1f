"""Errors against the weights of energies and stresses."""

import json
import shutil

import pytest
from cli_case import SMALL_BASIS, errors, files_below, invoke, labelled_frames, spawn, write_frames

from mlip_rs import Basis, FitSettings, Weights, fit, scan_weights
from mlip_rs.data import Dataset
from mlip_rs.errors import ConfigError
from mlip_rs.fitting import weight_scan

BASIS = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=6)
SETTINGS = FitSettings(n_folds=3, reference_energies={"Al": 0.0}, weights=Weights(1e-3, 0.1, 1.0))


@pytest.fixture(scope="module")
def frames():
    return labelled_frames()


@pytest.fixture(scope="module")
def scan(frames):
    return scan_weights(frames, BASIS, SETTINGS, factors=(0.1, 1.0, 10.0))


def test_each_point_is_the_dense_fit_with_its_weights(frames, scan):
    assert len(scan.points) == 9
    for point in (scan.points[0], scan.points[5]):
        settings = FitSettings("ridge", n_folds=3, reference_energies={"Al": 0.0}, weights=point.weights)
        alone = fit(frames, BASIS, settings).points[-1].validation
        assert alone.forces.rmse == pytest.approx(point.validation.forces.rmse, rel=1e-6)
        assert alone.energy.rmse == pytest.approx(point.validation.energy.rmse, rel=1e-6)


def test_what_is_asked_for_more_precisely_errs_less(scan):
    by_weights = {(p.weights.energy, p.weights.stress): p.rmse for p in scan.points}
    assert by_weights[1e-4, 1.0]["energy_mev_per_atom"] < by_weights[1e-2, 1.0]["energy_mev_per_atom"]
    assert by_weights[1e-2, 10.0]["force_ev_per_angstrom"] < by_weights[1e-4, 0.1]["force_ev_per_angstrom"]


def test_the_front_is_what_no_other_point_beats(scan):
    rmse = [tuple(point.rmse.values()) for point in scan.points]
    for k, own in enumerate(rmse):
        beaten = any(all(b <= a for a, b in zip(own, other, strict=True)) and other != own for other in rmse)
        assert (k in scan.front) != beaten


def test_the_figure_has_a_line_for_each_precision_of_the_stress(scan):
    (axes,) = scan.figure().axes
    assert [line.get_label() for line in axes.get_lines()] == ["0.1 GPa", "1 GPa", "10 GPa"]


def test_a_property_that_is_off_or_has_no_labels_is_not_varied(frames):
    bare = [atoms.copy() for atoms in frames]
    for copy, atoms in zip(bare, frames, strict=True):
        copy.calc = type(atoms.calc)(copy, **{k: atoms.calc.results[k] for k in ("energy", "forces")})
    assert [p.weights.energy for p in scan_weights(bare, BASIS, SETTINGS).points] == [0.3e-3, 1e-3, 3e-3]
    off = FitSettings(n_folds=3, reference_energies={"Al": 0.0}, weights=Weights(energy=None))
    assert {p.weights.energy for p in scan_weights(frames, BASIS, off).points} == {None}


def test_finished_points_are_not_computed_again(frames, tmp_path, monkeypatch):
    computed = []

    def counted(*args):
        computed.append(args)
        if len(computed) == 4:
            raise KeyboardInterrupt
        return select(*args)

    select = weight_scan.select
    monkeypatch.setattr(weight_scan, "select", counted)
    with pytest.raises(KeyboardInterrupt):
        scan_weights(frames, BASIS, SETTINGS, directory=tmp_path)
    scan = scan_weights(frames, BASIS, SETTINGS, directory=tmp_path)
    assert len(computed) == 4 + 6
    monkeypatch.setattr(weight_scan, "select", select)
    assert scan.to_dict() == scan_weights(frames, BASIS, SETTINGS).to_dict()


def test_equations_are_opened_once_for_all_choices(frames, monkeypatch):
    hashed = []
    fingerprint = Dataset.fingerprint

    def counted(self):
        hashed.append(self)
        return fingerprint(self)

    monkeypatch.setattr(Dataset, "fingerprint", counted)
    counts = []
    for factors in ((1.0,), (0.3, 1.0, 3.0)):
        hashed.clear()
        scan_weights(frames, BASIS, SETTINGS, factors=factors)
        counts.append(len(hashed))
    assert counts[0] == counts[1]


@pytest.fixture
def other_run(small_run, tmp_path):
    """A finished fit to other data, with a scan beside it."""
    run = tmp_path / "run"
    shutil.copytree(small_run, run)
    for name in ("report.html", "weights.json", "weights.png", "equations/weight-scan.json", "mine.txt"):
        (run / name).write_text("old")
    return run


def test_overwriting_leaves_nothing_of_another_run(frames, other_run):
    scan_weights(frames[::2], BASIS, SETTINGS, factors=(1.0,), directory=other_run, overwrite=True)
    left = {name for name in files_below(other_run) if "fold-" not in name}
    assert left == {"mine.txt", "equations/manifest.json", "equations/weight-scan.json"}
    assert "old" not in (other_run / "equations/weight-scan.json").read_text()


def test_a_fit_that_overwrites_another_leaves_no_run_when_it_is_interrupted(frames, other_run, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlip_rs.fitting.pipeline.selection", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fit(frames[::2], BASIS, SETTINGS, directory=other_run, overwrite=True)
    assert not (other_run / "run.json").exists()
    assert not (other_run / "best.mlip.json").exists()


def test_overwriting_keeps_the_run_of_the_same_equations(frames, tmp_path):
    fit(frames, BASIS, SETTINGS, directory=tmp_path)
    scan_weights(frames, BASIS, SETTINGS, factors=(1.0,), directory=tmp_path, overwrite=True)
    assert {"run.json", "best.mlip.json"} <= files_below(tmp_path)


def test_test_data_are_refused_beside_a_scan_and_those_of_a_configuration_noticed(frames, tmp_path):
    data = write_frames(tmp_path / "al.extxyz", frames)
    out = tmp_path / "run"
    refused = invoke("fit", data, *SMALL_BASIS, "--test", data, "--scan-weights", "-o", out)
    assert (refused.exit_code, "leave out --test" in refused.stderr) == (2, True)
    assert not out.exists()
    config = tmp_path / "fit.toml"
    config.write_text('[data]\ntrain = "al.extxyz"\ntest = "al.extxyz"\n')
    done = invoke("fit", config, *SMALL_BASIS, "--scan-weights", "-o", out)
    assert done.exit_code == 0, done.output
    assert "test data are not looked at" in done.stderr


@pytest.mark.parametrize("factors", [(), (0.0,), (-1.0, 1.0), (float("nan"),), ("1",)])
def test_factors_that_are_not_positive_numbers_are_refused(frames, factors):
    with pytest.raises(ConfigError, match="factor"):
        scan_weights(frames, BASIS, SETTINGS, factors=factors)


def test_the_command_prints_draws_and_leaves_equations_for_the_fit(frames, tmp_path):
    data = write_frames(tmp_path / "al.extxyz", frames)
    common = ("fit", data, *SMALL_BASIS, "-o", tmp_path / "run")
    result = invoke(*common, "--scan-weights")
    assert result.exit_code == 0, result.output
    assert "not beaten" in result.stdout
    assert (tmp_path / "run/weights.png").is_file()
    assert len(json.loads((tmp_path / "run/weights.json").read_text())["points"]) == 9
    sums = tmp_path / "run/equations/fold-0.npz"
    written = sums.stat().st_mtime_ns
    again = spawn(*common, "--force-precision", "0.05")
    assert again.returncode == 0, errors(again)
    assert sums.stat().st_mtime_ns == written
