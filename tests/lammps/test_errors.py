"""Bad input: one line through LAMMPS' own errors, on any number of ranks, without a hang."""

import gzip
import json

import pytest
from alloys import ELEMENTS, holding_alloy
from ase import Atoms
from ase.build import bulk
from lammps_input import HEAD, pair_style


@pytest.fixture
def alloy(lammps):
    lammps.potential(holding_alloy())
    lammps.structure(bulk("NiAl", "cesiumchloride", a=2.9).repeat(2), ELEMENTS)
    return lammps


ATTEMPTS = 4
"""`mpiexec` on a busy machine may end before it has passed on the last lines of a rank that aborts."""


def message(alloy, text, ranks):
    for _ in range(1 if ranks == 1 else ATTEMPTS):
        found = alloy.run(text, ranks, fails=True)
        if found.errors:
            break
    assert found.errors, found.text[-2000:]
    assert len(set(found.errors)) == 1
    assert "Pair style mlip/rs" in found.errors[0] or "mlip" in found.errors[0]
    return found.errors[0]


def with_pair(pair, head=HEAD):
    return f"{head}read_data atoms\n{pair}run 0\n"


BOTH = pytest.mark.parametrize("ranks", [1, 2])


@BOTH
def test_a_missing_file(alloy, ranks):
    text = with_pair(pair_style(ELEMENTS, name="missing.mlip.json"))
    assert "cannot read potential file missing.mlip.json" in message(alloy, text, ranks)


@BOTH
@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text[: len(text) // 2], "torn.mlip.json"),
        (lambda text: "", "torn.mlip.json"),
        (
            lambda text: text.replace('"version":2', '"version":9').replace('"version": 2', '"version": 9'),
            "version 9",
        ),
        (lambda text: text.replace("eV", "Ry"), "torn.mlip.json"),
        (lambda text: '{"a": 1}', "torn.mlip.json"),
        (lambda text: text[: len(text) // 2], "copy it again"),
        (lambda text: "# setfl\n1 Al\n", "check that it is the right file"),
    ],
)
def test_a_file_that_is_no_whole_potential(alloy, change, expected, ranks):
    text = change(holding_alloy().to_json())
    (alloy.place / "torn.mlip.json").write_text(text, encoding="utf-8")
    assert expected in message(alloy, with_pair(pair_style(ELEMENTS, name="torn.mlip.json")), ranks)


@BOTH
def test_a_compressed_potential_is_told_from_other_files(alloy, ranks):
    (alloy.place / "al.mlip.json.gz").write_bytes(gzip.compress(holding_alloy().to_json().encode()))
    text = with_pair(pair_style(ELEMENTS, name="al.mlip.json.gz"))
    assert "the file is compressed; unpack it first (gunzip)" in message(alloy, text, ranks)


@BOTH
def test_an_element_that_the_potential_does_not_know(alloy, ranks):
    found = message(alloy, with_pair(pair_style(("Al", "Cu"))), ranks)
    assert "knows Al Ni, but not Cu of atom type 2" in found


@BOTH
@pytest.mark.parametrize(
    ("pair", "expected"),
    [
        (pair_style(("Al",)), "names 1 elements, but there are 2 atom types"),
        ("pair_style mlip/rs\npair_coeff 1 1 potential.mlip.json Al\n", "must start with * *"),
        (pair_style(("NULL", "NULL")), "gives no atom type an element"),
        (pair_style(ELEMENTS, "threads 0"), "threads 0 must be from 1"),
        (pair_style(ELEMENTS, "cutoff 5"), "unknown argument cutoff"),
        (pair_style(ELEMENTS, "threads"), "threads takes one whole number"),
        (pair_style(ELEMENTS, "threads two"), "threads takes one whole number"),
        (pair_style(ELEMENTS, "threads 1 2"), "threads takes one whole number"),
    ],
)
def test_lines_that_make_no_sense(alloy, pair, expected, ranks):
    assert expected in message(alloy, with_pair(pair), ranks)


@BOTH
@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("units metal", "units real", "needs units metal (eV, Angstrom), not real"),
        ("atom_style atomic", "newton off\natom_style atomic", "needs newton on"),
    ],
)
def test_settings_of_lammps_that_cannot_be(alloy, old, new, expected, ranks):
    text = with_pair(pair_style(ELEMENTS), HEAD.replace(old, new)).replace("real\n", "real\n")
    assert expected in message(alloy, text, ranks)


@BOTH
def test_atoms_on_one_spot_are_named_by_their_ids(alloy, ranks):
    atoms = Atoms("AlNiAl", [[1, 1, 1], [5, 5, 5], [5, 5, 5]], cell=[12, 12, 12], pbc=True)
    alloy.structure(atoms, ELEMENTS)
    found = message(alloy, with_pair(pair_style(ELEMENTS)), ranks)
    assert "step 0: atom IDs 2 and 3 are" in found or "step 0: atom IDs 3 and 2 are" in found


@BOTH
def test_positions_that_are_no_numbers(alloy, ranks):
    """LAMMPS loses such atoms when it sorts them into boxes; between two lists the pair style sees them."""
    text = with_pair(pair_style(ELEMENTS)) + (
        "neigh_modify every 100 delay 100 check no\nvariable bad atom sqrt(-1.0)*(id==3)\n"
        "fix 1 all addforce v_bad 0 0\nfix 2 all nve\nrun 10\n"
    )
    found = alloy.run(text, ranks, fails=True)
    # Of several ranks one ends the others, and its line may be lost on the way.
    assert found.errors or ranks > 1


def test_excluded_neighbours_are_warned_of(alloy):
    text = with_pair(pair_style(ELEMENTS)).replace("run 0", "neigh_modify exclude type 1 2\nrun 0")
    assert "changes their many-body energy" in alloy.run(text).text


def test_a_newer_potential_says_so(alloy):
    document = json.loads(holding_alloy().to_json())
    document["version"] = 99
    (alloy.place / "new.mlip.json").write_text(json.dumps(document), encoding="utf-8")
    assert "99" in message(alloy, with_pair(pair_style(ELEMENTS, name="new.mlip.json")), 2)
