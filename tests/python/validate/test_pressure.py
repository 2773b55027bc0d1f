"""Enthalpies and transition pressures, against the common tangent and against calculators known exactly."""

import json

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from scipy.optimize import fsolve

from mlip_rs.errors import PropertyError
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA
from mlip_rs.validate import (
    fit_birch_murnaghan,
    pressure_transitions,
    prototype_energies,
    transitions_between,
)
from mlip_rs.validate.figures.pressure import enthalpy_differences
from mlip_rs.validate.properties import PROPERTIES
from mlip_rs.validate.properties.pressure import quantities, reference_failures


def parabola(name, energy, volume, stiffness, span=(0.75, 1.1)):
    volumes = np.linspace(*span, 15) * volume
    return fit_birch_murnaghan(
        name, volumes.tolist(), (energy + 0.5 * stiffness / volume * (volumes - volume) ** 2).tolist()
    )


@pytest.fixture
def silicon_like():
    """A loose crystal, and a dense one 0.25 eV above it."""
    return [parabola("diamond", -4.6, 20.0, 0.6), parabola("beta-sn", -4.35, 15.0, 0.7)]


def test_transition_is_the_common_tangent_of_the_energies(silicon_like):
    loose, dense = silicon_like
    (found,) = transitions_between("Si", silicon_like).transitions

    def slope(curve, v):
        return float(np.diff(curve.energy(np.array([v - 1e-4, v + 1e-4])))[0] / 2e-4)

    def tangent(unknown):
        v, w = unknown
        rise = float(loose.energy(np.array([v]))[0] - dense.energy(np.array([w]))[0])
        return slope(loose, v) - slope(dense, w), rise - slope(loose, v) * (v - w)

    v, w = fsolve(tangent, [18.0, 14.0])
    assert (found.before, found.after) == ("diamond", "beta-sn")
    assert found.volumes == pytest.approx((v, w), rel=1e-4)
    assert found.pressure == pytest.approx(-slope(loose, v) * EV_PER_ANGSTROM3_IN_GPA, rel=1e-4)


def test_structures_are_compared_only_where_their_volumes_go(silicon_like):
    short = [silicon_like[0], parabola("beta-sn", -4.35, 15.0, 0.7, span=(0.99, 1.05))]
    found = transitions_between("Si", short)
    assert found.transitions == ()
    assert found.covered("beta-sn")[1] < found.highest
    assert any("compared in GPa only: beta-sn 0 to" in note for note in found.notes)
    assert np.isnan(found.enthalpies["beta-sn"][-1])
    assert not np.isnan(found.enthalpies["diamond"]).any()
    assert json.loads(json.dumps(found.to_dict()))["enthalpies_ev_per_atom"]["beta-sn"][-1] is None
    with pytest.raises(PropertyError, match="fcc was not computed"):
        found.covered("fcc")
    with pytest.raises(PropertyError, match="two structures, not 1"):
        transitions_between("Si", short[:1])


def test_enthalpy_is_the_integral_of_the_volume(silicon_like):
    # (dH/dP) = V: with the pressure by finite differences of the energy, independent of the coded pressure
    found = transitions_between("Si", silicon_like)
    curve = silicon_like[0]
    slopes = np.gradient(found.enthalpies["diamond"], found.pressures / EV_PER_ANGSTROM3_IN_GPA)[1:-1]
    for volume, p in zip(slopes[::40], found.pressures[1:-1:40], strict=True):
        around = curve.energy(np.array([volume - 1e-3, volume + 1e-3]))
        assert -np.diff(around)[0] / 2e-3 * EV_PER_ANGSTROM3_IN_GPA == pytest.approx(p, abs=0.05)


def test_pressure_of_a_calculator_is_that_of_its_stress():
    copper = prototype_energies(EMT(), "Cu", names=["fcc", "bcc"])
    found = pressure_transitions(EMT(), copper)
    from ase.build import bulk

    volume = float(np.gradient(found.enthalpies["fcc"], found.pressures / EV_PER_ANGSTROM3_IN_GPA)[100])
    atoms = bulk("Cu", "fcc", a=(4 * volume) ** (1 / 3))
    atoms.calc = EMT()
    by_stress = -atoms.get_stress()[:3].mean() * EV_PER_ANGSTROM3_IN_GPA
    assert by_stress == pytest.approx(found.pressures[100], rel=0.03)


def test_close_packed_lennard_jones_crystal_stays_so_under_pressure():
    calculator = LennardJones(sigma=3.4, epsilon=0.0104, rc=10.0, smooth=True)
    at_rest = prototype_energies(
        calculator, "Ar", names=["fcc", "bcc", "sc"], volume=(1.1 * 3.4) ** 3 / 2**0.5
    )
    found = pressure_transitions(calculator, at_rest)
    assert found.transitions == ()
    assert "The stable structure does not change." in found.notes
    assert len(enthalpy_differences(found, found).axes) == 1


def test_a_missing_and_an_additional_transition_are_failures(silicon_like):
    found = transitions_between("Si", silicon_like)
    without = transitions_between("Si", [silicon_like[0], parabola("beta-sn", -3.0, 15.0, 0.7)])
    (quantity,) = quantities(found)
    assert (quantity.name, quantity.unit) == ("diamond → beta-sn", "GPa")
    # 15 meV/atom over about 4 Å³/atom
    assert quantity.threshold.limit(1.0) == pytest.approx(0.6, abs=0.15)
    assert reference_failures(found, found) == ()
    assert "the reference has diamond → beta-sn" in reference_failures(without, found)[0]
    assert "the potential has diamond → beta-sn" in reference_failures(found, without)[0]


def test_energies_that_follow_no_equation_of_state_under_compression_are_left_out():
    class Kinked(EMT):
        limit = 10.5

        def calculate(self, atoms=None, *args, **kwargs):
            super().calculate(atoms, *args, **kwargs)
            self.results["energy"] += 0.3 * len(atoms) * (atoms.get_volume() / len(atoms) < self.limit)

    at_rest = prototype_energies(EMT(), "Cu", names=["fcc", "bcc", "hcp"])
    whole, kinked = (pressure_transitions(make(), at_rest) for make in (EMT, Kinked))
    assert kinked.highest < 0.5 * whole.highest
    assert min(kinked.curves[0].volumes) > Kinked.limit > min(whole.curves[0].volumes)
    Kinked.limit = at_rest.curve("fcc").equilibrium_volume
    with pytest.raises(PropertyError, match="two structures, not 0; fcc: "):
        pressure_transitions(Kinked(), at_rest)


def test_property_is_in_the_list_and_says_its_range():
    entry = next(entry for entry in PROPERTIES if entry.name == "pressure")
    curves = [parabola("diamond", -4.6, 20.0, 0.6), parabola("beta-sn", -4.35, 15.0, 0.7)]
    notes = entry.notes(transitions_between("Si", curves))
    assert notes[0].startswith("Looked for between 0 and ")
