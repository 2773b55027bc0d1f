"""Pages of the gallery are what their records say, and the records what the files to download do."""

import importlib
import json
import re

import numpy as np
import pytest
from ase.build import bulk
from conftest import REPOSITORY

from mlip_rs.generate.prototypes import binary_prototype
from mlip_rs.potential import Potential
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA
from mlip_rs.verify import verify
from mlip_rs.workflows.inspection import describe

GALLERY = REPOSITORY / "docs" / "gallery"
NAMES = sorted(path.stem for path in GALLERY.glob("*.json"))
ALL_FILES = 3e6
"""Bytes of all potential files together, for the sake of the repository."""

ALL_DIGITS = 6e-5
"""Largest rounding of numbers with four decimals, and what is left of a relaxation."""

PRESSURE = 0.1
"""GPa, that four decimals of a lattice constant leave."""


@pytest.fixture(scope="module")
def pages():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(REPOSITORY / "benches")
        yield importlib.import_module("gallery_pages")


def record(name):
    return json.loads((GALLERY / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=NAMES)
def finished(request):
    """Record and potential of a page."""
    own = record(request.param)
    return own, Potential.load(GALLERY / own["potential"]["file"])


def test_there_is_a_gallery():
    assert len(NAMES) >= 10


def test_pages_are_those_of_their_records(pages):
    for name in NAMES:
        entry = next(entry for entry in pages.ENTRIES if entry.name == name)
        assert (GALLERY / f"{name}.md").read_text(encoding="utf-8") == pages.page(entry, record(name))


def test_the_index_lists_every_page_and_no_other(pages):
    index = (GALLERY / "index.md").read_text(encoding="utf-8")
    assert index == pages.index_page({name: record(name) for name in NAMES})
    listed = index.partition(":hidden:\n")[2].partition("```")[0].split()
    assert (
        sorted(listed) == NAMES == sorted(path.stem for path in GALLERY.glob("*.md") if path.stem != "index")
    )
    assert re.search(
        r"^gallery/index$", (REPOSITORY / "docs/index.md").read_text(encoding="utf-8"), re.MULTILINE
    )


def test_files_are_small(pages):
    files = list(GALLERY.glob("*.mlip.json.xz"))
    assert len(files) == len(NAMES)
    assert sum(path.stat().st_size for path in files) <= ALL_FILES
    assert all(path.stat().st_size <= 60_000 for path in GALLERY.glob("*.png"))


def test_the_file_is_the_one_of_the_page_and_sound(finished):
    own, potential = finished
    stated, knee = own["potential"], own["points"]["knee"]
    assert (GALLERY / stated["file"]).stat().st_size == pytest.approx(1e3 * stated["kilobytes"], abs=500)
    assert potential.checksum == stated["checksum"]
    assert (potential.n_nonzero, potential.n_features) == (knee["n_nonzero"], knee["n_features"])
    assert potential.info["data"]["fingerprint"] == own["data"]["fingerprint"]
    assert potential.info["stress_test"] == own["trust"]["stress_tests"]["fit"]
    assert verify(potential, only=["forces", "virial", "file"]).passed


def test_the_file_is_described_as_it_is(finished):
    own, _ = finished
    assert describe(GALLERY / own["potential"]["file"]).checksum == own["potential"]["checksum"]


def test_errors_of_the_record_are_those_in_the_file(finished):
    own, potential = finished
    for part in ("training", "validation"):
        for key, found in potential.info["errors"][part].items():
            if key != "by_config_type":
                stated = own["points"]["knee"][part][key.split("_")[0]]
                assert stated == pytest.approx([found["mae"], found["rmse"]], rel=1e-3)


def crystals(own, potential):
    """Symbol, relaxed crystal and properties of each element."""
    parts = own.get("elements", {potential.elements[0]: own})
    return [(symbol, part["crystal"], part["properties"]) for symbol, part in parts.items()]


def pressure(found):
    return np.abs(found.stress).max() * EV_PER_ANGSTROM3_IN_GPA


def test_crystals_have_the_energies_of_the_page_and_no_pressure(finished):
    own, potential = finished
    assert {symbol for symbol, *_ in crystals(own, potential)} == set(potential.elements)
    for symbol, stated, _ in crystals(own, potential):
        atoms = bulk(symbol, stated["prototype"], a=stated["a"], c=stated.get("c"))
        found = potential.predict(atoms)
        assert found.energy / len(atoms) == pytest.approx(stated["energy"], abs=ALL_DIGITS)
        assert pressure(found) < PRESSURE


def test_crystals_are_those_whose_properties_are_listed(finished):
    own, potential = finished
    for _, stated, properties in crystals(own, potential):
        rows = {row["quantity"]: row for row in properties if row["property"] == "prototypes"}
        if f"a0 {stated['prototype']}" in rows:
            assert rows[f"a0 {stated['prototype']}"]["value"] == pytest.approx(stated["a"], rel=1e-3)


def test_the_compound_of_an_alloy_is_relaxed_and_has_the_energy_of_formation_of_the_page():
    own = record("AgAu")
    potential = Potential.load(GALLERY / own["potential"]["file"])
    kind, formula = own["compound"]["name"].split()
    name = next(key for key, value in own["compound"]["formulas"].items() if value == formula and kind in key)
    a = own["compound"]["lengths"][0]
    atoms = binary_prototype(kind, "Ag", "Au", a**3 / 4)
    assert atoms.get_chemical_formula() == formula
    found = potential.predict(atoms)
    assert pressure(found) < PRESSURE
    grounds = {symbol: crystal["energy"] for symbol, crystal, _ in crystals(own, potential)}
    formation = 1e3 * (found.energy - sum(grounds[symbol] for symbol in atoms.symbols)) / len(atoms)
    rows = {row["quantity"]: row["value"] for row in own["elements"]["Ag"]["properties"]}
    assert formation == pytest.approx(rows[f"formation {name}"], abs=0.3)


def test_a_misfit_of_more_than_a_tenth_is_told_and_a_smaller_one_is_not(pages):
    def told(value):
        rows = [{"property": "elastic", "quantity": "C11", "value": value, "sigma": 1.0}]
        strained = {"labels": {"C11": 100.0}, "knee": {"C11": value}, "best": {"C11": 95.0}}
        references = {"DFT": {"elastic": {"C11": 100.0}}}
        return pages.misfits({"references": references, "properties": rows, "strained": strained})

    assert told(111.0) == [
        "Beside the labels in the strained cells, C11 is 11 % above (outside the error bar of 90 %; best potential of "
        "the fit: −5 %).",
        "Beside DFT, C11 is 11 % above (outside the error bar of 90 %).",
    ]
    assert all("nothing" in sentence for sentence in told(109.0))
