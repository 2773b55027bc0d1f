"""The specification of a basis: what it omits, and version 1 of it."""

import json

import pytest
from conftest import REPOSITORY

from mlip_rs import Potential, _core
from mlip_rs.basis import Basis, HigherOrder, RadialSet, Repulsion
from mlip_rs.basis.specification import Invariants, with_current_basis
from mlip_rs.errors import ConfigError
from mlip_rs.fitting.run_config import configuration

VERSION_1 = REPOSITORY / "tests" / "data" / "potential_v1"
HIERARCHIES = ("pair", "pair-poly", "angular", "angular-poly", "invariants")


def version_1(name):
    """Basis specification of a potential file of version 1."""
    return json.loads((VERSION_1 / f"{name}.mlip.json").read_text(encoding="utf-8"))["content"]["basis"]


def test_fields_with_their_default_are_left_out():
    assert Invariants(1).to_dict() == {"order": 1}
    assert Invariants(3, 2, radial="diagonal", max_total=4).to_dict() == {
        "order": 3,
        "max_l": 2,
        "radial": "diagonal",
        "max_total": 4,
    }


@pytest.mark.parametrize(
    "basis",
    [
        *(Basis(["Al", "Ni"], cutoff=5.0, hierarchy=name) for name in HIERARCHIES),
        Basis(["Al"], higher=[HigherOrder(3, 3, 1, "free", 2, 4, 2, 2, 2)], constant=True),
        Basis(["Al"], size="small", repulsion=Repulsion([[1.5]], [[2.0]], [9.0], [12.0], 2.0, 1.5)),
        Basis.polynomial_model(["Al"], 5.0, model_type=2, n_radial=2, max_l=(2, 1)),
    ],
)
def test_the_core_writes_the_document_it_was_given(basis):
    assert json.loads(basis.core.spec) == basis.to_dict()


@pytest.mark.parametrize("name", HIERARCHIES)
def test_version_1_is_read_and_version_2_written(name):
    basis = _core.Basis(json.dumps(version_1(name)))
    assert basis.hierarchy == name
    document = json.loads(basis.spec)
    assert "pair" not in document
    assert document["invariants"][0]["order"] == 1
    again = _core.Basis(basis.spec)
    assert (again.labels(), again.spec) == (basis.labels(), basis.spec)
    assert Potential.load(VERSION_1 / f"{name}.mlip.json").hierarchy == name


@pytest.mark.parametrize("name", HIERARCHIES)
def test_the_record_of_an_old_run_is_read_as_one_of_today(name):
    old = {
        "basis": version_1(name),
        "hierarchy": name,
        "repulsion": {"inner": [[1.5]], "outer": [[2.0]], "crowding_onset": [9.0], "crowding_end": [12.0]},
        "settings": {"weights": {}},
        "data": {"files": ["al.extxyz"]},
        "test_data": None,
    }
    record = with_current_basis(old)
    assert record["basis"] == json.loads(_core.Basis(json.dumps(old["basis"])).spec)
    assert record["repulsion"]["density_onset"] == [9.0]
    assert with_current_basis(record) == record
    assert f'hierarchy = "{name}"' in configuration(record)


@pytest.mark.parametrize(
    ("invariants", "message"),
    [
        ([], "must begin with order 1"),
        ([{"order": 2, "max_l": 1}], "must begin with order 1"),
        ([{"order": 1}, {"order": 3}, {"order": 2}], "ascending orders, each given once"),
        ([{"order": 1}, {"order": 1}], "ascending orders, each given once"),
        ([{"order": 1}, {"order": 7}], "order 7 does not exist"),
        ([{"order": 1, "max_l": 1}], "order 1: max_l is 1; the pairwise invariants have l = 0 only"),
        ([{"order": 1, "mixed_degree": 2}], "mixed_degree needs invariants of another order"),
        (
            [{"order": 1}, {"order": 2, "max_l": 2, "product_max_l": 3}],
            "order 2: product_max_l exceeds max_l",
        ),
        ([{"order": 1}, {"order": 3, "max_l": 1, "min_l": 2}], "order 3: min_l exceeds max_l"),
        ([{"order": 1, "degree": 4}], "order 1: degree is 4; it must be 1, 2 or 3"),
        ([{"order": 1, "lmax": 4}], "unknown field `lmax`"),
    ],
)
def test_invariants_that_contradict_each_other_are_refused(invariants, message):
    document = Basis(["Al"], hierarchy="angular").to_dict() | {"invariants": invariants}
    with pytest.raises(ConfigError, match=message):
        _core.Basis(json.dumps(document))


@pytest.mark.parametrize(
    ("family", "parameters", "message"),
    [
        (
            "gaussian",
            {"beta": [1.0, float("nan")], "mu": [2.5]},
            r"basis\.radial\[0\]\.function\.beta\[1\] is nan",
        ),
        ("gaussian", {"beta": [1.0], "mu": [float("inf")]}, r"basis\.radial\[0\]\.function\.mu\[0\] is inf"),
        ("bessel", {"n": [2.5]}, "2.5 must be a whole number$"),
    ],
)
def test_parameters_that_are_no_numbers_are_named(family, parameters, message):
    basis = Basis(["Al"], cutoff=5.0, radial=[RadialSet(family, parameters)])
    with pytest.raises(ConfigError, match=message):
        basis.core  # noqa: B018 (builds it)
