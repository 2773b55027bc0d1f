"""The file of reference properties."""

import json

import pytest

from mlip_rs.demo import REFERENCE_PATH
from mlip_rs.errors import DataError
from mlip_rs.validate import load_reference


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
