"""Sets of structures: sound, reproducible, with their provenance, and as many as the plan says."""

from collections import Counter

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.data import chemical_symbols

from mlip_rs.errors import ConfigError
from mlip_rs.generate.catalogue import CLOSEST, Catalogue
from mlip_rs.generate.distortions import closeness
from mlip_rs.generate.ground_states import GroundState
from mlip_rs.generate.kinds import ORDERING
from mlip_rs.generate.parents import shared_out
from mlip_rs.generate.plan import COUNTS, DYNAMICS, Plan
from mlip_rs.generate.symmetry import crystal_symmetry


@pytest.fixture(scope="module")
def aluminium():
    return list(Catalogue.of(["Al"]).structures(Plan.of_size("small"), seed=3))


def same(first, second) -> bool:
    return (
        first.info == second.info
        and (first.numbers == second.numbers).all()
        and (first.positions == second.positions).all()
        and (first.cell.array == second.cell.array).all()
    )


def test_the_same_seed_gives_the_same_bits():
    first, second = (
        list(Catalogue.of(["Al"]).structures(Plan.of_size("small"), seed=3, n_structures=50))
        for _ in range(2)
    )
    assert all(same(one, other) for one, other in zip(first, second, strict=True))


def test_a_kind_does_not_depend_on_the_others(aluminium):
    slabs = list(Catalogue.of(["Al"]).structures(Plan({"slab": COUNTS["slab"]}), seed=3))
    expected = [atoms for atoms in aluminium if atoms.info["kind"] == "slab"]
    assert all(same(first, second) for first, second in zip(expected, slabs, strict=True))


def test_another_seed_gives_other_structures(aluminium):
    (other,) = Catalogue.of(["Al"]).structures(Plan({"random": 1}), seed=4)
    assert not any(len(other) == len(a) and np.allclose(other.positions, a.positions) for a in aluminium)


def test_a_small_set_of_an_element_is_about_250_cells_most_of_them_small(aluminium):
    sizes = np.array([len(atoms) for atoms in aluminium])
    assert 240 <= len(sizes) <= 250
    assert (sizes <= 8).mean() > 0.75
    assert sizes.max() <= 48
    kinds = Counter(atoms.info["kind"] for atoms in aluminium)
    wanted = {kind: n for kind, n in COUNTS.items() if kind not in (*DYNAMICS, ORDERING) and n}
    assert kinds.keys() == wanted.keys()


def test_every_structure_says_where_it_comes_from(aluminium):
    for atoms in aluminium:
        assert atoms.info["seed"] == 3
        assert atoms.info["config_type"]
        assert "parent" in atoms.info or atoms.info["kind"] in ("cluster", "random")
        assert atoms.calc is None
        assert atoms.pbc.all()
    types = {atoms.info["config_type"] for atoms in aluminium}
    assert {"eos_fcc", "rattle_dia", "strain_hcp", "slab_fcc111", "vacancy", "stacking_fault"} <= types


@pytest.mark.parametrize("elements", [["Al"], ["Ga"], ["Ag", "Au"]])
def test_no_atoms_are_too_close(elements):
    catalogue = Catalogue.of(elements)
    found = list(catalogue.structures(Plan.of_size("small"), seed=0, n_structures=120))
    assert len(found) == 120
    assert min(closeness(atoms, catalogue.spheres) for atoms in found) >= CLOSEST


def test_volumes_are_dense_near_equilibrium_and_reach_far():
    found = list(Catalogue.of(["Cu"]).structures(Plan({"eos": 100}), seed=0))
    ratios = np.array([atoms.info["volume_ratio"] for atoms in found if atoms.info["parent"] == "fcc"])
    assert ratios.min() < 0.66
    assert ratios.max() > 1.8
    near = np.sort(ratios[(ratios > 0.6) & (ratios < 1.65)])
    assert ((near > 0.9) & (near < 1.1)).sum() > 0.4 * len(near)
    volumes = [atoms.get_volume() for atoms in found if atoms.info["parent"] == "fcc"]
    np.testing.assert_allclose(volumes, ratios * 3.61**3 / 4, rtol=1e-5)


def test_compounds_have_elements_ordered_compounds_and_random_alloys():
    found = list(Catalogue.of(["Ag", "Au"]).structures(Plan.of_size("small"), seed=0, n_structures=160))
    systems = Counter("".join(sorted(set(atoms.get_chemical_symbols()))) for atoms in found)
    assert systems["AgAu"] > systems["Ag"] > 0
    assert systems["Au"] > 0
    parents = {atoms.info.get("parent") for atoms in found}
    assert {"L1_2", "B2", "alloy-fcc", "hcp"} <= parents
    formulas = {
        atoms.symbols.formula.reduce()[0].format("hill")
        for atoms in found
        if atoms.info.get("parent") == "L1_2"
    }
    assert len(formulas) == 2


@pytest.mark.parametrize("elements", [["Ag", "Au"], ["Ag", "Au", "Cu"]])
def test_random_alloys_have_all_their_elements_in_the_smallest_cells_too(elements):
    plan = Plan(dict.fromkeys(("eos", "elastic", "strain", "slab"), 60))
    made = list(Catalogue.of(elements).structures(plan, seed=0))
    alloys = [atoms for atoms in made if atoms.info["parent"].startswith("alloy")]
    assert {atoms.info["kind"] for atoms in alloys} == set(plan.counts)
    pairs = {frozenset(atoms.symbols) for atoms in alloys}
    assert all(len(symbols) >= 2 for symbols in pairs)
    assert frozenset(elements) in pairs


def test_structures_of_the_user_are_distorted_at_their_own_volume():
    salt = bulk("NaCl", "rocksalt", a=5.6)
    found = list(
        Catalogue.of([], own=[("salt", salt)]).structures(Plan({"eos": 9, "slab": 3, "random": 2}), seed=0)
    )
    assert len(found) == 14
    for atoms in found:
        assert set(atoms.get_chemical_symbols()) == {"Na", "Cl"}
        if atoms.info["kind"] == "eos":
            assert atoms.info["config_type"] == "eos_salt"
            assert atoms.get_volume() == pytest.approx(
                atoms.info["volume_ratio"] * salt.get_volume(), rel=1e-5
            )


@pytest.mark.parametrize(
    ("element", "number"),
    [("Ga", 64), ("In", 139), ("Sn", 141), ("Zn", 194), ("Sm", 166), ("Bi", 166), ("Al", 225)],
)
def test_ground_states_have_the_space_group_of_the_element(element, number):
    assert crystal_symmetry(GroundState.of(element).crystal, precision=1e-3).number == number


def test_every_element_has_a_volume_and_says_where_from():
    for symbol in chemical_symbols[1:104]:
        state = GroundState.of(symbol)
        assert 0.1 < state.volume < 120.0
        assert state.crystal.get_volume() / len(state.crystal) == pytest.approx(state.volume)
        assert state.origin


def test_atoms_of_gases_are_no_closer_than_in_molecules():
    for element in ("H", "He", "N", "O", "F", "Cl", "Br", "I"):
        state = GroundState.of(element)
        assert state.diameter > 1.5, element
        assert "first principles" in state.origin


def test_a_volume_that_cannot_be_that_of_an_atom_is_refused_or_asked_about():
    for volume in (1.0e-3, 1.0e9):
        with pytest.raises(ConfigError, match=r"is not possible, 16\.6 is expected"):
            GroundState.of("Al", volume)
    assert GroundState.of("Al", 16.0).origin == "given"
    conventional_cell = GroundState.of("Al", 66.4)
    assert "16.61 is expected: is it the volume of one atom?" in conventional_cell.origin
    assert conventional_cell.at_equilibrium(EMT()).volume == 66.4


def test_a_volume_given_counts():
    catalogue = Catalogue.of(["Ga"], {"Ga": 20.4})
    assert catalogue.states["Ga"].origin == "given"
    (atoms,) = catalogue.structures(Plan({"eos": 1}), seed=0)
    assert atoms.get_volume() / len(atoms) == pytest.approx(20.4)


@pytest.mark.parametrize(
    ("elements", "volumes", "sentence"),
    [
        (["Xx"], {}, "'Xx' is not a chemical element"),
        ([], {}, "no elements are given"),
        (["Al", "Al"], {}, "give each element once"),
        (["Al"], {"Al": -1.0}, "is not positive"),
        (["Al"], {"Cu": 11.0}, "Cu is not among the elements Al"),
    ],
)
def test_what_is_wrong_is_said(elements, volumes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Catalogue.of(elements, volumes)


def test_plans_are_checked_and_scaled():
    with pytest.raises(ConfigError, match="unknown kind of structures 'rattles'"):
        Plan.of_size("small").restricted(["rattles"])
    with pytest.raises(ConfigError, match="not KIND or KIND=NUMBER"):
        Plan.of_size("small").restricted(["eos=many"])
    with pytest.raises(ConfigError, match="unknown size 'tiny'"):
        Plan.of_size("tiny")
    with pytest.raises(ConfigError, match="number above 0"):
        Plan.of_size("small").scaled(0)
    assert sum(Plan.of_size("medium").scaled(77).counts.values()) == 77


@pytest.mark.parametrize("count", [0, 1, 7, 100])
def test_numbers_shared_out_add_up(count):
    parts = shared_out(count, [6.0, 2.0, 0.35, 0.35])
    assert sum(parts) == count
    assert parts == sorted(parts, reverse=True)
