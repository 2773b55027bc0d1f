"""Labels are those of the calculator or none: every failure is told, and the next structure goes on."""

import json

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from label_case import FILE, cells, energies_are_right, read
from potentials import argon_crystal, argon_potential

import mlip_rs
from mlip_rs.errors import ConfigError, DataError, LabelError
from mlip_rs.label import label
from mlip_rs.label.labelled_frames import LabelledFrames
from mlip_rs.label.labels import Unlabellable, labels_of
from mlip_rs.label.unlabelled import unlabelled

FAULTS = {
    "exits": ("crash", "exit code 3: license server is gone"),
    "is_killed": ("crash", "killed by SIGSEGV"),
    "hangs": ("time limit", "stopped after 3 s"),
    "eats_memory": ("memory", "above the limit of 0.4 GB"),
    "has_no_memory": ("memory", "of the calculator"),
    "is_nan": ("wrong label", "atom 0: force is not finite"),
    "has_no_forces": ("wrong label", "no forces"),
    "has_half_the_forces": ("wrong label", "(2, 3)"),
    "is_huge": ("wrong label", "atom 3 is 1e+04 eV/Å"),
    "moves": ("wrong label", "moved"),
    "diverges": ("not converged", "60 iterations"),
    "says_that_it_has_not_converged": ("not converged", "says"),
    "writes_in_colour": ("error", "RuntimeError: [31mStörung in line 5"),
    "is_left_open": ("error", "step 2 failed"),
}
"""Kind and words of the failure by fault of the calculator."""


def spoilt(tmp_path, **more):
    return {
        "calculator": f"{FILE}:Spoilt",
        "out": tmp_path / "al.extxyz",
        "n_workers": 1,
        "check": False,
        **more,
    }


def test_labels_are_those_of_the_calculator_and_replace_old_ones(tmp_path):
    structures = cells(4)
    for k, atoms in enumerate(structures):
        atoms.rattle(0.05, seed=k)
        atoms.info |= {"config_type": f"bulk {k}", "REF_energy": 1.0, "note": "kept"}
        atoms.arrays["dft_forces"] = np.ones((4, 3))
        atoms.calc = SinglePointCalculator(atoms, energy=7.0, forces=np.ones((4, 3)))
    ase.io.write(tmp_path / "cells.extxyz", structures)
    summary = label(tmp_path / "cells.extxyz", EMT, tmp_path / "al.extxyz", n_workers=1)
    assert (summary.n_labelled, summary.n_failed, summary.n_atoms) == (4, 0, 16)
    frames = read(tmp_path / "al.extxyz")
    energies_are_right(frames)
    assert sorted(atoms.info["config_type"] for atoms in frames) == [f"bulk {k}" for k in range(4)]
    assert all(atoms.info["note"] == "kept" for atoms in frames)
    data = mlip_rs.read_dataset(tmp_path / "al.extxyz")
    assert data.labels.energies == 4
    assert {frame.energy for frame in data} == {atoms.get_potential_energy() for atoms in frames}
    record = json.loads((tmp_path / "al.label.json").read_text())
    assert record["calculator"] == "ase.calculators.emt:EMT"
    assert record["check"]["force_ratio"] == pytest.approx(1.0, abs=0.05)
    assert {path.name for path in tmp_path.iterdir()} == {"cells.extxyz", "al.extxyz", "al.label.json"}


def test_every_fault_is_told_and_the_next_structure_goes_on(tmp_path):
    structures = cells(len(FAULTS) + 3, fault=["", *FAULTS])
    summary = label(structures, **spoilt(tmp_path, time_limit=3.0, memory_limit=0.4))
    assert summary.n_labelled == 3
    energies_are_right(read(tmp_path / "al.extxyz"))
    told = {list(FAULTS)[failure.frame - 1]: failure for failure in summary.failures}
    assert told.keys() == FAULTS.keys()
    for fault, (kind, words) in FAULTS.items():
        assert told[fault].kind == kind, fault
        assert words in told[fault].reason, fault
    left = tmp_path / "al.work" / told["is_left_open"].label_id / "scratch.out"
    assert left.read_text() == "step 1"


def test_a_run_where_nothing_succeeds_ends_early(tmp_path):
    structures = cells(20, fault=["is_nan"] * 20)
    with pytest.raises(LabelError, match=r"the first 5 structures failed.*force is not finite"):
        label(structures, **spoilt(tmp_path))
    assert len((tmp_path / "al.failures.jsonl").read_text().splitlines()) == 5
    assert not (tmp_path / "al.extxyz").exists()


def test_atoms_without_a_cell_are_told_and_keep_a_header_that_can_be_read(tmp_path):
    """An empty comment line became a key without a name; a crystal without its cell is labelled as a molecule."""
    file = tmp_path / "plain.xyz"
    ase.io.write(file, bulk("Al", cubic=True), format="xyz")
    label([file], EMT, tmp_path / "a.extxyz", n_workers=1, check=False)
    assert " =" not in (tmp_path / "a.extxyz").read_text().splitlines()[1]
    notes = []
    unlabelled(file, note=notes.append)
    (told,) = notes
    assert told.startswith(
        "1 structure of 1 not periodic: calculated as molecules in vacuum, without stress; "
    )


def test_nothing_is_calculated_or_written_twice(tmp_path):
    diary = tmp_path / "diary"
    settings = spoilt(tmp_path, arguments={"diary": str(diary)})
    structures = cells(6, fault=["", "diverges"])
    label(structures[:4], **settings)
    assert len(diary.read_text().splitlines()) == 4
    summary = label([*structures[::-1], structures[2]], **settings)
    assert len(diary.read_text().splitlines()) == 6
    assert (summary.n_before, summary.n_labelled, summary.n_failed) == (3, 2, 1)
    ids = [atoms.info["label_id"] for atoms in read(tmp_path / "al.extxyz")]
    assert len(ids) == len(set(ids)) == 5
    del structures[1].info["fault"]
    summary = label(structures, retry_failed=True, **settings)
    assert (summary.n_before, summary.n_labelled, summary.n_failed) == (5, 1, 0)


def test_free_energies_are_the_labels_where_there_are_any_and_stress_may_be_absent(tmp_path):
    structures = cells(2)
    summary = label(structures, f"{FILE}:Smeared", tmp_path / "a.extxyz", n_workers=1)
    assert any("free energies" in note for note in summary.notes)
    frames = read(tmp_path / "a.extxyz")
    energies_are_right(frames)
    for atoms in frames:
        assert atoms.info["energy_zero_smearing"] == pytest.approx(atoms.get_potential_energy() + 0.5)
    assert mlip_rs.read_dataset(tmp_path / "a.extxyz").labels.energies == 2
    summary = label(structures, f"{FILE}:WithoutStress", tmp_path / "b.extxyz", n_workers=1)
    assert summary.without_stress == 2
    assert "stress" not in read(tmp_path / "b.extxyz")[0].calc.results


def test_an_energy_without_smearing_that_is_no_number_is_a_failure():
    calculator, atoms = EMT(), bulk("Al")
    calculator.calculate = lambda *_: calculator.results.update(
        energy=np.nan, free_energy=-1.0, forces=np.zeros((1, 3))
    )
    with pytest.raises(Unlabellable, match="energy is not finite"):
        labels_of(atoms, calculator)


def test_other_units_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(LabelError, match="they look like Hartree/bohr"):
        label(cells(8), f"{FILE}:HartreePerBohr", tmp_path / "a.extxyz", n_workers=1)
    assert not (tmp_path / "a.extxyz").exists()


def test_labels_of_two_kinds_are_not_mixed(tmp_path):
    calculator = tmp_path / "own.py"
    calculator.write_text("from label_case import Spoilt as make")
    settings = spoilt(tmp_path, calculator=f"{calculator}:make")
    label(cells(1), **settings)
    with pytest.raises(ConfigError, match=r"arguments.grade was not set, now it is 1.*choose another"):
        label(cells(2), arguments={"grade": 1}, **settings)
    calculator.write_text("from ase.calculators.emt import EMT as make")
    with pytest.raises(ConfigError, match="the file with the calculator has changed"):
        label(cells(2), **settings)
    assert len(read(tmp_path / "al.extxyz")) == 1


def test_a_factory_may_take_the_structure(tmp_path):
    assert (
        label(cells(2), f"{FILE}:for_each", tmp_path / "a.extxyz", n_workers=1, check=False).n_labelled == 2
    )


@pytest.mark.parametrize(
    ("calculator", "sentence"),
    [
        ("EMT", "is not understood; give module:factory"),
        ("nowhere.json", "there is no such file"),
        ("nowhere.py:make", "there is no file nowhere.py"),
        ("ase.calculators.emt:ETM", "ase.calculators.emt has no 'ETM'; correct the name"),
        ("ase.no_such:EMT", "there is no module 'ase.no_such'; install it"),
        ("chgnet", "chgnet: is not installed; pip install chgnet"),
        (f"{FILE}:broken", "no pseudopotential for Al"),
        (f"{FILE}:wants_more", "needs first, second"),
        (
            f"{FILE}:forgets_to_return",
            f"{FILE}:forgets_to_return: returns None, which is no calculator of ASE",
        ),
        (f"{FILE}:returns_a_class", "returns the class EMT, which is no calculator of ASE; return EMT(...)"),
    ],
)
def test_a_calculator_that_cannot_be_made_is_one_sentence(tmp_path, calculator, sentence):
    with pytest.raises(ConfigError) as raised:
        label(cells(2), calculator, tmp_path / "a.extxyz", n_workers=1)
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "a.extxyz").exists()


def test_a_torn_frame_is_cut_off_and_foreign_files_are_refused(tmp_path):
    settings = spoilt(tmp_path)
    out = tmp_path / "al.extxyz"
    label(cells(3), **settings)
    whole = out.read_bytes()
    third = whole.rfind(b"\n4\n") + 1
    for torn in (whole[:-1], whole[: third + 60], whole[: third + 1], whole[:-30] + b"\0" * 30):
        out.write_bytes(torn)
        frames = LabelledFrames(out)
        frames.recover()
        assert frames.torn
        assert out.read_bytes() == whole[:third]
    assert label(cells(3), **settings).n_before == 2
    assert len(read(out)) == 3
    middle = whole[: len(whole) // 2] + whole[len(whole) // 2 + 40 :]
    for spoiled in (middle, b"4\nenergy=1\n" + b"Al 0 0 0\n" * 4, b"# notes\n"):
        out.write_bytes(spoiled)
        with pytest.raises(DataError, match=r"line \d+.*choose another output"):
            label(cells(3), **settings)
        assert out.read_bytes() == spoiled


def test_another_potential_labels_by_its_file_and_names_elements_that_it_does_not_know(tmp_path):
    argon_potential().save(tmp_path / "ar.mlip.json.xz")
    crystal = argon_crystal()
    summary = label([crystal, *cells(1)], tmp_path / "ar.mlip.json.xz", tmp_path / "ar.extxyz", n_workers=1)
    assert summary.n_labelled == 1
    assert summary.failures[0].sentence.startswith("frame 1 of memory (Al4): error: ")
    assert "Al" in summary.failures[0].reason
    crystal.calc = argon_potential().calculator()
    (labelled,) = read(tmp_path / "ar.extxyz")
    np.testing.assert_allclose(labelled.get_forces(), crystal.get_forces(), atol=1e-7)
    np.testing.assert_allclose(labelled.get_stress(), crystal.get_stress(), atol=1e-9)


def test_functions_and_calculators_are_taken_as_they_are(tmp_path):
    def make(atoms):
        assert len(atoms) == 4
        return EMT()

    for name, calculator in (("function", make), ("lambda", lambda: EMT()), ("calculator", EMT())):
        out = tmp_path / f"{name}.extxyz"
        assert label(cells(1), calculator, out, n_workers=1, check=False).n_labelled == 1
        energies_are_right(read(out))
    assert label(cells(2), EMT(), out, n_workers=1, check=False).n_before == 1
