"""Full disks, limits of memory, signals, other versions, two fits at once: one sentence, and nothing is lost."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from cli_case import SMALL_BASIS, errors, files_below, invoke, spawn

from mlip_rs.errors import ConfigError
from mlip_rs.locks import LOCK, locked

unix = pytest.mark.skipif(sys.platform == "win32", reason="limits and signals of Unix")
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc, /dev/full")


def limited(limits: str, *words: object, **environment: str) -> subprocess.CompletedProcess:
    command = f'ulimit {limits}; exec "$@"'
    return subprocess.run(
        ["bash", "-c", command, "bash", sys.executable, "-m", "mlip_rs", *map(str, words)],
        capture_output=True,
        encoding="utf-8",
        timeout=100,
        check=False,
        env=os.environ | environment,
    )


@unix
@pytest.mark.parametrize("name", ["out.extxyz", "out.xyz.gz", "out.db", "out.traj"])
def test_a_limit_of_file_size_in_predict_names_the_file_and_keeps_the_old_one(commanded, tmp_path, name):
    output = tmp_path / name
    output.write_text("old", encoding="utf-8")
    words = "predict", commanded / "run/best.mlip.json", commanded / "al.extxyz", "-o", output
    (line,) = errors(limited("-f 4", *words))
    assert line.startswith(f"error: {output}: ")
    assert "ulimit -f" in line
    assert output.read_text(encoding="utf-8") == "old"
    assert files_below(tmp_path) == {name}


@linux
def test_a_full_device_is_named(commanded):
    words = "predict", commanded / "run/best.mlip.json", commanded / "al.extxyz", "-o", "/dev/full"
    (line,) = errors(invoke(*words))
    assert line.startswith("error: /dev/full: No space left on device; free some space")


@unix
def test_a_fit_that_finds_no_space_resumes_when_there_is_some(commanded, tmp_path):
    words = "fit", commanded / "al.extxyz", *SMALL_BASIS, "-o", tmp_path / "run"
    stopped = limited("-f 4", *words)
    (line,) = errors(stopped)
    assert stopped.returncode == 1
    assert "File too large" in line
    assert not (tmp_path / "run/run.json").exists()
    assert not [name for name in files_below(tmp_path) if name.endswith((".tmp", LOCK))]
    assert spawn(*words).returncode == 0
    best = "run/best.mlip.json"
    assert (tmp_path / best).read_bytes() == (commanded / best).read_bytes()


@linux
def test_a_limit_of_memory_is_one_sentence(commanded, tmp_path):
    words = "fit", commanded / "al.extxyz", *SMALL_BASIS, "-o", tmp_path / "run"
    refused = limited("-v 650000", *words, OPENBLAS_NUM_THREADS="1", MLIP_RS_NUM_THREADS="1")
    assert refused.returncode == 1
    assert len(errors(refused)) == 1
    assert "ulimit -v" in errors(refused)[0]
    assert not (tmp_path / "run").exists()


@linux
@pytest.mark.parametrize("kilobytes", [60_000, 250_000, 450_000])  # OpenBLAS loops or exits in some of them
def test_a_limit_of_memory_below_the_size_of_the_libraries_is_one_sentence(commanded, tmp_path, kilobytes):
    refused = limited(f"-v {kilobytes}", "fit", commanded / "al.extxyz", "-o", tmp_path / "run")
    assert refused.returncode == 1
    (line,) = errors(refused)
    assert line.startswith("error: not enough memory (the limit is ")
    assert line.endswith("raise ulimit -v")


@linux
@pytest.mark.parametrize("place", ["/proc/foo", "/proc/self/foo/bar"])
@pytest.mark.parametrize("verb", ["fit", "validate", "predict"])
def test_an_output_that_cannot_be_made_is_named_with_its_cure(commanded, place, verb):
    source = commanded / ("al.extxyz" if verb == "fit" else "run/best.mlip.json")
    options = {"fit": SMALL_BASIS, "validate": (), "predict": (commanded / "al.extxyz",)}[verb]
    (line,) = errors(invoke(verb, source, *options, "-o", place))
    assert "/proc/" in line
    assert "choose another output" in line
    assert "disk" not in line


@unix
def test_a_backend_that_does_not_exist_does_not_matter(commanded, tmp_path):
    words = "pareto", commanded / "run", "--figure", tmp_path / "front.png"
    drawn = limited("-S", *words, MPLBACKEND="nonsense")
    assert drawn.returncode == 0, drawn.stderr
    assert (tmp_path / "front.png").exists()


@pytest.mark.parametrize("layout", ["same", "other"])
@pytest.mark.parametrize("verb", ["pareto", "fit"])
def test_a_run_of_a_newer_version_is_refused_and_kept(commanded, tmp_path, verb, layout):
    shutil.copytree(commanded / "run", tmp_path / "run")
    path = tmp_path / "run/run.json"
    record = json.loads(path.read_text(encoding="utf-8")) if layout == "same" else {"candidates": []}
    record |= {"package_version": "99.0.1"}
    path.write_text(json.dumps(record), encoding="utf-8")
    before = {name: (tmp_path / name).read_bytes() for name in files_below(tmp_path)}
    words = (
        ("pareto", tmp_path / "run")
        if verb == "pareto"
        else ("fit", commanded / "al.extxyz", *SMALL_BASIS, "-o", tmp_path / "run")
    )
    result = invoke(*words)
    (line,) = errors(result)
    assert result.exit_code == 1
    assert "written by version 99.0.1 of mlip_rs" in line
    assert before == {name: (tmp_path / name).read_bytes() for name in files_below(tmp_path)}


@pytest.mark.parametrize("content", ['{"points": [', "[" * 100_000, '{"points":[{}],"front":[0]}', "\x00"])
def test_a_damaged_record_is_described_without_the_words_of_python(tmp_path, content):
    (tmp_path / "run.json").write_text(content, encoding="utf-8")
    (line,) = errors(invoke("pareto", tmp_path))
    assert "Error" not in line
    assert line.endswith("repeat the fit, it resumes")


_HOLDER = """
import sys, time
from mlip_rs.locks import locked
with locked(sys.argv[1]):
    print("held", flush=True)
    time.sleep(100)
"""


@unix
def test_a_second_fit_in_a_directory_is_refused_and_a_killed_one_is_no_hindrance(commanded, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path / "run")], stdout=subprocess.PIPE, encoding="utf-8"
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        words = "fit", commanded / "al.extxyz", *SMALL_BASIS, "-o", tmp_path / "run"
        refused = invoke(*words)
        assert refused.exit_code == 1
        assert f"process {holder.pid} is fitting there" in errors(refused)[0]
        holder.kill()
    assert (tmp_path / "run" / LOCK).exists()
    assert invoke(*words).exit_code == 0
    assert not (tmp_path / "run" / LOCK).exists()


def test_a_lock_leaves_no_empty_folder_and_may_be_taken_twice_by_its_holder(tmp_path):
    with locked(tmp_path / "run"), locked(tmp_path / "run"):
        assert (tmp_path / "run" / LOCK).exists()
    assert not (tmp_path / "run").exists()
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises((OSError, ConfigError)), locked(tmp_path / "file/below"):
        pass


@unix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_that_end_a_process_are_handled_as_an_interruption(commanded, tmp_path, number):
    words = (
        "fit",
        commanded / "al.extxyz",
        "--size",
        "medium",
        "--allow-underdetermined",
        "-o",
        tmp_path / "run",
    )
    command = [sys.executable, "-m", "mlip_rs", *map(str, words)]
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        encoding="utf-8",
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # `nohup pytest` has them ignored
    ) as process:
        for line in process.stderr:
            if "normal equations" in line:
                break
        time.sleep(0.2)
        process.send_signal(number)
        rest = process.stderr.read()
    assert process.returncode == 128 + number
    assert rest.splitlines()[-1] == "interrupted; run the same command again to resume"
    assert not [name for name in files_below(tmp_path) if name.endswith((".tmp", LOCK))]


def test_data_may_be_named_by_a_setting(commanded, tmp_path):
    words = "fit", "--set", f"data.train={commanded / 'al.extxyz'}", *SMALL_BASIS, "--dry-run"
    assert invoke(*words, "-o", tmp_path / "run").exit_code == 0
    nothing = invoke("fit", "-o", tmp_path / "run")
    assert nothing.exit_code == 2
    assert "--set data.train=FILE" in nothing.stderr


def test_a_file_of_the_run_is_no_output_for_a_selection(commanded):
    run = commanded / "run"
    before = {name: (run / name).read_bytes() for name in files_below(run)}
    for name in ("run.json", "best.mlip.json"):
        (line,) = errors(invoke("pareto", run, "--select", "knee", "-o", run / name))
        assert "is a file of the run" in line
    assert before == {name: (run / name).read_bytes() for name in files_below(run)}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("{family='gaussian', parameters={beta=[1e8], mu=[1.0]}}", "positive and at most 1000"),
        ("{family='gaussian', parameters={beta=[0.0], mu=[1.0]}}", "positive and at most 1000"),
        ("{family='gaussian', parameters={beta=[1.0], mu=[1e8]}}", "out of range (±1000)"),
    ],
)
def test_a_limit_that_is_checked_is_the_one_that_is_said(commanded, tmp_path, setting, said):
    words = "fit", commanded / "al.extxyz", "--cutoff", "5", "--hierarchy", "pair", "-o", tmp_path / "run"
    (line,) = errors(invoke(*words, "--set", f"basis.radial=[{setting}]"))
    assert said in line


@pytest.mark.parametrize("pbc", [True, False, [True, True, False]])
def test_an_absurd_density_is_refused_before_it_fills_the_memory(commanded, tmp_path, pbc):
    rng = np.random.default_rng(0)
    crammed = Atoms("Al60000", positions=rng.uniform(0.0, 0.1, (60_000, 3)), cell=[0.1] * 3, pbc=pbc)
    ase.io.write(tmp_path / "dense.extxyz", crammed)
    words = "predict", commanded / "run/best.mlip.json", tmp_path / "dense.extxyz", "-o", tmp_path / "out.xyz"
    (line,) = errors(invoke(*words))
    assert any(
        said in line
        for said in ("pairs of atoms lie within the cutoff", "Å apart", "share one place", "Å³ for each atom")
    )
    assert not Path(tmp_path / "out.xyz").exists()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--energy-precision", "1e-300"),
        ("--force-precision", "1e300"),
        ("--reference-energy", "Al=nan"),
        ("--reference-energy", "Al=inf"),
        ("--output", ""),
        ("--set", "fit.n_path=1000000000"),
        ("--set", "weights.force_scale=1e-200"),
    ],
)
def test_numbers_that_overflow_and_empty_names_are_refused(commanded, option, value):
    refused = invoke("fit", commanded / "al.extxyz", *SMALL_BASIS, "--dry-run", option, value)
    assert refused.exit_code in (1, 2)
    assert isinstance(refused.exception, SystemExit)
    assert len([line for line in errors(refused) if line.lower().startswith("error:")]) == 1
