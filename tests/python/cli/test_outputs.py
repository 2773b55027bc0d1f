"""Outputs that are inputs, folders, pipes; sizes beyond memory."""

import errno
import io
import os
import shutil
import stat
from pathlib import Path

import ase.io
import pytest
from cli_case import errors, invoke, labelled_frames, write_frames

from mlip_rs.files import append_whole, distinct_names, write_atomically


def test_predict_does_not_overwrite_what_it_reads(finished, tmp_path):
    path = write_frames(tmp_path / "al.extxyz", labelled_frames())
    (tmp_path / "link.extxyz").symlink_to(path)
    potential = shutil.copy(finished / "best.mlip.json", tmp_path)
    for output in (path, tmp_path / "link.extxyz", potential):
        before = Path(output).read_bytes()
        result = invoke("predict", potential, path, "-o", output)
        assert errors(result) == [
            f"error: {output}: is read from as well and would be overwritten; choose another output"
        ]
        assert Path(output).read_bytes() == before


def test_pipes_and_devices_are_written_to_and_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomically(pipe, "text")
        assert os.read(reader, 100) == b"text"
    finally:
        os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_folder_in_place_of_a_potential_is_named_with_its_cure(tmp_path):
    result = invoke("inspect", tmp_path)
    assert errors(result) == [f"error: {tmp_path}: is a directory; give a potential file in it (*.mlip.json)"]


def test_benchmarks_larger_than_any_memory_are_refused(finished):
    result = invoke("bench", finished / "best.mlip.json", "--sizes", "99999999999999")
    assert errors(result) == ["error: sizes must be numbers of atoms, at least 1 and at most 10000000"]


def test_predictions_are_readable_where_the_folder_has_spaces_and_accents(finished, tmp_path):
    folder = tmp_path / "mon dossier é"
    folder.mkdir()
    path = write_frames(folder / "al µ.extxyz", labelled_frames()[:2])
    result = invoke("predict", finished / "best.mlip.json", path, "-o", folder / "å.extxyz")
    assert result.exit_code == 0
    assert len(ase.io.read(folder / "å.extxyz", ":")) == 2


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/x.mlip.json", "a/y.mlip.json"], ["x", "y"]),
        (["a/x.mlip.json", "b/x.mlip.json"], ["a/x", "b/x"]),
        (["a/x", "a/x.mlip.json"], ["x", "x.mlip.json"]),
        (["a/x", "a/x.mlip.json", "b/x"], ["a/x", "a/x.mlip.json", "b/x"]),
        (["x", "./x"], ["x"]),
    ],
)
def test_names_of_potentials_keep_the_suffix_only_where_it_tells_them_apart(paths, names):
    assert list(distinct_names(paths)) == names


def test_text_that_cannot_be_appended_whole_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "a.xyz"
    path.write_text("before\n")
    append_whole(path, "whole\n")
    assert path.read_text() == "before\nwhole\n"

    class HalfFull(io.FileIO):
        def write(self, content):
            if len(content) <= 4:
                raise OSError(errno.ENOSPC, "No space left on device")
            return super().write(content[:4])

    monkeypatch.setattr(Path, "open", lambda self, mode, buffering: HalfFull(str(self), mode))
    with pytest.raises(OSError, match=r"a\.xyz"):
        append_whole(path, "half of it\n")
    monkeypatch.undo()
    assert path.read_text() == "before\nwhole\n"
