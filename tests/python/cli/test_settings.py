"""Settings from options, `--set` and TOML: all are reachable, documented, named when wrong, and checked once."""

import dataclasses
import inspect
import json
import re
from collections import Counter
from operator import attrgetter
from types import SimpleNamespace

import pytest
from cli_case import errors, invoke

from mlip_rs import settings as checks
from mlip_rs.basis import Basis, HigherOrder, RadialSet
from mlip_rs.basis.repulsion import Repulsion
from mlip_rs.cli.app import VERBS
from mlip_rs.cli.documentation import documented_fields
from mlip_rs.cli.fit import OPTIONS
from mlip_rs.cli.options import CLASSES
from mlip_rs.cost.units import UnitCosts
from mlip_rs.data import LabelKeys
from mlip_rs.errors import ConfigError
from mlip_rs.fitting import FitSettings, Weights
from mlip_rs.workflows.config import Output, load_basis, load_job, parse_assignment
from mlip_rs.workflows.fit_job import Job, Sources

VALUES = {
    "data.train": '["b.xyz"]',
    "data.test": '["t.xyz"]',
    "data.index": "::10",
    "data.test_index": ":5",
    "data.format": "extxyz",
    "data.energy": "free_energy",
    "data.keys.energy": "E",
    "data.keys.forces": "F",
    "data.keys.stress": "S",
    "data.keys.virial": "V",
    "data.keys.components": "xx yy zz xy yz xz",
    "data.types": '["Al", "Ni_1=Ni"]',
    "data.file_weights": "false",
    "data.drop_outliers": "true",
    "data.drop_duplicates": "true",
    "data.drop_unconverged": "true",
    "basis.elements": '["Al", "Ni"]',
    "basis.cutoff": "5.5",
    "basis.hierarchy": "angular-poly",
    "basis.radial": "bessel",
    "basis.n_radial": "7",
    "basis.n_angular": "3",
    "basis.n_linear": "4",
    "basis.r_min": "1.7",
    "basis.cutoff_function": "polynomial",
    "basis.radial_cutoffs": "own",
    "basis.max_l": "4",
    "basis.linear_max_l": "5",
    "basis.radial_coupling": "diagonal",
    "basis.pair_degree": "2",
    "basis.pair_cross_degree": "2",
    "basis.angular_degree": "2",
    "basis.angular_cross_degree": "1",
    "basis.mixed_degree": "2",
    "basis.product_max_l": "2",
    "basis.product_coupling": "diagonal",
    "basis.constant": "true",
    "basis.size": "small",
    "basis.angular_cutoff": "4.5",
    "basis.higher": "[{order = 3, max_l = 2}]",
    "basis.repulsion": "{inner = [[1.5]], outer = [[2.0]]}",
    "fit.method": "lasso",
    "fit.n_folds": "3",
    "fit.prior": "flat",
    "fit.n_prior": "9",
    "fit.ridge_penalties": "[1e-6, 1e-4]",
    "fit.n_path": "30",
    "fit.path_ratio": "1e-5",
    "fit.cost_power": "0.5",
    "fit.unit_costs": json.dumps(dataclasses.asdict(UnitCosts())).replace(":", "="),
    "fit.calibrate": "true",
    "fit.hold_out_classes": "true",
    "fit.max_nonzero": "99",
    "fit.anchor_weight": "0.01",
    "fit.elastic_weight": "30",
    "fit.adaptive_power": "1.5",
    "fit.l1_ratio": "0.9",
    "fit.weights": "{stress = 0.4}",
    "fit.reference_energies": "{Al = -0.1}",
    "fit.allow_underdetermined": "true",
    "fit.correct_labels": "true",
    "fit.allow_contradictory_labels": "true",
    "fit.seed": "3",
    "fit.threads": "2",
    "fit.memory_gib": "1.5",
    "fit.scheduler": "tcp://head:8786",
    "weights.energy": "0.002",
    "weights.forces": "0.2",
    "weights.stress": "0.5",
    "weights.energy_scale": "1.5",
    "weights.force_scale": "2.5",
    "weights.static_scale": "5.0",
    "weights.config_types": "{liquid = 0.5, eos = {stress = 0.0}}",
    "output.directory": "elsewhere",
}
"""Another value than the default for every key, as typed after `--set`."""

TABLES = {
    "data": Sources,
    "data.keys": LabelKeys,
    "basis": Basis,
    "basis.radial[0]": RadialSet,
    "basis.higher[0]": HigherOrder,
    "basis.repulsion": Repulsion,
    "fit": FitSettings,
    "weights": Weights,
    "output": Output,
}


def names(kind) -> list[str]:
    return [entry.name for entry in dataclasses.fields(kind)]


@pytest.fixture
def job_of(monkeypatch):
    """The job of a command `fit`, which then reads no data."""
    jobs = []
    plan = SimpleNamespace(lines=lambda: ["planned"])
    monkeypatch.setattr(Job, "plan", lambda self, progress: jobs.append(self) or plan)

    def job(*args):
        result = invoke("fit", *args, "--dry-run")
        assert result.exit_code == 0, result.output
        return jobs.pop()

    return job


def value_of(job: Job, key: str):
    weights = job.settings.weights
    output = SimpleNamespace(directory=job.directory)
    root = SimpleNamespace(data=job.data, basis=job.basis, fit=job.settings, weights=weights, output=output)
    return attrgetter(key)(root)


def test_values_for_every_field_of_every_section_are_listed():
    nested = {"data.keys"}
    keys = [f"{table}.{name}" for table, kind in TABLES.items() if "[" not in table for name in names(kind)]
    missing = {key for key in keys if not key.startswith("basis.repulsion.")} - VALUES.keys() - nested
    assert not missing


@pytest.mark.parametrize("key", [key for key in VALUES if key != "data.train"])
def test_every_setting_is_reached_by_set(job_of, key):
    before = value_of(job_of("a.xyz"), key)
    after = value_of(job_of("a.xyz", "--set", f"{key}={VALUES[key]}"), key)
    assert after != before
    assert after == value_of(
        load_job(settings={"data.train": "a.xyz", key: parse_assignment(f"k={VALUES[key]}")[1]}), key
    )


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.flag)
def test_option_assignment_and_file_give_the_same_job(job_of, tmp_path, monkeypatch, option):
    text = VALUES[option.key]
    typed = {
        "data.test": ["t.xyz"],
        "basis.elements": ["Al", "Ni"],
        "data.types": ["Al", "Ni_1=Ni"],
        "fit.reference_energies": ["Al=-0.1"],
    }.get(option.key, [] if text == "true" else [text])
    section, _, name = option.key.partition(".")
    quoted = text if re.match(r"[\[{\d]|true", text) else json.dumps(text)
    config = tmp_path / "fit.toml"
    config.write_text(f'data.train = ["{tmp_path}/a.xyz"]\n{section}.{name} = {quoted}\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)  # paths are relative to the working directory, those of a file to its folder
    by_option = job_of(tmp_path / "a.xyz", option.flag, *typed)
    assert by_option == job_of(tmp_path / "a.xyz", "--set", f"{option.key}={text}")
    by_file = value_of(job_of("fit.toml"), option.key)
    assert by_file == value_of(by_option, option.key)


def test_assignments_override_the_file_and_keep_the_rest_of_its_tables(job_of, tmp_path):
    config = tmp_path / "fit.toml"
    config.write_text(
        '[data]\ntrain = "a.xyz"\nkeys = {energy = "E", forces = "F"}\n'
        "[weights]\nforces = 0.2\nconfig_types = {liquid = 0.5}\n[fit]\nreference_energies = {Al = 1.0, Ni = 2.0}",
        encoding="utf-8",
    )
    assignments = (
        "data.keys.energy=E0",
        "fit.weights.stress=false",
        'weights.config_types."eos.fcc"=2',
        "fit.reference_energies={Al = 3}",
        "fit.seed=1",
        "fit.seed=2",
    )
    job = job_of(config, *(part for text in assignments for part in ("--set", text)))
    assert job.data.keys == LabelKeys("E0", "F")
    assert job.settings.weights == Weights(
        forces=0.2, stress=None, config_types={"liquid": 0.5, "eos.fcc": 2}
    )
    assert job.settings.reference_energies == {"Al": 3}
    assert job.settings.seed == 2


def test_precision_zero_leaves_a_property_out(job_of):
    assert job_of("a.xyz", "--stress-precision", "0").settings.weights.stress is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--cutoff", "5", "--set", "basis.cutoff=6"),
            "--cutoff and --set basis.cutoff give the same setting",
        ),
        (
            ("--reference-energy", "Al=1", "--set", "fit.reference_energies.Al=2"),
            "--isolated-atoms and --set fit.reference_energies.Al give the same setting",
        ),
        (
            ("--force-precision", "1", "--set", "fit.weights.forces=2"),
            "--force-precision and --set fit.weights.forces give the same setting",
        ),
        (("--set", "basis.max_l"), "'basis.max_l' is not KEY=VALUE, such as basis.max_l=4"),
        (("--set", "basis.radial=[1"), "basis.radial: the value [1 is not TOML"),
        (("--set", "basis max_l=4"), "'basis max_l' is not a key, such as basis.max_l"),
        (("--set", "basis.max_l=four"), "basis.max_l is 'four'; it must be an integer"),
        (("--set", "basis.max_l=-1"), "basis.max_l is -1; it must be an integer, at least 0"),
        (("--set", "basis.higher=[{order=9, max_l=1}]"), "basis.higher[0]: higher: order 9 is not among"),
        (("--set", "fit.l1_ratio=2"), "fit.l1_ratio is 2; it must be positive and at most 1"),
        (("--set", "fit.weights.energy=-1"), "weights.energy is -1; give a positive number"),
        (("--set", "data.drop_outliers=1"), "data.drop_outliers is 1; it must be true or false"),
        (("--set", "data.format=1"), "data.format is 1; it must be a string"),
        (("--set", "basis.repulsion.inner=3"), "basis.repulsion.outer is missing"),
        (("--set", "weights=3"), "weights is 3; it must be a table"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_with_key_and_value(options, message):
    result = invoke("fit", "a.xyz", *options)
    assert result.exit_code == 1
    (line,) = errors(result)
    assert line.startswith(f"error: {message}")


def test_training_data_are_given_once():
    result = invoke("fit", "a.xyz", "--set", "data.train=b.xyz")
    assert result.exit_code == 2
    assert "give the same setting" in result.stderr


@pytest.mark.parametrize(("table", "key"), [(t, key) for t, kind in TABLES.items() for key in names(kind)])
def test_a_misspelt_key_of_any_table_is_answered_with_the_right_one(table, key):
    misspelt = key.replace("_", "", 1) if "_" in key else key[:1] + key[2:]
    content = {misspelt: 1}
    value = [content] if table.endswith("[0]") else content
    with pytest.raises(ConfigError) as caught:
        load_job(settings={table.removesuffix("[0]"): value})
    assert str(caught.value) == f"{table}.{misspelt} does not exist; did you mean {table}.{key}?"


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("max_l", "basis.max_l"),
        ("fit.cutof", "basis.cutoff"),
        ("basis.inner", "basis.repulsion.inner"),
        ("basis.family", "basis.radial[0].family"),
        ("fit.weights.force", "weights.forces"),
        ("data.n_folds", "fit.n_folds"),
    ],
)
def test_a_key_in_the_wrong_table_is_found_in_its_own(key, meant):
    with pytest.raises(ConfigError, match=re.escape(f"did you mean {meant}?")):
        load_job(settings={key: 1})


def test_a_wrong_key_is_blamed_on_the_file_only_if_it_stands_there(tmp_path):
    config = tmp_path / "fit.toml"
    config.write_text("[basis]\ncutof = 5\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_job(config, {"fit.n_fold": 3})
    assert str(caught.value).splitlines() == [
        f"{config}: basis.cutof does not exist; did you mean basis.cutoff?",
        "fit.n_fold does not exist; did you mean fit.n_folds?",
    ]


def test_one_setting_assigned_by_two_names_is_refused():
    twice = ["data.extxyz", "--set", "weights.stress=0.5", "--set", "fit.weights.stress=0.7"]
    assert errors(invoke("fit", *twice)) == [
        "error: --set weights.stress and --set fit.weights.stress give the same setting; give one of them"
    ]


def test_a_digit_typed_for_a_letter_is_answered_with_the_letter():
    with pytest.raises(ConfigError, match=r"did you mean basis\.higher\[0\]\.max_l\?"):
        load_job(settings={"data.train": "a.xyz", "basis.higher": [{"order": 3, "max_1": 4}]})


def test_weights_in_two_places_of_a_file_are_refused(tmp_path):
    config = tmp_path / "fit.toml"
    config.write_text("[weights]\nforces = 1\n[fit.weights]\nforces = 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"weights and fit\.weights are the same table"):
        load_job(config)


def test_every_value_is_checked_once(monkeypatch):
    checked = Counter()
    check = checks.typed
    monkeypatch.setattr(checks, "typed", lambda name, *rest: checked.update([name]) or check(name, *rest))
    load_job(
        settings={
            "data.train": ["a.xyz"],
            "basis.max_l": 4,
            "basis.higher": [{"order": 3, "max_l": 2}],
            "fit.seed": 1,
            "weights.forces": 0.3,
        }
    )
    assert checked["seed"] == checked["order"] == checked["n_folds"] == checked["cutoff_function"] == 1
    assert checked["max_l"] == 2  # of the basis and of the order
    assert checked["forces"] == 2  # the precision, and the key of the labels


def test_inspect_takes_every_setting_of_a_basis():
    shown = invoke("inspect", "--size", "small", "--elements", "Mo", "Al", "--set", "basis.max_l=1", "--json")
    assert json.loads(shown.stdout)["total"] == Basis(["Mo", "Al"], size="small", max_l=1).n_features
    assert load_basis({"basis": {"elements": ["Al"]}}) == Basis(["Al"])
    refused = invoke("inspect", "--elements", "Al", "--set", "fit.seed=1")
    assert errors(refused) == ["error: fit is no setting of a basis; give keys such as basis.max_l"]


# ---- help -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", CLASSES)
def test_fields_read_from_the_source_are_those_of_the_class(table):
    documented = documented_fields(*CLASSES[table])
    kind = TABLES[table]
    docstring = inspect.getdoc(kind)
    assert list(documented) == names(kind)
    for entry in dataclasses.fields(kind):
        field = documented[entry.name]
        assert (
            field.annotation == inspect.formatannotation(entry.type).replace("collections.abc.", "")
            or entry.type
        )
        assert field.summary
        assert field.summary in " ".join(docstring.replace("`", "").split())
        if isinstance(entry.default, int | float | str) and not isinstance(entry.default, bool):
            assert field.default == entry.default


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.flag)
def test_help_of_each_option_is_the_documentation_of_its_field(option):
    text = " ".join(re.sub(r"-\n\s+", "-", invoke("fit", "--help").stdout).split())
    assert option.flag in text
    assert re.sub(r"-\s", "-", option.help) in text
    assert len(option.field.summary.split()) > 2


def test_help_groups_the_options():
    headings = re.findall(r"^(\w[\w ]*):$", invoke("fit", "--help").stdout, re.MULTILINE)
    assert headings == [
        "Arguments",
        "Essentials",
        "Data",
        "Weights",
        "Basis",
        "Fit",
        "Any setting",
        "Options",
    ]


@pytest.mark.parametrize("verb", [*VERBS, "lammps check", "lammps build", "lammps run"])
def test_help_speaks_of_values_and_not_of_types(verb):
    text = invoke(*verb.split(), "--help").stdout
    assert "Usage: " in text
    assert not re.findall(r"<(str|int|float|path|list|Path)|[{}]|<=x<=|x>=", text)
