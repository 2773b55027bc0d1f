"""Of elements that data have in compounds only, the compounds are tested, beside their own structure."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from potentials import random_potential

from mlip_rs.potential import Potential
from mlip_rs.potential.lowest_compounds import COMPOUNDS_KEY, recorded_compounds
from mlip_rs.potential.lowest_crystals import LowestCrystals, with_lowest_structures
from mlip_rs.potential.stress_test import stress_test

CLOSEST = np.full((2, 2), 2.2)
ELEMENTS = ("Al", "Ni")
ALLOY = bulk("AlNi", "cesiumchloride", a=2.9)


def recorded(*structures):
    """A potential that knows the lowest structures of its data, from its file."""
    return Potential.from_json(
        with_lowest_structures(random_potential(ELEMENTS, "pair"), structures).to_json()
    )


def names(potential):
    return [system.name for system in LowestCrystals.of(potential, CLOSEST).systems]


def test_a_compound_of_elements_that_no_data_have_alone_is_all_that_is_tested():
    assert names(recorded(ALLOY)) == ["AlNi"]
    assert names(recorded(ALLOY, bulk("Al"))) == ["Al", "AlNi"]
    assert names(recorded(ALLOY, bulk("Al"), bulk("Ni"))) == ["Al", "Ni", "Al–Ni"]
    assert names(recorded(bulk("Ni"), Atoms("Al"))) == ["Ni"]
    assert names(random_potential(ELEMENTS, "pair")) == ["Al", "Ni", "Al–Ni"]


def test_disordered_mixtures_of_large_cells_are_no_compounds():
    mixture = bulk("Al", cubic=True).repeat(3)
    mixture.symbols[:53] = "Ni"
    assert names(recorded(mixture)) == ["Al", "Ni", "Al–Ni"]
    assert names(recorded(mixture, bulk("Al"))) == ["Al"]


def test_only_the_lowest_structure_of_a_set_of_elements_is_a_compound():
    assert names(recorded(ALLOY, Atoms("AlNi3", np.eye(4, 3) * 2.0, cell=[3.0] * 3, pbc=True))) == ["AlNi"]


@pytest.mark.parametrize(
    "atoms", [Atoms("Ni", cell=[12.0] * 3, pbc=True), Atoms("Ni2", [[0, 0, 0], [0, 0, 2.3]])]
)
def test_single_atoms_and_molecules_are_no_crystals_of_their_element(atoms):
    assert names(recorded(ALLOY, bulk("Al"), atoms)) == ["Al", "AlNi"]


def test_the_stress_test_says_what_its_structures_are_made_of():
    result = stress_test(recorded(ALLOY), first_failure=True)
    assert result.systems == ("AlNi",)
    assert type(result).from_dict(result.to_dict()).systems == ("AlNi",)


def test_energies_are_judged_beside_the_structure_at_any_volume():
    potential = recorded(ALLOY)
    lowest = LowestCrystals.of(potential, CLOSEST)
    energy = potential.predict(ALLOY).energy / 2
    for ratio in (0.5, 1.0, 3.0):
        assert lowest.floor(["Al", "Ni"], ratio) <= energy + 1e-9
        assert lowest.floor(["Al", "Ni"], ratio) == lowest.floor(["Ni", "Al"], 1.0)
    lower = bulk("AlNi", "rocksalt", a=4.6)
    known = LowestCrystals.of(potential, CLOSEST, [lower]).floor(["Al", "Ni"], 1.0)
    assert known <= potential.predict(lower).energy / 2 + 1e-9
    assert lowest.volume(["Ni", "Al"]) == pytest.approx(2.9**3 / 2)


def test_structures_keep_their_periodic_directions():
    slab = Atoms("AlNi", [[0, 0, 0], [0, 0, 2.4]], cell=[2.5, 2.5, 20.0], pbc=[True, True, False])
    (system,) = recorded_compounds(ELEMENTS, recorded(slab).info)
    assert system.crystal is None
    assert system.volume is None
    assert system.structure.pbc.tolist() == [True, True, False]
    assert system.structure.cell[0, 0] == 2.5


NONSENSE = [
    3,
    [3],
    [{}],
    [{"symbols": ["Al", "Ni"], "cell": np.eye(3).tolist(), "positions": [[0, 0, 0]], "pbc": [True] * 3}],
    [
        {
            "symbols": ["Al", "Cu"],
            "cell": np.eye(3).tolist(),
            "positions": np.eye(2, 3).tolist(),
            "pbc": [True] * 3,
        }
    ],
    [{"symbols": ["Al", "Ni"], "cell": [[0] * 3] * 3, "positions": np.eye(2, 3).tolist(), "pbc": [True] * 3}],
    [{"symbols": ["Al", "Ni"], "cell": "large", "positions": np.eye(2, 3).tolist(), "pbc": [True] * 3}],
    [{"symbols": ["Al", "Ni"], "cell": np.eye(3).tolist(), "positions": np.eye(2, 3).tolist(), "pbc": True}],
    [{"symbols": 7, "cell": np.eye(3).tolist(), "positions": np.eye(2, 3).tolist(), "pbc": [True] * 3}],
    [
        {
            "symbols": ["Al", "Q"],
            "cell": np.eye(3).tolist(),
            "positions": np.eye(2, 3).tolist(),
            "pbc": [True] * 3,
        }
    ],
]


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_records_that_make_no_sense_do_not_matter(nonsense):
    potential = random_potential(ELEMENTS, "pair")
    assert names(potential.with_info({COMPOUNDS_KEY: nonsense})) == ["Al", "Ni", "Al–Ni"]
