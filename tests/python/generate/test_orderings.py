"""All orderings of a lattice: as many as published, none twice, none missing against a plain search."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from ase import Atoms
from ase.utils.structure_comparator import SymmetryEquivalenceCheck

from mlip_rs.errors import ConfigError
from mlip_rs.generate.catalogue import Catalogue
from mlip_rs.generate.compounds import COMPOUNDS, compounds
from mlip_rs.generate.distortions import hermite_normal_forms, supercell_of
from mlip_rs.generate.ground_states import GroundState
from mlip_rs.generate.orderings import orderings
from mlip_rs.generate.parents import spheres_of
from mlip_rs.generate.plan import Plan
from mlip_rs.generate.prototypes import prototype
from mlip_rs.generate.symmetry import crystal_symmetry


@pytest.mark.parametrize("name", ["fcc", "bcc"])
def test_there_are_as_many_binary_orderings_as_published(name):
    # G. L. W. Hart and R. W. Forcade, Phys. Rev. B 77, 224115 (2008), without exchange of the elements
    found = Counter(len(atoms) for atoms in orderings(prototype(name, "Ag", 17.0), ["Ag", "Au"], 7))
    assert found == {2: 2, 3: 6, 4: 19, 5: 28, 6: 80, 7: 104}


@pytest.mark.parametrize(("name", "most"), [("fcc", 3), ("hcp", 4), ("omega", 3)])
def test_a_plain_search_finds_the_same_orderings_with_one_atom_of_an_element(name, most):
    lattice = prototype(name, "Ag", 17.0)
    same = SymmetryEquivalenceCheck()
    plain: list[Atoms] = []
    for multiple in range(1, most // len(lattice) + 1):
        for form in hermite_normal_forms(multiple):
            cell = supercell_of(lattice, form)
            for symbols in product(["Ag", "Au"], repeat=len(cell)):
                cell.set_chemical_symbols(symbols)
                if (
                    symbols.count("Ag") == 1
                    and len(cell) > 1
                    and not any(same.compare(cell, other) for other in plain)
                ):
                    plain.append(cell.copy())
    every = orderings(lattice, ["Ag", "Au"], most)
    found = [atoms for atoms in every if atoms.get_chemical_symbols().count("Ag") == 1]
    assert len(found) == len(plain)
    assert all(any(same.compare(atoms, other) for other in found) for atoms in plain)


def test_orderings_of_three_elements_have_all_three():
    found = list(orderings(prototype("fcc", "Ag", 17.0), ["Ag", "Au", "Cu"], 4))
    assert Counter(len(atoms) for atoms in found) == {3: 3, 4: 39}
    assert all(len(set(atoms.get_chemical_symbols())) == 3 for atoms in found)


def test_orderings_keep_the_sites_of_the_lattice():
    for atoms in orderings(prototype("hcp", "Ag", 17.0), ["Ag", "Au"], 4):
        bare = Atoms(numbers=[47] * len(atoms), positions=atoms.positions, cell=atoms.cell, pbc=True)
        assert crystal_symmetry(bare).number == 194
        assert atoms.get_volume() / len(atoms) == pytest.approx(17.0)


def test_too_many_orderings_are_refused():
    with pytest.raises(ConfigError, match="too many to compare"):
        next(orderings(prototype("fcc", "Ag", 17.0), ["Ag", "Au", "Cu", "Pd"], 10))


def test_a_set_has_all_orderings_once_and_some_of_them_distorted():
    catalogue = Catalogue.of(["Ag", "Au"], orderings=3)
    found = list(catalogue.structures(Plan({"ordering": 1, "rattle": 60}), seed=0, n_structures=80))
    assert len(found) == 80
    kinds = Counter(atoms.info["kind"] for atoms in found)
    assert kinds["ordering"] == 8 + 8 + 1
    assert any(atoms.info["config_type"] == "rattle_ordering-fcc" for atoms in found)
    names = [atoms.info["parent"] for atoms in found if atoms.info["kind"] == "ordering"]
    assert len(set(names)) == len(names)
    with pytest.raises(ConfigError, match="there are 17 orderings, more than 5 structures"):
        catalogue.orders(Plan.of_size("small"), 5)


def test_compounds_have_their_space_groups():
    for system in (["Ag", "Au"], ["Ti", "Al", "V"]):
        spheres = spheres_of({symbol: GroundState.of(symbol) for symbol in system})
        for name, atoms in compounds(system, spheres):
            assert crystal_symmetry(atoms, precision=1e-3).number == COMPOUNDS[name][0]
            assert set(atoms.get_chemical_symbols()) == set(system)
            assert np.isfinite(atoms.positions).all()
