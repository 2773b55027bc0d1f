"""Wrong units and signs are told by differences of the energy; constant errors of the stress are noted."""

from dataclasses import replace

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT

from mlip_rs.label.derivatives import compared, variants
from mlip_rs.label.labels import labels_of

GPA = units.GPa


def found(spoil, atoms=None):
    """The check, after the labels were spoilt."""
    atoms = bulk("Al", a=4.1, cubic=True) if atoms is None else atoms
    base = spoil(labels_of(atoms, EMT()))
    structures = [atoms, *variants(atoms, base)]
    return compared(structures, [base, *(spoil(labels_of(one, EMT())) for one in structures[1:])])


@pytest.mark.parametrize("rattle", [0.0, 0.1])
@pytest.mark.parametrize("a", [3.6, 4.0, 4.4])
def test_right_labels_pass_at_any_volume(rattle, a):
    atoms = bulk("Al", a=a, cubic=True)
    atoms.rattle(rattle, seed=1)
    check = found(lambda labels: labels, atoms)
    assert not check.fault
    assert not check.notes


@pytest.mark.parametrize(
    ("energy", "forces", "words"),
    [
        (1.0, -1.0, "gradients"),
        (units.mol / units.kcal, 1.0, "eV/Å beside an energy in kcal/mol"),
        (1.0, units.Bohr / units.Hartree, "Hartree/bohr"),
        (1.0 / units.Hartree, units.Bohr / units.Hartree, "atomic units"),
        (1.0, units.mol / units.kcal, "kcal/mol/Å"),
        (0.25, 1.0, "divided by the number of atoms"),
        (1.0, 0.0, "0 times"),
    ],
)
def test_forces_in_other_units_are_refused_by_name(energy, forces, words):
    check = found(lambda one: replace(one, energy=energy * one.energy, forces=forces * one.forces))
    assert check.fault.startswith("forces are not the derivative of the energy")
    assert words in check.fault


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (-1.0, "positive under compression"),
        (1.0 / GPA, "GPa"),
        (-10.0 / GPA, "kBar, positive under compression"),
    ],
)
def test_stresses_in_other_units_are_refused_by_name(factor, words):
    check = found(lambda one: replace(one, stress=factor * one.stress))
    assert check.fault.startswith("the stress is not the derivative of the energy")
    assert words in check.fault


def test_a_constant_error_of_the_stress_is_noted_with_its_size():
    check = found(lambda one: replace(one, stress=one.stress - 7.4 * GPA * np.repeat([1.0, 0.0], 3)))
    assert not check.fault
    assert check.pressure_error == pytest.approx(7.4, abs=0.3)
    assert "Pulay" in check.notes[0]


def test_labels_without_stress_are_checked_by_their_forces():
    check = found(lambda one: replace(one, stress=None))
    assert check.stress_ratio is None
    assert check.force_ratio == pytest.approx(1.0, abs=0.05)
