"""The stress test finds holes that no other check finds, says where, and lets sound potentials pass."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from potentials import ARGON_SIGMA, argon_potential, random_potential

from mlip_rs import Basis
from mlip_rs.generate.out_of_domain import Spheres, random_cell
from mlip_rs.potential import Potential
from mlip_rs.potential.hot_dynamics import hot_dynamics, thermostat_noise
from mlip_rs.potential.lowest_crystals import LOWEST_KEY, VOLUMES_KEY, LowestCrystals, with_lowest_structures
from mlip_rs.potential.short_range import short_range, shortest_distances
from mlip_rs.potential.stress_test import StressTest, stress_test

FCC_VOLUME = 0.9168
"""Volume per atom of the fcc Lennard-Jones crystal, σ³."""


def guarded_argon():
    """Lennard-Jones argon that is handed over to ZBL below σ."""
    potential = argon_potential()
    spec = potential.spec | {"repulsion": {"outer": [[ARGON_SIGMA]], "inner": [[0.8 * ARGON_SIGMA]]}}
    epsilon = 0.0104
    weights = 2.0 * epsilon * np.array([ARGON_SIGMA**12, -(ARGON_SIGMA**6)])
    return Potential.from_coefficients(json.dumps(spec), weights, {"Ar": 0.0})


pytestmark = pytest.mark.usefixtures("whole_stress_tests")


@pytest.fixture(scope="module")
def silicon(test_data_folder):
    return Potential.load(test_data_folder / "si_knee_collapse.mlip.json")


@pytest.fixture(scope="module")
def test_data_folder(request):
    return request.config.rootpath / "tests" / "data"


def test_knee_of_silicon_that_collapses_is_found_with_any_seed(silicon):
    assert short_range(silicon).monotonic
    for seed in range(3):
        result = stress_test(silicon, seed=seed)
        assert not result.passed
        assert any(failure.kind == "crowded" for failure in result.failures)


def test_molybdenum_that_holds_but_for_large_clusters_is_found_with_any_seed(test_data_folder):
    molybdenum = Potential.load(test_data_folder / "mo_clusters_collapse.mlip.json")
    for seed in range(3):
        failures = stress_test(molybdenum, seed=seed).failures
        assert any(failure.kind == "cluster" for failure in failures)
        assert all(len(failure.atoms) >= 20 for failure in failures if failure.kind == "cluster")


def test_silicon_whose_dense_phases_lie_too_low_is_found_with_any_seed(test_data_folder):
    sparse = Potential.load(test_data_folder / "si_cold_collapse.mlip.json")
    for seed in range(4):
        failures = stress_test(sparse, seed=seed).failures
        assert {failure.kind for failure in failures} == {"cold crystal"}
        assert all("below all crystals" in failure.sentence for failure in failures)


def test_aluminium_whose_clusters_contract_when_cold_is_found_with_any_seed(test_data_folder):
    dense = Potential.load(test_data_folder / "al_clusters_contract.mlip.json")
    for seed in (0, 1, 11):
        failures = stress_test(dense, seed=seed).failures
        assert {failure.kind for failure in failures} == {"cold cluster"}


def test_tungsten_whose_expanded_crystals_are_lowest_is_found_with_any_seed(test_data_folder):
    """Data of crystals near equilibrium: fcc at four times the volume lies 3 eV per atom below bcc."""
    tungsten = Potential.load(test_data_folder / "w_expanded_well.mlip.json")
    for seed in range(2):
        failures = stress_test(tungsten, seed=seed).failures
        assert "expanded" in {failure.kind for failure in failures}
    (sentence,) = (failure.sentence for failure in failures if failure.kind == "expanded")
    assert "W: a crystal expanded to 4." in sentence
    forgotten = {key: value for key, value in tungsten.info.items() if key != VOLUMES_KEY}
    outcomes = stress_test(tungsten.with_info(forgotten), first_failure=True).outcomes
    assert all(outcome.kind != "expanded" for outcome in outcomes)


def test_crystals_beyond_the_volumes_of_the_data_are_not_the_ground_state(test_data_folder):
    tungsten = Potential.load(test_data_folder / "w_expanded_well.mlip.json")
    closest = np.array(shortest_distances(tungsten))
    crystal = LowestCrystals.of(tungsten, closest).crystals["W"]
    assert crystal.name == "bcc"
    assert crystal.volume == pytest.approx(16.0, abs=1.0)
    free_atom = Atoms("W", cell=[15.0] * 3, pbc=True)
    for nonsense in ({}, {"W2": "wide"}, {"W2": -1.0}, {"what?": 16.0}, {"AlW": 16.0}, 16.0):
        info = dict(tungsten.info) | {VOLUMES_KEY: nonsense}
        unlimited = LowestCrystals.of(tungsten.with_info(info), closest, [free_atom]).crystals["W"]
        assert unlimited.volume > 40.0
        assert unlimited.lowest_expanded is None


def test_failures_name_place_and_depth_and_keep_the_structure(silicon):
    result = stress_test(silicon)
    failure = next(failure for failure in result.failures if failure.kind == "crowded")
    assert "Si, crowded at 0." in failure.sentence
    assert "below all crystals" in failure.sentence
    assert set(failure.atoms.get_chemical_symbols()) == {"Si"}
    assert failure.energy_below > 0.0
    assert len(result.structures) == len(result.failures)


def test_verdict_is_plain_numbers(silicon):
    document = json.loads(json.dumps(stress_test(silicon).to_dict()))
    assert document["passed"] is False
    assert next(own["failure"]["formula"] for own in document["outcomes"] if own["failure"])


def test_same_seed_gives_same_verdict(silicon):
    first, second = stress_test(silicon, seed=5), stress_test(silicon, seed=5)
    assert first.to_dict() == second.to_dict()


def test_lennard_jones_passes():
    result = stress_test(guarded_argon())
    assert result.passed, [failure.sentence for failure in result.failures]
    assert result.n_structures > 30


def test_random_coefficients_fail():
    assert not stress_test(random_potential(("Al", "Ni"), "angular-poly")).passed


def test_lowest_crystal_of_lennard_jones_is_close_packed():
    lowest = LowestCrystals.of(guarded_argon(), np.array([[ARGON_SIGMA]]))
    crystal = lowest.crystals["Ar"]
    assert crystal.name in ("fcc", "hcp", "dhcp")
    assert crystal.volume == pytest.approx(FCC_VOLUME * ARGON_SIGMA**3, rel=0.1)
    assert lowest.floor(["Ar"], 2.0) == crystal.energy
    assert lowest.floor(["Ar"], 0.6) > crystal.energy


def test_structures_known_to_be_low_lower_the_floor():
    potential = random_potential(("Al", "Ni"), "pair")
    closest = np.full((2, 2), 2.2)
    plain = LowestCrystals.of(potential, closest)
    pair = random_cell(
        Spheres(("Al", "Ni"), closest, plain.volumes), ["Al", "Ni"], 0.9, np.random.default_rng(0)
    )
    energy = potential.predict(pair).energy / 2
    known = LowestCrystals.of(potential, closest, [pair])
    assert known.floor(["Al", "Ni"], 1.0) <= energy + 1e-9
    assert known.floor(["Al", "Ni"], 1.0) <= plain.floor(["Al", "Ni"], 1.0)


def test_lowest_structures_of_the_record_count_as_the_structures_themselves():
    """A file knows by itself what the fit knew; records that make no sense do not matter."""
    potential = random_potential(("Al", "Ni"), "pair")
    closest = np.full((2, 2), 2.2)
    plain = LowestCrystals.of(potential, closest)
    low = bulk("AlNi", "cesiumchloride", a=2.4)
    alone = Atoms("Al3", [[0, 0, 0], [0, 0, 2.3], [0, 2.3, 0]])
    given = LowestCrystals.of(potential, closest, [low, alone])
    stored = Potential.from_json(with_lowest_structures(potential, [low, alone]).to_json())
    assert set(stored.info[LOWEST_KEY]) == {"AlNi", "Al3"}
    recorded = LowestCrystals.of(stored, closest)
    assert recorded.binding.keys() == given.binding.keys()
    for key, binding in given.binding.items():
        assert recorded.binding[key] == pytest.approx(binding, abs=1e-12)
    assert given.binding != plain.binding
    for nonsense in (3, ["Al"], {"Al": "low", "": -1.0, "AlCu": -9.0, "what?": -9.0, "Ni": None}):
        without = LowestCrystals.of(potential.with_info({LOWEST_KEY: nonsense}), closest)
        assert without.binding == plain.binding


def test_dynamics_keep_the_temperature_of_the_thermostat(rng):
    potential = guarded_argon()
    spheres = Spheres(("Ar",), [[ARGON_SIGMA]], [FCC_VOLUME * ARGON_SIGMA**3])
    atoms = random_cell(spheres, ["Ar"] * 32, 1.5, rng)
    (course,) = hot_dynamics(potential, [atoms], 300.0, [-np.inf], thermostat_noise([atoms], 300, rng))
    assert course.temperatures[100:].mean() == pytest.approx(300.0, rel=0.1)
    assert len(course.energies) == len(course.temperatures) == 301


def test_dynamics_end_below_the_floor(rng):
    potential = guarded_argon()
    spheres = Spheres(("Ar",), [[ARGON_SIGMA]], [FCC_VOLUME * ARGON_SIGMA**3])
    atoms = random_cell(spheres, ["Ar"] * 8, 1.0, rng)
    (course,) = hot_dynamics(potential, [atoms], 300.0, [np.inf], thermostat_noise([atoms], 50, rng))
    assert len(course.energies) == 1


def test_energies_beyond_all_bounds_are_failures_not_errors():
    basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair-poly", n_radial=4)
    rng = np.random.default_rng(5)
    huge = Potential.from_coefficients(basis, 1e99 * rng.normal(size=basis.n_features), {"Al": 0.0})
    result = stress_test(huge)
    assert not result.passed
    assert any("not finite" in failure.sentence for failure in result.failures)


def test_a_result_comes_back_from_its_document(silicon):
    found = stress_test(silicon)
    again = StressTest.from_dict(found.to_dict())
    assert again.to_dict() == found.to_dict()
    assert again.failures[0].sentence == found.failures[0].sentence
