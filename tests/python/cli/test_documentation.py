"""Commands and configurations of the documentation are understood."""

import re
import shlex

import pytest
import typer.main
from conftest import REPOSITORY

from mlip_rs.cli.app import VERBS, app
from mlip_rs.workflows.config import load_job, parse_assignment

PAGES = (
    "README.md",
    "docs/command-line.md",
    "docs/generate.md",
    "docs/import.md",
    "docs/labelling.md",
    "docs/large-data.md",
    "docs/lammps.md",
)


def text_of(page: str) -> str:
    return (REPOSITORY / page).read_text(encoding="utf-8")


def commands(page: str) -> list[str]:
    blocks = "\n".join(re.findall(r"^```\w*\n(.*?)^```", text_of(page), re.MULTILINE | re.DOTALL))
    return re.findall(r"^mlip-rs [a-z].*$", blocks, re.MULTILINE)


@pytest.mark.parametrize("command", [command for page in PAGES for command in commands(page)])
def test_commands_of_the_documentation_are_parsed(command):
    _, *args = shlex.split(command, comments=True)
    found = typer.main.get_command(app)
    while hasattr(found, "commands"):
        verb, *args = args
        found = found.commands[verb]
    context = found.make_context(verb, args)
    for assignment in context.params.get("set_") or ():
        key, value = parse_assignment(assignment)
        if verb != "label":  # where they are arguments of the calculator
            load_job(settings={"data.train": "al.extxyz", key: value})


def test_the_page_shows_every_verb():
    shown = {command.split()[1] for command in commands("docs/command-line.md")}
    assert shown == {*VERBS, "lammps"}


def test_the_configuration_shown_is_read(tmp_path):
    path = tmp_path / "fit.toml"
    (block,) = re.findall(r"^```toml\n(.*?)^```", text_of("docs/command-line.md"), re.MULTILINE | re.DOTALL)
    path.write_text(block, encoding="utf-8")
    job = load_job(path)
    assert job.basis.higher[0].max_n == 6
    assert job.settings.weights.stress is None
