"""Structures outside the domain of data are as close, as wide and as mixed as they claim."""

import numpy as np
import pytest
from ase.build import bulk

from mlip_rs.errors import ConfigError
from mlip_rs.generate.melting_points import melting_point
from mlip_rs.generate.out_of_domain import (
    OVERLAP,
    Spheres,
    cluster,
    displaced,
    out_of_domain,
    random_cell,
    supercell,
)
from mlip_rs.generate.systems import System, mixture, systems_of

SILVER_GOLD = Spheres(("Ag", "Au"), [[2.4, 2.3], [2.3, 2.2]], [17.0, 18.0])
SYSTEMS = [System(elements) for elements in systems_of(SILVER_GOLD.elements)]
THREE = Spheres(("H", "C", "O"), np.full((3, 3), 1.0), [3.0, 5.0, 7.0])


def distances(atoms, spheres):
    """Distances of all pairs in those at which they touch."""
    touching = spheres.distances(atoms.get_chemical_symbols())
    return (atoms.get_all_distances(mic=True) / touching)[np.triu_indices(len(atoms), 1)]


def test_spheres_of_a_cell_do_not_overlap_where_there_is_room(rng):
    atoms = random_cell(SILVER_GOLD, mixture(("Ag", "Au"), 20, rng), 1.0, rng)
    assert distances(atoms, SILVER_GOLD).min() > 1.0 - 2 * OVERLAP


def test_cells_have_the_volume_of_their_composition(rng):
    atoms = random_cell(SILVER_GOLD, ["Ag", "Ag", "Ag", "Au"], 0.5, rng)
    assert atoms.get_volume() == pytest.approx(0.5 * (3 * 17.0 + 18.0))


@pytest.mark.parametrize("n_atoms", [2, 5, 13])
def test_atoms_of_a_cluster_touch_and_do_not_overlap(rng, n_atoms):
    atoms = cluster(SILVER_GOLD, mixture(("Ag", "Au"), n_atoms, rng), rng, contact=1.1)
    assert distances(atoms, SILVER_GOLD).min() == pytest.approx(1.1, abs=2 * OVERLAP)
    assert not atoms.pbc.any()


def test_displaced_atoms_keep_their_distance(rng):
    crystal = bulk("Ag", "fcc", a=3.2, cubic=True).repeat(2)
    atoms = displaced(crystal, SILVER_GOLD, 0.2, rng)
    assert distances(atoms, SILVER_GOLD).min() > 0.75
    assert np.abs(atoms.positions - crystal.positions).max() > 0.3


def test_same_seed_gives_same_structures():
    first, second = (
        random_cell(SILVER_GOLD, ["Ag", "Au"] * 4, 0.7, np.random.default_rng(3)) for _ in range(2)
    )
    assert np.array_equal(first.positions, second.positions)


def test_sizes_that_make_no_sense_are_refused():
    with pytest.raises(ConfigError, match="closest"):
        Spheres(("Ag",), [[0.0]], [17.0])
    with pytest.raises(ConfigError, match="volumes"):
        Spheres(("Ag", "Au"), np.ones((2, 2)), [17.0])


def test_melting_point_is_that_of_the_hardest_element():
    assert melting_point(("Ag", "Au")) == 1337.0
    assert melting_point(("H",)) == 300.0


def test_structures_of_all_kinds_and_systems_are_there():
    structures = out_of_domain(SILVER_GOLD, SYSTEMS, 12, seed=1)
    assert [set(atoms.get_chemical_symbols()) for atoms in structures[:3]] == [{"Ag"}, {"Au"}, {"Ag", "Au"}]
    assert sum(not atoms.pbc.any() for atoms in structures) == 3
    again = out_of_domain(SILVER_GOLD, SYSTEMS, 12, seed=1)
    assert all(np.array_equal(a.positions, b.positions) for a, b in zip(structures, again, strict=True))


def test_supercell_has_enough_atoms_of_the_same_volume():
    unit = bulk("Ag", "fcc", a=4.0)
    large = supercell(unit, 30)
    assert 30 <= len(large) < 60
    assert large.get_volume() / len(large) == pytest.approx(16.0)
