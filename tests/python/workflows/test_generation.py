"""`mlip-rs generate`: files of structures, and one sentence for everything that is wrong."""

import itertools
import json

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from cli_case import errors, invoke

from mlip_rs.design.coverage import coverage
from mlip_rs.workflows.generation import without_duplicates


def test_a_file_of_structures_is_written_with_their_provenance(tmp_path):
    out = tmp_path / "al.extxyz"
    result = invoke("generate", "Al", "-o", out, "-n", 40, "--volume", "16.5", "--seed", 5)
    assert result.exit_code == 0, result.stderr
    frames = ase.io.read(out, ":")
    assert len(frames) == 40
    assert {frame.info["seed"] for frame in frames} == {5}
    assert all(frame.info["config_type"] for frame in frames)
    assert "16.50 Å³ per atom in fcc (given)" in result.stdout
    again = tmp_path / "again.extxyz"
    invoke("generate", "Al", "-o", again, "-n", 40, "--volume", "16.5", "--seed", 5)
    assert again.read_bytes() == out.read_bytes()


def test_the_structures_that_tell_most_are_written_with_a_figure(tmp_path):
    out, figure = tmp_path / "al.extxyz", tmp_path / "al.png"
    result = invoke("generate", "Al", "-o", out, "-n", 30, "--select", 8, "--figure", figure)
    assert result.exit_code == 0, result.stderr
    assert len(ase.io.read(out, ":")) == 8
    assert "8 of 30 structures chosen by I-optimality" in result.stdout
    assert figure.stat().st_size > 10_000
    result = invoke(
        "generate", "Al", "-o", tmp_path / "more.extxyz", "-n", 10, "--select", 3, "--labelled", out
    )
    assert len(ase.io.read(tmp_path / "more.extxyz", ":")) == 3


def test_kinds_are_chosen_and_counted(tmp_path):
    out = tmp_path / "mg.extxyz"
    result = invoke("generate", "Mg", "-o", out, "--kinds", "eos=5", "slab=2", "--json")
    document = json.loads(result.stdout)
    assert document["kinds"] == {"eos": 5, "slab": 2}
    assert document["n_structures"] == len(ase.io.read(out, ":")) == 7


def test_a_plan_is_shown_without_a_file(tmp_path):
    result = invoke("generate", "Ag", "Au", "--plan", "-n", 100, "--json")
    assert result.exit_code == 0, result.stderr
    plan = json.loads(result.stdout)
    assert plan.pop("all") == sum(plan.values()) == 100


def test_own_crystals_are_distorted(tmp_path):
    ase.io.write(tmp_path / "POSCAR", bulk("NaCl", "rocksalt", a=5.6), format="vasp")
    ase.io.write(tmp_path / "two.extxyz", [bulk("Na"), bulk("NaCl", "cesiumchloride", a=3.5)])
    out = tmp_path / "out.extxyz"
    files = (tmp_path / "POSCAR", tmp_path / "two.extxyz")
    result = invoke("generate", "--from", *files, "-o", out, "--kinds", "eos=9", "rattle=6")
    assert result.exit_code == 0, result.stderr
    parents = {frame.info["parent"] for frame in ase.io.read(out, ":")}
    assert parents == {"POSCAR", "two-0", "two-1"}


def test_duplicates_are_left_out():
    crystal = bulk("Al", cubic=True)
    shifted = crystal.copy()
    shifted.positions += 0.37
    shifted.wrap()
    other = crystal.copy()
    other.rattle(0.1, seed=0)
    assert without_duplicates([crystal, shifted, other, other]) == [crystal, other]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("Xx",), "error: 'Xx' is not a chemical element; give symbols such as Al"),
        (("Al", "--volume", "0"), "error: volume of Al: 0 Å³ per atom is not positive"),
        (
            ("Al", "-n", "0"),
            "error: the plan has no structures; give kinds with --kinds, or a number above 0",
        ),
        (("Al", "-n", "-1"), "error: -1 structures are not possible; give 1 or more"),
        (("Ag", "Au", "Cu", "--orderings", "12"), "error: orderings of 3 elements on 12 sites are too many"),
        (("Al", "--budget", "-5"), "error: a budget of -5 buys no structure"),
        (("Al", "--budget", "nan"), "error: a budget of nan buys no structure"),
        (
            ("Al", "--budget", "9", "--select", "3"),
            "error: give either the number of structures to choose, or",
        ),
        (("Al", "--volume", "1e-3"), "error: volume of Al: 0.001 Å³ per atom is not possible"),
        (("Al", "--kinds", "eos", "phonons"), "error: unknown kind of structures 'phonons'; known are eos, "),
        (
            ("Al", "-n", "5", "--select", "9"),
            "error: 9 structures are to be chosen from 5; give a number between 1",
        ),
        (
            ("Al", "--figure", "al.doc"),
            "error: al.doc: no figure format ends in '.doc'; use .png, .pdf or .svg",
        ),
        (("Al", "--size", "huge"), "error: unknown size 'huge' of a set; known are small, medium, large"),
        (("--from", "nothing.cif"), "error: nothing.cif: "),
        ((), "error: no elements are given; give symbols such as Al, or structures of your own"),
    ],
)
def test_bad_input_is_one_sentence_and_no_file(tmp_path, arguments, sentence):
    out = tmp_path / "out.extxyz"
    result = invoke("generate", *arguments, "-o", out)
    assert result.exit_code == 1
    (line,) = errors(result)
    assert line.startswith(sentence)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("Al", "--labelled", "old.extxyz"), "--labelled: give --select or --budget as well"),
        (("Al", "--volume", "16.5", "17.5"), "--volume 17.5: Al has another volume already"),
        (("Al", "--volume", "=17"), "--volume =17: say of which element, such as Al=17"),
    ],
)
def test_options_that_contradict_each_other_are_named(tmp_path, arguments, sentence):
    result = invoke("generate", *arguments, "-o", tmp_path / "out.extxyz")
    assert result.exit_code == 2
    assert sentence in " ".join(result.stderr.replace("│", " ").split())
    assert not list(tmp_path.iterdir())


def test_labels_of_other_elements_are_refused(tmp_path):
    old = tmp_path / "old.extxyz"
    ase.io.write(old, bulk("Cu"))
    result = invoke(
        "generate", "Al", "-n", 9, "--select", 3, "--labelled", old, "-o", tmp_path / "out.extxyz"
    )
    (line,) = errors(result)
    assert line == "error: the labelled structures have Cu, and tell nothing about Al; leave them out"


def test_a_crystal_with_partly_occupied_sites_is_refused(tmp_path):
    """Of 0.5 Ag + 0.5 Au, ASE makes one whole atom, and says nothing."""
    file = tmp_path / "agau.cif"
    ase.io.write(file, bulk("Ag", cubic=True))
    file.write_text(file.read_text().replace("1.0000", "0.5000"))
    for verb in (("generate", "--from", file), ("label", file, "-c", "ase.calculators.emt:EMT")):
        result = invoke(*verb, "-o", tmp_path / "out.extxyz")
        (line,) = errors(result)
        assert line.startswith(
            "error: site 0 of frame 0 of agau.cif is partly occupied (Ag 0.5); make an ordered"
        )
        assert not (tmp_path / "out.extxyz").exists()


def test_the_figure_counts_structures_in_whole_numbers_under_labels_that_do_not_overlap():
    made = [bulk("Al") * (1, 1, k) for k in (1, 2, 3, 5, 9, 17, 40)]
    figure = coverage(made)
    figure.draw_without_rendering()
    sizes = figure.axes[1]
    boxes = [label.get_window_extent() for label in sizes.get_xticklabels()]
    assert len(boxes) == 7
    assert all(first.x1 < second.x0 for first, second in itertools.pairwise(boxes))
    assert all(float(tick) == int(tick) for tick in sizes.get_yticks())


def test_crystals_that_are_none_are_named_by_file_and_frame(tmp_path):
    out = tmp_path / "out.extxyz"
    on_one_spot = Atoms("Al2", np.zeros((2, 3)), cell=[4.0] * 3, pbc=True)
    for atoms, sentence in ((molecule("H2O"), "is not periodic"), (on_one_spot, "on one spot")):
        file = tmp_path / "bad.extxyz"
        ase.io.write(file, [bulk("Al"), atoms])
        result = invoke("generate", "--from", file, "-o", out)
        (line,) = errors(result)
        assert line.startswith("error: frame 1 of bad.extxyz: ")
        assert sentence in line
        assert not out.exists()
