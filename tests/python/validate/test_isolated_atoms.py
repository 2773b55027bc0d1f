"""Without energies of isolated atoms, nothing that needs them is a number; all else is as before."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.io import read, write
from cli_case import invoke

from mlip_rs import Basis, FitSettings, Potential, fit
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.report.fit import write_run_report
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.figures.prototypes import prototype_curves
from mlip_rs.validate.properties.prototypes import PROPERTY, quantities
from mlip_rs.validate.prototype_energies import LOWEST_CRYSTAL
from mlip_rs.workflows.inspection import describe
from mlip_rs.workflows.validation import validate

BASIS = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=8)


@pytest.fixture(scope="module")
def runs():
    """The same data fitted with the isolated atom given, and without."""
    data = read_dataset(DATA_PATH, index="::4")
    given = FitSettings(method="ridge", n_folds=3, reference_energies={"Al": 0.0})
    return {
        "given": fit(data, BASIS, given),
        "fitted": fit(data, BASIS, FitSettings(method="ridge", n_folds=3)),
        "data": data,
    }


def case_of(potential, **others):
    return ValidationCase(potential.calculator(), ("fcc", "Al"), quick=True, **others)


def test_a_potential_says_where_its_reference_energies_come_from(runs):
    given, fitted = runs["given"].best(), runs["fitted"].best()
    assert (given.reference_origins, given.undetermined_atoms) == ({"Al": "given"}, ())
    assert (fitted.reference_origins, fitted.undetermined_atoms) == ({"Al": "fitted"}, ("Al",))
    shown = "\n".join(describe(fitted).lines())
    assert "eV (fitted)" in shown
    assert "Al not determined" in shown
    assert "not determined" not in "\n".join(describe(given).lines())
    assert describe(fitted).to_dict()["undetermined_atoms"] == ["Al"]


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"reference_energies": None},
        {"reference_energies": {"origins": ["Al"]}},
        {"reference_energies": 1},
    ],
)
def test_a_file_that_does_not_say_determines_nothing(info):
    potential = Potential.from_coefficients(BASIS, np.ones(8), {"Al": 0.0}, info)
    assert potential.reference_origins == {"Al": "unknown"}
    assert potential.undetermined_atoms == ("Al",)


def test_a_constant_beside_the_reference_leaves_the_atom_undetermined():
    basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=2, constant=True)
    info = {"reference_energies": {"origins": {"Al": "given"}}}
    for constant, undetermined in ((0.0, ()), (0.5, ("Al",))):
        potential = Potential.from_coefficients(basis, [constant, 1.0, 1.0], {"Al": 0.0}, info)
        assert potential.coefficients("Al").get("1", 0.0) == constant
        assert potential.undetermined_atoms == undetermined


def test_cohesive_energy_is_a_number_only_with_the_isolated_atom(runs):
    fitted, given = runs["fitted"].best(), runs["given"].best()
    values = {}
    for name, case in {
        "fitted": case_of(fitted),
        "told": case_of(fitted, isolated_atoms={"Al": 0.0}),
        "given": case_of(given),
    }.items():
        found = case.prototypes
        values[name] = {quantity.name: quantity.value for quantity in quantities(found)}
        assert bool(PROPERTY.notes(found)) == (name == "fitted")
    assert values["fitted"]["cohesive energy fcc"] is None
    assert values["given"]["cohesive energy fcc"] == pytest.approx(3.5, abs=0.5)
    assert values["told"]["cohesive energy fcc"] == pytest.approx(3.5, abs=0.5)
    for name in ("a0 fcc", "B fcc", "bcc − fcc"):  # these need no isolated atom
        assert values["fitted"][name] == pytest.approx(values["told"][name], rel=1e-6)


def test_curves_without_an_isolated_atom_begin_at_the_lowest_crystal(runs):
    found = case_of(runs["fitted"].best()).prototypes
    assert found.zero == LOWEST_CRYSTAL
    assert min(curve.equilibrium_energy for curve in found.curves) == 0.0
    known = case_of(runs["given"].best()).prototypes
    assert "lowest crystal" in prototype_curves({"a": found, "b": known}).axes[0].get_ylabel()
    assert "isolated atom" in prototype_curves({"b": known}).axes[0].get_ylabel()


def test_validation_says_not_determined_in_json_html_and_markdown(tmp_path, runs):
    runs["fitted"].best().save(tmp_path / "al.mlip.json")
    result = validate(str(tmp_path / "al.mlip.json"), tmp_path / "out", only=["prototypes"], quick=True)
    (found,) = result.properties
    row = next(row for row in found.to_dict()["quantities"] if row["quantity"].startswith("cohesive"))
    assert (row["value"], row["determined"]) == (None, False)
    assert json.loads((tmp_path / "out/validation.json").read_text())["properties"][0]["result"][
        "energy_zero"
    ]
    for name in ("report.html", "report.md"):
        page = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert "not determined" in page
        assert "--isolated-atoms Al=EV" in page


def test_validate_takes_energies_of_isolated_atoms(tmp_path, runs):
    runs["fitted"].best().save(tmp_path / "al.mlip.json")
    line = ["validate", str(tmp_path / "al.mlip.json"), "-o", str(tmp_path / "out"), "--only", "prototypes"]
    done = invoke(*line, "--quick", "--isolated-atoms", "Al=0.0", "--json")
    rows = json.loads(done.stdout)["properties"][0]["quantities"]
    assert [row["determined"] for row in rows if row["quantity"].startswith("cohesive")] == [True, True]
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert "--isolated-atoms Al=0.0" in page
    for entry, message in (
        ("Xx=0.0", "Xx is not a chemical symbol"),
        ("Cu=0", "Cu is not an element of the potential (Al)"),
    ):
        bad = invoke(*line, "--isolated-atoms", entry)
        assert bad.exit_code == 1
        assert message in bad.stderr
    lower = invoke(*line, "--quick", "--isolated-atoms", "al=0.0", "--json")
    assert json.loads(lower.stdout)["properties"][0]["quantities"] == rows


def test_report_of_a_fit_says_fitted_or_given(tmp_path, runs):
    for name in ("given", "fitted"):
        page = write_run_report(tmp_path, runs[name], runs["data"], None).read_text(encoding="utf-8")
        assert f"eV ({name})" in page
        assert ("not determined" in page) == (name == "fitted")
        assert ("relative to the isolated atoms" in page) == (name == "given")


def test_melting_temperature_does_not_depend_on_the_isolated_atom(runs):
    from mlip_rs.validate.molecular_dynamics import melting_estimate

    crystal = bulk("Al", cubic=True).repeat(3)
    potential = runs["given"].best()
    shifted = Potential.from_coefficients(
        potential.spec,
        [potential.coefficients("Al").get(label, 0.0) for label in BASIS.labels()],
        {"Al": 5.0},
    )
    assert shifted.n_nonzero == potential.n_nonzero
    estimates = [melting_estimate(p.calculator(), crystal) for p in (potential, shifted)]
    assert estimates[0] == pytest.approx(estimates[1], rel=1e-6)
    assert estimates[0] > 0


def test_predicted_free_atoms_have_an_energy_only_with_the_isolated_atom(runs, tmp_path):
    structures = tmp_path / "structures.xyz"
    write(structures, [Atoms("Al"), bulk("Al", a=4.05), Atoms("Al2", [[0, 0, 0], [0, 0, 2.7]])])
    for kind, energies in (("given", 3), ("fitted", 2)):
        runs[kind].best().save(tmp_path / f"{kind}.mlip.json")
        output = tmp_path / f"{kind}.xyz"
        result = invoke("predict", tmp_path / f"{kind}.mlip.json", structures, "-o", output, "--json")
        assert result.exit_code == 0
        assert ("not determined for Al" in result.stderr) == (kind == "fitted")
        shown = json.loads(result.stdout)["energies_ev"]
        assert sum(energy is not None for energy in shown) == energies
        frames = read(output, ":")
        assert sum("energy" in atoms.calc.results for atoms in frames) == energies
        assert all("forces" in atoms.calc.results for atoms in frames)
