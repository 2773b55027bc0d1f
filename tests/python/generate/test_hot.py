"""Dynamics with any calculator: snapshots while it is sound, and a sentence where it is not."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from cli_case import errors, invoke

from mlip_rs.errors import ConfigError
from mlip_rs.generate import hot
from mlip_rs.generate.calculator import equilibrium_ratio
from mlip_rs.generate.catalogue import Catalogue
from mlip_rs.generate.plan import Plan


class Failing(Calculator):
    """EMT that answers some times only, or with forces of another size."""

    implemented_properties = ("energy", "forces")

    def __init__(self, answers: int = 10**9, factor: float = 1.0):
        super().__init__()
        self.answers, self.factor, self.emt = answers, factor, EMT()

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.answers -= 1
        if self.answers < 0:
            raise RuntimeError("out of memory")
        copy = atoms.copy()
        copy.calc = self.emt
        self.results = {
            "energy": copy.get_potential_energy(),
            "forces": self.factor * copy.get_forces(),
        }


@pytest.fixture(autouse=True)
def short_runs(monkeypatch):
    monkeypatch.setattr(hot, "WARM_UP", 20)
    monkeypatch.setattr(hot, "BETWEEN", 10)


def snapshots(calculator, **counts):
    notes: list[str] = []
    catalogue = Catalogue.of([], own=[("cu", bulk("Cu"))])
    found = list(catalogue.structures(Plan(counts), 0, calculator=calculator, note=notes.append))
    return found, notes


def test_snapshots_are_warm_and_kept_together():
    found, notes = snapshots(EMT(), solid=3, liquid=3)
    assert not notes
    assert [atoms.info["config_type"] for atoms in found] == ["md_solid"] * 3 + ["md_liquid"] * 3
    assert len({atoms.info["group"] for atoms in found}) == 2
    assert all(atoms.calc is None and atoms.info["temperature"] > 300.0 for atoms in found)
    assert np.abs(found[0].positions - found[1].positions).max() > 0.01


def test_the_same_seed_gives_the_same_snapshots():
    first, second = (snapshots(EMT(), solid=1)[0][0] for _ in range(2))
    np.testing.assert_array_equal(first.positions, second.positions)


def test_what_a_failing_calculator_gave_before_is_kept():
    found, notes = snapshots(Failing(answers=35), solid=3)
    assert len(found) == 1
    (sentence,) = notes
    assert sentence.startswith(
        "dynamics of solid-cu-0: the calculator gave an error (RuntimeError: out of memory)"
    )
    assert sentence.endswith("1 of 3 snapshots taken")


@pytest.mark.parametrize("factor", [1e4, -30.0, np.nan])
def test_runs_that_explode_end(factor):
    found, notes = snapshots(Failing(factor=factor), solid=3)
    assert not found
    assert "0 of 3 snapshots taken" in notes[0]
    assert "eV/Å was reached" in notes[0] or "came closer" in notes[0]


def test_dynamics_without_calculator_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="solid: needs a calculator"):
        snapshots(None, solid=1)
    result = invoke("generate", "Cu", "-o", tmp_path / "cu.extxyz", "--kinds", "liquid=2")
    assert errors(result)[0].startswith("error: liquid: needs a calculator")
    result = invoke("generate", "Cu", "-o", tmp_path / "cu.extxyz", "--calculator", "nothing.mlip.json")
    assert errors(result) == ["error: nothing.mlip.json: there is no such file; name the file of a potential"]
    assert not list(tmp_path.iterdir())


def test_volumes_are_those_of_the_calculator():
    exact = 3.5896**3 / 4  # minimum of EMT, found by hand
    ratio = equilibrium_ratio(EMT(), bulk("Cu", a=3.5))
    assert ratio * 3.5**3 / 4 == pytest.approx(exact, rel=5e-3)
    states = Catalogue.of(["Cu"], calculator=EMT()).states
    assert states["Cu"].volume == pytest.approx(exact, rel=5e-3)
    assert Catalogue.of(["Cu"], {"Cu": 12.0}, calculator=EMT()).states["Cu"].volume == 12.0
    assert equilibrium_ratio(Failing(answers=3), bulk("Cu", a=3.5)) is None
