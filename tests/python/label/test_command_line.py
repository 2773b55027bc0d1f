"""`mlip-rs label`: options reach the calculator, results are printed, errors are one sentence."""

import json
import sys

import ase.io
import pytest
from cli_case import errors, invoke
from label_case import FILE, cells, energies_are_right, read


@pytest.fixture
def structures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ase.io.write("cells.extxyz", cells(4, fault=["", "diverges"]))
    return tmp_path


def test_options_reach_the_calculator_and_results_are_printed(structures):
    words = [
        "label",
        "cells.extxyz",
        "-o",
        "al.extxyz",
        "-c",
        f"{FILE}:Spoilt",
        "--set",
        "diary=log.txt",
        "--json",
    ]
    done = invoke(*words, "--index", ":3", "--workers", 1, "--no-check", "--set", "grade=2")
    assert done.exit_code == 0, done.stderr
    printed = json.loads(done.stdout)
    assert (printed["n_structures"], printed["n_labelled"], printed["failed_by_kind"]) == (
        3,
        2,
        {"not converged": 1},
    )
    assert json.loads((structures / "al.label.json").read_text())["arguments"] == {
        "diary": "log.txt",
        "grade": 2,
    }
    energies_are_right(read("al.extxyz"))
    again = invoke(*words[:-1], "--workers", 1, "--no-check", "--set", "grade=2")
    first, second, third = again.stdout.splitlines()
    assert first.startswith("3 of 4 structures labelled (2 before) in ")
    assert second == "1 failed: 1 not converged -> al.failures.jsonl; --retry-failed tries them again"
    assert third == (
        "  frame 1 of cells.extxyz (Al4): not converged: RuntimeError: SCF did not converge in 60 iterations"
    )


def test_a_command_with_files_is_given_by_options(structures):
    code = (
        "import ase.io; from ase.calculators.emt import EMT; a = ase.io.read('in.traj'); a.calc = EMT(); "
        "a.get_forces(); a.get_stress(); ase.io.write('out.traj', a)"
    )
    files = ["--writes", "in.traj", "--reads", "out.traj", "--command", f'{sys.executable} -c "{code}"']
    done = invoke("label", "cells.extxyz", "-o", "al.extxyz", *files, "--workers", 1, "--no-check")
    assert done.exit_code == 0, done.stderr
    assert len(read("al.extxyz")) == 4
    assert read("al.extxyz")[0].info["label_source"] == files[-1]
    energies_are_right(read("al.extxyz"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ["-o", "al.cif", "-c", "chgnet"],
            "labels are appended as extended XYZ; name a file .extxyz or .xyz",
        ),
        (["-o", "cells.extxyz", "-c", "chgnet"], "is read from as well; choose another output"),
        (["-o", "al.extxyz", "-c", "chgnet"], "chgnet: is not installed; pip install chgnet"),
        (["-o", "no/al.extxyz", "-c", "chgnet"], "is not a folder; choose another output"),
        (["-o", "al.extxyz", "-c", "chgnet", "--time-limit", 0], "time_limit is 0.0; it must be positive"),
        (
            ["-o", "al.extxyz", "-c", f"{FILE}:Spoilt", "--set", "xc=PBE"],
            "takes no argument 'xc'; it takes diary",
        ),
    ],
)
def test_an_error_is_one_sentence(structures, words, sentence):
    refused = invoke("label", "cells.extxyz", *words, "--workers", 1)
    assert refused.exit_code == 1
    (line,) = errors(refused)
    assert sentence in line


def test_a_run_without_any_label_has_exit_code_one(structures):
    only = ["--index", "1:2", "--workers", 1, "--no-check"]
    assert invoke("label", "cells.extxyz", "-o", "al.extxyz", "-c", f"{FILE}:Spoilt", *only).exit_code == 1
