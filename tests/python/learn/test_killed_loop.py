"""A loop that is killed by SIGKILL, its calculations too, ends with the choices and labels of one that is not."""

import json
import subprocess
import sys
import time
from pathlib import Path

import ase.io
import numpy as np
from ase.build import bulk
from ase.calculators.emt import EMT

from mlip_rs import Basis, FitSettings
from mlip_rs.label.unlabelled import LABEL_ID
from mlip_rs.learn import LearnSettings, exploration, learn
from mlip_rs.workflows.learning import FileLabeller


class Slow(EMT):
    """EMT with a pause, in which a run can be killed."""

    def calculate(self, *arguments):
        time.sleep(0.05)
        super().calculate(*arguments)


def loop(folder):
    """A loop of 16 labels with short dynamics."""
    exploration.STEPS = 30
    rng = np.random.default_rng(0)
    cells = [bulk("Al", cubic=True) for _ in range(24)]
    for atoms in cells:
        atoms.rattle(rng.uniform(0.02, 0.15), rng=rng)
    labeller = FileLabeller(
        folder / "labels.extxyz", f"{__file__}:Slow", options={"n_workers": 1, "check": False}
    )
    basis = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=6)
    settings = LearnSettings(
        energy=0.01, forces=0.001, batch=4, max_labels=16, temperatures=(1200.0,), seed=3
    )
    fit = FitSettings(n_folds=3, prior="flat", threads=1)
    return learn(cells, labeller, folder, basis=basis, fit=fit, settings=settings)


def n_labels(folder):
    path = folder / "labels.extxyz"
    return path.read_text().count(f"{LABEL_ID}=") if path.exists() else 0


def turns(folder):
    """What the record has, but for times."""
    cycles = json.loads((folder / "learning.json").read_text())["cycles"]
    return [{name: own for name, own in cycle.items() if name != "seconds"} for cycle in cycles]


def killed(folder, enough):
    """Run the loop in a process, and kill it once there are so many labels."""
    with subprocess.Popen([sys.executable, __file__, str(folder)]) as process:
        while n_labels(folder) < enough:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()


def test_a_loop_that_is_killed_again_and_again_ends_like_one_that_is_not(tmp_path):
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    for enough in (2, 6, 12):
        killed(parts, enough)
    found, other = loop(parts), loop(whole)
    assert [own.chosen for own in found.cycles] == [own.chosen for own in other.cycles]
    assert found.potential.to_json() == other.potential.to_json()
    labels = [
        {
            atoms.info[LABEL_ID]: atoms.get_potential_energy()
            for atoms in ase.io.iread(folder / "labels.extxyz")
        }
        for folder in (parts, whole)
    ]
    assert labels[0] == labels[1]
    assert n_labels(parts) == len(labels[0]) == 16
    assert turns(parts) == turns(whole)
    loop(parts)  # it has ended: the last turn is taken again
    assert turns(parts) == turns(whole)


if __name__ == "__main__":
    loop(Path(sys.argv[1]))
