"""Results that rest on surroundings which the data do not contain say so, in every property and every form."""

import dataclasses
import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from potentials import argon_potential
from uncertain_case import cold_argon, watched_argon

from mlip_rs import Basis, FitSettings, Potential, fit
from mlip_rs.calculators.calculations import potential_energy
from mlip_rs.data import read_dataset
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.demo import DATA_PATH
from mlip_rs.potential.data_range import DataRange, surroundings
from mlip_rs.uncertainty.committee import full_coefficients
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.judgement import property_result
from mlip_rs.validate.properties import PROPERTIES
from mlip_rs.validate.property import Computation, Property
from mlip_rs.validate.result import Validation
from mlip_rs.validate.watched_calculator import DataWatch, WatchedCalculator, unwatched
from mlip_rs.workflows.validation import validate

BASIS = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=8)


@pytest.fixture(scope="module")
def potential():
    """A fit without its index, so that distances, densities and pressures alone decide."""
    settings = FitSettings(method="ridge", n_folds=3, reference_energies={"Al": 0.0})
    found = fit(read_dataset(DATA_PATH, index="::4"), BASIS, settings).best()
    return Potential.from_coefficients(
        found.spec, full_coefficients(found), found.reference_energies, found.info
    )


def with_range(potential, **changes):
    info = potential.info
    data = dataclasses.replace(potential.data_range, **changes)
    return potential.with_info(info | {"data_range": data.to_dict()})


def seen_in(*structures, cutoff=6.0):
    watch = DataWatch(cutoff)
    for atoms in structures:
        watch.see(atoms)
    return watch.seen


def test_a_fit_records_the_range_of_its_data(potential):
    data = read_dataset(DATA_PATH, index="::4")
    found = potential.data_range
    nearest = min(float(np.min(distances)) for distances in data.nearest_distances)
    assert found.closest["Al-Al"] == pytest.approx(nearest)
    assert found.cutoff == 6.0
    pressures = [
        -float(np.mean(frame.stress[:3])) * 160.21766208 for frame in data if frame.stress is not None
    ]
    assert found.pressure == pytest.approx((min(pressures), max(pressures)))
    assert DataRange.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    assert Potential.from_json(potential.to_json()).data_range == found


def test_all_training_structures_are_inside(potential):
    frames = read_dataset(DATA_PATH, index="::4")
    assert seen_in(*(frame.to_atoms() for frame in frames)).outside(potential.data_range) == ()


@pytest.mark.parametrize(
    ("atoms", "said"),
    [
        (Atoms("Al2", [[0, 0, 0], [0, 0, 1.2]]), "Al-Al 1.20 Å apart"),
        (bulk("Al", a=3.0), "times as crowded as the most"),
        (bulk("Al", a=7.0), "times as crowded as the least"),
        (Atoms("AlNi", [[0, 0, 0], [0, 0, 2.5]]), "Al-Ni neighbours, which the data do not have"),
    ],
)
def test_what_is_outside_is_named(potential, atoms, said):
    assert any(said in reason for reason in seen_in(atoms).outside(potential.data_range))


def test_local_densities_are_those_of_the_formula():
    found = surroundings(structure_from_atoms(Atoms("Al2", [[0, 0, 0], [0, 0, 3.0]])), ["Al", "Al"], 6.0)
    assert found.density["Al"] == pytest.approx(((1 - 0.25) ** 3,) * 2)
    alone = surroundings(structure_from_atoms(Atoms("Al")), ["Al"], 6.0)
    assert (alone.closest, alone.density) == ({}, {"Al": (0.0, 0.0)})


@pytest.mark.parametrize("document", [None, 3, {}, {"closest_angstrom": 1}, {"pressure_gpa": "x"}, []])
def test_a_potential_that_does_not_say_has_no_range(potential, document):
    assert potential.with_info({"data_range": document}).data_range is None
    case = ValidationCase(potential.with_info({}).calculator(), ("fcc", "Al"))
    assert case.watch is None


def quick_result(potential, name):
    (entry,) = [entry for entry in PROPERTIES if entry.name == name]
    case = ValidationCase(potential.calculator(), ("fcc", "Al"), quick=True, potential=potential)
    computed = entry.attempt(lambda: case)
    return property_result(entry, computed, data=potential.data_range)


@pytest.mark.parametrize("name", ["elastic", "vacancy", "bain", "prototypes"])
def test_every_property_says_where_it_is(potential, name):
    """The same property, by the same potential with other data behind it."""
    wide = with_range(potential, closest={"Al-Al": 0.5}, density={"Al": (0.0, 1e3)}, pressure=(-1e4, 1e4))
    narrow = with_range(potential, closest={"Al-Al": 5.9}, density={"Al": (0.0, 1e3)})
    unknown = potential.with_info({})
    found = {key: quick_result(p, name) for key, p in (("w", wide), ("n", narrow), ("u", unknown))}
    assert [found[key].data for key in "wnu"] == ["inside the data", "outside the data", "unknown"]
    assert found["n"].to_dict()["outside_the_data"]
    assert found["w"].to_dict()["quantities"] == found["n"].to_dict()["quantities"]
    assert "outside the data" in found["n"].summary


def test_the_search_for_a_minimum_is_no_part_of_a_result(potential):
    inside = with_range(potential, density={"Al": (2.0, 9.0)}, closest={"Al-Al": 2.2})
    assert quick_result(inside, "elastic").data == "inside the data"


def test_crystals_computed_earlier_count_for_every_property_that_uses_them(potential):
    case = ValidationCase(potential.calculator(), ("fcc", "Al"), quick=True, potential=potential)
    uses = Property("a", "A", float, lambda case: float(len(case.crystal)))
    first, second = (uses.attempt(lambda: case) for _ in range(2))
    idle = Property("b", "B", float, lambda case: 0.0).attempt(lambda: case)
    assert first.seen.closest == second.seen.closest != {}
    assert idle.seen.closest == {}


def test_the_choice_of_the_crystal_does_not_count_and_what_compares_crystals_does(potential):
    """Data of fcc alone: a property of fcc is inside, whichever structures it was chosen among."""
    crystals = [bulk("Al", "fcc", a=a) for a in np.linspace(3.85, 4.25, 9)]
    for strain in (-0.03, 0.03):
        strained = bulk("Al", "fcc", a=4.04)
        strained.set_cell(strained.cell.array @ (np.eye(3) + strain * np.eye(3)[[1, 0, 2]]), scale_atoms=True)
        crystals.append(strained)
    data = seen_in(*crystals)
    narrow = with_range(potential, closest=data.closest, density=data.density)
    case = ValidationCase(narrow.calculator(), (None, "Al"), quick=True, potential=narrow)
    found = {}
    for name in ("elastic", "prototypes", "zone-boundary"):
        (entry,) = [entry for entry in PROPERTIES if entry.name == name]
        found[name] = property_result(entry, entry.attempt(lambda: case), data=narrow.data_range)
    assert case.structure == "fcc"
    assert found["prototypes"].data == "outside the data"
    assert found["elastic"].outside == ()


def test_pressures_of_a_result_count():
    data = DataRange(6.0, {}, {}, (-5.0, 30.0))
    entry = Property("p", "P", float, lambda case: 0.0, pressures=lambda value: (value,))
    results = []
    for pressure in (20.0, 32.0, 50.0, -20.0):
        seen = DataRange(6.0, {}, {}, (pressure, pressure))
        results.append(property_result(entry, Computation(pressure, seen=seen), data=data).outside)
    assert results == [(), (), ("50 GPa (data: up to 30 GPa)",), ("-20 GPa (data: from -5 GPa)",)]


@pytest.mark.parametrize("name", ["short-range", "stress-test"])
def test_properties_beyond_the_data_do_not_claim_to_be_inside(potential, name):
    found = quick_result(potential, name)
    assert found.data == "outside the data"
    assert found.outside == ("looks beyond the data on purpose",)


def test_a_property_that_evaluates_nothing_in_sight_is_unknown(potential):
    case = ValidationCase(potential.calculator(), ("fcc", "Al"), quick=True, potential=potential)
    entry = Property("p", "P", float, lambda case: case.potential.cutoff)
    assert property_result(entry, entry.attempt(lambda: case), data=potential.data_range).data == "unknown"


def test_text_page_figure_and_json_say_it_and_a_second_run_too(tmp_path, potential):
    narrow = with_range(potential, closest={"Al-Al": 2.95})
    narrow.save(tmp_path / "al.mlip.json")
    for _ in range(2):  # the second one restores the results
        found = validate(
            str(tmp_path / "al.mlip.json"), tmp_path / "out", only=["prototypes", "short-range"], quick=True
        )
        assert [row[3] for row in found.table()[1]] == ["outside the data"] * 2
        document = json.loads((tmp_path / "out/validation.json").read_text())["properties"]
        assert [entry["data"] for entry in document] == ["outside the data"] * 2
        assert "Å apart (data: 2.95 Å)" in document[0]["outside_the_data"][0]
        for name in ("report.html", "report.md"):
            assert "Outside the data: Al-Al" in (tmp_path / "out" / name).read_text(encoding="utf-8")
    both = validate(
        [str(tmp_path / "al.mlip.json"), "ase.calculators.emt:EMT"],
        tmp_path / "both",
        only=["prototypes"],
        quick=True,
    )
    statuses = both.table()[1][0][1:]
    assert ["outside the data" in status for status in statuses] == [True, False]
    assert "outside the data" in (tmp_path / "both/report.html").read_text(encoding="utf-8")


def test_an_atom_with_a_large_index_is_outside_at_any_distance():
    wide = DataRange(8.0, {"Ar-Ar": 0.5}, {"Ar": (0.0, 1e3)})
    found = {}
    for name, potential in (("index", watched_argon()), ("none", argon_potential())):
        known = potential.with_info(potential.info | {"data_range": wide.to_dict()})
        for amplitude in (0.03, 0.3):
            atoms = cold_argon(5, amplitude)
            entry = Property(
                "p", "P", float, lambda case, atoms=atoms: potential_energy(case.calculator, atoms)
            )
            case = ValidationCase(known.calculator(index=False), ("fcc", "Ar"), quick=True, potential=known)
            computed = entry.attempt(lambda case=case: case)
            kept = DataRange.from_dict(json.loads(json.dumps(computed.seen.to_dict())))
            assert kept == computed.seen
            found[name, amplitude] = property_result(entry, computed, data=wide).outside
    assert found["index", 0.03] == found["none", 0.03] == found["none", 0.3] == ()
    (said,) = found["index", 0.3]
    assert said.startswith("an atom unlike those of the data (index of anomaly ")


def test_a_watched_calculator_gives_what_the_other_gives():
    watch = DataWatch(5.0)
    atoms = bulk("Cu", a=3.6).repeat(2)
    atoms.rattle(0.1, seed=1)
    values = []
    for calculator in (EMT(), WatchedCalculator(EMT(), watch)):
        atoms.calc = calculator
        values.append([atoms.get_potential_energy(), *atoms.get_forces().ravel(), *atoms.get_stress()])
    assert values[0] == values[1]
    assert isinstance(unwatched(atoms.calc), EMT)
    assert Validation("p", "", "", "", True, ()).passed


def test_long_runs_are_looked_at_now_and_then():
    watch, looked = DataWatch(5.0), []
    watch.include = looked.append
    atoms = bulk("Cu", a=3.6).repeat(2)
    for step in range(200):
        atoms.positions[0, 0] += 1e-3
        watch.see(atoms)
        watch.see(atoms)  # energy, then forces
        assert len(looked) <= 20 + step / 10 + 1
    assert len(looked) == 20 + 18
