"""Error bars of properties, by the members of a committee."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from cli_case import invoke
from potentials import argon_potential

from mlip_rs import Potential
from mlip_rs.errors import ConfigError, PropertyError
from mlip_rs.uncertainty import Committee, property_uncertainty
from mlip_rs.uncertainty.committee import full_coefficients
from mlip_rs.validate import elastic_constants
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.error_bars import ErrorBar, error_bars, losses
from mlip_rs.validate.judgement import property_result
from mlip_rs.validate.properties import PROPERTIES, elastic, vacancy
from mlip_rs.validate.property import Computation
from mlip_rs.validate.result import Validation, ValidationRow
from mlip_rs.workflows.validation import validate

SCALES = (0.01, -0.02, 0.02)
"""Members are the potential times one more than these: lattices stay, energies are in proportion."""

SIGMA = float(np.sqrt(np.sum(np.square(SCALES))))

MODULUS_TOLERANCE = 1e-3
"""Relative; the crystals of potential and member are relaxed to a finite force."""


def with_committee(scales=SCALES, epsilon=0.0104):
    potential = argon_potential(epsilon)
    own = full_coefficients(potential)
    deviations = np.outer(scales, own)
    return Committee(np.arange(len(own)), deviations, {}, "each of 3 parts").attached(potential)


@pytest.fixture
def file(tmp_path):
    with_committee().save(tmp_path / "ar.mlip.json")
    return tmp_path / "ar.mlip.json"


def rows(result):
    return {row.name: row for found in result.properties for row in found.rows}


def test_of_a_scaled_potential_moduli_have_its_sigma_and_lattices_none(file, tmp_path):
    only = ["prototypes", "elastic", "zone-boundary"]
    result = validate(file, tmp_path / "out", crystal="fcc", quick=True, only=only)
    found = rows(result)
    for name in ("C11", "C44", "K (Hill)", "B fcc", "bcc − fcc"):
        row = found[name]
        assert row.bar.sigma == pytest.approx(SIGMA * abs(row.value), rel=MODULUS_TOLERANCE)
        assert (row.bar.determined, row.bar.n_members) == (3, 3)
    assert found["X long."].bar.sigma == pytest.approx(SIGMA * found["X long."].value / 2, rel=0.02)
    assert found["a0 fcc"].bar.sigma < 1e-5
    assert all(not one.losses and len(one.members) == 3 for one in result.properties)


def test_a_function_of_ones_own_gives_the_same(file, tmp_path):
    potential = with_committee()
    crystal = bulk("Ar", a=5.3)
    value, sigma = property_uncertainty(
        potential, lambda one: elastic_constants(one.calculator(), crystal).c44
    )
    assert sigma == pytest.approx(SIGMA * value, rel=1e-6)


def test_supercells_of_members_have_as_many_sites_as_those_of_the_potential(file):
    case = ValidationCase(with_committee().calculator(), ("fcc", "Ar"))
    other = argon_potential()
    shifted = case.member(other)
    assert shifted.scale == pytest.approx(1.0, abs=1e-4)
    case.crystal.set_cell(case.crystal.cell[:] * 0.97, scale_atoms=True)  # the member is now 3 % larger
    larger = case.member(other)
    for length in np.linspace(5.0, 30.0, 60):
        assert len(larger.supercell(length)) == len(case.supercell(length))
        assert len(larger.supercell(length)) <= len(case.supercell(1.1 * length))
    assert larger.phonon_supercell == pytest.approx(12.0 / 0.97, rel=1e-3)


def test_a_member_in_another_phase_is_refused():
    case = ValidationCase(with_committee().calculator(), ("fcc", "Ar"))
    case.crystal.set_cell(case.crystal.cell[:] * 0.9, scale_atoms=True)
    with pytest.raises(PropertyError, match="another phase"):
        case.member(argon_potential())


def test_a_member_that_falls_apart_is_named_and_widens_nothing(file, tmp_path):
    with_committee((0.01, -0.02, 0.02, -2.5, 0.0)).save(file)  # the fourth has no crystal at all
    result = validate(file, tmp_path / "out", crystal="fcc", quick=True, only=["elastic"])
    (found,) = result.properties
    row = rows(result)["C11"]
    assert (row.bar.determined, row.bar.n_members) == (4, 5)
    assert row.bar.sigma == pytest.approx(np.sqrt(5 / 4) * SIGMA * row.value, rel=MODULUS_TOLERANCE)
    assert found.losses[0].startswith("member 4: ")
    text = (tmp_path / "out" / "report.md").read_text()
    assert "(4 of 5 members)" in text
    assert found.losses[0] in text


def test_two_members_determine_nothing(file, tmp_path):
    with_committee(SCALES[:2]).save(file)
    result = validate(file, tmp_path / "out", crystal="fcc", quick=True, only=["elastic"])
    row = rows(result)["C11"]
    assert (row.bar.sigma, row.inside) == (None, None)
    assert "± not determined, 2 of 2 members" in row.shown
    assert "not determined" in result.coverage


def test_a_second_run_takes_the_members_from_the_first_and_continues_an_interrupted_one(
    file, tmp_path, monkeypatch
):
    def run():
        return validate(file, tmp_path / "out", crystal="fcc", quick=True, only=["elastic"])

    entry = elastic.PROPERTY
    compute, calls = entry.compute, []

    def interrupt(case):
        if len(calls) == 2:
            raise KeyboardInterrupt
        calls.append(case)
        return compute(case)

    monkeypatch.setitem(entry.__dict__, "compute", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run()
    again = []
    monkeypatch.setitem(entry.__dict__, "compute", lambda case: again.append(case) or compute(case))
    first = run()
    assert len(again) == 2  # the potential and its first member are there
    again.clear()
    assert rows(run()) == rows(first)
    assert again == []
    with_committee((0.01, -0.02, 0.03)).save(file)
    assert run().properties[0].rows[0].bar.sigma > first.properties[0].rows[0].bar.sigma


def test_error_bars_can_be_had_and_left(file, tmp_path, monkeypatch):
    words = ("validate", file, "--crystal", "fcc", "--quick", "--only", "bain", "-o", tmp_path / "out")
    done = invoke(*words)
    assert "bcc − fcc, same volume" in done.stdout
    assert "No reference to compare with the error bars of 90 % (1.645 σ, 3 members)." in done.stdout
    assert " ± " not in invoke(*words, "--no-error-bars").stdout
    entry = next(entry for entry in PROPERTIES if entry.name == "bain")
    monkeypatch.setitem(entry.__dict__, "costly", True)
    assert " ± " not in invoke(*words).stdout
    assert " ± " in invoke(*words, "--error-bars").stdout
    assert "--error-bars" in (tmp_path / "out" / "report.md").read_text()


def test_the_command_says_how_many_references_lie_within(file, tmp_path):
    argon_potential(1.03 * 0.0104).save(tmp_path / "near.mlip.json")
    argon_potential(1.2 * 0.0104).save(tmp_path / "far.mlip.json")
    words = ("validate", file, "--crystal", "fcc", "--quick", "--only", "elastic", "-o", tmp_path / "out")
    near = invoke(*words, "--reference", tmp_path / "near.mlip.json").stdout
    assert "Of 5 references, 5 lie within" in near
    far = invoke(*words, "--reference", tmp_path / "far.mlip.json").stdout
    assert "Of 5 references, 0 lie within" in far
    assert "outside: C11 (elastic)" in far
    assert "| within 90 % |" in (tmp_path / "out" / "report.md").read_text()
    done = invoke(*words, "--reference", tmp_path / "far.mlip.json", "--json")
    quantity = json.loads(done.stdout)["properties"][0]["quantities"][0]
    assert (quantity["members"], quantity["inside_90_percent"]) == (3, False)
    assert quantity["sigma"] == pytest.approx(SIGMA * quantity["value"], rel=MODULUS_TOLERANCE)


def test_without_a_committee_it_is_said_once_how_to_get_one(tmp_path):
    argon_potential().save(tmp_path / "ar.mlip.json")
    settings = {"crystal": "fcc", "quick": True, "only": ["bain"]}
    result = validate(tmp_path / "ar.mlip.json", tmp_path / "out", **settings)
    assert len(result.notices) == 1
    assert "fit again" in result.notices[0]
    assert result.coverage == ""
    assert validate(tmp_path / "ar.mlip.json", tmp_path / "out", error_bars=False, **settings).notices == ()
    without = settings | {"only": ["short-range"]}  # it has no quantities
    assert validate(tmp_path / "ar.mlip.json", tmp_path / "out", **without).notices == ()
    with pytest.raises(
        ConfigError, match=r"ar\.mlip\.json: the potential has no error bars: .*fit again"
    ) as error:
        validate(tmp_path / "ar.mlip.json", tmp_path / "out", error_bars=True, **settings)
    assert str(error.value).count("no error bars") == 1
    with pytest.raises(
        ConfigError, match=r"ase\.calculators\.emt:EMT: a calculator has no error bars; give a"
    ):
        validate(
            "ase.calculators.emt:EMT", tmp_path / "out", **settings | {"crystal": "fcc:Cu"}, error_bars=True
        )


def test_a_comparison_has_the_error_bars_of_each(file, tmp_path):
    with_committee(tuple(2 * scale for scale in SCALES)).save(tmp_path / "wide.mlip.json")
    argon_potential().save(tmp_path / "bare.mlip.json")
    files = [file, tmp_path / "wide.mlip.json", tmp_path / "bare.mlip.json"]
    result = validate(files, tmp_path / "out", crystal="fcc", quick=True, only=["elastic"])
    one, two, none = (found.properties[0].rows[0].bar for found in result.validations.values())
    assert two.sigma == pytest.approx(2 * one.sigma, rel=MODULUS_TOLERANCE)
    assert none is None
    text = (tmp_path / "out" / "report.md").read_text()
    assert "wide: No reference to compare with" in text
    assert "bare: the potential has no error bars" in text
    assert text.count(" ± ") > 4


def test_the_zero_of_the_energies_is_that_of_the_potential():
    potential = with_committee()
    case = ValidationCase(potential.calculator(), ("fcc", "Ar"), isolated_atoms={"Ar": -0.3})
    assert case.member(argon_potential(0.02)).atom_energy == -0.3


def analysis(c44):
    found = elastic.elastic_analysis(argon_potential().calculator(), bulk("Ar", a=5.3))
    stiffness = found.relaxed.matrix
    for k in (3, 4, 5):
        stiffness[k, k] = c44
    return replace(found, relaxed=replace(found.relaxed, tensor=tuple(map(tuple, stiffness.tolist()))))


def test_a_modulus_of_the_wrong_sign_is_no_value():
    members = [Computation(analysis(c44)) for c44 in (1.1, 1.2, 0.9, -40.0)]
    found = error_bars(elastic.PROPERTY, analysis(1.0), members)
    assert found["C44"].determined == 3
    assert found["C44"].sigma == pytest.approx(np.sqrt(4 / 3 * 0.06))
    assert found["C11"].sigma == 0.0
    (lost,) = losses(elastic.PROPERTY, analysis(1.0), members)
    assert lost.startswith("member 4: no C44")
    assert "Born" in lost


def test_many_losses_are_counted():
    size = vacancy.VacancyConvergence((vacancy.VacancyFormation(32, 0.7, 0.6),))
    members = [Computation(error=f"broke {k}") for k in range(8)]
    assert error_bars(vacancy.PROPERTY, size, members)["relaxed, 32 sites"] == ErrorBar(None, 0, 8)
    found = losses(vacancy.PROPERTY, size, members)
    assert (len(found), found[0], found[-1]) == (6, "member 1: broke 0", "and 3 more members")


def test_zero_by_symmetry_is_finite_and_covers_rounding():
    row = ValidationRow("x", "eV", 1.0, 1.0 + 1e-12, 0.1, ErrorBar(0.0, 6, 6))
    assert row.inside
    assert row.shown == "1 ± 0"
    assert replace(row, value=-1.26e-7, bar=ErrorBar(3.8e-9, 6, 6)).shown == "−1.26e−07 ± 3.8e−09"
    assert replace(row, value=0.0002, bar=ErrorBar(1.0, 6, 6)).shown == "0.0 ± 1.0"
    assert not replace(row, reference=1.001).inside


def test_without_members_there_are_no_bars():
    size = vacancy.VacancyConvergence((vacancy.VacancyFormation(32, 0.7, 0.6),))
    found = property_result(vacancy.PROPERTY, Computation(size))
    assert all(row.bar is None for row in found.rows)
    assert Validation("a", "", "", "", False, (found,)).coverage == ""


def test_members_begin_where_the_potential_ended():
    case = ValidationCase(with_committee().calculator(), ("fcc", "Ar"), quick=True)
    own = vacancy.compute(case)
    kept = len(case.relaxations.pairs)
    assert kept >= len(own.sizes)
    member = case.member(argon_potential(1.02 * 0.0104))
    assert member.relaxations is None
    found = vacancy.compute(member)
    assert len(case.relaxations.pairs) == kept
    for mine, other in zip(own.sizes, found.sizes, strict=True):
        assert other.relaxed == pytest.approx(1.02 * mine.relaxed, rel=MODULUS_TOLERANCE)


def test_a_compound_from_a_file_has_error_bars_as_well(tmp_path):
    lennard_jones = {("Ar", "Ar"): (0.0104, 3.4), ("Ar", "Kr"): (0.02, 3.5), ("Kr", "Kr"): (0.0141, 3.6)}
    own = [
        sign * 2.0 * epsilon * sigma**power
        for center in ("Ar", "Kr")
        for neighbour in ("Ar", "Kr")
        for epsilon, sigma in [lennard_jones[tuple(sorted((center, neighbour)))]]
        for sign, power in ((1, 12), (-1, 6))
    ]
    radial = [{"function": {"family": "polynomial", "p": [-12, -6]}}]
    spec = {"elements": ["Ar", "Kr"], "cutoff": 8.0, "cutoff_function": "polynomial", "radial": radial}
    spec["pair"] = {"degree": 1, "cross_degree": 1}
    potential = Potential.from_coefficients(spec, own, {"Ar": -0.1, "Kr": -0.2})
    committee = Committee(np.arange(len(own)), np.outer(SCALES, own), {}, "each of 3 parts")
    committee.attached(potential).save(tmp_path / "arkr.mlip.json")
    bulk("ArKr", "cesiumchloride", a=4.4).write(tmp_path / "b2.xyz")
    only = ["compounds", "elastic", "point-defects"]
    settings = {"crystal": str(tmp_path / "b2.xyz"), "quick": True, "only": only}
    result = validate(tmp_path / "arkr.mlip.json", tmp_path / "out", **settings)
    found = [row for one in result.properties for row in one.rows if not row.name.startswith("V0")]
    assert len(found) > 20
    for row in found:
        assert row.bar.sigma == pytest.approx(SIGMA * abs(row.value), rel=0.02)
        assert row.bar.determined == 3
