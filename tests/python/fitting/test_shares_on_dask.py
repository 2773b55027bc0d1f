"""Shares of folds on workers of Dask: the same bits, whatever dies."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from cli_case import errors, invoke

from mlip_rs.basis import Basis
from mlip_rs.data import folds, read_dataset, reference_energies
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError, FitError, StructureError
from mlip_rs.fitting import FitSettings, Weights, angular_cutoff, open_fold, shares, shares_on_dask
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.normal_equations import NormalEquations
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.resources import worker_memory
from mlip_rs.fitting.shares_on_dask import ShareSums
from mlip_rs.label import label
from mlip_rs.progress import Silent

distributed = pytest.importorskip("distributed", reason="Dask is not installed")

BASIS = Basis(["Al"], cutoff=5.0, hierarchy="pair-poly", n_radial=6, pair_cross_degree=2)
N_FOLDS = 2
N_SHARES = 6
"""At least, of each fold."""


class After(Silent):
    """Does something once, after some structures."""

    def __init__(self, steps, action):
        self.left, self.action = steps, action

    def advance(self, steps=1):
        self.left -= steps
        if self.left <= 0 and self.action is not None:
            action, self.action = self.action, None
            action()


@pytest.fixture(scope="module", autouse=True)
def small_shares():
    """Several shares of several batches in a fold, and a checkpoint at the end of each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shares, "SHARE_ROWS", 300)
        patch.setattr(shares, "BATCH_ROWS", 100)
        patch.setattr(open_fold, "CHECKPOINT_SECONDS", -1.0)
        patch.setattr(open_fold, "CHECKPOINT_SHARE", np.inf)
        yield


@pytest.fixture(scope="module")
def problem():
    dataset = read_dataset(DATA_PATH)
    reference = reference_energies(dataset, {"Al": 0.0})
    weights = Weights()
    of_structures = weights.of_structures(dataset, reference)
    fold = folds(dataset, N_FOLDS)
    found = Problem(BASIS, dataset, reference, of_structures, weights.of_properties(), fold)
    assert len(shares.shares(found, found.members(0))) >= N_SHARES
    return found


@pytest.fixture(scope="module")
def cluster():
    """Two workers that are processes, each with one thread."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address=":0", silence_logs=50
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def alone(problem, tmp_path_factory):
    """Folder of the sums of one machine."""
    folder = tmp_path_factory.mktemp("alone")
    assert assemble(problem, folder).n_workers == 0
    return folder


def assert_same_bits(folder, other):
    for fold in range(N_FOLDS):
        mine, theirs = (np.load(place / f"fold-{fold}.gram.npy") for place in (folder, other))
        assert mine.tobytes() == theirs.tobytes()
        with np.load(folder / f"fold-{fold}.npz") as mine, np.load(other / f"fold-{fold}.npz") as theirs:
            for name in mine:
                assert mine[name].tobytes() == theirs[name].tobytes()
    assert not list(folder.glob("*.partial.npz"))


def test_workers_sum_to_the_bits_of_one_machine(problem, alone, tmp_path, cluster):
    equations = assemble(problem, tmp_path, scheduler=cluster.scheduler_address)
    assert 1 <= equations.n_workers <= 2
    assert_same_bits(tmp_path, alone)


def test_a_worker_that_is_killed_changes_no_bit(problem, alone, tmp_path, cluster):
    pids = []

    def kill():
        with distributed.Client(cluster.scheduler_address) as client:
            pids.extend(client.run(os.getpid).values())
        os.kill(pids[0], signal.SIGKILL)

    assemble(problem, tmp_path, scheduler=cluster.scheduler_address, progress=After(5, kill))
    assert len(pids) == 2
    assert_same_bits(tmp_path, alone)


def test_a_client_that_is_interrupted_goes_on_from_the_last_share_here_or_there(
    problem, alone, tmp_path, cluster, monkeypatch
):
    def interrupt():
        raise KeyboardInterrupt

    submitted = []
    honest = shares_on_dask.DaskShares._submit
    monkeypatch.setattr(
        shares_on_dask.DaskShares,
        "_submit",
        lambda self, share: submitted.append(share) or honest(self, share),
    )
    address, half = cluster.scheduler_address, len(problem.members(0)) // 2
    there, here = tmp_path / "there", tmp_path / "here"
    for folder in (there, here):
        with pytest.raises(KeyboardInterrupt):
            assemble(problem, folder, scheduler=address, progress=After(half, interrupt))
        assert list(folder.glob("fold-0.partial.npz"))
    n_submitted = len(submitted)
    assemble(problem, there, scheduler=address)
    assert N_SHARES < len(submitted) - n_submitted < 2 * len(shares.shares(problem, problem.members(0)))
    assemble(problem, here)
    for folder in (there, here):
        assert_same_bits(folder, alone)


def test_a_share_that_kills_every_worker_is_named_with_the_memory_it_needs(
    problem, tmp_path, cluster, monkeypatch
):
    def killed(*_):
        raise distributed.KilledWorker("sum_of_share", cluster.scheduler_info["workers"], 3)

    monkeypatch.setattr(shares_on_dask.DaskShares, "_wait", killed)
    need = rf"from frame 0 of al.*each needs about {worker_memory(problem) / 1e9:.2g} GB"
    with pytest.raises(FitError, match=need):
        assemble(problem, tmp_path, scheduler=cluster.scheduler_address)


def test_errors_of_a_structure_name_file_and_frame_as_at_home(problem, tmp_path, cluster):
    foreign = replace(problem, basis=Basis(["Cu"], cutoff=5.0, hierarchy="pair", n_radial=3))
    told = []
    for place, scheduler in (("here", None), ("there", cluster.scheduler_address)):
        with pytest.raises(StructureError, match=r"frame 0 of .*atom 0") as error:
            assemble(foreign, tmp_path / place, scheduler=scheduler)
        told.append(str(error.value))
    assert told[0] == told[1]


def test_a_worker_of_another_version_is_told(problem, tmp_path, cluster, monkeypatch):
    monkeypatch.setattr(shares_on_dask, "VERSION", "9.9.9")
    with pytest.raises(
        ConfigError, match=r"the scheduler \(Dask\): has mlip_rs .*, this machine has 9\.9\.9; install"
    ):
        assemble(problem, tmp_path, scheduler=cluster.scheduler_address)
    without = {"tcp://node7:1": ModuleNotFoundError("No module named 'mlip_rs'"), "lost": OSError("gone")}
    with pytest.raises(ConfigError, match=r"node7:1 \(Dask\): has no mlip_rs \(No module named 'mlip_rs'\)"):
        shares_on_dask.DaskShares._check_versions(without)


def test_a_scheduler_that_is_not_there_and_a_dask_that_is_not_installed_are_one_sentence(
    problem, tmp_path, monkeypatch
):
    monkeypatch.setattr("mlip_rs.dask_client.CONNECT", 0.5)
    with pytest.raises(ConfigError, match=r"scheduler tcp://127.0.0.1:9: cannot be reached.*is it running\?"):
        assemble(problem, tmp_path, scheduler="tcp://127.0.0.1:9")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"a scheduler needs Dask: pip install"):
        assemble(problem, tmp_path, scheduler="tcp://127.0.0.1:9")


def test_what_can_be_no_scheduler_is_refused_before_any_work(tmp_path, monkeypatch):
    """A client of Dask that was made for it hung when Python ended, after minutes of other work."""
    monkeypatch.chdir(tmp_path)
    Path("other.json").write_text("{}")
    for text, sentence in (
        ("nonsense", "is neither its address, such as tcp://head:8786, nor the file that it writes"),
        ("", "is neither its address"),
        ("other.json", "is no file that `dask scheduler` has written"),
    ):
        done = invoke("fit", DATA_PATH, "--index", "::20", "-o", "run", "--scheduler", text)
        (line,) = errors(done)
        assert line.startswith(f"error: scheduler {text}: {sentence}")
        with pytest.raises(ConfigError, match=sentence):
            label(bulk("Al"), EMT, "al.extxyz", scheduler=text)
    assert not Path("run", "equations").exists()


def test_the_angular_cutoff_does_not_depend_on_workers(monkeypatch):
    """A scheduler that could not be reached for a moment made it equal to the cutoff."""
    seen = []
    monkeypatch.setattr(
        angular_cutoff, "_score", lambda part, basis, settings, progress: seen.append(settings) or 1.0
    )
    settings = FitSettings(scheduler="tcp://127.0.0.1:9")
    angular_cutoff.suggest_angular_cutoff(read_dataset(DATA_PATH), Basis(["Al"], cutoff=6.0), settings)
    assert seen
    assert {one.scheduler for one in seen} == {None}


def test_sums_that_travel_are_the_lower_triangles():
    random = np.random.default_rng(5)
    sums = NormalEquations(
        random.normal(size=(3, 7, 7)), random.normal(size=(3, 7)), np.ones(3), np.arange(3)
    )
    packed = ShareSums.of(sums, "somewhere")
    assert packed.lower.shape == (3, 28)
    unpacked = NormalEquations.zeros(7, 3)
    packed.add_to(unpacked)
    np.testing.assert_array_equal(unpacked.gram, np.tril(sums.gram))
    np.testing.assert_array_equal(unpacked.xty, sums.xty)
    np.testing.assert_array_equal(unpacked.n_rows, sums.n_rows)
