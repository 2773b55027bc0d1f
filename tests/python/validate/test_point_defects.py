"""Point defects of diamond, of compounds and of other crystals: sites, chemical potentials, what is not determined."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from mlip_rs.calculators.calculations import relaxed_crystal
from mlip_rs.errors import NotApplicableError
from mlip_rs.generate.interstitial_sites import holes
from mlip_rs.generate.prototypes import binary_prototype, prototype
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.compound_defects import candidates, chemical_potentials, crystal_defects
from mlip_rs.validate.figures.point_defects import point_defect_bars
from mlip_rs.validate.properties.point_defects import (
    _SITES,
    DefectEnergy,
    PointDefects,
    any_point_defects,
    failures,
    notes,
    quantities,
)


@pytest.fixture(scope="module")
def ordered():
    """Cu₃Au, which EMT binds more strongly than its elements, and its defects without relaxation to the last bit."""
    crystal = relaxed_crystal(EMT(), binary_prototype("L1_2", "Au", "Cu", 13.3))
    supercell = crystal.repeat(2)
    return crystal, supercell, crystal_defects(EMT(), supercell, fmax=0.1)


def test_sites_of_diamond_are_where_they_belong():
    # Distances to the nearest atoms in lattice constants: tetrahedral √3/4, hexagonal √11/8, bond centre √3/8.
    host = bulk("Si", a=1.0, cubic=True).repeat(3)
    host.positions -= 1.0
    expected = {
        "tetrahedral": (3**0.5 / 4, 4),
        "hexagonal": (11**0.5 / 8, 6),
        "bond-centred": (3**0.5 / 8, 2),
    }
    for name, (distance, count) in expected.items():
        ((x, y, z),) = _SITES["diamond"][name]
        away = np.linalg.norm(host.positions - [x, y, z], axis=1)
        assert away.min() == pytest.approx(distance)
        assert np.isclose(away, distance).sum() == count
    first, second = _SITES["diamond"]["⟨110⟩ dumbbell"]
    assert np.allclose(np.cross(np.subtract(first, second), (1, 1, 0)), 0)


@pytest.mark.parametrize("change", ["as built", "moved", "inverted", "standard cell"])
def test_interstitials_of_diamond_fit_into_any_setting_of_its_cell(monkeypatch, change):
    """Structures before relaxation: every added atom is as far from its neighbours as in the table."""
    from mlip_rs.generate.symmetry import conventional_supercell
    from mlip_rs.validate.cubic_metal import CubicMetal
    from mlip_rs.validate.properties import point_defects as module

    cell = bulk("Si", a=5.43, cubic=True).repeat(2)
    if change == "moved":
        cell.positions += [0.3, 0.2, 0.1]
    elif change == "inverted":
        cell.positions *= -1
    elif change == "standard cell":
        cell = conventional_supercell(bulk("Si", a=5.43), 10.0)
    seen = []
    monkeypatch.setattr(module, "relaxed", lambda calc, atoms, fmax: seen.append(atoms.copy()) or atoms)
    monkeypatch.setattr(module, "potential_energy", lambda calc, atoms: 0.0)
    module.point_defects(None, CubicMetal("diamond", "Si", 5.43), cell)
    closest = {name: 5.43 * d for name, d in (("hexagonal", 11**0.5 / 8), ("tetrahedral", 3**0.5 / 4))}
    added = [atoms for atoms in seen if len(atoms) == 65]
    for name, atoms in zip(_SITES["diamond"], added, strict=True):
        nearest = atoms.get_distances(64, list(range(64)), mic=True).min()
        assert nearest > 1.1
        if name in closest:
            assert nearest == pytest.approx(closest[name])


def test_holes_of_known_crystals():
    def names(atoms):
        return [hole.name for hole in holes(atoms)]

    assert names(bulk("Si", cubic=True))[0] == "tetrahedral (4 Si)"
    assert names(bulk("W", cubic=True)) == ["tetrahedral (4 W)"]
    assert names(bulk("Mg").repeat((2, 2, 1))) == ["octahedral (6 Mg)", "tetrahedral (4 Mg)"]
    assert names(bulk("NaCl", "rocksalt", a=5.6, cubic=True)) == ["cubic (4 Cl, 4 Na)"]
    octahedral = {
        name for name in names(binary_prototype("L1_2", "Au", "Cu", 13.0).repeat(2)) if "oct" in name
    }
    assert octahedral == {"octahedral (2 Au, 4 Cu)", "octahedral (6 Cu)"}
    # the largest empty sphere of fcc has the radius a / 2
    assert holes(bulk("Cu", a=3.6, cubic=True))[0].radius == pytest.approx(1.8)


def test_every_kind_of_defect_of_a_compound_is_tried():
    found = candidates(binary_prototype("B2", "Al", "Ni", 12.0).repeat(3))
    kinds = {name for name, _, _ in found}
    assert {"vacancy of Al", "vacancy of Ni", "Ni on Al", "Al on Ni"} < kinds
    assert {"Al interstitial, ⟨110⟩ dumbbell with Al", "Ni interstitial, ⟨110⟩ dumbbell with Al"} < kinds
    assert any(name.startswith("Ni interstitial, tetrahedral") for name in kinds)
    for _, change, atoms in found:
        assert len(atoms) == 54 + sum(change.values())
        counts = {symbol: atoms.get_chemical_symbols().count(symbol) - 27 for symbol in ("Al", "Ni")}
        assert {symbol: n for symbol, n in counts.items() if n} == change


def test_energies_refer_to_crystals_in_equilibrium(ordered):
    crystal, _, _ = ordered
    limits = chemical_potentials(EMT(), crystal).conditions
    assert set(limits) == {"Au-rich", "Cu-rich"}
    total = crystal.copy()
    total.calc = EMT()
    for values in limits.values():  # each limit holds the crystal in equilibrium with itself
        assert 3 * values["Cu"] + values["Au"] == pytest.approx(total.get_potential_energy())
    assert limits["Au-rich"]["Au"] > limits["Cu-rich"]["Au"]


def test_groups_that_keep_the_composition_need_no_chemical_potential(ordered):
    crystal, _, found = ordered
    balanced = found.balanced()
    lowest = {}
    for values in chemical_potentials(EMT(), crystal).conditions.values():
        energies = {defect.name: defect.formation(values) for defect in found.defects}
        lowest.setdefault("Schottky", []).append(3 * energies["vacancy of Cu"] + energies["vacancy of Au"])
        lowest.setdefault("exchange", []).append(energies["Cu on Au"] + energies["Au on Cu"])
    for name, energy in (
        ("Schottky", "Schottky, vacancies of Au + 3 Cu"),
        ("exchange", "exchange of Au and Cu"),
    ):
        assert lowest[name] == pytest.approx([balanced[energy]] * 2, abs=1e-8)
    assert balanced["Frenkel, Cu"] > 0


def test_formation_energies_of_a_compound_are_shown_by_limit(ordered):
    crystal, supercell, _ = ordered
    found = any_point_defects(EMT(), crystal, supercell)
    names = [quantity.name for quantity in quantities(found)]
    assert "vacancy of Cu, Cu-rich, 32 sites" in names
    assert "vacancy of Cu, Au-rich, 32 sites" in names
    assert found.energies["vacancy of Cu, Au-rich"] < found.energies["vacancy of Cu, Cu-rich"]
    assert notes(found)
    assert "vacancy of Cu, Cu-rich" in found.to_dict()["defects_ev"]
    assert len(point_defect_bars({"a": found}).axes) == 1


def test_an_unstable_compound_has_no_formation_energies_but_balanced_ones():
    calc = LennardJones(sigma=2.4, epsilon=0.4, rc=3.6)
    crystal = relaxed_crystal(calc, binary_prototype("B2", "Au", "Cu", 11.0))
    found = any_point_defects(calc, crystal, crystal.repeat(3))
    assert "not stable against its elements" in found.undetermined
    by_name = {quantity.name: quantity.value for quantity in quantities(found)}
    assert by_name["vacancy of Cu, any limit, 54 sites"] is None
    assert by_name["exchange of Au and Cu, 54 sites"] == pytest.approx(
        0.0, abs=1e-3
    )  # the elements are equal
    assert "not determined" in notes(found)[0]
    assert not any(name.startswith("vacancy") for name in found.energies)


def test_other_crystals_of_an_element_and_what_is_refused():
    crystal = relaxed_crystal(EMT(), prototype("hcp", "Cu", 11.6))
    found = any_point_defects(EMT(), crystal, crystal.repeat((3, 3, 2)))
    assert 0.5 < found.energies["vacancy"] < 2.0
    assert found.energies["interstitial, octahedral (6 Cu)"] > 1.0
    assert found.undetermined == ""
    with pytest.raises(NotApplicableError, match="one or two elements"):
        any_point_defects(EMT(), Atoms("CuAgAu", cell=[4, 4, 4], pbc=True), Atoms("CuAgAu"))


def test_a_defect_without_energy_is_no_failure_and_one_that_gains_is():
    found = PointDefects(8, defects=(DefectEnergy("vacancy of Al, any limit", None), DefectEnergy("x", -1.0)))
    assert failures(found) == ("x: gains energy (-1 eV)",)


def test_the_property_covers_diamond_and_compounds():
    from mlip_rs.validate.properties.point_defects import compute

    case = ValidationCase(EMT(), binary_prototype("L1_2", "Au", "Cu", 13.3), quick=True)
    assert any(name.endswith("Au-rich") for name in compute(case).energies)
