"""Whatever is killed, and whenever: the same command resumes, and each structure is labelled once."""

import os
import signal
import subprocess
import sys
import time

import ase.io
import pytest
from label_case import FILE, cells, energies_are_right, read

from mlip_rs.errors import ConfigError, LabelError
from mlip_rs.label import label
from mlip_rs.progress import Silent

distributed = pytest.importorskip("distributed", reason="Dask is not installed")
psutil = pytest.importorskip("psutil")

N = 8


class Hook(Silent):
    """Progress that calls a function when so many structures are done."""

    def __init__(self, count, function):
        self.left, self.function = count, function

    def advance(self, steps=1):
        self.left -= steps
        if self.left == 0:
            self.function()


def command(folder, *more, seconds=0.2):
    ase.io.write(folder / "cells.extxyz", cells(N, seconds=seconds))
    calculator = ["-c", f"{FILE}:Spoilt", "--set", f"diary={folder}/diary"]
    words = ["label", "cells.extxyz", "-o", "al.extxyz", *calculator, "--no-check", *more]
    return [sys.executable, "-m", "mlip_rs", *map(str, words)]


def run_again(folder, **more):
    """The same as the command, in this process."""
    settings = {"arguments": {"diary": f"{folder}/diary"}, "check": False, **more}
    return label(folder / "cells.extxyz", f"{FILE}:Spoilt", folder / "al.extxyz", **settings)


def spawned(folder, *more, **settings):
    """The command, once it has written two labels."""
    process = subprocess.Popen(
        command(folder, *more, **settings), cwd=folder, stderr=subprocess.PIPE, encoding="utf-8"
    )
    out = folder / "al.extxyz"
    while not (out.exists() and out.read_text().count("label_id") >= 2):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.02)
    return process


def resumed(folder, **more):
    """A run to its end: the energies are right, nothing is there twice, nothing is left over."""
    summary = run_again(folder, **more)
    frames = read(folder / "al.extxyz")
    assert len(frames) == len({atoms.info["label_id"] for atoms in frames}) == N
    energies_are_right(frames)
    names = {path.name for path in folder.iterdir()}
    assert names == {"cells.extxyz", "al.extxyz", "al.label.json", "diary"}
    return summary


def calculations(folder):
    return (folder / "diary").read_text().splitlines()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_client_that_is_killed_loses_no_label_and_leaves_no_process(tmp_path, number):
    with spawned(tmp_path, "--workers", "1") as process:
        with pytest.raises(
            ConfigError, match=f"process {process.pid} is writing labels there; wait until it ends"
        ):
            run_again(tmp_path, n_workers=1)
        os.kill(process.pid, number)
        told = process.stderr.read().splitlines()
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert told[-1] == "interrupted; run the same command again to resume"
    n_written, n_calculated = len(read(tmp_path / "al.extxyz")), len(calculations(tmp_path))
    time.sleep(0.5)
    assert len(calculations(tmp_path)) - n_calculated <= 1
    assert resumed(tmp_path, n_workers=1).n_before == n_written >= 2
    assert len(calculations(tmp_path)) <= N + 1


def test_a_process_that_is_killed_is_tried_again(tmp_path):
    def kill():
        os.kill(int(calculations(tmp_path)[-1].split()[0]), signal.SIGKILL)

    ase.io.write(tmp_path / "cells.extxyz", cells(N, seconds=0.1))
    assert resumed(tmp_path, n_workers=1, progress=Hook(3, kill)).n_failed == 0


@pytest.fixture(scope="module")
def cluster():
    """Two workers that are processes, each with one thread."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster


def test_a_worker_of_dask_that_is_killed_loses_no_label(tmp_path, cluster):
    def kill():
        busy = psutil.Process(int(calculations(tmp_path)[-1].split()[0]))
        busy.parent().kill()

    ase.io.write(tmp_path / "cells.extxyz", cells(N, seconds=0.1))
    summary = resumed(tmp_path, scheduler=cluster.scheduler_address, progress=Hook(2, kill))
    assert (summary.n_labelled, summary.n_failed) == (N, 0)
    assert len({line.split()[0] for line in calculations(tmp_path)}) >= 2


def test_what_workers_finish_for_a_client_that_was_killed_is_not_calculated_again(
    tmp_path, cluster, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    address = cluster.scheduler_address
    with spawned(tmp_path, "--scheduler", address, seconds=0.6) as process:
        process.kill()
    begun, deadline = 0, time.monotonic() + 10.0
    while begun < len(calculations(tmp_path)) and time.monotonic() < deadline:
        begun = len(calculations(tmp_path))
        time.sleep(1.5)
    assert begun > len(read(tmp_path / "al.extxyz"))
    resumed(tmp_path, scheduler=address)
    assert len(calculations(tmp_path)) == N


def test_a_scheduler_that_is_not_there_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr("mlip_rs.dask_client.CONNECT", 0.5)
    with pytest.raises(ConfigError, match=r"scheduler tcp://127.0.0.1:9: cannot be reached.*is it running\?"):
        label(cells(2), f"{FILE}:Spoilt", tmp_path / "al.extxyz", scheduler="tcp://127.0.0.1:9")


def test_a_scheduler_that_goes_away_keeps_the_labels(tmp_path):
    file = tmp_path / "scheduler.json"
    options = ["--scheduler-file", str(file), "--no-dashboard"]
    program = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", *options]
    one_thread = ["--no-nanny", "--nthreads", "1", "--death-timeout", "5"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    out = tmp_path / "al.extxyz"
    with subprocess.Popen(program, **quiet) as scheduler:
        try:
            while not file.exists():
                assert scheduler.poll() is None
                time.sleep(0.05)
            worker = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_worker", *options, *one_thread], **quiet
            )
            progress = Hook(3, scheduler.kill)
            with worker, pytest.raises(LabelError, match="run the same command again to resume"):
                label(
                    cells(N, seconds=0.3),
                    f"{FILE}:Spoilt",
                    out,
                    scheduler=file,
                    check=False,
                    progress=progress,
                )
        finally:
            scheduler.kill()
    assert 3 <= len(read(out)) < N
    energies_are_right(read(out))


def test_a_full_disk_is_one_sentence_and_nothing_is_torn(tmp_path):
    limited = [
        "bash",
        "-c",
        'ulimit -f 4; exec "$@"',
        "bash",
        *command(tmp_path, "--workers", "1", seconds=0.0),
    ]
    ended = subprocess.run(limited, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    errors = [line for line in ended.stderr.splitlines() if not line.startswith("[")]
    assert len(errors) == 1
    assert errors[0].startswith("error: al.extxyz: File too large; raise the limit")
    assert 0 < len(read(tmp_path / "al.extxyz")) < N
    resumed(tmp_path, n_workers=1)
