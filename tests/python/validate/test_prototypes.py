"""Phase order, Bain path and vacancies with calculators whose answers are known."""

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from mlip_rs.calculators.calculations import relaxed_crystal
from mlip_rs.errors import ConfigError, NotApplicableError, PropertyError
from mlip_rs.generate import prototype
from mlip_rs.generate.prototypes import binary_prototype
from mlip_rs.validate.figures.bain import bain_curve
from mlip_rs.validate.figures.compounds import formation_bars
from mlip_rs.validate.figures.prototypes import prototype_curves
from mlip_rs.validate.figures.vacancy import vacancy_sizes
from mlip_rs.validate.properties.bain import bain_path
from mlip_rs.validate.properties.compounds import Compounds, compound_energies
from mlip_rs.validate.properties.vacancy import (
    VacancyConvergence,
    VacancyFormation,
    failures,
    notes,
    vacancy_convergence,
)
from mlip_rs.validate.prototype_energies import expected_volume, prototype_energies


def test_emt_aluminium_prefers_fcc_and_open_structures_come_last():
    found = prototype_energies(EMT(), "Al", names=["diamond", "sc", "bcc", "hcp", "fcc"])
    assert found.ordering[0] == "fcc"
    assert found.ordering.index("sc") > found.ordering.index("bcc")
    # K. W. Jacobsen, P. Stoltze and J. K. Nørskov, Surf. Sci. 366, 394 (1996): E0 = −3.28 eV, s0 gives 3.995 Å
    assert found.curve("fcc").lattice_constant == pytest.approx(3.995, abs=0.01)
    assert found.energy_above("fcc", "fcc") == 0.0
    assert len(prototype_curves(found, found).axes) == 1


def test_lennard_jones_lattice_sums_are_those_of_kittel():
    # C. Kittel, Introduction to Solid State Physics, ch. 3: E(fcc) = −8.610 ε at r0 = 1.09 σ; bcc lies 4 % higher
    calculator = LennardJones(sigma=3.4, epsilon=1.0, rc=24.0, smooth=False)
    found = prototype_energies(calculator, "Ar", names=["fcc", "bcc"], volume=(1.1 * 3.4) ** 3 / 2**0.5)
    fcc = found.curve("fcc")
    assert fcc.equilibrium_energy == pytest.approx(-8.610, rel=0.01)
    assert fcc.lattice_constant / 2**0.5 / 3.4 == pytest.approx(1.09, abs=0.005)
    assert found.energy_above("bcc", "fcc") / 1000 / 8.61 == pytest.approx(
        0.0432, abs=0.005
    )  # 8.24 ε for bcc


def test_a_structure_without_a_minimum_is_listed_with_the_reason():
    class Gas(LennardJones):
        def get_potential_energy(self, atoms=None, force_consistent=False):
            return len(atoms) / atoms.get_volume()

    found = prototype_energies(Gas(), "Al", names=["fcc"])
    assert found.curves == ()
    assert "no energy minimum" in dict(found.failures)["fcc"]
    with pytest.raises(PropertyError, match="no energy minimum"):
        found.curve("fcc")


def test_bain_path_goes_through_bcc_and_fcc_of_the_same_volume():
    path = bain_path(EMT(), "Cu", 11.57, axial_ratios=[1.0, 1.2, 2**0.5])
    energies = {}
    for name in ("fcc", "bcc"):
        atoms = prototype(name, "Cu", 11.57)
        atoms.calc = EMT()
        energies[name] = atoms.get_potential_energy() / len(atoms)
    assert path.bcc_above_fcc == pytest.approx(1000 * (energies["bcc"] - energies["fcc"]), abs=1e-6)
    assert len(bain_curve(path, path).axes) == 1


def test_cell_relaxation_finds_the_equilibrium_and_keeps_the_symmetry():
    found = relaxed_crystal(EMT(), prototype("bcc", "Cu", 12.5))
    found.calc = EMT()
    assert np.abs(found.get_stress()).max() < 1e-3
    lengths = found.cell.lengths()
    assert lengths == pytest.approx(lengths[0])


def test_expected_volumes_are_those_of_nature():
    assert expected_volume("Al") == pytest.approx(4.05**3 / 4)
    assert 10 < expected_volume("Sn") < 40


def test_vacancy_converges_with_the_size_of_the_cell():
    found = vacancy_convergence(EMT(), prototype("fcc", "Cu", 11.57), lengths=(7.2,))
    assert [size.n_sites for size in found.sizes] == [32]
    grown = VacancyConvergence((*found.sizes, VacancyFormation(108, 1.2, found.sizes[0].relaxed + 0.02)))
    assert (found.drift, grown.drift) == (0.0, pytest.approx(0.02))
    small = VacancyConvergence((*found.sizes, VacancyFormation(108, 1.2, found.sizes[0].relaxed + 0.06)))
    assert (notes(grown), failures(small)) == ((), ())
    assert "differ by 0.06 eV" in notes(small)[0]
    assert 0.8 < found.sizes[-1].relaxed < found.sizes[-1].unrelaxed < 1.5
    assert len(vacancy_sizes(found, found).axes) == 1


def test_compounds_of_equal_elements_are_their_lattices_and_form_without_energy():
    # a calculator that cannot tell the elements apart: B2 is bcc, L1_0 and L1_2 are fcc, B1 is sc, B3 is diamond
    calculator = LennardJones(sigma=2.3, epsilon=1.0, rc=6.0, smooth=True)
    found = {c.name: c for c in compound_energies(calculator, ("Cu", "Ni")).compounds}
    energies = prototype_energies(calculator, "Cu", names=["fcc", "bcc", "hcp", "diamond", "sc"])
    lowest = min(curve.equilibrium_energy for curve in energies.curves)
    for name, lattice in (("B1", "sc"), ("B2", "bcc"), ("B3", "diamond"), ("L1_0", "fcc"), ("L1_2", "fcc")):
        compound = found[f"{name} CuNi"]
        same = energies.curve(lattice)
        assert compound.formation == pytest.approx(same.equilibrium_energy - lowest, abs=1e-3)
        assert compound.curve.equilibrium_volume == pytest.approx(same.equilibrium_volume, rel=1e-3)
    assert found["L1_2 NiCu"].formation == pytest.approx(found["L1_2 CuNi"].formation, abs=1e-3)


def test_emt_gold_and_copper_order():
    # EMT is fitted to the alloys of these metals: Cu3Au is bound in nature by 74 meV/atom, in EMT by less
    found = {c.name: c for c in compound_energies(EMT(), ("Au", "Cu")).compounds}
    assert -0.1 < found["L1_2 AuCu"].formation < 0
    assert found["B3 AuCu"].formation > 0.3
    assert len(formation_bars(Compounds(tuple(found.values()))).axes) == 1


def test_names_of_compounds_do_not_depend_on_the_order_of_the_elements():
    names = [
        [compound.name for compound in compound_energies(EMT(), elements).compounds]
        for elements in (("Au", "Cu"), ("Cu", "Au"))
    ]
    assert names[0] == names[1] != []


def test_compounds_need_two_elements_and_a_known_structure():
    with pytest.raises(NotApplicableError):
        compound_energies(EMT(), ("Cu",))
    with pytest.raises(ConfigError, match="known are B1"):
        binary_prototype("B7", "Au", "Cu", 14.0)
    fluorite = binary_prototype("C1", "Ca", "F", 14.0)
    assert fluorite.get_chemical_symbols().count("F") == 2
    assert fluorite.get_volume() / 3 == pytest.approx(14.0)
