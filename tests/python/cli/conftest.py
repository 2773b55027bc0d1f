"""Fixtures shared by the tests of the command line."""

import pytest
from cli_case import SMALL_BASIS, labelled_frames, spawn, write_frames


@pytest.fixture(scope="module")
def commanded(tmp_path_factory):
    """A folder with `al.extxyz` and the directory `run` of a fit to it by the command, one for each module."""
    folder = tmp_path_factory.mktemp("commanded")
    data = write_frames(folder / "al.extxyz", labelled_frames())
    result = spawn("fit", data, *SMALL_BASIS, "-o", folder / "run")
    assert result.returncode == 0, result.stderr
    return folder
