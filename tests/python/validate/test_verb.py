"""The verb `validate`: status, failures, resumption, references of every kind."""

import importlib
import json
import os
from itertools import combinations

import pytest
from ase.build import bulk
from cli_case import invoke
from potentials import argon_potential, random_potential

from mlip_rs.demo import REFERENCE_PATH
from mlip_rs.errors import ConfigError, NotApplicableError
from mlip_rs.validate import PrototypeEnergies, fit_birch_murnaghan, load_reference
from mlip_rs.validate.figures import FIGURES
from mlip_rs.validate.properties import PROPERTIES
from mlip_rs.validate.properties.compounds import Compound, Compounds
from mlip_rs.validate.reference_results import reference_results
from mlip_rs.workflows.validation import validate

EMT_PATH = "ase.calculators.emt:EMT"

BROKEN = """
from ase.calculators.emt import EMT

class WrongSign(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["forces"] = -self.results["forces"]

class NoVirial(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["stress"] = 0 * self.results["stress"]

class Raises(EMT):
    def calculate(self, *args, **kwargs):
        raise ZeroDivisionError("no electrons")

def number():
    return 1
"""


@pytest.fixture
def broken(tmp_path, monkeypatch):
    (tmp_path / "broken_calculators_here.py").write_text(BROKEN)
    monkeypatch.chdir(tmp_path)


def emt(output, **settings):
    return validate(EMT_PATH, output, crystal="fcc:Cu", quick=True, **settings)


def test_a_calculator_agrees_with_itself_in_everything(tmp_path):
    result = emt(tmp_path, reference=EMT_PATH, only=["elastic", "zone-boundary", "bain"])
    assert result.passed
    assert [found.status for found in result.properties] == ["pass"] * 3
    assert all(row.value == row.reference for found in result.properties for row in found.rows)
    page = (tmp_path / "report.html").read_text()
    assert "<img" in page
    assert "https://" not in page.replace("http://www.w3.org", "")
    text = (tmp_path / "report.md").read_text()
    assert "| C11 | GPa |" in text
    assert text.count("![") == len(list((tmp_path / "figures").iterdir())) == 2
    document = json.loads((tmp_path / "validation.json").read_text())
    assert document["passed"] is True
    assert document["properties"][1]["quantities"][0]["quantity"] == "C11"


def test_finished_properties_are_taken_from_the_earlier_run(tmp_path, monkeypatch):
    emt(tmp_path, only=["elastic"])
    entry = next(entry for entry in PROPERTIES if entry.name == "elastic")

    def refuse(_):
        raise RuntimeError("computed again")

    monkeypatch.setitem(entry.__dict__, "compute", refuse)
    again = emt(tmp_path, only=["elastic"])
    assert again.properties[0].status == "no reference"
    (tmp_path / "results" / "potential-elastic.json").write_text('{"key": "torn')
    assert "computed again" in emt(tmp_path, only=["elastic"]).properties[0].error


@pytest.mark.parametrize("entry", PROPERTIES, ids=lambda entry: entry.name)
def test_results_survive_the_store(entry):
    if entry.restore is None:
        from pydantic import TypeAdapter

        TypeAdapter(entry.kind)


@pytest.mark.parametrize("entry", PROPERTIES, ids=lambda entry: entry.name)
def test_a_property_and_its_figure_have_modules_of_its_name(entry):
    module = entry.name.replace("-", "_")
    assert importlib.import_module(f"mlip_rs.validate.properties.{module}").PROPERTY is entry
    if entry.name in FIGURES:
        importlib.import_module(f"mlip_rs.validate.figures.{module}")
    assert set(FIGURES) == {known.name for known in PROPERTIES} - {"zone-boundary"}


def test_interruption_keeps_what_is_finished(tmp_path, monkeypatch):
    entry = next(entry for entry in PROPERTIES if entry.name == "elastic")

    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setitem(entry.__dict__, "compute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        emt(tmp_path, only=["bain", "elastic"])
    assert (tmp_path / "results" / "potential-bain.json").exists()


@pytest.mark.parametrize("name", ["WrongSign", "NoVirial", "Raises"])
def test_broken_calculators_are_caught_and_nothing_crashes(name, broken, tmp_path):
    result = validate(
        f"broken_calculators_here:{name}",
        tmp_path / "out",
        reference=EMT_PATH,
        crystal="fcc:Cu",
        quick=True,
        only=["elastic", "zone-boundary"],
    )
    assert not result.passed
    assert any(found.error or found.failures for found in result.properties)
    assert ("no electrons" if name == "Raises" else "FAIL") in (tmp_path / "out" / "report.html").read_text()


def test_a_stiffer_copy_fails_its_thresholds_by_number(tmp_path, broken):
    (tmp_path / "stiff.py").write_text(
        "from ase.calculators.emt import EMT\n"
        "class Stiff(EMT):\n"
        "    def calculate(self, *a, **k):\n"
        "        super().calculate(*a, **k)\n"
        "        for key in ('energy', 'forces', 'stress'):\n"
        "            self.results[key] = 1.5 * self.results[key]\n"
    )
    result = validate(
        "stiff:Stiff", tmp_path / "o", reference=EMT_PATH, crystal="fcc:Cu", quick=True, only=["elastic"]
    )
    (found,) = result.properties
    assert found.status == "FAIL"
    assert found.failures == ()
    assert found.rows[0].value == pytest.approx(1.5 * found.rows[0].reference, rel=0.01)


def test_arguments_that_make_no_sense_are_named(tmp_path, broken):
    with pytest.raises(ConfigError, match="unknown property fonons"):
        emt(tmp_path, only=["fonons"])
    with pytest.raises(ConfigError, match="no such file"):
        validate("nothing.json", tmp_path)
    with pytest.raises(ConfigError, match="no calculator of ASE"):
        validate("broken_calculators_here:number", tmp_path, crystal="fcc:Cu")
    with pytest.raises(ConfigError, match="there is no module 'nowhere'"):
        emt(tmp_path, reference="nowhere:Calculator")
    with pytest.raises(ConfigError, match="PROTOTYPE:ELEMENT"):
        validate(EMT_PATH, tmp_path)
    with pytest.raises(ConfigError, match="unknown crystal structure"):
        validate(EMT_PATH, tmp_path, crystal="ffc:Cu")


def test_a_property_that_the_crystal_cannot_have_is_reported_and_does_not_fail(tmp_path):
    result = validate(
        EMT_PATH, tmp_path, crystal="hcp:Cu", quick=True, only=["zone-boundary", "stacking-fault"]
    )
    assert [found.status for found in result.properties] == ["not applicable"] * 2
    assert result.passed
    assert "neither" in (tmp_path / "report.html").read_text()


def test_phases_in_the_wrong_order_are_a_failure():
    entry = next(entry for entry in PROPERTIES if entry.name == "prototypes")
    volumes = [14.0, 15.0, 16.0, 17.0, 18.0]

    def curves(**lowest):
        fits = [
            fit_birch_murnaghan(name, volumes, [low + 0.01 * (v - 16) ** 2 for v in volumes])
            for name, low in lowest.items()
        ]
        return PrototypeEnergies("Al", tuple(fits))

    reference = curves(fcc=-3.5, bcc=-3.4, hcp=-3.499)
    assert entry.reference_failures(curves(fcc=-3.5, bcc=-3.45, hcp=-3.501), reference) == ()
    (failure,) = entry.reference_failures(curves(fcc=-3.5, bcc=-3.51, hcp=-3.52), reference)[:1]
    assert "bcc lies below fcc" in failure


def test_command_line_reports_and_says_by_its_code_what_became_of_it(tmp_path):
    potential = argon_potential()
    potential.save(tmp_path / "ar.mlip.json")
    out = tmp_path / "out"
    done = invoke(
        "validate", tmp_path / "ar.mlip.json", "--only", "zone-boundary", "--crystal", "fcc", "-o", out
    )
    assert (done.exit_code, "report -> " in done.stdout) == (0, True), done.stderr
    reference = invoke(
        "validate",
        tmp_path / "ar.mlip.json",
        "--reference",
        REFERENCE_PATH,
        "--only",
        "elastic",
        "--json",
        "-o",
        out,
    )
    assert reference.exit_code == 1
    assert "does not know Al" in reference.stderr
    wrong = invoke("validate", tmp_path / "ar.mlip.json", "--only", "fonons", "-o", out)
    assert (wrong.exit_code, "known are prototypes" in wrong.stderr) == (1, True)


def test_properties_of_another_crystal_are_no_reference(tmp_path):
    settings = {"reference": str(REFERENCE_PATH), "only": ["elastic"], "quick": True}
    same = validate(EMT_PATH, tmp_path, crystal="fcc:Al", **settings).properties[0]
    assert same.rows[0].reference == pytest.approx(load_reference(REFERENCE_PATH).elastic.c11)
    result = validate(EMT_PATH, tmp_path, crystal="hcp:Al", **settings)
    (other,) = result.properties
    assert other.rows[0].reference is None
    assert "is of fcc Al" in other.reference_error
    assert (other.status, result.passed) == ("not compared", False)


def test_a_reference_that_does_not_know_the_crystal_is_refused(tmp_path):
    argon_potential().save(tmp_path / "ar.mlip.json")
    bulk("Cu").write(tmp_path / "cu.xyz")
    for reference, known in ((tmp_path / "ar.mlip.json", "Ar"), (REFERENCE_PATH, "Al")):
        for crystal in ("fcc:Cu", str(tmp_path / "cu.xyz")):
            with pytest.raises(ConfigError, match=rf"the reference .*json does not know Cu, only {known};"):
                validate(EMT_PATH, tmp_path / "out", crystal=crystal, reference=str(reference))
    assert not (tmp_path / "out").exists()


def compounds_of(symbols):
    curve = fit_birch_murnaghan("B2", [14.0, 15.0, 16.0, 17.0, 18.0], [-2.96, -2.99, -3.0, -2.99, -2.96])
    found = [Compound(f"B2 {a}{b}", curve, -0.1) for a, b in combinations(sorted(symbols), 2)]
    if not found:
        raise NotApplicableError("compounds need two elements")
    return Compounds(tuple(found))


@pytest.mark.parametrize(
    ("known", "lacking"),
    [(("Al",), "Ni"), (("Al", "Cu"), "Ni"), (("Al", "Cu", "Ni"), ""), (None, ""), ("refuses", "")],
)
def test_elements_that_the_reference_lacks_are_named_and_no_pass(known, lacking, tmp_path, monkeypatch):
    def compute(case):
        if case.potential is None and known == "refuses":
            raise NotImplementedError("no Ni here")
        return compounds_of(case.elements)

    entry = next(entry for entry in PROPERTIES if entry.name == "compounds")
    monkeypatch.setitem(entry.__dict__, "compute", compute)
    own, reference = tmp_path / "own.mlip.json", EMT_PATH
    random_potential(("Ni", "Cu", "Al"), "pair").save(own)
    if isinstance(known, tuple):
        reference = str(tmp_path / "reference.mlip.json")
        random_potential(known, "pair").save(reference)
    result = validate(own, tmp_path / "out", reference=reference, crystal="fcc:Al", only=["compounds"])
    (found,) = result.properties
    sound = not lacking and known != "refuses"
    assert (found.status, result.passed) == (("pass", True) if sound else ("not compared", False))
    if not sound:
        reason = f"the reference lacks {lacking}" if lacking else "NotImplementedError: no Ni here"
        assert found.reference_error.startswith(reason)
        assert reason in result.table()[1][0][-1]
        assert reason in (tmp_path / "out/report.html").read_text()


def test_an_element_that_is_assumed_is_said_in_the_report(tmp_path):
    document = json.loads(REFERENCE_PATH.read_text())
    del document["element"]
    (tmp_path / "nameless.json").write_text(json.dumps(document))
    paths = [tmp_path / "one.mlip.json", tmp_path / "two.mlip.json"]
    for path in paths:
        random_potential(("Al",), "pair").save(path)
    settings = {"reference": str(tmp_path / "nameless.json"), "quick": True, "only": ["short-range"]}
    alone = validate(paths[0], tmp_path / "out", **settings)
    assert "names no element; it is taken to be of Al" in alone.notices[0]
    for result, output in ((alone, "out"), (validate(paths, tmp_path / "both", **settings), "both")):
        assert "names no element; it is taken to be of Al" in (tmp_path / output / "report.html").read_text()
        assert "names no element" in json.dumps(result.to_dict())
    named = validate(paths[0], tmp_path / "out", **(settings | {"reference": str(REFERENCE_PATH)}))
    assert named.notices == ()


def test_file_of_reference_properties_becomes_results_of_the_same_kinds():
    found = reference_results(load_reference(REFERENCE_PATH))
    assert found["elastic"].relaxed.c11 == pytest.approx(load_reference(REFERENCE_PATH).elastic.c11)
    assert found["prototypes"].ordering[0] == "fcc"
    for name, result in found.items():
        entry = next(entry for entry in PROPERTIES if entry.name == name)
        assert isinstance(result, entry.kind)
        assert entry.quantities(result) or name == "pressure"  # no transition among them


STIFF = """
from ase.calculators.emt import EMT

class Stiff(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        for key in ("energy", "forces", "stress"):
            self.results[key] = 1.5 * self.results[key]
"""


@pytest.fixture
def stiff(tmp_path, monkeypatch):
    (tmp_path / "stiff_calculator.py").write_text(STIFF)
    monkeypatch.chdir(tmp_path)
    return "stiff_calculator:Stiff"


def test_several_potentials_stand_side_by_side_against_one_reference(tmp_path, stiff):
    out = tmp_path / "out"
    settings = {"reference": EMT_PATH, "crystal": "fcc:Cu", "quick": True}
    result = validate([EMT_PATH, stiff], out, only=["elastic", "bain", "zone-boundary"], **settings)
    assert not result.passed
    assert [found.passed for found in result.validations.values()] == [True, False]
    header, rows = result.table()
    assert header == ("property", EMT_PATH, stiff)
    elastic = next(row for row in rows if row[0] == "elastic")
    assert elastic[1:] == ("pass, 5 of 5", "FAIL, 0 of 5")
    page = (out / "report.html").read_text()
    assert page.count("<img") == 2
    assert page.count("✗") >= 5
    assert f"mlip-rs validate {EMT_PATH} {stiff} --reference {EMT_PATH} --crystal fcc:Cu --quick" in page
    document = json.loads((out / "validation.json").read_text())
    assert [entry["name"] for entry in document["potentials"]] == [EMT_PATH, stiff]
    assert len(list((out / "results").glob("reference-elastic.json"))) == 1


def test_potentials_compared_have_one_crystal_that_the_first_one_chooses(tmp_path, monkeypatch):
    (tmp_path / "bcc_calculator.py").write_text(
        "from ase.calculators.lj import LennardJones\n"
        "class Bcc(LennardJones):\n"
        "    def __init__(self):\n"
        "        super().__init__(sigma=2.3, epsilon=0.4, rc=2.9)\n"
    )
    monkeypatch.chdir(tmp_path)
    settings = {"crystal": ":Al", "quick": True, "only": ["bain"]}
    alone = validate("bcc_calculator:Bcc", tmp_path / "alone", **settings)
    beside = validate([EMT_PATH, "bcc_calculator:Bcc"], tmp_path / "out", **settings)
    assert alone.crystal == "bcc Al"
    assert [found.crystal for found in beside.validations.values()] == ["fcc Al"] * 2


def test_a_comparison_needs_two_potentials_of_one_element(tmp_path):
    with pytest.raises(ConfigError, match="two different potentials"):
        validate([EMT_PATH, EMT_PATH], tmp_path, crystal="fcc:Cu")
    argon_potential().save(tmp_path / "ar.mlip.json")
    with pytest.raises(ConfigError, match="ar does not know Cu, only Ar"):
        validate([EMT_PATH, tmp_path / "ar.mlip.json"], tmp_path / "out", crystal="fcc:Cu")


def test_stored_results_of_similar_and_long_names_do_not_meet(tmp_path):
    names = ("a b", "a_b", "reference", "potential", "é" * 80, "x" * 240)
    paths = [tmp_path / f"{name}.mlip.json" for name in names]
    for path in paths:
        argon_potential().save(path)
    settings = {"crystal": "fcc:Ar", "quick": True, "only": ["zone-boundary"], "reference": str(paths[0])}
    result = validate(paths, tmp_path / "out", **settings)
    assert result.passed
    stored = [path.name for path in (tmp_path / "out/results").iterdir()]
    assert len(stored) == len(names) + 1
    assert max(len(name.encode()) for name in stored) < 120


@pytest.mark.parametrize("name", ["report.html", "report.md", "validation.json", "figures", "results"])
def test_a_report_that_cannot_be_written_is_found_out_at_the_start(name, tmp_path, monkeypatch):
    computed = []
    entry = next(entry for entry in PROPERTIES if entry.name == "elastic")
    monkeypatch.setitem(entry.__dict__, "compute", computed.append)
    if name in ("figures", "results"):
        (tmp_path / name).write_text("a file")
    else:
        (tmp_path / name).mkdir()
    with pytest.raises(OSError, match=f"choose another output.*{name}"):
        emt(tmp_path, only=["elastic"])
    assert computed == []


@pytest.mark.parametrize("name", ["report.html", "results"])
def test_write_protected_outputs_are_found_out_at_the_start(name, tmp_path, monkeypatch):
    emt(tmp_path, only=["zone-boundary"])
    access = os.access
    protected = os.path.realpath(tmp_path / name)
    # Not by chmod: whoever runs the tests may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != protected and access(path, mode))
    with pytest.raises(PermissionError, match=f"is write-protected; choose another output.*{name}"):
        emt(tmp_path, only=["elastic"])
    assert not (tmp_path / "results/potential-elastic.json").exists()


def test_the_command_compares_several(tmp_path, stiff):
    words = (
        "--reference",
        EMT_PATH,
        "--crystal",
        "fcc:Cu",
        "--quick",
        "--only",
        "elastic",
        "-o",
        tmp_path / "out",
    )
    done = invoke("validate", EMT_PATH, stiff, *words)
    assert done.exit_code == 1
    assert "FAIL, 0 of 5" in done.stdout
    assert stiff in done.stdout


def test_results_beside_a_reference_file_belong_to_its_content(tmp_path):
    own, reference = tmp_path / "ar.mlip.json", tmp_path / "reference.mlip.json"
    argon_potential().save(own)

    def key():
        settings = {"crystal": "fcc:Ar", "quick": True, "only": ["zone-boundary"]}
        validate(own, tmp_path / "out", reference=str(reference), **settings)
        return json.loads((tmp_path / "out/results/potential-zone-boundary.json").read_text())["key"]

    argon_potential().save(reference)
    first = key()
    argon_potential(epsilon=0.02).save(reference)
    assert key() != first
    argon_potential().save(reference)
    assert key() == first


def test_a_crystal_file_of_other_periodicity_is_another_crystal(tmp_path):
    atoms = bulk("Cu", cubic=True)
    settings = {"crystal": str(tmp_path / "cu.xyz"), "quick": True, "only": ["elastic"]}
    atoms.write(tmp_path / "cu.xyz")
    assert validate(EMT_PATH, tmp_path / "out", **settings).properties[0].status == "no reference"
    atoms.pbc = (True, True, False)
    atoms.write(tmp_path / "cu.xyz")
    (found,) = validate(EMT_PATH, tmp_path / "out", **settings).properties
    assert found.status == "not computed"
    assert "periodic" in found.error
