"""Files with error bars and index: columns as the calculator gives them, summaries, and errors with a cure."""

import gzip
import json

import ase.io
import numpy as np
import pytest
from ase import Atoms
from cli_case import errors, invoke, write_frames
from potentials import argon_potential
from uncertain_case import cold_argon, indexed, watched_argon, with_committee

from mlip_rs.errors import ConfigError, StructureError
from mlip_rs.evaluate.prediction import predict_file
from mlip_rs.evaluate.uncertain_file import uncertainty_file
from mlip_rs.evaluate.uncertain_summary import TrustSummary
from mlip_rs.lammps.dynamics import outside_sentence
from mlip_rs.potential import prediction
from mlip_rs.uncertainty.atom_figures import atoms_by_index
from mlip_rs.uncertainty.committee import KEY
from mlip_rs.uncertainty.half_widths import HalfWidths
from mlip_rs.units import MEV_PER_EV

DIGITS = 2e-8
"""Eight digits after the point are in the file."""


def structures():
    """Two cold crystals, a hot one, and a cluster; the cluster has labels and marks of another potential."""
    frames = [cold_argon(11), cold_argon(12), cold_argon(13, amplitude=0.3), cold_argon(14)]
    for frame, kind in zip(frames, ("cold", "cold", "hot", "cluster"), strict=True):
        frame.info["config_type"] = kind
    cluster = frames[3]
    cluster.pbc, cluster.cell = False, None
    cluster.info["energy_uncertainty"], cluster.arrays["index"] = 7.0, np.full(len(cluster), 0.5)
    cluster.arrays["forces_uncertainty"] = np.full((len(cluster), 3), 7.0)
    return frames


@pytest.fixture
def written(tmp_path):
    return write_frames(tmp_path / "in.extxyz", structures())


def test_columns_are_those_of_the_calculator(written, tmp_path):
    watched = watched_argon()
    uncertainty_file(watched, written, tmp_path / "out.extxyz", level=0.68)
    for frame, before in zip(ase.io.read(tmp_path / "out.extxyz", ":"), structures(), strict=True):
        found = watched.uncertainty(before)
        bars = HalfWidths.of(found, 0.68)
        np.testing.assert_allclose(frame.arrays["index"], found.index, atol=1e-6, rtol=1e-6)
        np.testing.assert_allclose(frame.arrays["forces_uncertainty"], bars.forces, atol=DIGITS)
        np.testing.assert_allclose(frame.get_forces(), watched.predict(before).forces, atol=1e-6)
        assert frame.info["energy_uncertainty"] == pytest.approx(bars.energy * len(before), rel=1e-5)
        assert frame.info["uncertainty_level"] == 0.68
        assert frame.info["largest_index"] == pytest.approx(found.index.max(), rel=1e-5)
        assert ("stress_uncertainty" in frame.info) == bool(before.pbc.all())
        if bars.stress is not None:
            np.testing.assert_allclose(frame.info["stress_uncertainty"], bars.stress, rtol=1e-4)


def test_summary_is_that_of_the_groups(written, tmp_path):
    watched = watched_argon()
    summary = uncertainty_file(watched, written, tmp_path / "out.extxyz")
    found = [watched.uncertainty(atoms) for atoms in structures()]
    bars = [HalfWidths.of(entry) for entry in found]
    cold = summary.groups["cold"]
    assert (cold.n_structures, cold.n_atoms) == (2, 64)
    assert cold.largest_index == pytest.approx(max(e.index.max() for e in found[:2]), rel=1e-6)
    assert cold.share_above == np.mean([e.index > 1.0 for e in found[:2]])
    assert cold.mean_half_width("energy") == pytest.approx(MEV_PER_EV * np.mean([b.energy for b in bars[:2]]))
    assert cold.mean_half_width("forces") == pytest.approx(np.mean([b.forces for b in bars[:2]]))
    assert summary.groups["cluster"].mean_half_width("stress") is None
    assert summary.total.largest_index == summary.groups["hot"].largest_index > 2.0
    assert summary.outlier == f"frame 2 of in.extxyz, atom {int(found[2].index.argmax())} (Ar)"
    header, rows = summary.table()
    assert [row[0] for row in rows] == ["all", "cluster", "cold", "hot"]
    assert all(len(row) == len(header) for row in rows)


def test_batches_change_nothing(written, tmp_path, monkeypatch):
    watched = watched_argon()
    one = uncertainty_file(watched, written, tmp_path / "one.extxyz")
    monkeypatch.setattr(prediction, "BATCH_STRUCTURES", 3)
    monkeypatch.setattr("mlip_rs.evaluate.uncertain_frames.BATCH_STRUCTURES", 2)
    two = uncertainty_file(watched, written, tmp_path / "two.extxyz")
    assert one.to_dict() == two.to_dict()
    assert (tmp_path / "one.extxyz").read_text() == (tmp_path / "two.extxyz").read_text()


@pytest.mark.parametrize("has", ["index", "committee"])
def test_what_a_potential_lacks_is_left_out_and_told(written, tmp_path, has):
    potential = argon_potential()
    potential = with_committee(potential) if has == "committee" else indexed(potential, [cold_argon(1)])
    potential.save(tmp_path / "ar.mlip.json")
    result = invoke("uncertainty", tmp_path / "ar.mlip.json", written, "-o", tmp_path / "out.extxyz")
    assert result.exit_code == 0
    lacking = "indices of anomaly" if has == "committee" else "error bars"
    assert f"notice: the potential has no {lacking}, which are left out: " in result.stderr
    assert ("largest index" in result.stdout) == (has == "index")
    assert ("± force" in result.stdout) == (has == "committee")
    frame = ase.io.read(tmp_path / "out.extxyz", -1)
    assert ("index" in frame.arrays) == (has == "index")
    assert ("forces_uncertainty" in frame.arrays) == (has == "committee")


def test_numbers_of_atoms_are_kept_where_there_is_no_index(tmp_path):
    atoms = cold_argon(1)
    atoms.arrays["index"] = np.arange(len(atoms))
    path = write_frames(tmp_path / "in.extxyz", [atoms])
    uncertainty_file(with_committee(argon_potential()), path, tmp_path / "out.extxyz")
    assert ase.io.read(tmp_path / "out.extxyz").arrays["index"].tolist() == list(range(len(atoms)))


def test_command_prints_a_table_and_json_and_compresses(written, tmp_path):
    watched_argon().save(tmp_path / "ar.mlip.json")
    words = ("uncertainty", tmp_path / "ar.mlip.json", written, "-o", tmp_path / "out.xyz.gz")
    result = invoke(*words, "--level", "0.95")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split()[:3] == ["structures", "number", "atoms"]
    assert lines[-3].startswith("Largest index ")
    assert "95 %" in lines[-2]
    assert gzip.decompress((tmp_path / "out.xyz.gz").read_bytes()).startswith(b"32\n")
    document = json.loads(invoke(*words, "--json").stdout)
    assert document["n_structures"] == len(document["structures"]) == 4
    assert document["structures"][2]["largest_index"] == document["largest_index"]
    assert set(document["by_config_type"]) == {"cold", "hot", "cluster"}


@pytest.mark.parametrize(("largest", "expected"), [(0.5, "0.5"), (123.4, "123"), (3e47, "3e+47")])
def test_an_index_of_any_size_is_short_in_table_and_sentence(largest, expected):
    summary = TrustSummary(0.9)
    summary.add("frame 0 of a.xyz", "slab", ["Ar"], np.array([largest]), None, None)
    header, (cells,) = summary.table()
    assert cells[header.index("largest index")] == expected
    assert summary.lines()[0].startswith(f"Largest index {expected}: ")
    assert f"(index {expected}; " in outside_sentence(largest, 420)


def test_a_potential_without_both_says_how_to_make_them(written, tmp_path):
    argon_potential().save(tmp_path / "ar.mlip.json")
    output = tmp_path / "out.extxyz"
    result = invoke("uncertainty", tmp_path / "ar.mlip.json", written, "-o", output)
    assert result.exit_code == 1
    (line,) = errors(result)
    assert line.startswith(
        f"error: {tmp_path / 'ar.mlip.json'}: the potential has neither error bars nor an index"
    )
    assert "fit again" in line
    assert not output.exists()


def test_errors_name_frame_and_atom_and_keep_the_old_file(tmp_path):
    atoms = cold_argon(1)
    atoms.symbols[3] = "Kr"
    path = write_frames(tmp_path / "in.extxyz", [cold_argon(1), atoms])
    output = tmp_path / "out.extxyz"
    output.write_text("old")
    with pytest.raises(StructureError, match=r"^frame 1 of in\.extxyz: atom 3: element Kr"):
        uncertainty_file(watched_argon(), path, output)
    broken = Atoms("Ar2", positions=[[0, 0, 0], [0, 0, 0]])
    path = write_frames(tmp_path / "in.extxyz", [broken])
    with pytest.raises(StructureError, match=r"^frame 0 of in\.extxyz: .*atom"):
        uncertainty_file(watched_argon(), path, output)
    assert output.read_text() == "old"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"level": 90.0}, "between 0 and 1"),
        ({"output": "out.traj"}, "columns"),
        ({"output": "out.cif"}, "format"),
    ],
)
def test_settings_that_make_no_sense_are_refused(written, tmp_path, change, reason):
    settings = {"output": "out.extxyz"} | change
    output = tmp_path / settings.pop("output")
    with pytest.raises(ConfigError, match=reason):
        uncertainty_file(watched_argon(), written, output, **settings)


def test_error_bars_of_another_potential_go_with_its_labels(written, tmp_path):
    predict_file(argon_potential(), written, tmp_path / "out.extxyz")
    cluster = ase.io.read(tmp_path / "out.extxyz", -1)
    assert "energy_uncertainty" not in cluster.info
    assert "forces_uncertainty" not in cluster.arrays


def test_a_free_atom_has_no_energy_and_no_error_bar_of_it(tmp_path):
    path = write_frames(tmp_path / "in.extxyz", [Atoms("Ar")])
    summary = uncertainty_file(with_committee(argon_potential()), path, tmp_path / "out.extxyz")
    assert summary.total.mean_half_width("energy") is None
    assert "energy_uncertainty" not in ase.io.read(tmp_path / "out.extxyz").info


def test_the_figure_shows_the_structure_with_the_largest_index(written, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "mlip_rs.evaluate.uncertain_file.atoms_by_index",
        lambda atoms, index, title: seen.append((title, index)) or atoms_by_index(atoms, index, title=title),
    )
    watched_argon().save(tmp_path / "ar.mlip.json")
    words = ("uncertainty", tmp_path / "ar.mlip.json", written, "-o", tmp_path / "out.extxyz")
    result = invoke(*words, "--figure", tmp_path / "hot.png")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[-1] == f"-> {tmp_path / 'hot.png'}"
    assert (tmp_path / "hot.png").read_bytes().startswith(b"\x89PNG")
    ((title, index),) = seen
    assert title.startswith("frame 2 of in.extxyz: largest index ")
    np.testing.assert_allclose(index, watched_argon().uncertainty(structures()[2]).index)


@pytest.mark.parametrize(("name", "reason"), [("hot.doc", "no figure format"), ("hot.png", "no index")])
def test_figures_that_cannot_be_made_are_refused_before_anything_is_written(written, tmp_path, name, reason):
    output = tmp_path / "out.extxyz"
    with pytest.raises(ConfigError, match=reason):
        uncertainty_file(with_committee(argon_potential()), written, output, figure=tmp_path / name)
    assert not output.exists()


@pytest.mark.parametrize("verb", ["uncertainty", "predict", "evaluate"])
def test_damage_is_told_with_the_name_of_the_file(written, tmp_path, verb):
    damaged = with_committee(argon_potential()).with_info({KEY: {"kind": "x"}})
    damaged.save(tmp_path / "ar.mlip.json")
    more = {"uncertainty": ("-o", tmp_path / "o.xyz"), "predict": ("--error-bars", "-o", tmp_path / "o.xyz")}
    (sentence,) = errors(invoke(verb, tmp_path / "ar.mlip.json", written, *more.get(verb, ())))
    assert sentence.startswith(f"error: {tmp_path / 'ar.mlip.json'}: the entry 'uncertainty'")
    assert sentence.endswith("copy the file again, or fit again")


def test_inspect_says_in_a_line_whether_there_are_error_bars_or_they_are_damaged(tmp_path):
    sound = with_committee(argon_potential())
    for potential, expected in (
        (sound, "3 members: each of 3 folds"),
        (argon_potential(), "none: an earlier version made it"),
        (
            sound.with_info({KEY: {"kind": "x"}}),
            "damaged: the entry 'uncertainty' of the potential cannot be used",
        ),
    ):
        potential.save(tmp_path / "ar.mlip.json")
        result = invoke("inspect", tmp_path / "ar.mlip.json")
        assert result.exit_code == 0
        (line,) = [line for line in result.stdout.splitlines() if line.startswith("error bars ")]
        assert line.split(maxsplit=2)[2].startswith(expected)
        document = json.loads(invoke("inspect", tmp_path / "ar.mlip.json", "--json").stdout)
        assert document["error_bars"].startswith(expected)
