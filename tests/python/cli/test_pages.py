"""Errors that need explaining end with a page of the documentation, which exists."""

import re
from pathlib import Path

import numpy as np
import pytest
from cli_case import SMALL_BASIS, errors, invoke, labelled_frames, write_frames
from conftest import REPOSITORY
from potentials import aluminium, random_potential

import mlip_rs
from mlip_rs.cli.pages import PAGES, with_page

SOURCES = "\n".join(
    re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))  # sentences over several lines
    for path in Path(mlip_rs.__file__).parent.rglob("*.py")
    if path.name != "pages.py"
)


def anchors(path: Path) -> set[str]:
    """Anchors of the headings of a page, as the site and GitHub make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", sorted(set(PAGES.values())))
def test_every_page_and_section_exists(page):
    path, _, anchor = page.partition("#")
    assert (REPOSITORY / path).is_file()
    assert not anchor or anchor in anchors(REPOSITORY / path)


@pytest.mark.parametrize("words", PAGES)
def test_the_words_stand_in_a_message_of_the_package(words):
    assert words in SOURCES


def refused(*command) -> str:
    result = invoke(*command)
    assert result.exit_code == 1
    return errors(result)[-1]


def test_labels_that_contradict_each_other_lead_to_their_page(tmp_path):
    frames = labelled_frames()
    for atoms in frames:
        atoms.calc.results["forces"] = -np.array(atoms.calc.results["forces"])
    data = write_frames(tmp_path / "al.extxyz", frames)
    line = refused("fit", data, *SMALL_BASIS, "-o", tmp_path / "run")
    assert line.endswith("; see docs/label-checks.md#what-is-found")


def test_an_underdetermined_fit_leads_to_its_page(tmp_path):
    data = write_frames(tmp_path / "al.extxyz", labelled_frames()[:12])
    line = refused("fit", data, "--cutoff", "5", "--hierarchy", "angular-poly", "-o", tmp_path / "run")
    assert line.endswith("; see docs/howto/faster-fits.md#more-functions-than-data")


def test_a_potential_without_error_bars_leads_to_their_page(tmp_path):
    random_potential(("Al",)).save(tmp_path / "al.mlip.json")
    data = write_frames(tmp_path / "al.extxyz", [aluminium()])
    line = refused("uncertainty", tmp_path / "al.mlip.json", data, "-o", tmp_path / "out.extxyz")
    assert line.endswith("; see docs/uncertainty.md#how-it-is-made")


def test_other_errors_stay_as_they_are(tmp_path):
    line = refused("inspect", tmp_path / "no.mlip.json")
    assert "see docs" not in line
    assert (
        with_page("frame 3 of al.extxyz: force is not finite") == "frame 3 of al.extxyz: force is not finite"
    )
