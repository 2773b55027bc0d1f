"""`mlip-rs learn` from a pool to a potential and a page."""

import json

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from cli_case import invoke

from mlip_rs.demo import DATA_PATH
from mlip_rs.label.unlabelled import LABEL_ID, label_id, stored_id
from mlip_rs.learn.record import Cycle
from mlip_rs.report.learning import learning_curves

JUMPING = """
from ase.calculators.emt import EMT
from mlip_rs.label.unlabelled import label_id


class Jumping(EMT):
    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        if label_id(atoms) in self.jumps:
            self.results["energy"] += 0.6 * len(atoms)
            self.results["free_energy"] += 0.6 * len(atoms)


def calculator(atoms, jumps):
    found = Jumping()
    found.jumps = jumps
    return found
"""


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    """The directory of a loop, and what it printed."""
    place = tmp_path_factory.mktemp("learn")
    rng = np.random.default_rng(0)
    frames = []
    for k in range(40):
        atoms = bulk("Cu", cubic=True)
        atoms.set_cell(atoms.cell * (1.0 + rng.uniform(-0.05, 0.05)), scale_atoms=True)
        atoms.rattle(0.02 + 0.005 * k, rng=rng)
        atoms.info["config_type"] = f"rattle_{k // 20}"
        frames.append(atoms)
    ase.io.write(place / "pool.extxyz", frames)
    return place


def test_a_pool_becomes_a_potential(loop):
    arguments = ["learn", str(loop / "pool.extxyz"), "-c", "ase.calculators.emt:EMT", "-o", str(loop / "run")]
    arguments += ["--size", "small", "--max-labels", "20", "--batch", "10", "--workers", "1", "--json"]
    first = invoke(*arguments)
    assert first.exit_code == 0, first.stderr
    document = json.loads(first.stdout)
    assert document["n_labelled"] == 20
    labels = ase.io.read(loop / "run/labels.extxyz", ":")
    assert len({atoms.info[LABEL_ID] for atoms in labels}) == len(labels) == 20
    assert (loop / "run/fit/best.mlip.json").exists()
    page = (loop / "run/learning.html").read_text()
    assert "rattle_1" in page
    cycles = [Cycle.from_dict(own) for own in json.loads((loop / "run/learning.json").read_text())["cycles"]]
    assert {line.get_label() for axes in learning_curves(cycles).axes for line in axes.lines} >= {
        "cross-validation"
    }


def test_the_order_in_which_labels_came_does_not_change_the_final_fit(loop):
    """A calculation that was killed is the last in the file of labels."""
    path = loop / "run/labels.extxyz"
    before = (loop / "run/fit/best.mlip.json").read_bytes()
    training = (loop / "run/training.extxyz").read_bytes()
    frames = ase.io.read(path, ":")
    ase.io.write(path, frames[::-1])
    arguments = ["learn", str(loop / "pool.extxyz"), "-c", "ase.calculators.emt:EMT", "-o", str(loop / "run")]
    arguments += ["--size", "small", "--max-labels", "20", "--batch", "10", "--workers", "1"]
    again = invoke(*arguments)
    assert again.exit_code == 0, again.stderr
    assert (loop / "run/training.extxyz").read_bytes() == training
    assert (loop / "run/fit/best.mlip.json").read_bytes() == before


def test_a_finished_fit_is_not_done_again(loop):
    seconds = json.loads((loop / "run/fit/run.json").read_text())["seconds"]
    arguments = ["learn", str(loop / "pool.extxyz"), "-c", "ase.calculators.emt:EMT", "-o", str(loop / "run")]
    arguments += ["--size", "small", "--max-labels", "20", "--batch", "10", "--workers", "1", "--json"]
    again = invoke(*arguments)
    assert again.exit_code == 0, again.stderr
    assert "not done again" in again.stderr
    assert json.loads((loop / "run/fit/run.json").read_text())["seconds"] == seconds
    record = json.loads((loop / "run/fit/run.json").read_text())
    best = record["points"][record["best"]]["validation"]
    assert json.loads(again.stdout)["validation"]["force_ev_per_angstrom"] == best["force_ev_per_angstrom"]


def test_labels_that_contradict_the_others_are_left_out_of_the_final_fit(tmp_path):
    (tmp_path / "jumping.py").write_text(JUMPING)
    pool = ase.io.read(DATA_PATH, "::4")
    ase.io.write(
        tmp_path / "pool.extxyz", [Atoms(a.numbers, a.positions, cell=a.cell, pbc=a.pbc) for a in pool]
    )
    jumps = {label_id(pool[k]) for k in (3, 21, 40)}
    run = tmp_path / "run"
    arguments = ["learn", str(tmp_path / "pool.extxyz"), "-c", f"{tmp_path / 'jumping.py'}:calculator"]
    arguments += ["--set", f"jumps={json.dumps(sorted(jumps))}"]
    found = invoke(*arguments, "-o", str(run), "--size", "small", "--batch", "100", "--workers", "1")
    assert found.exit_code == 0, found.stderr
    labels, kept = (ase.io.read(run / f"{name}.extxyz", ":") for name in ("labels", "training"))
    ids = {stored_id(atoms) for atoms in kept}
    assert len(labels) == len(pool)
    assert not ids & jumps
    assert len(ids) >= len(pool) - 6
    assert "left out that contradict the others" in (run / "learning.html").read_text()
