"""The published data sets, end to end: read, summarised, split, and their known facts recovered."""

import numpy as np
import pytest

from mlip_rs.data import figures, folds, holdout, read_dataset, summarize


@pytest.mark.parametrize(
    ("file", "n_frames", "elements"),
    [
        ("mlearn/Li_train.xyz", 241, ("Li",)),
        ("mlearn/Mo_train.xyz", 194, ("Mo",)),
        ("mlearn/Si_train.xyz", 214, ("Si",)),
        ("agau/AgAu_train.xyz", 2147, ("Ag", "Au")),
        ("al_dft/al_dft.extxyz", 316, ("Al",)),
    ],
)
def test_published_data_reads_cleanly(shared_data, file, n_frames, elements):
    data = read_dataset(shared_data / file)
    assert (len(data), data.elements) == (n_frames, elements)
    assert data.labels.energies == data.labels.forces == data.labels.stresses == len(data)
    summary = summarize(data)
    assert summary.outliers == ()
    assert summary.total.n_frames == n_frames
    assert 1.5 < summary.total.nearest_distance.low < 3.2
    assert len(summary.lines()) >= 4
    assigned = folds(data, 5)
    atoms = np.bincount(assigned, weights=[frame.n_atoms for frame in data])
    assert atoms.max() < 1.15 * atoms.min()
    assert holdout(data, 0.2).mean() == pytest.approx(0.2, abs=0.08)


def test_aluminium_takes_the_free_energy_and_draws_its_config_types(shared_data, tmp_path):
    data = read_dataset(shared_data / "al_dft" / "al_dft.extxyz")
    assert data.energy_source == "free_energy"
    summary = summarize(data, reference={"Al": 0.0})
    assert summary.total.binding_energy_per_atom.low == pytest.approx(-3.498, abs=0.01)
    for name, figure in figures(data, summary).items():
        figure.savefig(tmp_path / f"{name}.png")


def test_reversed_stresses_of_aluminium_are_noticed(shared_data):
    from dataclasses import replace

    data = read_dataset(shared_data / "al_dft" / "al_dft.extxyz")
    reversed_ = replace(data, frames=tuple(replace(frame, stress=-frame.stress) for frame in data))
    signs = [outlier for outlier in summarize(reversed_).outliers if outlier.kind == "stress sign"]
    assert len(signs) > 10


def test_training_structures_among_the_test_structures_are_found(shared_data):
    data = read_dataset([shared_data / "agau" / "AgAu_train.xyz", shared_data / "agau" / "AgAu_test.xyz"])
    duplicates = summarize(data).duplicates
    assert len(duplicates) == 124
    assert {data[index].config_type for duplicate in duplicates for index in duplicate.frames} == {"disp1"}
    assert not any(duplicate.disagrees for duplicate in duplicates)
