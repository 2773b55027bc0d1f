"""The reference file and the table of a potential against it."""

import json

import pytest
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT

from mlip_rs.demo import REFERENCE_PATH
from mlip_rs.errors import DataError
from mlip_rs.validate import DEFAULT_THRESHOLDS, Threshold, compare, load_reference

PROPERTIES = {"a0", "B", "C11", "C12", "C44", "bcc − fcc", "hcp − fcc", "cohesive energy", "vacancy"}
PHONONS = {"phonon X long.", "phonon X trans.", "phonon L long.", "phonon L trans."}


class FlippedStress(EMT):
    """EMT with the sign of the stress that VASP has."""

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if "stress" in self.results:
            self.results["stress"] = -self.results["stress"]


class Broken(Calculator):
    implemented_properties = ("energy", "forces", "stress")

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        raise KeyError("element 13")


@pytest.fixture(scope="module")
def reference():
    return load_reference(REFERENCE_PATH)


@pytest.fixture
def document():
    return json.loads(REFERENCE_PATH.read_text(encoding="utf-8"))


def written(tmp_path, document):
    path = tmp_path / "reference.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_reference_is_relative_to_the_isolated_atom(reference):
    assert reference.element == "Al"
    fcc = reference.curves["fcc"]
    assert fcc.lattice_constant == pytest.approx(4.0427, abs=1e-3)
    assert fcc.equilibrium_energy == pytest.approx(-reference.cohesive_energy, abs=1e-5)
    assert min(fcc.energies) == pytest.approx(-3.498, abs=1e-3)
    assert reference.curves["bcc"].lattice_constant == pytest.approx(3.238, abs=1e-3)
    assert reference.curves["hcp"].lattice_constant is None
    assert reference.vacancy_unrelaxed == pytest.approx(0.741, abs=1e-3)


def test_missing_and_unknown_keys_are_named(tmp_path, document):
    phonon = document.pop("phonon")
    document["phonons"] = phonon
    with pytest.raises(DataError, match=r"reference\.json.*missing phonon; unknown phonons"):
        load_reference(written(tmp_path, document))


def test_a_file_without_an_element_takes_it_from_the_caller(tmp_path, document):
    del document["element"]
    path = written(tmp_path, document)
    with pytest.raises(DataError, match="missing element"):
        load_reference(path)
    assumed = load_reference(path, element="Al")
    assert (assumed.element, assumed.element_is_assumed) == ("Al", True)
    named = load_reference(REFERENCE_PATH, element="Cu")
    assert (named.element, named.element_is_assumed) == ("Al", False)


@pytest.mark.parametrize("element", ["Cu", "Ni", "Pb"])
def test_an_element_whose_atoms_have_another_size_is_not_assumed(tmp_path, document, element):
    del document["element"]
    path = written(tmp_path, document)
    with pytest.raises(DataError, match=rf"cannot be of {element}: its fcc crystal has 16\.5 Å³/atom"):
        load_reference(path, element=element)


def test_the_shared_file_without_an_element_is_one_of_aluminium(shared_data):
    assert load_reference(shared_data / "al_dft/al_reference.json", element="Al").element_is_assumed


def test_nested_missing_keys_are_named_with_their_place(tmp_path, document):
    del document["eos_dataset"]["bcc"]["V0"]
    with pytest.raises(DataError, match=r"eos_dataset\.bcc: missing V0"):
        load_reference(written(tmp_path, document))


@pytest.mark.parametrize("value", ["1", None, True, float("nan")])
def test_values_that_are_not_numbers_are_refused(tmp_path, document, value):
    document["elastic_dataset"]["C44"] = value
    with pytest.raises(DataError, match=r"elastic_dataset\.C44: must be a finite number"):
        load_reference(written(tmp_path, document))


def test_edited_values_do_not_fit_their_points(tmp_path, document):
    document["eos_dataset"]["fcc"]["B_GPa"] += 1.0
    with pytest.raises(DataError, match="was the file edited"):
        load_reference(written(tmp_path, document))


def test_absolute_and_relative_energies_cannot_be_mixed_up(tmp_path, document):
    document["atom_energy"] += 0.1
    with pytest.raises(DataError, match="cohesive_energy"):
        load_reference(written(tmp_path, document))


@pytest.mark.parametrize("text", ["", "[]", '{"eos', "\x00"])
def test_files_that_are_something_else_are_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"x\.json"):
        load_reference(path)
    with pytest.raises(DataError, match=r"absent\.json"):
        load_reference(tmp_path / "absent.json")


def test_comparison_has_a_row_for_every_property(reference):
    comparison = compare(EMT(), reference)
    rows = {row.name: row for row in comparison.rows}
    assert set(rows) == PROPERTIES | PHONONS == set(DEFAULT_THRESHOLDS)
    assert all(row.potential is not None and row.message == "" for row in comparison.rows)
    assert rows["a0"].potential == pytest.approx(3.996, abs=2e-3)
    assert rows["a0"].reference == pytest.approx(4.0427, abs=1e-3)
    assert rows["a0"].deviation == pytest.approx(-0.0464, abs=2e-3)
    assert rows["cohesive energy"].potential == pytest.approx(3.28, abs=0.01)
    assert not comparison.passed
    assert set(comparison.curves) == {"fcc", "bcc", "hcp"}


def test_thresholds_decide_and_can_be_changed(reference):
    generous = {name: Threshold(10.0, relative=True) for name in DEFAULT_THRESHOLDS}
    assert compare(EMT(), reference, thresholds=generous).passed
    only = compare(EMT(), reference, thresholds={"a0": Threshold(1.0)})
    assert {row.name: row.passed for row in only.rows}["a0"]
    assert not only.passed


def test_given_atom_energy_shifts_the_cohesive_energy_only(reference):
    computed = compare(EMT(), reference)
    shifted = compare(EMT(), reference, atom_energy=0.0)
    for a, b in zip(computed.rows, shifted.rows, strict=True):
        if a.name == "cohesive energy":
            assert abs(a.potential - b.potential) > 1.0
        else:
            assert a.potential == pytest.approx(b.potential, rel=1e-5)


def test_flipped_stress_is_caught_as_an_unstable_crystal(reference):
    generous = {name: Threshold(100.0, relative=True) for name in DEFAULT_THRESHOLDS}
    rows = {row.name: row for row in compare(FlippedStress(), reference, thresholds=generous).rows}
    for name in ("C11", "C12", "C44"):
        assert not rows[name].passed
        assert "unstable" in rows[name].message
    assert rows["B"].passed  # from energies


def test_calculator_that_fails_gives_failed_rows_with_its_message(reference):
    comparison = compare(Broken(), reference)
    assert len(comparison.rows) == len(PROPERTIES | PHONONS)
    for row in comparison.rows:
        assert row.potential is None
        assert row.deviation is None
        assert not row.passed
        assert row.message == "KeyError: 'element 13'"
    assert "FAIL  KeyError" in comparison.table()


def test_comparison_is_plain_json_and_table_has_units(reference):
    comparison = compare(EMT(), reference)
    document = json.loads(json.dumps(comparison.to_dict()))
    assert document["passed"] is False
    first = document["properties"][0]
    assert list(first) == [
        "property", "unit", "potential", "reference", "deviation", "threshold", "pass", "message"
    ]  # fmt: skip
    lines = comparison.table().splitlines()
    assert len(lines) == 1 + len(comparison.rows)
    assert "GPa" in comparison.table()
