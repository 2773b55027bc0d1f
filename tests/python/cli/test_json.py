"""docs/json.md names every key that the verbs print, its type, and no other key."""

import ast
import inspect
import json
import re
from types import FunctionType

import pytest
from ase.build import bulk
from cli_case import SMALL_BASIS, invoke, labelled_frames, write_frames
from conftest import REPOSITORY

from mlip_rs.cli import learn
from mlip_rs.cli.app import VERBS, lammps
from mlip_rs.demo import DemoResult
from mlip_rs.lammps.dynamics import DynamicsResult
from mlip_rs.lammps.thermo import Thermo
from mlip_rs.report.distillation import Distilled

PAGE = REPOSITORY / "docs" / "json.md"
KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None)}

WRITTEN_BY: dict[str, FunctionType] = {
    "demo": DemoResult.to_dict,
    "distil": Distilled.to_dict,
    "learn": learn.run,
    "lammps run": DynamicsResult.to_dict,
    "thermo": Thermo.to_dict,
}
"""Documents that take minutes, or another program; their keys are read in the source."""


def documented() -> dict[str, dict[str, str]]:
    """Types of the keys by table, whose heading has its name between backticks."""
    tables: dict[str, dict[str, str]] = {}
    name = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"#+ `(.+)`$", line):
            name = heading[1]
            tables[name] = {}
        elif line.startswith("| `"):
            keys, kind = line.split(" | ")[:2]
            tables[name] |= dict.fromkeys(re.findall(r"`([^`]+)`", keys), kind)
    return tables


TABLES = documented()


class Reader:
    """Compares documents with the page, and remembers which keys it has seen."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()

    def table(self, document: dict, name: str) -> None:
        for key, value in document.items():
            assert key in TABLES[name], f"docs/json.md, {name}: `{key}` is missing"
            self.seen.add((name, key))
            fits = self.value(value, TABLES[name][key])
            assert fits, f"docs/json.md, {name}: `{key}` is {value!r}, not {TABLES[name][key]}"

    def value(self, value: object, kind: str) -> bool:
        if kind == "any":
            return True
        if named := re.fullmatch(r"(.+) by \w+", kind):
            return isinstance(value, dict) and all(self.value(entry, named[1]) for entry in value.values())
        if kind.startswith("list of "):
            entries = kind.removeprefix("list of ")
            return isinstance(value, list) and all(self.value(entry, entries) for entry in value)
        if " or " in kind:
            return any(self.value(value, choice) for choice in kind.split(" or "))
        if kind.startswith("["):
            if isinstance(value, dict):
                self.table(value, kind.strip("[]"))
            return isinstance(value, dict)
        return isinstance(value, KINDS[kind]) and (isinstance(value, bool) == (kind == "boolean"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data, and the run directory of a fit that was tested on them."""
    folder = tmp_path_factory.mktemp("json")
    write_frames(folder / "al.extxyz", labelled_frames())
    return folder


def commands(folder):
    """Verbs and options by the name of the table."""
    data, run, out = folder / "al.extxyz", folder / "run", folder
    potential = run / "best.mlip.json"
    polymlp = REPOSITORY / "tests" / "python" / "importers" / "polymlp_pair_linear.yaml"
    (folder / "calc.py").write_text(
        "from ase.calculators.emt import EMT\ndef make(): return EMT()\n", encoding="utf-8"
    )
    write_frames(folder / "cells.extxyz", [bulk("Al"), bulk("Al", a=4.1), bulk("W")])
    return {
        "fit --dry-run": ("fit", data, "--size", "small", "--dry-run"),
        "fit --scan-weights": ("fit", data, *SMALL_BASIS, "--scan-weights", "-o", out / "scan"),
        "fit": ("fit", data, *SMALL_BASIS, "--test", data, "-o", run),
        "pareto": ("pareto", run, "--select", "best", "-o", out / "selected.mlip.json"),
        "evaluate": ("evaluate", potential, data),
        "predict": ("predict", potential, data, "-o", out / "bars.extxyz", "--error-bars"),
        "uncertainty": ("uncertainty", potential, data, "-o", out / "uncertain.extxyz"),
        "inspect": ("inspect", potential),
        "inspect --elements": ("inspect", "--elements", "Al", "--size", "small"),
        "bench": ("bench", potential, "--sizes", "100", "--threads", "1"),
        "verify": ("verify", potential, "--only", "units", "translation"),
        "validate": (
            "validate",
            potential,
            "--only",
            "elastic",
            "--crystal",
            "fcc",
            "--quick",
            "-o",
            out / "v",
        ),
        "generate": ("generate", "Al", "--kinds", "eos=3", "-o", out / "generated.extxyz"),
        "label": (
            "label",
            out / "cells.extxyz",
            "-c",
            f"{folder / 'calc.py'}:make",
            "-o",
            out / "lab.extxyz",
        ),
        "import": ("import", polymlp, "-o", out / "imported.mlip.json"),
        "export": ("export", potential, "--to", "eam/fs", "-o", out / "Al", "--data", data),
        "explain": ("explain", potential, "--data", data, "-o", out / "inside"),
        "lammps check": ("lammps", "check"),
    }


def test_every_verb_that_prints_json_has_its_table():
    verbs = {name for name, verb in VERBS.items() if "as_json" in inspect.signature(verb).parameters}
    verbs |= {
        f"lammps {command.name or command.callback.__name__}"
        for command in lammps.app.registered_commands
        if "as_json" in inspect.signature(command.callback).parameters
    }
    assert len(verbs) > 15
    assert verbs <= set(TABLES)


def test_the_page_has_every_key_with_its_type_and_no_stale_one(folder, no_report):
    reader = Reader()
    for name, command in commands(folder).items():
        result = invoke(*command, "--json")
        assert result.stdout.startswith("{"), (name, result.stderr[-500:])
        reader.table(json.loads(result.stdout), name)
    for name, function in WRITTEN_BY.items():
        for key in keys_in_source(function):
            assert key in TABLES[name], f"docs/json.md, {name}: `{key}` is missing"
            reader.seen.add((name, key))
    stale = {(name, key) for name, keys in TABLES.items() for key in keys} - reader.seen
    assert not stale


def test_every_object_that_is_named_is_described():
    kinds = {kind for keys in TABLES.values() for kind in keys.values()}
    named = {name for kind in kinds for name in re.findall(r"\[(\w+)\]", kind)}
    assert named <= set(TABLES)


def keys_in_source(function: FunctionType) -> set[str]:
    """Keys of the largest literal dictionary in a function."""
    source = inspect.getsource(inspect.unwrap(function))
    found = [node for node in ast.walk(ast.parse(source.lstrip())) if isinstance(node, ast.Dict)]
    return {key.value for key in max(found, key=lambda node: len(node.keys)).keys}
