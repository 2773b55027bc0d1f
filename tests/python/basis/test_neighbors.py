import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list as ase_neighbor_list
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mlip_rs import _core
from mlip_rs.data.core_structures import structure_from_arrays, structure_from_atoms
from mlip_rs.errors import ConfigError, StructureError

MARGIN = 1e-9
"""Pairs this close (Å) to the cutoff may round to either side."""

VECTOR_TOLERANCE = 1e-10
"""Å, for coordinates up to a hundred."""


def sorted_pairs(first, second, shifts):
    rows = np.column_stack([first, second, shifts]).astype(np.int64)
    return rows[np.lexsort(rows.T[::-1])]


def assert_agrees_with_ase(atoms, cutoff):
    i, j, shifts, vectors = _core.neighbor_list(structure_from_atoms(atoms), cutoff)
    np.testing.assert_allclose(
        vectors, atoms.positions[j] + shifts @ atoms.cell.array - atoms.positions[i], atol=VECTOR_TOLERANCE
    )
    assert (np.diff(i) >= 0).all()
    assert (shifts[:, ~atoms.pbc] == 0).all()
    lengths = np.linalg.norm(vectors, axis=1)
    assert (lengths < cutoff + MARGIN).all()
    expected_i, expected_j, expected_lengths, expected_shifts = ase_neighbor_list("ijdS", atoms, cutoff)
    sure, expected_sure = lengths < cutoff - MARGIN, expected_lengths < cutoff - MARGIN
    np.testing.assert_array_equal(
        sorted_pairs(i[sure], j[sure], shifts[sure]),
        sorted_pairs(expected_i[expected_sure], expected_j[expected_sure], expected_shifts[expected_sure]),
    )


def scattered(n, cell, pbc, seed, spread=1.0):
    fractional = np.random.default_rng(seed).uniform(-spread, 1 + spread, (n, 3))
    return Atoms(f"Al{n}", positions=fractional @ np.asarray(cell, float), cell=cell, pbc=pbc)


SKEWED = [[4.0, 0.3, -0.2], [9.0, 2.5, 0.1], [-3.0, 1.0, 3.0]]
LEFT_HANDED = [[0.3, 4.1, 0.0], [3.9, 0.5, -0.4], [0.2, 0.7, 4.6]]
TINY = [[1.1, 0.0, 0.0], [0.2, 1.3, 0.0], [-0.1, 0.3, 0.9]]
ALL_PBC = [[bool(bits & 1), bool(bits & 2), bool(bits & 4)] for bits in range(8)]


@pytest.mark.parametrize("pbc", ALL_PBC, ids=lambda pbc: "".join("TF"[not p] for p in pbc))
@pytest.mark.parametrize("cell", [SKEWED, LEFT_HANDED, TINY], ids=["skewed", "left-handed", "tiny"])
def test_pairs_are_those_of_ase_with_atoms_outside_the_cell(cell, pbc):
    assert_agrees_with_ase(scattered(7, cell, pbc, seed=3), 3.7)


@pytest.mark.parametrize("pbc", ALL_PBC, ids=lambda pbc: "".join("TF"[not p] for p in pbc))
def test_pairs_turn_with_the_cell(pbc):
    atoms = scattered(9, SKEWED, pbc, seed=5)
    for seed in range(4):
        turn = Rotation.random(random_state=seed).as_matrix()
        turned = Atoms(atoms.numbers, positions=atoms.positions @ turn.T, cell=atoms.cell @ turn.T, pbc=pbc)
        assert_agrees_with_ase(turned, 4.1)
        i, j, shifts, _ = _core.neighbor_list(structure_from_atoms(turned), 4.1)
        i0, j0, shifts0, _ = _core.neighbor_list(structure_from_atoms(atoms), 4.1)
        np.testing.assert_array_equal(sorted_pairs(i, j, shifts), sorted_pairs(i0, j0, shifts0))


def test_molecule_without_a_cell():
    assert_agrees_with_ase(molecule("C6H6"), 2.1)


def test_open_directions_with_negative_coordinates_and_without_vectors():
    atoms = scattered(8, SKEWED, [True, False, False], seed=1)
    atoms.positions -= 50.0
    atoms.cell[1:] = 0.0
    assert_agrees_with_ase(atoms, 4.0)


def test_crystal_has_its_shells():
    i, _, _, vectors = _core.neighbor_list(structure_from_atoms(bulk("Al", a=4.05)), 4.06)
    lengths, counts = np.unique(np.linalg.norm(vectors, axis=1).round(6), return_counts=True)
    np.testing.assert_allclose(lengths, [4.05 / np.sqrt(2), 4.05], atol=1e-6)
    assert counts.tolist() == [12, 6]
    assert not i.any()


def test_empty_and_single_atom_structures_have_no_pairs():
    for atoms in (Atoms(), Atoms("Al"), Atoms(cell=[4, 4, 4], pbc=True)):
        i, j, shifts, vectors = _core.neighbor_list(structure_from_atoms(atoms), 5.0)
        assert (i.shape, j.shape, shifts.shape, vectors.shape) == ((0,), (0,), (0, 3), (0, 3))


def test_pairs_are_the_same_for_any_number_of_threads():
    structure = structure_from_atoms(scattered(3000, 40 * np.eye(3), True, seed=8, spread=0.0))
    one, two = (_core.neighbor_list(structure, 5.0, threads) for threads in (1, 2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    n=st.integers(1, 12),
    entries=st.lists(st.floats(-6, 6), min_size=9, max_size=9),
    pbc=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    cutoff=st.floats(0.5, 5.0),
    seed=st.integers(0, 1000),
)
def test_pairs_are_those_of_ase_in_any_cell(n, entries, pbc, cutoff, seed):
    cell = np.reshape(entries, (3, 3))
    # ASE needs a decent volume, and both a bounded number of images.
    assume(abs(np.linalg.det(cell)) > 0.05 * np.prod(np.linalg.norm(cell, axis=1)) + 2.0)
    assert_agrees_with_ase(scattered(n, cell, pbc, seed), cutoff)


def test_flat_cells_and_senseless_cutoffs_are_refused():
    with pytest.raises(StructureError, match="flat"):
        structure_from_atoms(Atoms("Al", cell=[[3, 0, 0], [6, 0, 0], [0, 0, 3]], pbc=True))
    structure = structure_from_atoms(Atoms("Al"))
    for cutoff in (0.0, -1.0, np.nan, np.inf, 1e6):
        with pytest.raises(ConfigError, match="cutoff"):
            _core.neighbor_list(structure, cutoff)


def test_structures_are_made_from_anything_numpy_understands():
    cell = np.asfortranarray(np.array(SKEWED, dtype=np.float32))
    assert len(structure_from_arrays([13, 28], [[0, 0, 0], [1, 1, 1]], cell, [1, 1, 0])) == 2
    assert len(structure_from_arrays([], [], np.zeros((3, 3)), False)) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"numbers": [13]}, "numbers: expected shape"),
        ({"numbers": ["Al", "Ni"]}, "atomic numbers"),
        ({"numbers": [13, 269]}, "atom 1: 269"),
        ({"numbers": [-243, 13]}, "atom 0: -243"),
        ({"numbers": [13, 0]}, "atom 1: atomic number 0"),
        ({"numbers": [13.0, np.nan]}, "atom 1"),
        ({"positions": [[0, 0, 0], [1, np.nan, 1]]}, "atom 1: position is not finite"),
        ({"positions": [[0, 0], [1, 1]]}, "positions: expected shape"),
        ({"positions": [[0, 0, 0], [1, 1]]}, "not the arrays of a structure"),
        ({"cell": [1, 2, 3]}, "cell: expected shape"),
        ({"cell": np.full((3, 3), np.inf)}, "cell vector 0 is not finite"),
        ({"pbc": [True, False]}, "not the arrays of a structure"),
    ],
)
def test_structures_that_make_no_sense_are_refused_with_the_reason(change, message):
    good = {"numbers": [13, 28], "positions": np.eye(3)[:2], "cell": SKEWED, "pbc": True}
    with pytest.raises(StructureError, match=message):
        structure_from_arrays(**{**good, **change})
