"""Labels of one calculator that contradict the others are left out."""

from dataclasses import replace

import numpy as np

from mlip_rs.data import Dataset, read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting.label_review import agreeing

JUMPED = (3, 21, 40)
FEW = 3
"""Frames that may be left out beside these."""


def data() -> Dataset:
    return read_dataset(DATA_PATH, index="::4")


def without_stress(dataset: Dataset) -> set[int]:
    rattled = [k for k, frame in enumerate(dataset) if frame.config_type == "rattle_fcc" and k not in JUMPED]
    return set(rattled[:4])


def changed(dataset: Dataset) -> Dataset:
    frames = list(dataset)
    for k in JUMPED:
        assert frames[k].energy is not None
        frames[k] = replace(frames[k], energy=frames[k].energy + 0.6 * frames[k].n_atoms)
    for k in without_stress(dataset):
        frames[k] = replace(frames[k], stress=np.zeros(6))
    return replace(dataset, frames=tuple(frames))


def test_jumps_of_the_energy_and_free_atoms_are_left_out() -> None:
    keep, findings = agreeing(changed(data()))
    wrong = {*JUMPED, *without_stress(data())}
    left_out = set(np.flatnonzero(~keep))
    assert left_out >= wrong
    assert len(left_out - wrong) <= FEW
    assert "stress: zeros" in {found.kind for found in findings}


def test_labels_that_agree_are_all_kept() -> None:
    keep, findings = agreeing(data())
    assert keep.all()
    assert findings == ()
