"""What made the labels is told from the file of labels to the potential."""

from pathlib import Path

import ase.io
from ase.build import bulk

from mlip_rs.data import Dataset, read_dataset, summarize
from mlip_rs.data.label_source import sources_text, teacher_sentence
from mlip_rs.label import label

CELLS = [bulk("Al", a=a) for a in (3.9, 4.0, 4.1)]
EMT = "ase.calculators.emt:EMT"


def labelled(folder: Path, *, teacher: bool) -> Dataset:
    label(CELLS, EMT, folder / "al.extxyz", n_workers=1, check=False, teacher=teacher)
    return read_dataset(folder / "al.extxyz")


def test_labels_say_what_made_them(tmp_path: Path) -> None:
    dataset = labelled(tmp_path, teacher=False)
    assert dataset.label_sources == {EMT: 3}
    assert f"labels made by: {EMT}" in summarize(dataset).lines()
    assert not teacher_sentence(dataset.label_sources)


def test_labels_of_a_teacher_say_so(tmp_path: Path) -> None:
    sources = labelled(tmp_path, teacher=True).label_sources
    assert sources == {f"teacher {EMT}": 3}
    assert "how far the teacher itself is from first principles is not known" in teacher_sentence(sources)


def test_the_source_stays_with_frames_that_are_split_and_written_again(tmp_path: Path) -> None:
    part = labelled(tmp_path, teacher=True).subset([1])
    ase.io.write(tmp_path / "part.extxyz", [frame.to_atoms() for frame in part])
    assert read_dataset(tmp_path / "part.extxyz").label_sources == {f"teacher {EMT}": 1}


def test_frames_that_say_nothing_are_counted() -> None:
    assert sources_text({"teacher a": 2, "b": 1}, 5) == "teacher a (2 structures), b (1), not said (2)"
    assert sources_text({}, 5) == ""
