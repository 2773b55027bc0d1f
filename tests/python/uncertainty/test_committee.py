"""The committee of a potential: its file, its members, its error bars."""

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from mlip_rs import Basis, Potential
from mlip_rs.basis import Repulsion
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.errors import ConfigError, PotentialFileError
from mlip_rs.evaluate.uncertain_file import uncertainty_file
from mlip_rs.uncertainty import Calibration, Committee, HalfWidths
from mlip_rs.uncertainty.committee import KEY, NOISES
from mlip_rs.uncertainty.estimate import REPULSION_ERROR

LEVELS = (1.0, 2.0, 2.5, 3.0)


@pytest.fixture
def basis():
    return Basis(["Cu", "Al"], cutoff=5.0, r_min=2.0, hierarchy="pair-poly", n_radial=3)


@pytest.fixture
def potential(basis):
    coefficients = np.random.default_rng(1).normal(size=basis.n_features)
    coefficients[::3] = 0.0
    return Potential.from_coefficients(basis, coefficients, {"Cu": -1.0, "Al": -2.0}, {"method": "mine"})


@pytest.fixture
def committee(basis):
    features = np.array([0, 2, 3, 5, basis.n_features - 1])
    deviations = 0.01 * np.random.default_rng(2).normal(size=(4, len(features)))
    noise = {"energy": 1e-3, "forces": 0.05, "stress": 1e-3}
    calibration = Calibration(("fcc", "slab"), {"energy": LEVELS}, {"energy": {"fcc": (0.5, 0.9, 0.9, 1.0)}})
    return Committee(features, deviations, noise, "each of 4 folds", calibration)


@pytest.fixture
def atoms():
    atoms = bulk("Cu", "fcc", a=3.7, cubic=True)
    atoms.symbols[1] = "Al"
    atoms.rattle(0.1, seed=3)
    return atoms


def test_it_survives_the_file(potential, committee, tmp_path):
    committee.attached(potential).save(tmp_path / "a.mlip.json")
    found = Committee.of(Potential.load(tmp_path / "a.mlip.json"))
    assert found.features.tolist() == committee.features.tolist()
    assert found.deviations.tobytes() == committee.deviations.tobytes()
    assert (found.noise, found.kind, found.calibration) == (
        committee.noise,
        committee.kind,
        committee.calibration,
    )


def test_error_bars_are_those_of_the_design_rows(potential, basis, committee, atoms):
    rows = np.asarray(basis.core.design(structure_from_atoms(atoms)))[:, committee.features]
    spread = rows @ committee.deviations.T
    expected = np.sqrt((spread**2).sum(axis=1))
    found = committee.attached(potential).uncertainty(atoms)
    np.testing.assert_allclose(found.energy, np.hypot(expected[0] / len(atoms), 1e-3), rtol=1e-7)
    np.testing.assert_allclose(found.forces.ravel(), np.hypot(expected[1:-6], 0.05), rtol=1e-6)
    np.testing.assert_allclose(found.stress, np.hypot(expected[-6:], 1e-3), rtol=1e-6)


def test_where_only_the_repulsion_acts_a_part_of_it_is_the_error_bar(committee, tmp_path):
    repulsion = Repulsion(inner=[[1.2, 1.3], [1.3, 1.4]], outer=[[2.0, 2.0], [2.0, 2.0]])
    basis = Basis(["Cu", "Al"], cutoff=5.0, hierarchy="pair-poly", n_radial=3, repulsion=repulsion)
    coefficients = np.random.default_rng(1).normal(size=basis.n_features)
    potential = committee.attached(Potential.from_coefficients(basis, coefficients, {"Cu": -1.0, "Al": -2.0}))
    close = Atoms("CuAl", [[0, 0, 0], [0.3, 0, 0]], cell=[9, 9, 9], pbc=True)
    found, own = potential.uncertainty(close), potential.predict(close)
    sizes = (own.energy + 3.0) / 2, own.forces, own.stress
    for bar, size, name in zip((found.energy, found.forces, found.stress), sizes, NOISES, strict=True):
        expected = np.hypot(REPULSION_ERROR * np.abs(size), committee.noise[name])
        # Of what was fitted the constant feature alone is left, about 1 of 1500 eV.
        np.testing.assert_allclose(bar, expected, rtol=2e-3 if name == "energy" else 1e-9)
    assert found.forces.max() > 1000.0
    path = tmp_path / "close.extxyz"
    ase.io.write(path, close)
    uncertainty_file(potential, path, tmp_path / "out.extxyz")
    written = ase.io.read(tmp_path / "out.extxyz").arrays["forces_uncertainty"]
    np.testing.assert_allclose(written, HalfWidths.of(found).forces, rtol=1e-6)
    far = Atoms("CuAl", [[0, 0, 0], [2.1, 0, 0]])
    spread = [
        member.predict(far).forces - potential.predict(far).forces for member in committee.members(potential)
    ]
    expected = np.sqrt(committee.noise["forces"] ** 2 + np.square(spread).sum(axis=0))
    np.testing.assert_array_equal(potential.uncertainty(far).forces, expected)


def test_a_list_gives_a_list_and_factors_widen_intervals(potential, committee, atoms):
    found = committee.attached(potential).uncertainty([atoms, atoms])
    assert len(found) == 2
    assert found[0].factor("energy", 0.9) == pytest.approx(2.0 * 1.644854, rel=1e-6)
    assert found[0].factor("forces", 0.9) == pytest.approx(1.644854, rel=1e-6)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        found[0].factor("energy", 1.0)


def test_without_a_committee_the_error_says_how_to_make_one(potential, atoms):
    with pytest.raises(ConfigError, match="fit again"):
        potential.uncertainty(atoms)


@pytest.mark.parametrize(
    "change",
    [
        {"deviations": "AAAA"},
        {"deviations": 3},
        {"features": [3, 2, 0, 5, 6]},
        {"features": [-1, 2, 3, 5, 6]},
        {"features": "abc"},
        {"n_members": 10**9},
        {"n_members": 0},
        {"noise": {"energy": float("1e999")}},
        {"noise": {"energy": -1.0}},
        {"noise": {"charge": 1.0}},
        {"calibration": {"levels": [0.5]}},
        {"calibration": []},
        {"kind": None, "features": None},
    ],
)
def test_a_damaged_entry_is_refused_by_name(committee, change):
    with pytest.raises(PotentialFileError, match="uncertainty"):
        Committee.from_dict(committee.to_dict() | change)


def test_an_entry_that_is_no_mapping_is_refused(potential):
    with pytest.raises(PotentialFileError, match="uncertainty"):
        Committee.of(potential.with_info({KEY: 3}))


def test_a_committee_of_a_larger_basis_is_refused(potential, committee, basis):
    other = Committee(np.array([basis.n_features]), np.ones((1, 1)), {}, "other")
    with pytest.raises(ConfigError, match="another basis"):
        other.members(potential)


def test_members_know_as_much_of_isolated_atoms_as_the_potential(basis, committee):
    coefficients = np.ones(basis.n_features)
    info = {"reference_energies": {"origins": {"Cu": "found", "Al": "fitted"}}}
    potential = Potential.from_coefficients(basis, coefficients, {"Cu": -1.0, "Al": -2.0}, info)
    assert potential.undetermined_atoms == ("Al",)
    assert [one.undetermined_atoms for one in committee.members(potential)] == [("Al",)] * 4


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("noise", "energy"), 1e200),
        (("features", 0), 0.5),
        (("n_members",), 4.5),
        (("calibration", "factors", "energy"), [1.0, 1e308, 1e308, 1e308]),
        (("calibration", "factors", "energy"), [1.0, 2.0, 1.5, 3.0]),
        (("calibration", "factors", "energy"), [0.5, 2.0, 2.0, 3.0]),
        (("calibration", "coverage", "energy", "fcc"), [0.5]),
        (("coverage",), {"energy": []}),
        (("coverage",), {"energy": [0.5, 0.9, 0.9, 7.0]}),
        (("features", -1), 10**6),
    ],
)
def test_numbers_that_no_fit_writes_are_refused(potential, committee, keys, value):
    document = committee.to_dict()
    place = document
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    with pytest.raises(PotentialFileError, match="copy the file again, or fit again"):
        Committee.of(potential.with_info({KEY: document}))


def test_factors_of_what_has_no_error_bar_are_refused_by_name(potential, committee, atoms):
    with pytest.raises(
        ConfigError, match="'colour' is no property with an error bar; there are energy, forces"
    ):
        committee.attached(potential).uncertainty(atoms).factor("colour", 0.9)
