import dataclasses
import pickle

import numpy as np
import pytest

from mlip_rs.data import Dataset, Frame, check_elements
from mlip_rs.data.distances import nearest_distances, pairs_within
from mlip_rs.errors import DataError, StructureError

CELL = 4.05 * np.eye(3)


def frame(**changes):
    content = {
        "numbers": [13, 13],
        "positions": [[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]],
        "cell": CELL,
        "pbc": [True, True, True],
        "energy": -7.0,
        "forces": np.zeros((2, 3)),
        "stress": np.zeros(6),
        "file": "runs/slab.xyz",
        "index": 17,
    }
    return Frame(**{**content, **changes})


def with_entry(shape, position, value):
    array = np.zeros(shape)
    if shape == (2, 3):
        array[1] = 2.0
    if shape == (3, 3):
        array = CELL.copy()
    array[position] = value
    return array


def test_location_names_frame_and_file():
    assert frame().location == "frame 17 of slab.xyz"


def test_arrays_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        frame().positions[0, 0] = 1.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        frame().energy = 0.0


def test_constructor_copies_its_arrays():
    positions = np.array([[0.0, 0.0, 0.0], [2.0, 2.0, 2.0]])
    made = frame(positions=positions)
    positions[:] = np.nan
    assert np.isfinite(made.positions).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(
    ("name", "shape", "position", "message"),
    [
        ("positions", (2, 3), (1, 2), "atom 1: position is not finite"),
        ("cell", (3, 3), (2, 0), "lattice vector 2 is not finite"),
        ("forces", (2, 3), (1, 0), "atom 1: force is not finite; remove the frame or its label"),
        ("stress", (6,), 3, "stress is not finite"),
        ("energy", (), (), "energy is not finite"),
    ],
)
def test_non_finite_numbers_are_refused(name, shape, position, message, value):
    with pytest.raises(DataError, match=f"^frame 17 of slab.xyz: {message}"):
        frame(**{name: with_entry(shape, position, value)})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"forces": np.zeros((3, 3))}, r"forces have shape \(3, 3\) for 2 atoms"),
        ({"forces": np.zeros(6)}, r"forces have shape \(6,\)"),
        ({"stress": np.zeros((3, 3))}, r"stress has shape \(3, 3\)"),
        ({"positions": np.zeros((3, 3))}, r"positions have shape \(3, 3\) for 2 atoms"),
        ({"cell": np.zeros(3)}, "cell must be"),
        ({"numbers": [13, 0]}, "atom 1: 0 is not the atomic number"),
        ({"numbers": [], "positions": np.zeros((0, 3)), "forces": None}, "has no atoms"),
        ({"pbc": [True, True, False]}, "a stress needs three periodic directions"),
        ({"cell": np.zeros((3, 3))}, "is periodic, but has no cell"),
        ({"cell": [[4, 0, 0], [0, 4, 0], [4, 4, 0]]}, "flat"),
        ({"cell": [[4, 0, 0], [0, 0, 0], [0, 0, 4]], "pbc": [1, 1, 0], "stress": None}, "flat"),
        ({"positions": [["a", 0, 0], [2, 2, 2]]}, "positions is not an array of numbers"),
    ],
)
def test_wrong_structures_and_shapes_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        frame(**changes)


def test_two_atoms_on_one_spot_are_named():
    with pytest.raises(StructureError, match=r"atoms 0 \(Al\) and 1 \(Al\) are 0.050 Å apart"):
        frame(positions=[[0.0, 0.0, 0.0], [0.0, 0.05, 0.0]])


def test_atoms_on_one_spot_through_the_boundary_are_named():
    with pytest.raises(StructureError, match="atoms 0"):
        frame(positions=[[0.0, 0.0, 0.01], [4.05, -4.05, 8.09]])
    frame(positions=[[0.0, 0.0, 0.01], [0.0, 0.0, 4.04]], pbc=[False] * 3, stress=None)


def test_atom_on_its_own_image_is_refused():
    with pytest.raises(StructureError, match="its own periodic image"):
        frame(cell=np.diag([4.05, 4.05, 0.09]), positions=[[0, 0, 0], [2, 2, 0.045]])


def test_non_periodic_directions_need_no_lattice_vector():
    cluster = frame(cell=np.zeros((3, 3)), pbc=[False] * 3, stress=None)
    assert cluster.volume is None
    assert frame().volume == pytest.approx(4.05**3)


def test_atoms_round_trip_keeps_labels():
    atoms = frame(energy=-7.25, config_type="slab", group="run 3").to_atoms()
    assert atoms.get_potential_energy() == -7.25
    assert atoms.info == {"config_type": "slab", "group": "run 3"}
    bare = frame(energy=None, forces=None, stress=None)
    assert bare.to_atoms().calc is None


def test_frames_survive_pickling():
    copy = pickle.loads(pickle.dumps(Dataset((frame(),))))
    assert copy.fingerprint() == Dataset((frame(),)).fingerprint()


def test_empty_config_type_becomes_default():
    assert frame(config_type=" ").config_type == "default"


def test_pairs_agree_with_the_minimum_over_all_images(rng):
    for pbc in ([True] * 3, [True, False, True], [False] * 3):
        periodic = np.array(pbc)
        cell = np.diag([3.0, 4.0, 5.0]) + rng.uniform(-1.5, 1.5, (3, 3))
        positions = rng.uniform(-10.0, 10.0, (6, 3))
        radius = 3.5
        count, nearest = 0, np.full(6, np.inf)
        images = [range(-9, 10) if p else range(1) for p in pbc]
        for i in range(6):
            for j in range(6):
                for shift in np.stack(np.meshgrid(*images), -1).reshape(-1, 3):
                    distance = np.linalg.norm(positions[j] + shift @ cell - positions[i])
                    if distance > 0.0:
                        count += distance < radius
                        nearest[i] = min(nearest[i], distance)
        i, j, _ = pairs_within(positions, cell, periodic, radius)
        # a pair with a ghost is found from both of its atoms, a pair inside the cell once
        assert len(i) >= count / 2
        found = nearest_distances(positions, cell, periodic)
        np.testing.assert_allclose(found, np.where(nearest <= 8.0, nearest, np.inf), atol=1e-10)


def test_dataset_counts_labels_and_atoms():
    data = Dataset((frame(), frame(energy=None, stress=None), frame(forces=None)))
    assert (len(data), data.n_atoms, data.elements) == (3, 6, ("Al",))
    assert (data.labels.energies, data.labels.forces, data.labels.stresses) == (2, 2, 2)
    assert data.labels.energies == data.labels.forces == data.labels.stresses == len(data) - 1


def test_subsets_follow_indices_and_masks():
    data = Dataset(tuple(frame(index=index) for index in range(4)))
    assert [f.index for f in data.subset([3, 0])] == [3, 0]
    assert [f.index for f in data.subset(np.array([True, False, False, True]))] == [0, 3]
    assert [f.index for f in data.without([1, 2])] == [0, 3]
    assert len(data.subset([])) == 0
    with pytest.raises(DataError, match="out of range"):
        data.subset([4])
    with pytest.raises(DataError, match="mask"):
        data.subset(np.array([True]))


def test_joining_datasets_reports_different_energies():
    joined = Dataset((frame(),), "energy") + Dataset((frame(index=1),), "free_energy")
    assert joined.energy_source == "mixed"
    assert "different energies" in joined.notices[-1]
    assert (Dataset((frame(),)) + Dataset((), "none")).energy_source == "energy"


def test_fingerprint_depends_on_content_only():
    reference = Dataset((frame(),)).fingerprint()
    assert Dataset((frame(file="other.xyz", index=0),)).fingerprint() == reference
    for changes in (
        {"energy": -7.0 + 1e-12},
        {"energy": None},
        {"stress": None},
        {"group": "a"},
        {"config_type": "b"},
        {"pbc": [True, True, False], "stress": None},
    ):
        assert Dataset((frame(**changes),)).fingerprint() != reference


def test_elements_of_data_and_basis_must_agree():
    data = Dataset((frame(), frame(numbers=[13, 42], index=18)))
    check_elements(data, ["Al", "Mo"])
    with pytest.raises(
        DataError, match=r"^frame 18 of slab.xyz: atom 1: element Mo is not in the basis \(Al\)"
    ):
        check_elements(data, ["Al"])
    with pytest.raises(DataError, match="no atom of W in the data"):
        check_elements(data, ["Al", "Mo", "W"])
    with pytest.raises(DataError, match="'Qq' is not the symbol"):
        check_elements(data, ["Al", "Mo", "Qq"])


@pytest.mark.parametrize(
    ("n_atoms", "cell", "pbc"),
    [
        (60_000, [0.5, 0.5, 30.0], [True, True, False]),
        (60_000, [0.5, 0.5, 1e4], [True, True, True]),
        (60_000, [200.0] * 3, [True, True, True]),
        (60_000, [0.0] * 3, [False, False, False]),
        (60, [0.01, 0.01, 30.0], [True, True, False]),
    ],
)
def test_atoms_crammed_into_one_place_are_refused_before_they_fill_the_memory(rng, n_atoms, cell, pbc):
    positions = rng.uniform(0.0, 0.1, (n_atoms, 3))
    with pytest.raises(StructureError, match="share one place; check the units"):
        Frame(np.full(n_atoms, 29), positions, np.diag(cell), pbc)


def test_large_and_small_cells_are_not_crowded():
    Frame(np.full(1, 29), [[0, 0, 0]], 1.5 * np.eye(3), [True] * 3)
    grid = 2.4 * np.stack(np.meshgrid(*[np.arange(30)] * 3), axis=-1).reshape(-1, 3)
    Frame(np.full(len(grid), 29), grid, np.diag([72.0] * 3), [True] * 3)
    Frame(np.full(len(grid), 29), grid, np.zeros((3, 3)), [False] * 3)
