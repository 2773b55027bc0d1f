"""A fit that is killed goes on from what was finished, to the same bits; damaged pieces count for nothing."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cli_case import SETTINGS, labelled_frames, write_frames

import mlip_rs
from mlip_rs.basis import Basis
from mlip_rs.cost.timing import Timing
from mlip_rs.fitting import FitSettings, dense_fit, elimination, fit
from mlip_rs.fitting import stored_pieces as module
from mlip_rs.fitting.estimators import cost_aware
from mlip_rs.fitting.stored_pieces import PIECES, StoredPieces, digest

BASIS = Basis(["Al"], cutoff=5.0, hierarchy="pair-poly", n_radial=8)
CHOSEN = FitSettings(n_folds=3, n_path=8, n_prior=6, threads=1)

_KILLED = """
import os, signal, sys
from mlip_rs.fitting import FitSettings, fit, stored_pieces
from mlip_rs.basis import Basis

last, every = int(sys.argv[3]), stored_pieces.StoredPieces._put
stored_pieces.SAVE_SECONDS = 0.0
count = 0
def put(self, key, arrays):
    global count
    every(self, key, arrays)
    count += self._folder is not None
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
stored_pieces.StoredPieces._put = put
settings = FitSettings(n_folds=3, n_path=8, n_prior=6, threads=1, method=sys.argv[4])
fit(sys.argv[1], Basis(["Al"], cutoff=5.0, hierarchy="pair-poly", n_radial=8), settings, directory=sys.argv[2])
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_frames(tmp_path_factory.mktemp("data") / "al.extxyz", labelled_frames())


@pytest.fixture(scope="module", autouse=True)
def costs_by_count():
    """Measured times, and with them the front, differ from run to run: here a potential costs what it holds."""

    def measured(potential, atoms):
        return Timing(len(atoms), 1, 0.01 * potential.n_nonzero)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mlip_rs.fitting.points.measure", measured)
        yield


@pytest.fixture(scope="module")
def whole(data, tmp_path_factory):
    """Directories of fits that nothing interrupted, by method."""
    directories = {}
    for method in ("cost-aware", "adaptive-lasso"):
        directories[method] = tmp_path_factory.mktemp("whole") / "run"
        fit(str(data), BASIS, replace(CHOSEN, method=method), directory=directories[method])
    return directories


def potentials(directory: Path) -> dict[str, bytes]:
    """Contents of all potentials."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*.mlip.json")}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize(
    ("method", "pieces"),
    [*(("cost-aware", n) for n in (1, 19, 26, 34)), ("adaptive-lasso", 27)],
)
def test_a_fit_killed_after_any_piece_resumes_to_the_same_bits(data, whole, tmp_path, method, pieces):
    command = [sys.executable, "-c", _KILLED, str(data), str(tmp_path / "run"), str(pieces), method]
    killed = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=os.environ)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert list((tmp_path / "run/equations" / PIECES).glob("*.pieces"))
    fit(str(data), BASIS, replace(CHOSEN, method=method), directory=tmp_path / "run")
    assert len(potentials(tmp_path / "run")) > 5
    assert potentials(tmp_path / "run") == potentials(whole[method])
    assert not (tmp_path / "run/equations" / PIECES).exists()  # a finished fit needs them no more


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
def test_a_fit_killed_inside_the_prior_goes_on_after_the_last_piece_of_it(data, whole, tmp_path, monkeypatch):
    searches = counted(monkeypatch, dense_fit, "_fold_score")
    fit(str(data), BASIS, CHOSEN)
    n_searches, reached = len(searches), 11
    assert reached < n_searches
    command = [sys.executable, "-c", _KILLED, str(data), str(tmp_path / "run"), str(reached), CHOSEN.method]
    killed = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, env=os.environ)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    searches.clear()
    fit(str(data), BASIS, CHOSEN, directory=tmp_path / "run")
    assert len(searches) == n_searches - reached
    assert potentials(tmp_path / "run") == potentials(whole["cost-aware"])


def counted(monkeypatch, owner: object, name: str) -> list[int]:
    calls, original = [], getattr(owner, name)

    def function(*arguments, **options):
        calls.append(1)
        return original(*arguments, **options)

    monkeypatch.setattr(owner, name, function)
    return calls


def stop_before_the_points(monkeypatch) -> None:
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlip_rs.fitting.pipeline.predicted", stop)


@pytest.fixture
def selected(data, tmp_path, monkeypatch):
    """A run directory whose selection is finished and stored."""
    with monkeypatch.context() as patch:
        patch.setattr(module, "SAVE_SECONDS", 0.0)
        stop_before_the_points(patch)
        with pytest.raises(KeyboardInterrupt):
            fit(str(data), BASIS, CHOSEN, directory=tmp_path / "run")
    return tmp_path / "run"


def test_nothing_that_is_stored_is_computed_again(data, selected, whole, monkeypatch):
    searches = counted(monkeypatch, dense_fit, "_fold_score")
    paths = counted(monkeypatch, cost_aware, "eliminate")
    fit(str(data), BASIS, CHOSEN, directory=selected)
    assert (len(searches), len(paths)) == (0, 0)
    assert potentials(selected) == potentials(whole["cost-aware"])


def test_other_weights_take_nothing_from_the_pieces(data, selected, monkeypatch):
    searches = counted(monkeypatch, dense_fit, "_fold_score")
    weights = mlip_rs.Weights(energy=0.01)
    settings = replace(CHOSEN, weights=weights)
    run = fit(str(data), BASIS, settings, directory=selected)
    assert searches
    assert run.best() == fit(str(data), BASIS, settings).best()


def test_another_method_takes_the_prior_but_not_the_path(data, selected, whole, monkeypatch):
    searches = counted(monkeypatch, dense_fit, "_fold_score")
    fit(str(data), BASIS, replace(CHOSEN, method="adaptive-lasso"), directory=selected)
    assert not searches
    assert potentials(selected) == potentials(whole["adaptive-lasso"])


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 4]) + content[at + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: flipped(content, len(content) // 2),
        lambda content: flipped(content, 3),
        lambda content: content[: len(content) // 2],
        lambda content: b"",
        lambda content: b"\x80garbage\n" * 50,
    ],
)
def test_damaged_pieces_are_computed_again(data, selected, whole, damage):
    files = sorted((selected / "equations" / PIECES).glob("*.pieces"))
    assert len(files) > 10
    for path in files[::2]:
        path.write_bytes(damage(path.read_bytes()))
    fit(str(data), BASIS, CHOSEN, directory=selected)
    assert potentials(selected) == potentials(whole["cost-aware"])


def test_every_flipped_byte_is_noticed(tmp_path):
    stored = StoredPieces(tmp_path, ["x"])
    stored.piece("a", [1], lambda: (np.arange(3.0), np.array(["b", "c"])))
    stored.save()
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(flipped(content, at))
        (found,) = StoredPieces(tmp_path, ["x"]).piece("a", [1], lambda: [np.zeros(1)])
        assert found.shape == (1,)


def test_an_elimination_goes_on_from_its_last_inverse(data, tmp_path, monkeypatch):
    states = []
    store = module.Checkpoint.store

    def kept(self, *state):
        store(self, *state)
        states.append(state)
        if len(states) == 10:
            raise KeyboardInterrupt

    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    monkeypatch.setattr(elimination, "REFRESH", 0.9)  # many inverses
    with monkeypatch.context() as patch:
        patch.setattr(module.Checkpoint, "store", kept)
        with pytest.raises(KeyboardInterrupt):
            fit(str(data), BASIS, CHOSEN, directory=tmp_path / "run")
    begun = []
    initialise = module.Checkpoint.load
    monkeypatch.setattr(module.Checkpoint, "load", lambda self: begun.append(initialise(self)) or begun[-1])
    run = fit(str(data), BASIS, CHOSEN, directory=tmp_path / "run")
    left, reached = begun[0]
    assert 0 < left.sum() < len(left)
    assert len(reached)
    assert run.best() == fit(str(data), BASIS, CHOSEN).best()


def test_fast_fits_store_no_pieces(data, tmp_path, monkeypatch):
    saves = counted(monkeypatch, module, "atomic_file")
    fit(str(data), BASIS, SETTINGS, directory=tmp_path / "run")
    assert not saves


def test_a_full_disk_does_not_end_the_computation(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    notes = []
    monkeypatch.setattr(module, "atomic_file", full)
    monkeypatch.setattr(module, "SAVE_SECONDS", 0.0)
    pieces = StoredPieces(tmp_path / "pieces", [], notes.append)
    assert [pieces.piece("a", [k], lambda k=k: [np.array(k)])[0] for k in range(3)] == [0, 1, 2]
    assert len(notes) == 1
    assert "No space left on device" in notes[0]


def test_digests_tell_types_and_shapes_apart():
    parts = [np.zeros(2), np.zeros((2, 1)), np.zeros(2, dtype=np.float32), [0.0, 0.0], None, json.dumps(None)]
    assert len({digest([part]) for part in parts}) == len(parts)
    assert digest([1, 2]) != digest([12])
