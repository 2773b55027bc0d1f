"""Supercells of any shape, strains and displacements do to a crystal what they say, and nothing else."""

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from mlip_rs.generate.bicrystals import tilt_bicrystal, twist_bicrystal
from mlip_rs.generate.defects import GAP, interstitial, slab, slid, vacancy
from mlip_rs.generate.distortions import (
    closeness,
    compact_supercell,
    hermite_normal_forms,
    moved,
    one_moved,
    random_strain,
    random_supercell,
    single_strain,
    strained,
    with_volume,
)
from mlip_rs.generate.out_of_domain import Spheres
from mlip_rs.generate.prototypes import FURTHER_PROTOTYPES, PROTOTYPES, prototype
from mlip_rs.generate.symmetry import crystal_symmetry

ALL = (*PROTOTYPES, *FURTHER_PROTOTYPES)
SPHERES = Spheres(("Al",), np.array([[2.86]]), np.array([16.6]))


def distances(atoms, cutoff=5.0):
    """Sorted distances of all neighbours per atom."""
    return np.sort(neighbor_list("d", atoms, cutoff)).reshape(-1)


@pytest.mark.parametrize("name", ALL)
def test_a_supercell_of_any_shape_is_the_same_crystal(name, rng):
    crystal = prototype(name, "Al", 16.6)
    for cell in (random_supercell(crystal, 3, rng), compact_supercell(crystal, 4 * len(crystal))):
        multiple = len(cell) // len(crystal)
        assert multiple in (3, 4)
        expected = np.repeat(distances(crystal), multiple)
        np.testing.assert_allclose(distances(cell), expected, atol=1e-8)
        assert cell.get_volume() == pytest.approx(multiple * crystal.get_volume())


def test_there_are_as_many_superlattices_as_number_theory_says():
    # Σ_{d | n} d σ(d): OEIS A001001
    assert [len(hermite_normal_forms(n)) for n in range(1, 9)] == [1, 7, 13, 35, 31, 91, 57, 155]
    forms = [np.linalg.det(form) for form in hermite_normal_forms(6)]
    np.testing.assert_allclose(forms, 6.0)


def test_compact_supercells_of_fcc_are_cubes_where_there_are_cubes():
    fcc = prototype("fcc", "Al", 16.0)
    for n_atoms, edge in ((4, 4.0), (32, 8.0)):
        cell = compact_supercell(fcc, n_atoms)
        np.testing.assert_allclose(cell.cell.lengths(), edge)
        np.testing.assert_allclose(cell.cell.angles(), 90.0)


def test_atoms_are_moved_by_the_length_asked_for(rng):
    crystal = compact_supercell(prototype("bcc", "Al", 16.6), 8)
    lengths = np.linalg.norm(moved(crystal, 0.3, rng).positions - crystal.positions, axis=1)
    np.testing.assert_allclose(lengths, 0.3)
    lengths = np.linalg.norm(one_moved(crystal, 0.01, rng).positions - crystal.positions, axis=1)
    np.testing.assert_allclose(np.sort(lengths), [0.0] * 7 + [0.01], atol=1e-12)


def test_strains_are_symmetric_and_volumes_are_as_asked_for(rng):
    crystal = prototype("hcp", "Al", 16.6)
    assert with_volume(crystal, 0.7).get_volume() == pytest.approx(0.7 * crystal.get_volume())
    strain = random_strain(0.1, rng)
    np.testing.assert_allclose(strain, strain.T)
    assert abs(np.trace(strain)) < 1e-12
    sheared = strained(crystal, single_strain(4, 0.02))
    np.testing.assert_allclose(
        sheared.cell.array - crystal.cell.array, crystal.cell.array @ single_strain(4, 0.02)
    )
    np.testing.assert_allclose(sheared.get_scaled_positions(), crystal.get_scaled_positions())


def test_closeness_is_that_of_the_closest_pair():
    assert closeness(prototype("fcc", "Al", 16.6), SPHERES) == pytest.approx(1.0, abs=2e-3)
    near = prototype("sc", "Al", 1.43**3)
    assert closeness(near, SPHERES) == pytest.approx(0.5)


@pytest.mark.parametrize("name", ["fcc", "bcc", "hcp", "diamond", "a11"])
@pytest.mark.parametrize("indices", [(1, 1, 1), (1, 0, 0), (0, 0, 1)])
def test_slabs_are_whole_planes_between_vacuum(name, indices):
    crystal = prototype(name, "Al", 16.6)
    atoms = slab(crystal, indices, 4.0)
    assert len(atoms) <= 16
    heights = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    axis = int(heights.argmax())
    levels = np.sort(atoms.get_scaled_positions()[:, axis])
    gaps = np.diff(np.append(levels, levels[0] + 1.0)) * heights[axis]
    assert gaps.max() >= GAP - 1e-6
    assert closeness(atoms, SPHERES) == pytest.approx(closeness(crystal, SPHERES), abs=1e-6)


def test_a_crystal_that_has_slid_by_a_lattice_vector_is_whole():
    fcc = prototype("fcc", "Al", 16.6)
    assert crystal_symmetry(slid(fcc, (1, 1, 1), 4, (1.0, 0.0)), precision=1e-3).number == 225
    faulted = slid(fcc, (1, 1, 1), 4, (0.5, 0.0))
    assert crystal_symmetry(faulted, precision=1e-3).number < 225
    assert faulted.get_volume() / len(faulted) == pytest.approx(16.6)


def test_one_of_the_faults_of_fcc_has_hcp_planes():
    fcc = prototype("fcc", "Al", 16.6)
    whole = len(distances(fcc, 2.9))
    found = [
        slid(fcc, (1, 1, 1), 4, slip)
        for slip in ((1 / 3, 1 / 3), (2 / 3, 2 / 3), (1 / 3, 2 / 3), (2 / 3, 1 / 3))
    ]
    # one fault of close-packed planes, and one in which atoms lie on top of each other
    close_packed = [cell for cell in found if len(distances(cell, 2.9)) == whole * len(cell)]
    assert close_packed
    assert len(close_packed) < len(found)
    assert all(crystal_symmetry(cell, precision=1e-3).number != 225 for cell in close_packed)


def test_vacancies_and_interstitials_change_the_number_of_atoms_by_one(rng):
    bcc = prototype("bcc", "Al", 16.6)
    assert len(vacancy(bcc, 16, rng)) == 15
    full = interstitial(bcc, 16, "Al", SPHERES, rng)
    assert len(full) == 17
    assert closeness(full, SPHERES) > 0.75


@pytest.mark.parametrize(("structure", "coordination", "reach"), [("fcc", 12, 3.2), ("bcc", 8, 2.9)])
def test_atoms_away_from_a_boundary_have_the_neighbours_of_the_crystal(structure, coordination, reach):
    edge = 4.05 if structure == "fcc" else 3.2
    for cell, second in (
        tilt_bicrystal(structure, "Al", edge, (1, -1, 0), (1, 1, 1), 10.0),
        twist_bicrystal(structure, "Al", edge, (2, 1), 10.0),
    ):
        neighbours = np.bincount(neighbor_list("i", cell, reach), minlength=len(cell))
        heights = cell.positions[:, 2] / cell.cell[2, 2]
        inside = np.abs((heights - 0.25) * 2 % 1 - 0.0).round(6)
        middle = np.minimum(inside, 1.0 - inside) < 0.15
        assert middle.any()
        assert (neighbours[middle] == coordination).all()
        assert second.sum() * 2 == len(cell)
