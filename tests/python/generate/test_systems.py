"""Systems are what data allow to be tested: mixtures of elements that they have alone, and compounds of the others."""

from collections import Counter

import numpy as np
import pytest
from ase import Atoms

from mlip_rs.generate.out_of_domain import Spheres, out_of_domain
from mlip_rs.generate.systems import System, mixture, systems_of, systems_within

PEROVSKITE = Atoms(
    "SrTiO3",
    np.array([[0, 0, 0], [1, 1, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]]) * 1.95,
    cell=[3.9] * 3,
    pbc=True,
)


def test_mixtures_hold_every_element(rng):
    assert set(mixture(("H", "C", "O"), 3, rng)) == {"H", "C", "O"}
    assert len(mixture(("H",), 7, rng)) == 7


def test_systems_are_elements_pairs_and_all_together():
    assert systems_of(("Ag", "Au")) == (("Ag",), ("Au",), ("Ag", "Au"))
    assert systems_of(("H", "C", "O"))[-1] == ("H", "C", "O")
    assert len(systems_of(("H", "C", "O"))) == 7


def test_compounds_have_the_composition_of_their_structure(rng):
    system = System.compound(["O", "Sr", "Ti"], PEROVSKITE.repeat(2))
    assert system.name == "SrTiO3"
    assert Counter(system.mixed(16, rng)) == {"O": 9, "Sr": 3, "Ti": 3}
    assert Counter(system.mixed(1, rng)) == {"O": 3, "Sr": 1, "Ti": 1}
    assert system.volume == pytest.approx(3.9**3 / 5)


def test_only_elements_that_are_known_alone_are_mixed():
    oxide = System.compound(["Sr", "Ti", "O"], PEROVSKITE)
    found = systems_within(["Sr", "Ti", "O"], ["Sr", "Ti"], [oxide])
    assert [system.name for system in found] == ["Sr", "Ti", "Sr–Ti", "SrTiO3"]
    assert len(systems_within(["Sr", "Ti", "O"], [], [])) == 7


def test_structures_of_a_compound_are_crowded_and_opened_beside_its_own_volume():
    spheres = Spheres(("Sr", "Ti", "O"), np.full((3, 3), 1.5), [1.0, 1.0, 1.0])
    structures = out_of_domain(spheres, [System.compound(spheres.elements, PEROVSKITE)], 40, seed=3)
    assert {atoms.get_chemical_formula(empirical=True) for atoms in structures} == {"O3SrTi"}
    ratios = [atoms.get_volume() / len(atoms) * 5 / 3.9**3 for atoms in structures if atoms.pbc.all()]
    assert 0.4 < min(ratios) < 0.7
    assert 1.5 < max(ratios) < 3.0


def test_slabs_and_boxes_are_no_crystals():
    slab = PEROVSKITE.repeat(2)
    slab.center(vacuum=5.0, axis=2)
    for atoms in (slab, Atoms("SrTiO3", PEROVSKITE.positions, cell=[14.0] * 3, pbc=True)):
        system = System.compound(["Sr", "Ti", "O"], atoms)
        assert system.structure == atoms
        assert system.crystal is None
        assert system.volume is None
        found = out_of_domain(
            Spheres(("Sr", "Ti", "O"), np.full((3, 3), 1.5), [12.0] * 3), [system], 8, seed=3
        )
        assert {atoms.get_chemical_formula(empirical=True) for atoms in found} == {"O3SrTi"}
