"""Calculators give the index of their atoms and error bars, and warn once where an atom is clearly outside."""

import copy
import inspect
import pickle

import ase.io
import numpy as np
import pytest
from ase.calculators.calculator import PropertyNotImplementedError
from potentials import CALCULATOR_ROUNDING, argon_crystal
from uncertain_case import cold_argon, warned, watched_argon, with_committee

from mlip_rs.calculators import MLIPCalculator
from mlip_rs.errors import ConfigError
from mlip_rs.uncertainty.half_widths import HalfWidths

BARS = {"energy_uncertainty": (), "forces_uncertainty": (32, 3), "stress_uncertainty": (6,)}


@pytest.fixture(scope="module")
def watched():
    return watched_argon()


@pytest.fixture
def atoms(watched):
    atoms = cold_argon(7)
    atoms.calc = watched.calculator()
    return atoms


def test_a_potential_passes_every_setting_on_to_its_calculator(watched):
    own = inspect.signature(MLIPCalculator).parameters
    passed = inspect.signature(watched.calculator).parameters
    assert {name: one.default for name, one in passed.items()} == {
        name: one.default for name, one in own.items() if name != "potential"
    }
    calculator = watched.calculator(skin=0.3, threads=2, index=False, warn_above=None, level=0.5)
    expected = {"skin": 0.3, "threads": 2, "index": False, "warn_above": None, "level": 0.5}
    assert calculator.parameters == expected


def hot_argon():
    return cold_argon(8, amplitude=0.3)


def test_index_is_part_of_every_calculation(watched, atoms):
    atoms.get_potential_energy()
    expected = watched.uncertainty(atoms).index
    np.testing.assert_allclose(atoms.calc.results["index"], expected, rtol=1e-9)
    np.testing.assert_allclose(atoms.calc.get_property("index", atoms), expected, rtol=1e-9)


def test_index_changes_no_force(watched, atoms):
    other = cold_argon(7)
    other.calc = watched.calculator(index=False)
    assert "index" not in other.calc.results
    assert atoms.get_forces().tobytes() == other.get_forces().tobytes()
    assert atoms.get_stress().tobytes() == other.get_stress().tobytes()


def test_index_that_is_switched_off_can_be_asked_for(watched, atoms):
    other = cold_argon(7)
    other.calc = watched.calculator(index=False)
    other.get_forces()
    assert "index" not in other.calc.results
    np.testing.assert_allclose(
        other.calc.get_property("index", other), atoms.calc.get_property("index", atoms), rtol=1e-9
    )
    assert other.calc.get_property("index", hot_argon(), allow_calculation=False) is None


def test_error_bars_are_those_of_the_committee_at_the_level(watched, atoms):
    atoms.calc.set(level=0.68)
    expected = HalfWidths.of(watched.uncertainty(atoms), 0.68)
    found = {name: atoms.calc.get_property(name, atoms) for name in BARS}
    assert {name: np.shape(value) for name, value in found.items()} == BARS
    assert found["energy_uncertainty"] == pytest.approx(expected.energy * len(atoms))
    np.testing.assert_allclose(found["forces_uncertainty"], expected.forces)
    np.testing.assert_allclose(found["stress_uncertainty"], expected.stress)
    atoms.calc.set(level=0.95)
    assert atoms.calc.get_property("energy_uncertainty", atoms) > found["energy_uncertainty"]


def test_error_bars_are_computed_when_asked_for_and_kept(watched, atoms, monkeypatch):
    calls = []
    real = MLIPCalculator._calculate
    monkeypatch.setattr(MLIPCalculator, "_calculate", lambda self, a: calls.append("own") or real(self, a))
    monkeypatch.setattr(
        "mlip_rs.calculators.ase.error_bars", lambda *_: calls.append("bars") or dict.fromkeys(BARS, 1.0)
    )
    atoms.get_forces()
    assert not set(BARS) & set(atoms.calc.results)
    for name in (*BARS, *BARS):
        atoms.calc.get_property(name, atoms)
    assert calls == ["own", "bars"]
    atoms.positions[0, 0] += 0.01
    atoms.calc.get_property("forces_uncertainty", atoms)
    assert calls == ["own", "bars", "own", "bars"]
    atoms.calc.calculate(atoms, ["energy", "energy_uncertainty", "magmom"])
    assert calls[4:] == ["own", "bars"]


def test_a_cluster_has_error_bars_but_no_stress(atoms):
    atoms.pbc, atoms.cell = False, None
    assert atoms.calc.get_property("forces_uncertainty", atoms).shape == (32, 3)
    with pytest.raises(PropertyNotImplementedError, match="volume"):
        atoms.calc.get_property("stress_uncertainty", atoms)


def test_without_index_and_committee_the_reason_is_given(argon):
    calculator = argon.calculator()
    assert "index" not in calculator.implemented_properties
    for name in ("index", *BARS):
        with pytest.raises(PropertyNotImplementedError, match="fit again"):
            calculator.get_property(name, argon_crystal(1))


def test_a_committee_alone_gives_error_bars_without_index(argon):
    calculator = with_committee(argon).calculator()
    assert calculator.get_property("energy_uncertainty", argon_crystal(1)) > 0.0
    with pytest.raises(PropertyNotImplementedError, match="no index"):
        calculator.get_property("index", argon_crystal(1))


def test_it_warns_once_in_one_sentence(watched):
    calculator = watched.calculator()
    assert not warned(lambda: calculator.get_potential_energy(cold_argon(7)))
    (sentence,) = warned(lambda: [calculator.get_potential_energy(cold_argon(k, 0.3)) for k in range(3)])
    assert "atom" in sentence
    assert "(Ar)" in sentence
    assert "\n" not in sentence
    assert not warned(lambda: calculator.get_potential_energy(hot_argon()))


@pytest.mark.parametrize("settings", [{"index": False}, {"warn_above": None}, {"warn_above": 1e9}])
def test_warnings_can_be_switched_off(watched, settings):
    calculator = MLIPCalculator(watched, **settings)
    assert not warned(lambda: calculator.get_potential_energy(hot_argon()))


@pytest.mark.parametrize(
    "settings",
    [{"level": 1.0}, {"level": "high"}, {"warn_above": 0.0}, {"warn_above": "x"}, {"warn_above": []}],
)
def test_settings_that_make_no_sense_are_refused(watched, settings):
    with pytest.raises(ConfigError):
        MLIPCalculator(watched, **settings)
    calculator = watched.calculator()
    before = dict(calculator.parameters)
    with pytest.raises(ConfigError):
        calculator.set(**settings)
    assert calculator.parameters == before


def test_copies_and_pickles_have_index_and_error_bars(atoms):
    index = atoms.calc.get_property("index", atoms)
    bars = atoms.calc.get_property("forces_uncertainty", atoms)
    for other in (copy.deepcopy(atoms), pickle.loads(pickle.dumps(atoms))):
        np.testing.assert_allclose(other.calc.get_property("index", other), index, rtol=1e-9)
        np.testing.assert_allclose(other.calc.get_property("forces_uncertainty", other), bars)


@pytest.mark.parametrize("suffix", ["traj", "xyz", "json", "db"])
def test_ase_writes_structures_whose_calculator_has_more_than_it_knows(tmp_path, atoms, suffix):
    energy = atoms.get_potential_energy()
    atoms.calc.get_property("energy_uncertainty", atoms)
    name = tmp_path / f"atoms.{suffix}"
    ase.io.write(name, atoms)
    assert ase.io.read(name).get_potential_energy() == pytest.approx(energy, abs=CALCULATOR_ROUNDING)
    assert set(atoms.calc.export_properties()) >= {"energy", "forces", "stress"}
