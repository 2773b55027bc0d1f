"""Potentials are made, compared and asked for predictions."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.lj import LennardJones
from potentials import (
    HIERARCHIES,
    REFERENCES,
    alloy,
    aluminium,
    argon_potential,
    molecule,
    random_potential,
    slab,
    spec,
)

from mlip_rs.basis import Basis
from mlip_rs.data.core_structures import cell_volume
from mlip_rs.errors import ConfigError, StructureError
from mlip_rs.potential import Potential
from mlip_rs.potential.metadata import MAX_INFO_DEPTH

ROUNDING = 1e-11
"""Relative difference that the order of a sum can make."""


# ---- making ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hierarchy", HIERARCHIES)
def test_properties_say_what_is_inside(hierarchy):
    potential = random_potential(("Al", "Ni"), hierarchy)
    assert potential.elements == ("Al", "Ni")
    assert potential.cutoff == 4.5
    assert potential.hierarchy == hierarchy
    assert potential.n_nonzero == potential.n_features
    assert potential.reference_energies == REFERENCES
    assert potential.spec["radial"] == spec()["radial"]
    assert len(potential.coefficients("Al")) == potential.n_features // 2
    assert hierarchy in repr(potential)
    assert "Al-Ni" in repr(potential)


def test_zero_coefficients_are_dropped():
    document = spec(hierarchy="pair")
    potential = Potential.from_coefficients(document, [0.0, 2.0, 0.0, 0.0], {"Al": 0.0})
    assert potential.n_nonzero == 1
    assert list(potential.coefficients("Al").values()) == [2.0]


def test_specification_comes_as_text_mapping_or_object():
    class Basis:
        def to_json(self):
            return json.dumps(spec(hierarchy="pair"))

    arguments = (np.arange(4.0), {"Al": np.float64(1.0)})
    potentials = [
        Potential.from_coefficients(form, *arguments)
        for form in (spec(hierarchy="pair"), json.dumps(spec(hierarchy="pair")), Basis())
    ]
    assert potentials[0] == potentials[1] == potentials[2]


def test_a_basis_is_taken_without_being_enumerated_again():
    basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair")
    weights = np.linspace(0.1, 1.0, basis.n_features)
    potential = Potential.from_coefficients(basis, weights, {"Al": -1.5})
    assert potential == Potential.from_coefficients(basis.to_dict(), weights, {"Al": -1.5})


def test_other_metadata_make_another_potential_with_the_same_energies(potential):
    other = potential.with_info({"note": "later"})
    assert (other.info, other != potential) == ({"note": "later"}, True)
    assert potential.info["data"] == ["a.xyz"]
    assert other.with_info(potential.info) == potential
    assert other.predict(alloy()).energy == potential.predict(alloy()).energy
    with pytest.raises(ConfigError, match="cannot be stored"):
        potential.with_info({"note": np.nan})


def test_the_checksum_is_that_of_the_file(potential, path):
    assert potential.checksum == json.loads(path.read_text())["checksum"] == Potential.load(path).checksum


def test_metadata_travels_and_numpy_numbers_become_plain(tmp_path):
    info = {
        "rmse": np.float64(0.1) + 0.2,
        "n": np.int64(3),
        "weights": np.array([1.0, 2.5]),
        "file": Path("a.xyz"),
        "text": "Å ✓",
    }
    potential = random_potential(info=info)
    potential.save(tmp_path / "p.mlip.json")
    assert Potential.load(tmp_path / "p.mlip.json").info == {
        "rmse": 0.1 + 0.2,
        "n": 3,
        "weights": [1.0, 2.5],
        "file": "a.xyz",
        "text": "Å ✓",
    }


def nested(depth):
    value = 1
    for _ in range(depth):
        value = [value]
    return value


def test_metadata_as_deep_as_allowed_can_be_read_back():
    info = {"deep": nested(MAX_INFO_DEPTH - 1)}
    assert Potential.from_json(random_potential(info=info).to_json()).info == info


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"coefficients": np.zeros(3)}, r"expected shape \(4,\), got \(3,\)"),
        ({"coefficients": np.zeros((4, 1))}, r"expected shape \(4,\)"),
        ({"coefficients": [0, np.nan, 0, 0]}, "coefficient 1 is nan"),
        ({"reference_energies": {}}, "no reference energy for Al"),
        ({"reference_energies": {"Al": 0.0, "W": 0.0}}, "W, which is not in the basis"),
        ({"reference_energies": {"Al": np.inf}}, "reference energy of Al is inf"),
        ({"info": {"a": np.nan}}, "info cannot be stored"),
        ({"info": {"a": object()}}, "object has no JSON form"),
        ({"info": {"deep": nested(MAX_INFO_DEPTH)}}, "nested deeper"),
        ({"info": {"deep": nested(100_000)}}, "info"),
        ({"spec": "{"}, "basis"),
        ({"spec": {**spec(), "cutoff": -1.0}}, "cutoff"),
        ({"spec": {**spec(), "cutoff": np.nan}}, "not JSON"),
        ({"spec": {**spec(), "elements": ["Al", "Al"]}}, "twice"),
        ({"spec": {**spec(), "elements": ["Xx"]}}, "not a chemical symbol"),
        ({"spec": {**spec(), "colour": "red"}}, "colour"),
    ],
)
def test_senseless_arguments_are_refused_with_the_reason(changes, message):
    good = {"spec": spec(hierarchy="pair"), "coefficients": np.zeros(4), "reference_energies": {"Al": 0.0}}
    with pytest.raises(ConfigError, match=message):
        Potential.from_coefficients(**{**good, **changes})


def test_coefficients_of_a_stranger_are_refused(potential):
    with pytest.raises(ConfigError, match=r"element W is not in this potential \(Al, Ni\)"):
        potential.coefficients("W")


def test_potentials_do_not_change(potential):
    with pytest.raises(AttributeError):
        potential.core = None
    potential.info["rmse"] = 0.0
    assert potential.info["rmse"] == 0.1 + 0.2


def test_copies_are_the_potential_itself_and_pickles_equal_it(potential):
    assert copy.copy(potential) is potential
    assert copy.deepcopy(potential) is potential
    back = pickle.loads(pickle.dumps(potential))
    assert back == potential
    assert hash(back) == hash(potential)
    assert potential != random_potential(("Al", "Ni"), seed=9)
    assert potential != "potential"


# ---- predicting --------------------------------------------------------------------------------------


@pytest.mark.parametrize("hierarchy", HIERARCHIES)
def test_energies_virials_and_stress_add_up(hierarchy):
    atoms = alloy()
    prediction = random_potential(("Al", "Ni"), hierarchy).predict(atoms)
    assert prediction.energies.shape == (5,)
    assert prediction.forces.shape == (5, 3)
    assert prediction.virials.shape == (5, 6)
    assert prediction.energy == pytest.approx(prediction.energies.sum(), rel=ROUNDING)
    np.testing.assert_allclose(
        prediction.stress, -prediction.virials.sum(axis=0) / atoms.get_volume(), rtol=ROUNDING, atol=1e-15
    )
    np.testing.assert_allclose(prediction.forces.sum(axis=0), 0.0, atol=1e-12)


def test_virial_of_a_pair_has_the_sign_of_its_convention():
    potential = argon_potential()
    distance, step = 3.5, 1e-5
    pair = Atoms("Ar2", positions=[[0, 0, 0], [distance, 0, 0]])
    energies = [potential.predict(Atoms("Ar2", positions=[[0, 0, 0], [x, 0, 0]])).energy
                for x in (distance - step, distance + step)]  # fmt: skip
    slope = (energies[1] - energies[0]) / (2 * step)
    prediction = potential.predict(pair)
    assert prediction.stress is None
    # W_xx = −dE/dε_xx = −r dE/dr, shared by the two ends.
    np.testing.assert_allclose(prediction.virials[:, 0], -0.5 * distance * slope, rtol=1e-7)
    np.testing.assert_allclose(prediction.virials[:, 1:], 0.0, atol=1e-16)
    np.testing.assert_allclose(prediction.forces[:, 0], [slope, -slope], rtol=1e-7)


def test_lists_are_predicted_in_order_whatever_the_threads():
    potential = random_potential()
    frames = [aluminium(seed=seed) for seed in range(5)]
    for threads in (1, 2):
        predictions = potential.predict((atoms for atoms in frames), threads=threads)
        for atoms, prediction in zip(frames, predictions, strict=True):
            alone = potential.predict(atoms, threads=3 - threads)
            assert prediction.energy == alone.energy
            for name in ("energies", "forces", "stress", "virials"):
                np.testing.assert_array_equal(getattr(prediction, name), getattr(alone, name))
    assert potential.predict([]) == []


def test_structures_without_atoms_and_isolated_atoms():
    potential = random_potential(("Al", "Ni"), "pair")
    empty, isolated, molecular = potential.predict([Atoms(), Atoms("Ni"), molecule()])
    assert empty.energy == 0.0
    assert empty.forces.shape == (0, 3)
    # The constant feature shifts the reference energy.
    assert isolated.energy == REFERENCES["Ni"] + potential.coefficients("Ni")["1"]
    assert not isolated.forces.any()
    assert molecular.stress is None


def test_stress_needs_a_volume_only():
    potential = random_potential(("Al", "Ni"))
    boxed = molecule()
    boxed.cell = 20 * np.eye(3)
    flat = molecule()
    flat.cell = [[3, 1, 0.1], [6, 2, 0.2], [0, 0, 4]]
    assert [p.stress is None for p in potential.predict([alloy(), boxed, flat, slab()])] == [
        False,
        False,
        True,
        True,
    ]


def test_volume_does_not_depend_on_handedness_or_scale():
    cell = alloy().cell.array
    for scale in (1e-3, 1.0, 1e3):
        assert cell_volume(scale * cell) == pytest.approx(abs(np.linalg.det(scale * cell)))
    assert cell_volume(np.zeros((3, 3))) is None
    assert cell_volume(np.full((3, 3), np.nan)) is None


def test_lennard_jones_without_its_cutoff_function_is_that_of_ase():
    potential = argon_potential()
    epsilon, sigma, cutoff = 0.0104, 3.4, 8.0
    atoms = Atoms("Ar3", positions=[[0, 0, 0], [3.7, 0.2, 0], [1.5, 3.6, 0.4]])
    x = atoms.get_all_distances()[np.triu_indices(3, 1)] / cutoff
    switch = 1 - 10 * x**3 + 15 * x**4 - 6 * x**5
    pair_energies = []
    for distance in x * cutoff:
        pair = Atoms("Ar2", positions=[[0, 0, 0], [distance, 0, 0]])
        pair.calc = LennardJones(epsilon=epsilon, sigma=sigma, rc=1e6)
        pair_energies.append(pair.get_potential_energy())
    assert potential.predict(atoms).energy == pytest.approx(-0.3 + np.sum(switch * pair_energies), rel=1e-9)


def nan_atom():
    atoms = alloy()
    atoms.positions[3, 1] = np.nan
    return atoms


def overlapping():
    atoms = alloy()
    atoms.positions[4] = atoms.positions[0] + atoms.cell[1]
    return atoms


def numbered(number):
    atoms = alloy()
    atoms.numbers[2] = number
    return atoms


def flat_cell():
    atoms = alloy()
    atoms.cell[2] = atoms.cell[0]
    return atoms


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (nan_atom(), "atom 3: position is not finite"),
        (overlapping(), "atoms 0 and 4 are .* apart"),
        (numbered(74), r"atom 2: element W is not in the basis \(Al, Ni\)"),
        (numbered(0), "atom 2: atomic number 0"),
        (numbered(13 + 256), "atom 2: 269 is not the atomic number"),
        (flat_cell(), "cell is flat"),
        ("al.xyz", "expected ase.Atoms, got str"),
    ],
)
def test_bad_structures_are_named_by_their_index_and_atom(bad, message):
    potential = random_potential(("Al", "Ni"))
    with pytest.raises(StructureError, match=f"^structure 2: .*{message}"):
        potential.predict([alloy(), alloy(), bad, alloy()])
    if isinstance(bad, Atoms):
        with pytest.raises(StructureError, match=f"^(the )?{message}"):
            potential.predict(bad)


def test_a_structure_that_cannot_be_evaluated_is_named_in_whichever_batch_it_is(potential, monkeypatch):
    monkeypatch.setattr("mlip_rs.potential.prediction.BATCH_STRUCTURES", 2)
    good, bad = alloy(), Atoms("Cu", cell=[3.0] * 3, pbc=True)
    predictions = potential.predict([good] * 5)
    assert [p.energy for p in predictions] == [potential.predict(good).energy] * 5
    with pytest.raises(StructureError, match=r"structure 3: atom 0: element Cu"):
        potential.predict([good, good, good, bad, good])


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True, 10**9])
def test_senseless_numbers_of_threads_are_refused(threads, potential):
    with pytest.raises(ConfigError, match="threads"):
        potential.predict(alloy(), threads=threads)
