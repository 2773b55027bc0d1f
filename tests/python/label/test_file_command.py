"""A program with files: what it reads is the structure, what it writes is checked before it becomes a label."""

import lzma
import re
import shutil
import sys

import numpy as np
import pytest
from label_case import cells, energies_are_right, read

import mlip_rs
from mlip_rs.errors import ConfigError
from mlip_rs.label import FileCommand, label
from mlip_rs.label.file_command import CommandCalculator
from mlip_rs.label.labels import Unlabellable, labels_of

PROGRAM = """
import sys
import ase.io
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

atoms = ase.io.read("POSCAR")
atoms = atoms[[2, 0, 3, 1]] if "sorted" in sys.argv else atoms
atoms.calc = EMT()
names = ("energy", "forces", "stress")
results = {name: atoms.calc.get_property(name, atoms) for name in names}
if "relaxed" in sys.argv:
    atoms.positions[0] += 0.1
atoms.positions[1] += atoms.cell[0]
if "fails" in sys.argv:
    sys.exit("BRIONS problems: POTIM should be increased")
if "silent" not in sys.argv:
    atoms.calc = SinglePointCalculator(atoms, **results)
    ase.io.write("out.extxyz", atoms)
if "unconverged" in sys.argv or "stops" in sys.argv:
    print("     convergence NOT achieved after 100 iterations: stopping")
if "stops" in sys.argv:
    sys.exit(2)
if "unlikely" in sys.argv:
    print("     scf convergence threshold =      1.0E-06")
    print("     estimated scf accuracy    <       0.00680439 Ry")
    print("     estimated scf accuracy    <       0.00049016 Ry")
    print("     convergence has been achieved in   2 iterations")
"""


@pytest.fixture
def template(tmp_path):
    folder = tmp_path / "template"
    folder.mkdir()
    (folder / "program.py").write_text(PROGRAM)
    return folder


def program(template, *words):
    command = f"{sys.executable} program.py {' '.join(words)}"
    return FileCommand(command, "POSCAR:vasp", "out.extxyz", str(template), {"direct": True})


def test_labels_are_those_of_the_program_also_if_it_sorts_and_wraps_the_atoms(tmp_path, template):
    structures = cells(2)
    for k, atoms in enumerate(structures):
        atoms.rattle(0.05, seed=k)
    summary = label(structures, program(template, "sorted"), tmp_path / "a.extxyz", n_workers=1)
    assert (summary.n_labelled, summary.n_failed) == (2, 0)
    energies_are_right(read(tmp_path / "a.extxyz"))
    assert all(
        f"{sys.executable} program.py sorted" in a.info["label_source"] for a in read(tmp_path / "a.extxyz")
    )
    (template / "INCAR").write_text("ENCUT = 400")
    with pytest.raises(ConfigError, match="the files of the template have changed"):
        label(cells(3), program(template, "sorted"), tmp_path / "a.extxyz", n_workers=1)


@pytest.mark.parametrize(
    ("word", "kind", "reason"),
    [
        ("fails", "error", "ended with exit code 1: BRIONS problems"),
        ("silent", "error", "the command has written no out.extxyz"),
        ("relaxed", "wrong label", "its atoms are elsewhere"),
        ("unconverged", "not converged", "convergence NOT achieved after 100 iterations"),
        ("stops", "not converged", "convergence NOT achieved after 100 iterations"),
        (
            "unlikely",
            "not converged",
            "the estimated scf accuracy is 0.00049016 Ry, above the threshold of 1e-06 Ry",
        ),
    ],
)
def test_a_program_that_fails_gives_its_reason(tmp_path, template, monkeypatch, word, kind, reason):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Unlabellable, match=re.escape(reason)) as raised:
        labels_of(cells(1)[0], CommandCalculator(**program(template, word).arguments()))
    assert raised.value.kind == kind


def test_a_template_that_does_not_exist_is_named():
    with pytest.raises(ConfigError, match="template nowhere: is not a folder"):
        FileCommand("vasp_std", template="nowhere")


def test_the_output_of_vasp_is_the_label_of_its_own_structure_only(test_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = test_data / "vasp" / "vasprun.xml-01.xz"
    frame = mlip_rs.read_dataset(file, index="-1")[0]
    folder = tmp_path / "template"
    folder.mkdir()
    shutil.copy(file, folder)
    vasp = CommandCalculator(**FileCommand("true", "POSCAR", file.name, str(folder)).arguments())
    atoms = frame.to_atoms()
    labels = labels_of(atoms[::-1], vasp)
    assert labels.energy == frame.energy
    plain = mlip_rs.read_dataset(file, index="-1", energy="energy")[0]
    assert labels.energy_zero_smearing == plain.energy != labels.energy
    np.testing.assert_array_equal(labels.forces, frame.forces[::-1])
    np.testing.assert_array_equal(labels.stress, frame.stress)
    atoms.set_cell(1.01 * atoms.cell.array)
    with pytest.raises(Unlabellable, match="its cell differs"):
        labels_of(atoms, vasp)


def test_a_run_of_vasp_whose_last_allowed_iteration_was_reached_is_no_label(test_data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = test_data / "vasp" / "vasprun.xml-01.xz"
    atoms = mlip_rs.read_dataset(file, index="-1")[0].to_atoms()
    text = lzma.decompress(file.read_bytes()).decode()
    last = text.rpartition("<calculation>")[2]
    n_steps = last.count("<scstep>")
    folder = tmp_path / "template"
    folder.mkdir()
    (folder / "vasprun.xml").write_text(re.sub(r'(name="NELM">)\s*\d+', rf"\g<1> {n_steps}", text))
    vasp = CommandCalculator(**FileCommand("true", "POSCAR", "vasprun.xml", str(folder)).arguments())
    with pytest.raises(Unlabellable, match="last allowed iteration was reached") as raised:
        labels_of(atoms, vasp)
    assert raised.value.kind == "not converged"


def test_what_a_writer_of_ase_lacks_is_named_with_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lacking = FileCommand("true", "pw.in:espresso-in", "pw.out:espresso-out")
    with pytest.raises(
        Unlabellable, match=r"pw\.in: ASE cannot write it \(KeyError: 'Al'\); give options of"
    ):
        labels_of(cells(1)[0], CommandCalculator(**lacking.arguments()))
