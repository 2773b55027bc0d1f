"""Errors on labelled structures in the report of `validate`."""

import io
import json
from itertools import count

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from cli_case import invoke, write_frames
from potentials import argon_potential

from mlip_rs.errors import ConfigError, DataError, StructureError
from mlip_rs.evaluate.errors import PairedValues
from mlip_rs.evaluate.force_figure import FORCE_GROUPS, force_error_by_size
from mlip_rs.evaluate.prediction import predict_file
from mlip_rs.plot.style import plain
from mlip_rs.potential import prediction
from mlip_rs.progress import Lines
from mlip_rs.workflows.validation import validate


@pytest.fixture
def argon(tmp_path):
    """A potential, a copy of its file, and structures with its energies and with forces a tenth larger."""
    potential = argon_potential()
    potential.save(tmp_path / "ar.mlip.json")
    potential.save(tmp_path / "copy.mlip.json")
    rng = np.random.default_rng(0)
    frames = []
    for k in range(6):
        atoms = Atoms(
            "Ar8", positions=rng.uniform(0, 1, (8, 3)) + 4.0 * np.indices((2, 2, 2)).reshape(3, 8).T
        )
        atoms.calc = potential.calculator()
        forces = 1.1 * atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=atoms.get_potential_energy(), forces=forces)
        atoms.info["config_type"] = ("cluster", "other")[k % 2]
        frames.append(atoms)
    return tmp_path, write_frames(tmp_path / "labels.extxyz", frames)


def test_report_holds_parity_kinds_and_size_of_the_force(argon):
    folder, data = argon
    result = validate(
        folder / "ar.mlip.json", folder / "out", crystal="fcc", only=["zone-boundary"], data=data
    )
    assert result.evaluation.errors.energy.rmse < 1e-3
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    parity, kinds, sizes = 2, 1, 1
    assert page.count("<img") == parity + kinds + sizes
    assert "6 structures of labels.extxyz" in page
    assert f"--data {data}" in (folder / "out" / "report.md").read_text(encoding="utf-8")
    document = json.loads((folder / "out" / "validation.json").read_text(encoding="utf-8"))
    assert document["data"]["n_structures"] == 6


def test_command_compares_potentials_on_the_data(argon):
    folder, data = argon
    words = ("--crystal", "fcc", "--only", "zone-boundary", "--data", data, "-o", folder / "out")
    done = invoke("validate", folder / "ar.mlip.json", folder / "copy.mlip.json", *words)
    assert done.exit_code == 0, done.stderr
    page = (folder / "out" / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == 2 * 3 + 1


def test_error_by_size_is_the_relative_error_of_every_group():
    rng = np.random.default_rng(1)
    forces = rng.normal(size=(400, 3)) * np.geomspace(0.01, 10, 400)[:, None]
    forces[0] = 0.0
    pairs = PairedValues(forces.ravel(), 1.2 * forces.ravel(), np.zeros(1200, dtype=np.int64))
    (axes,) = force_error_by_size(pairs).axes
    line, guide = axes.get_lines()
    assert len(line.get_xdata()) == FORCE_GROUPS
    assert line.get_ydata() / line.get_xdata() == pytest.approx(0.2, rel=0.15)
    assert guide.get_ydata() / guide.get_xdata() == pytest.approx(0.1)
    with pytest.raises(DataError, match="no force is longer"):
        force_error_by_size(PairedValues(np.zeros(3), np.zeros(3), np.zeros(3, dtype=np.int64)))


def test_data_need_a_potential_file(argon):
    folder, data = argon
    with pytest.raises(ConfigError, match="need a potential file"):
        validate("ase.calculators.emt:EMT", folder / "out", crystal="fcc:Cu", data=data)


def test_crystals_at_rest_have_no_figure_of_forces_and_names_are_no_formulas(argon):
    folder, _ = argon
    frames = []
    for k in range(4):
        atoms = Atoms("Ar", cell=(3.6 + 0.1 * k) * (np.ones((3, 3)) - np.eye(3)) / 2**0.5, pbc=True)
        atoms.calc = SinglePointCalculator(atoms, energy=-0.1, forces=np.zeros((1, 3)))
        atoms.info["config_type"] = ("a$x_{$", "_hidden")[k % 2]
        frames.append(atoms)
    data = write_frames(folder / "rest.extxyz", frames)
    out = folder / "out"
    (folder / "ar.mlip.json").rename(folder / "b$x_{$.mlip.json")
    validate(folder / "b$x_{$.mlip.json", out, crystal="fcc", only=["bain"], data=data)
    assert "No figure: no force is longer" in (out / "report.html").read_text(encoding="utf-8")
    named = [folder / "b$x_{$.mlip.json", folder / "copy.mlip.json"]
    validate(named, folder / "both", crystal="fcc", only=["bain"])
    assert (folder / "both" / "report.md").is_file()


def test_names_given_by_users_are_shown_as_they_are():
    pairs = PairedValues(np.ones(3), np.ones(3), np.zeros(3, dtype=np.int64))
    figure = force_error_by_size({"_u": pairs, "a$x_{$": pairs})
    figure.canvas.draw()
    shown = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert shown == ["\u200b_u", r"a\$x_{\$", "10 %"]
    assert plain(plain("a$b")) == plain("a$b")


def test_only_many_structures_report_their_progress(argon, monkeypatch):
    folder, data = argon
    shown = {}
    for batch in (6, 4):
        monkeypatch.setattr(prediction, "BATCH_STRUCTURES", batch)
        stream, times = io.StringIO(), count()
        lines = Lines(stream, interval=0.0, clock=lambda times=times: 10.0 ** next(times))
        predict_file(folder / "ar.mlip.json", data, folder / "out.extxyz", progress=lines)
        shown[batch] = stream.getvalue()
    assert shown[6] == ""
    assert "predicting: structures: 6 of 6" in shown[4]


@pytest.mark.parametrize("width", [0.001, 0.1])
def test_a_cell_too_small_for_its_atoms_is_refused_by_its_volume(argon, width):
    folder, _ = argon
    data = write_frames(folder / "dense.extxyz", [Atoms("Ar", cell=[width] * 3, pbc=True)])
    with pytest.raises(StructureError, match=r"frame 0 of dense.extxyz: the cell has .* Å³ for each atom"):
        predict_file(folder / "ar.mlip.json", data, folder / "out.extxyz")


def test_atoms_closer_than_the_training_data_are_told(argon):
    folder, _ = argon
    document = {
        "cutoff_angstrom": 5.0,
        "closest_angstrom": {"Ar-Ar": 3.4},
        "density": {"Ar": [0.0, 9.0]},
        "pressure_gpa": None,
    }
    potential = argon_potential().with_info({"data_range": document})
    for distance, told in ((3.2, True), (3.5, False)):
        data = write_frames(folder / "pair.extxyz", [Atoms("Ar2", positions=[[0, 0, 0], [0, 0, distance]])])
        stream = io.StringIO()
        predict_file(potential, data, folder / "out.extxyz", progress=Lines(stream))
        assert (
            "frame 0 of pair.extxyz: atoms are closer than in the training data" in stream.getvalue()
        ) == told
        assert ("Ar-Ar 3.20 Å apart (data: 3.40 Å)" in stream.getvalue()) == told
