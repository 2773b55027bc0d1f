"""`mlip-rs fit` names contradictions of the labels, corrects them on request, or goes on all the same."""

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from cli_case import SMALL_BASIS, invoke, write_frames

SIZES = ((1, 1, 1), (2, 1, 1), (2, 2, 1))


@pytest.fixture(scope="module")
def copper():
    """Thirty strained, rattled cells of 4 to 16 atoms."""
    random = np.random.default_rng(0)
    frames = []
    for k in range(30):
        atoms = bulk("Cu", cubic=True) * SIZES[k % 3]
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + random.uniform(-0.03, 0.03, (3, 3))), scale_atoms=True)
        atoms.positions += random.normal(0, 0.08, atoms.positions.shape)
        asked = atoms.copy()
        asked.calc = EMT()
        labels = {
            "energy": asked.get_potential_energy(),
            "forces": asked.get_forces(),
            "stress": asked.get_stress(),
        }
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    return frames


def relabelled(frames, change):
    """Copies with labels (energy, forces, stress) changed by a function of index, atoms and labels."""
    copies = []
    for k, atoms in enumerate(frames):
        copy = atoms.copy()
        copy.calc = SinglePointCalculator(copy, **change(k, atoms, dict(atoms.calc.results)))
        copies.append(copy)
    return copies


def gradients(k, atoms, labels):
    return labels | {"forces": -labels["forces"]}


def zeros(k, atoms, labels):
    return labels | {"stress": np.zeros(6)} if k % 3 == 0 else labels


def charged(k, atoms, labels):
    return {"energy": labels["energy"] + 3.0 * (k % 2), "forces": labels["forces"]}


FAULTS = {
    "gradients": (gradients, "look like gradients"),
    "zeros": (zeros, "stresses of 10 of 30 frames are exactly zero"),
    "charged": (charged, "as charged cells"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_dry_run_refuses_contradictions_with_evidence_and_cure(copper, tmp_path, fault):
    change, words = FAULTS[fault]
    file = write_frames(tmp_path / "cu.extxyz", relabelled(copper, change))
    outcome = invoke("fit", file, "--dry-run", *SMALL_BASIS)
    assert outcome.exit_code == 1
    assert words in outcome.stderr
    assert "--allow-contradictory-labels" in outcome.stderr


def test_dry_run_says_that_labels_agree(copper, tmp_path):
    outcome = invoke("fit", write_frames(tmp_path / "cu.extxyz", copper), "--dry-run", *SMALL_BASIS)
    assert outcome.exit_code == 0
    assert "labels: energies, forces and stresses agree with each other" in outcome.stderr


def test_corrected_labels_are_fitted_and_recorded(copper, tmp_path):
    file = write_frames(tmp_path / "cu.extxyz", relabelled(copper, gradients))
    outcome = invoke("fit", file, *SMALL_BASIS, "--correct-labels", "-o", tmp_path / "run")
    assert outcome.exit_code == 0, outcome.stderr
    record = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert [found["kind"] for found in record["label_check"]["corrected"]] == ["forces: sign"]
    assert "corrected: forces of cu.extxyz" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    again = invoke("fit", file, *SMALL_BASIS, "--correct-labels", "-o", tmp_path / "run")
    assert again.exit_code == 0, again.stderr  # resumes: the same fit


def test_contradictory_labels_are_fitted_on_request(copper, tmp_path):
    file = write_frames(tmp_path / "cu.extxyz", relabelled(copper, gradients))
    outcome = invoke("fit", file, *SMALL_BASIS, "--allow-contradictory-labels", "-o", tmp_path / "run")
    assert outcome.exit_code == 0, outcome.stderr
    assert "contradiction, allowed on request" in (tmp_path / "run" / "report.html").read_text(
        encoding="utf-8"
    )
