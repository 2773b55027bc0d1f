"""`validate` flags potentials that are broken in one way, even where there is no reference."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.neighborlist import neighbor_list

from mlip_rs.errors import PropertyError
from mlip_rs.validate.properties import elastic, energy_conservation
from mlip_rs.workflows.validation import validate

STEPS = 200

SECOND_SHELL = 3.62
"""Å, of fcc with this lattice constant."""


class WrongSignOfAComponent(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["forces"][-1, 1] *= -1.0


class TruncatedCutoff(LennardJones):
    """Pairs end at the second shell of the crystal with the energy that they have there, which ASE shifts away."""

    def __init__(self):
        super().__init__(sigma=2.3, epsilon=0.4, rc=SECOND_SHELL)

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        x = (2.3 / SECOND_SHELL) ** 6
        self.results["energy"] += 0.5 * len(neighbor_list("i", self.atoms, SECOND_SHELL)) * 1.6 * (x**2 - x)


class SmoothCutoff(LennardJones):
    def __init__(self):
        super().__init__(sigma=2.3, epsilon=0.4, rc=2 * SECOND_SHELL, smooth=True)


NO_VIRIAL = """
from ase.calculators.emt import EMT

class NoVirial(EMT):
    implemented_properties = ("energy", "forces")
"""


class ZeroVirial(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["stress"] = np.zeros(6)


class FlippedVirial(EMT):
    """The sign of the stress that VASP has."""

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["stress"] = -self.results["stress"]


class HalfTheVirial(EMT):
    """As if every pair were counted once along z."""

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["stress"] = self.results["stress"] * np.array([1, 1, 0.5, 1, 1, 1])


def run_failures(calculator, structure, edge):
    """Failures of a run at constant energy, or the reason why it ended."""
    try:
        found = energy_conservation.energy_conservation(
            calculator, bulk(structure, "fcc", a=edge, cubic=True) * 2, temperature=600.0, steps=STEPS
        )
    except PropertyError as error:
        return (str(error),)
    return energy_conservation.failures(found)


def test_a_wrong_sign_of_one_component_makes_energy():
    assert run_failures(EMT(), "Cu", 3.6) == ()
    assert "exploded" in run_failures(WrongSignOfAComponent(), "Cu", 3.6)[0]


def test_a_truncated_cutoff_does_not_keep_the_energy():
    assert run_failures(SmoothCutoff(), "Ar", SECOND_SHELL) == ()
    assert "total energy drifts" in run_failures(TruncatedCutoff(), "Ar", SECOND_SHELL)[0]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (ZeroVirial, "mechanically unstable"),
        (FlippedVirial, "mechanically unstable"),
        (HalfTheVirial, "stresses are no derivatives of the energy"),
    ],
)
def test_a_wrong_virial_fails_the_elastic_constants(broken, reason):
    copper = bulk("Cu", "fcc", a=3.6)
    assert elastic.failures(elastic.elastic_analysis(EMT(), copper)) == ()
    assert any(reason in text for text in elastic.failures(elastic.elastic_analysis(broken(), copper)))


def test_a_missing_virial_fails_the_report_with_its_reason(tmp_path, monkeypatch):
    (tmp_path / "without_virial.py").write_text(NO_VIRIAL)
    monkeypatch.chdir(tmp_path)
    found = validate("without_virial:NoVirial", tmp_path / "out", crystal="fcc:Cu", only=["elastic"])
    assert not found.passed
    assert found.properties[0].status == "not computed"
    assert "stress" in found.properties[0].error
