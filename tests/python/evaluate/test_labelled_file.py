"""`predict -o NAME` writes what the name says, or refuses."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from potentials import argon_potential

from mlip_rs.data import RawFrame, read_dataset
from mlip_rs.errors import ConfigError
from mlip_rs.evaluate.labelled_file import LabelledFile
from mlip_rs.evaluate.prediction import raw_predictions, with_labels


def structures():
    frames = []
    for k in range(3):
        atoms = bulk("Al", cubic=True)
        atoms.rattle(0.1, seed=k)
        labels = {"energy": -14.0 - k, "forces": np.full((4, 3), 0.1 * k), "stress": 0.01 * np.arange(6)}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    return frames


@pytest.mark.parametrize(
    "name",
    [
        "a.xyz",
        "a.extxyz",
        "a.extxyz.gz",
        "a.xyz.bz2",
        "a.traj",
        "a.traj.gz",
        "a.db",
        "a.json",
        "a.json.xz",
        "plain",
    ],
)
def test_the_name_says_the_format_and_the_labels_come_back(tmp_path, name):
    LabelledFile(tmp_path / name).write(structures())
    data = read_dataset(tmp_path / name)
    assert [frame.energy for frame in data] == [-14.0, -15.0, -16.0]
    np.testing.assert_allclose(data[1].forces, 0.1)
    np.testing.assert_allclose(data[2].stress, 0.01 * np.arange(6), atol=1e-8)
    content = (tmp_path / name).read_bytes()
    LabelledFile(tmp_path / name).write(structures()[:1])
    assert len(read_dataset(tmp_path / name)) == 1
    magic = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7z"}.get((tmp_path / name).suffix, b"")
    assert content.startswith(magic)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.cif", "'.cif' is no format"),
        ("POSCAR", "POSCAR .of vasp. is no format"),
        ("a.vasp", "'.vasp' is no format"),
        ("a.dat", "'.dat' is no format"),
        ("a.pdb.gz", "'.pdb' is no format"),
    ],
)
def test_names_of_formats_without_labels_are_refused(tmp_path, name, message):
    with pytest.raises(ConfigError, match=message):
        LabelledFile(tmp_path / name)
    assert not (tmp_path / name).exists()


def test_old_labels_in_any_spelling_do_not_stay_beside_predicted_ones(argon_prediction):
    (atoms,) = argon_prediction
    assert set(atoms.info) == {"config_type", "REF_energy"}
    assert "Force" not in atoms.arrays


@pytest.fixture
def argon_prediction():
    atoms = bulk("Ar", cubic=True)
    atoms.info.update(Energy=1.0, Virial=np.ones(9), TotEnergy=2.0, config_type="a", REF_energy=3.0)
    atoms.arrays["Force"] = np.ones((4, 3))
    frame = RawFrame.of(atoms, "frame 0 of a", 0)
    (found,) = raw_predictions(argon_potential(), [frame], error_bars=False)
    return [with_labels(frame.atoms, found.prediction, with_energy=True)]
