"""Run directories that were cut short, overwritten or edited."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from cli_case import BASIS, SETTINGS, errors, invoke, labelled_frames

import mlip_rs
from mlip_rs.fitting import fit


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def change_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def change_the_type(path: Path) -> None:
    np.save(path, np.load(path).astype(np.float32))


def leave_garbage_as_checkpoint(folder: Path) -> None:
    (folder / "fold-1.npz").unlink()
    (folder / "fold-1.partial.npz").write_bytes(b"garbage")


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: cut(folder / "fold-1.gram.npy"),
        lambda folder: (folder / "fold-1.gram.npy").write_bytes(b""),
        lambda folder: cut(folder / "fold-1.npz"),
        lambda folder: np.save(folder / "fold-1.gram.npy", np.zeros((3, 2, 2))),
        lambda folder: change_a_byte(folder / "fold-1.gram.npy"),
        lambda folder: change_a_byte(folder / "fold-1.npz"),
        lambda folder: change_the_type(folder / "fold-1.gram.npy"),
        leave_garbage_as_checkpoint,
    ],
)
def test_damaged_equations_are_computed_again_to_the_same_bits(finished, tmp_path, damage):
    shutil.copytree(finished, tmp_path / "run")
    damage(tmp_path / "run/equations")
    fit(labelled_frames(), BASIS, SETTINGS, directory=tmp_path / "run")
    again, before = (mlip_rs.Potential.load(d / "best.mlip.json") for d in (tmp_path / "run", finished))
    assert again == before


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"points":[{}],"front":[0],"best":0,"knee":0}', '{"points":[1],"front":[0],"best":7}'],
)
@pytest.mark.parametrize("options", [[], ["--select", "best", "-o", "x.json"], ["--figure", "x.png"]])
def test_an_edited_record_is_one_line(tmp_path, monkeypatch, content, options):
    monkeypatch.chdir(tmp_path)
    Path("run.json").write_text(content, encoding="utf-8")
    result = invoke("pareto", ".", *options)
    (line,) = errors(result)
    assert result.exit_code == 1
    assert line.startswith("error: run.json: damaged (")
    assert list(Path().iterdir()) == [Path("run.json")]
