"""Evaluations say whether error bars cover the labels, and whether the index tells where errors are large."""

import json
import warnings

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator
from cli_case import invoke, write_frames
from potentials import argon_potential
from uncertain_case import cold_argon, watched_argon, with_committee

from mlip_rs.errors import DataError
from mlip_rs.evaluate.errors import ENERGY_KEY, FORCE_KEY, STRESS_KEY, PairedValues
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.evaluate.trust import WIDEST, Trust
from mlip_rs.evaluate.trust_figures import calibration_figure, index_figure
from mlip_rs.evaluate.trust_tables import coverage_table, finding, index_table, promise
from mlip_rs.uncertainty import Calibration, Committee
from mlip_rs.uncertainty.calibration import LEVELS
from mlip_rs.workflows.validation import validate

N = 3000
STATISTICAL = 0.03
"""Of a coverage found from so many values."""

NOTHING = PairedValues(np.empty(0), np.empty(0), np.empty(0, dtype=np.int64))


def made_up(sigma, size=1.0, calibration=None, index=None, kinds=("a", "b")):
    """Forces whose errors are normal, with a standard deviation of `size` σ."""
    rng = np.random.default_rng(1)
    errors = size * sigma * rng.normal(size=3 * N)
    structure = np.arange(3 * N) * len(kinds) // (3 * N)
    pairs = {
        ENERGY_KEY: NOTHING,
        STRESS_KEY: NOTHING,
        FORCE_KEY: PairedValues(np.zeros(3 * N), errors, structure),
    }
    committee = Committee(np.array([0]), np.ones((1, 1)), {}, "made up", calibration)
    sigmas = {ENERGY_KEY: np.empty(0), STRESS_KEY: np.empty(0), FORCE_KEY: sigma * np.ones(3 * N)}
    return Trust(pairs, tuple(kinds), committee, sigmas, index)


def test_bars_of_the_right_width_reach_their_coverage():
    rows = made_up(0.2).coverages()
    assert [row.group for row in rows] == ["", "a", "b"]
    for row in rows:
        np.testing.assert_allclose(row.reached, LEVELS, atol=STATISTICAL)
        assert row.half_width == pytest.approx(0.2 * 1.645, rel=1e-3)
        assert row.width_ratio == pytest.approx(2.06, rel=0.05)
    assert sum(row.n for row in rows[1:]) == rows[0].n == 3 * N


def test_bars_that_are_too_narrow_are_seen_and_factors_mend_them():
    assert made_up(0.2, size=2.0).coverages()[0].reached[1] < 0.65
    factors = Calibration(("a", "b", "c"), {"forces": (2.0, 2.0, 2.0, 2.0)}, {})
    mended = made_up(0.2, size=2.0, calibration=factors)
    np.testing.assert_allclose(mended.coverages()[0].reached, LEVELS, atol=STATISTICAL)
    assert "3 held-out classes" in promise(mended)
    assert "75 % at most" in promise(mended)


def test_zero_errors_are_covered_and_have_no_absurd_ratio():
    trust = made_up(0.2, size=0.0)
    assert trust.coverages()[0].reached == (1.0,) * len(LEVELS)
    assert trust.coverages()[0].width_ratio is None
    assert made_up(0.2, size=1e-9).coverages()[0].width_ratio is None
    row = dict(zip(*(coverage_table(trust)[0], coverage_table(trust)[1][0]), strict=True))
    assert row["± / mean error"] == "–"
    json.dumps(trust.to_dict(), allow_nan=False)
    assert WIDEST > 100.0


def test_one_kind_of_structures_has_one_row():
    assert [row.group for row in made_up(0.2, kinds=("a",)).coverages()] == [""]


def test_an_index_that_knows_the_errors_finds_the_worst_and_one_by_chance_does_not():
    trust = made_up(0.2)
    knowing = made_up(0.2, index=trust.force_errors())
    assert knowing.worst_found() == 1.0
    random = made_up(0.2, index=np.random.default_rng(3).uniform(0, 3, N))
    assert random.worst_found() == pytest.approx(0.5, abs=0.06)
    ranges = knowing.index_ranges()
    assert sum(own.n_atoms for own in ranges) == N
    known = [own.rms_error for own in ranges if own.rms_error is not None]
    assert known == sorted(known)
    assert all(own.low <= own.rms_error <= own.high for own in ranges if own.rms_error is not None)
    assert [row[0] for row in index_table(knowing)[1]] == ["0 to 0.5", "0.5 to 1", "1 to 2", "above 2"]
    assert "1.00" in finding(knowing)


def test_where_nothing_can_be_said_nothing_is_said():
    trust = made_up(0.2, size=0.0, index=np.ones(N))
    assert trust.worst_found() is None
    assert finding(trust) == ""
    with pytest.raises(DataError, match="no force has an error"):
        index_figure(trust)
    with pytest.raises(DataError, match="no indices"):
        index_figure(made_up(0.2))
    without = Trust(trust.pairs, trust.config_types, None, {}, np.ones(N))
    assert without.coverages() == []
    assert promise(without) == ""
    with pytest.raises(DataError, match="no error bars"):
        calibration_figure(without)


def test_figures_show_what_was_measured():
    trust = made_up(0.2, size=2.0, index=np.linspace(0.1, 3.0, N))
    (axes,) = calibration_figure(trust).axes
    curve = next(line for line in axes.get_lines() if line.get_label() == "force")
    below = [reached < nominal for nominal, reached in zip(*curve.get_data(), strict=True)]
    assert all(below[2:])
    (axes,) = index_figure(trust).axes
    assert axes.get_xlabel() == "index of anomaly"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes.figure.canvas.draw()


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A potential with index and error bars, one without, and structures labelled by another potential."""
    folder = tmp_path_factory.mktemp("trust")
    truth = argon_potential(epsilon=0.0108)
    frames = []
    for k in range(8):
        atoms = cold_argon(k, amplitude=(0.05, 0.2)[k % 2])
        atoms.calc = truth.calculator()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        if k < 4:
            results["stress"] = atoms.get_stress()
        atoms.info["config_type"] = ("cold", "hot")[k % 2]
        atoms.calc = SinglePointCalculator(atoms, **results)
        frames.append(atoms)
    watched_argon().save(folder / "ar.mlip.json")
    argon_potential().save(folder / "bare.mlip.json")
    return folder, write_frames(folder / "data.extxyz", frames)


def test_evaluation_compares_each_label_with_its_own_bar(labelled):
    folder, data = labelled
    found = evaluate(folder / "ar.mlip.json", data).trust
    watched = watched_argon()
    from mlip_rs import read_dataset

    frames = list(read_dataset(data))
    bars = [watched.uncertainty(frame.to_atoms()) for frame in frames]
    np.testing.assert_allclose(found.index, np.concatenate([own.index for own in bars]), rtol=1e-9)
    np.testing.assert_allclose(
        found.standard_errors[FORCE_KEY], np.concatenate([own.forces.ravel() for own in bars]), rtol=1e-9
    )
    np.testing.assert_allclose(
        found.standard_errors[ENERGY_KEY], [1000.0 * own.energy for own in bars], rtol=1e-6
    )
    assert len(found.standard_errors[STRESS_KEY]) == 24


def test_command_prints_coverage_and_index_and_draws_them(labelled, tmp_path):
    folder, data = labelled
    result = invoke("evaluate", folder / "ar.mlip.json", data, "--figures", tmp_path / "figures")
    assert result.exit_code == 0, result.stderr
    assert "in 90 % bars" in result.stdout
    assert "RMS force error" in result.stdout
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"coverage.png", "force-error-by-index.png", "parity-force.png"} <= names
    document = json.loads(invoke("evaluate", folder / "ar.mlip.json", data, "--json").stdout)
    assert set(document["error_bars"]) == {ENERGY_KEY, FORCE_KEY, STRESS_KEY, "by_config_type"}
    assert set(document["error_bars"]["by_config_type"]) == {"cold", "hot"}
    assert document["error_bars"][FORCE_KEY]["n"] == 8 * 32 * 3
    assert document["index"]["auroc_of_worst_forces"] > 0.5


def test_nothing_is_added_where_a_potential_says_nothing_or_is_not_asked(labelled):
    folder, data = labelled
    bare = json.loads(invoke("evaluate", folder / "bare.mlip.json", data, "--json").stdout)
    words = ("evaluate", folder / "ar.mlip.json", data, "--no-error-bars", "--json")
    assert json.loads(invoke(*words).stdout) == bare
    assert not set(bare) & {"error_bars", "index"}


def test_a_committee_alone_is_compared_without_index(labelled):
    trust = evaluate(with_committee(argon_potential()), labelled[1]).trust
    assert trust.index is None
    assert trust.coverages()


def test_report_of_validate_holds_coverage_and_index(labelled, tmp_path):
    folder, data = labelled
    validate(folder / "ar.mlip.json", tmp_path / "out", crystal="fcc", only=["bain"], data=data)
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "in 90 % bars" in text
    assert "RMS force error" in text
    assert "points: classes of structures at 90 %" in text


def test_predictions_have_error_bars_if_asked(labelled, tmp_path):
    folder, data = labelled
    words = ("predict", folder / "ar.mlip.json", data, "-o", tmp_path / "out.extxyz", "--json")
    plain = invoke(*words)
    assert set(json.loads(plain.stdout)) == {"file", "n_structures", "n_atoms", "energies_ev"}
    assert "is unlike the atoms" in plain.stderr
    assert "other structures likewise" in plain.stderr
    document = json.loads(invoke(*words, "--error-bars", "--level", "0.68").stdout)
    assert document["energies_ev"] == pytest.approx(json.loads(plain.stdout)["energies_ev"])
    assert len(document["energy_uncertainties_ev"]) == len(document["largest_indices"]) == 8
    assert "forces_uncertainty" in (tmp_path / "out.extxyz").read_text()
    bare = invoke("predict", folder / "bare.mlip.json", data, "-o", tmp_path / "b.extxyz", "--error-bars")
    assert bare.exit_code == 1
    assert "neither error bars nor an index" in bare.stderr
