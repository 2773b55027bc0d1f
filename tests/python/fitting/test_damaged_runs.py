"""Run directories that were cut short, overwritten or edited."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from cli_case import BASIS, SETTINGS, errors, invoke, labelled_frames

import mlip_rs
from mlip_rs.errors import DataError, PotentialFileError
from mlip_rs.fitting import fit
from mlip_rs.fitting.stored_run import stored_run


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


def forget_the_times(folder: Path) -> None:
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    del record["seconds"]
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")


def exchange_all(folder: Path) -> None:
    cheapest, *others = sorted((folder / "front").iterdir())
    for path in (*others, folder / "best.mlip.json", folder / "knee.mlip.json"):
        shutil.copy(cheapest, path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: cut(folder / "knee.mlip.json"), "knee.mlip.json"),
        (lambda folder: (folder / "best.mlip.json").unlink(), "best.mlip.json"),
        (
            lambda folder: shutil.copy(min((folder / "front").iterdir()), folder / "best.mlip.json"),
            "not the potential",
        ),
        (exchange_all, "not the potential"),
        (forget_the_times, "damaged"),
    ],
)
def test_a_damaged_run_is_not_read_as_the_fit_that_it_was(finished, tmp_path, damage, message):
    shutil.copytree(finished, tmp_path / "run")
    stored = stored_run(tmp_path / "run")
    assert stored.best() == mlip_rs.Potential.load(finished / "best.mlip.json")
    assert all((tmp_path / "run" / point["potential"]).exists() for point in stored.pareto())
    damage(tmp_path / "run")
    with pytest.raises((DataError, PotentialFileError), match=message):
        stored_run(tmp_path / "run")
