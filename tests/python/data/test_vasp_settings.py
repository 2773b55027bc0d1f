"""Runs of VASP in folders: settings that differ, unconverged steps, kinds by folder, files told apart."""

import ase.io
import numpy as np
import pytest

from mlip_rs.data import cleaned, read_dataset
from mlip_rs.data.vasp_settings import settings_of
from mlip_rs.demo import DATA_PATH, write_vasp_runs
from mlip_rs.workflows.fit_job import Sources

OUTCAR = """ vasp.6.4.2
 TITEL  = PAW_PBE Si 05Jan2001
   ENMAX  =  245.345; ENMIN  =  184.009 eV
   METAGGA=      F    non-selfconsistent MetaGGA calc.
   ISPIN  =      2    spin polarized calculation?
   ENCUT  =  520.0 eV  38.22 Ry    6.18 a.u.
   ISMEAR =     0;   SIGMA  =   0.05  broadening in eV -4-tet -1-fermi 0-gaus
   GGA     =    PE    GGA type
   LHFCALC =     F    Hartree Fock is set to
 generate k-points for:    4    4    2
--------------------------------------- Iteration      1(   1)  ---
   ENCUT  =  999.0 eV
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vasp") / "runs"
    write_vasp_runs(folder)
    return folder


@pytest.fixture(scope="module")
def data(runs):
    return read_dataset(runs / "*" / "*" / "vasprun.xml")


def test_written_runs_have_the_labels_of_the_demo(data):
    own = [frame for frame in data if frame.converged and "/old/" not in frame.file]
    energies = np.array([frame.energy for frame in own])
    found = 0
    for atoms in ase.io.read(DATA_PATH, ":"):
        frame = own[int(np.argmin(abs(energies - atoms.get_potential_energy(force_consistent=True))))]
        if len(atoms) == frame.n_atoms and np.allclose(frame.positions, atoms.positions, atol=1e-6):
            np.testing.assert_allclose(frame.energy, atoms.get_potential_energy(), atol=1e-7)
            np.testing.assert_allclose(frame.forces, atoms.get_forces(), atol=1e-7)
            np.testing.assert_allclose(frame.stress, atoms.get_stress(), atol=1e-8)
            found += 1
    assert found == len(own) - 1 == 314  # all but the isolated atom, and the unconverged steps


def test_kinds_are_the_folders_of_folders(data, runs):
    assert {"eos", "md", "slab", "old", "atom"} <= set(data.config_types)
    assert set(read_dataset(runs / "eos" / "*" / "vasprun.xml").config_types) == {"default"}


def test_notices_tell_the_files_apart(data, runs):
    unconverged = [notice for notice in data.notices if "did not converge" in notice]
    assert [notice.partition(":")[0] for notice in unconverged] == [
        f"{runs}/{own}/vasprun.xml" for own in ("md/00", "rattle/05")
    ]
    assert all("--drop-unconverged" in notice for notice in unconverged)
    assert f"frame 0 of {runs}/atom/00/vasprun.xml" in {frame.location for frame in data}


def test_a_low_cutoff_and_few_k_points_are_told_and_an_atom_in_a_box_is_not(data, runs):
    differ = [notice for notice in data.notices if notice.startswith("runs of VASP differ in")]
    assert [notice.split(" in ")[1].partition(" (")[0] for notice in differ] == ["ENCUT", "k-point spacing"]
    assert all(f"4 files: {runs}/old/00" in notice for notice in differ)
    rest = read_dataset(runs / "[!o]*" / "*" / "vasprun.xml")
    assert not [notice for notice in rest.notices if "differ in" in notice]


def test_unconverged_steps_are_dropped_on_request(data, runs):
    assert len(data) - len(cleaned(data, unconverged=True)) == 2
    pattern = str(runs / "md" / "*" / "vasprun.xml")
    assert (
        len(Sources((pattern,), drop_unconverged=True).training()) == len(Sources((pattern,)).training()) - 1
    )


def test_a_frame_remembers_that_it_did_not_converge(data, tmp_path):
    ase.io.write(tmp_path / "copy.extxyz", [frame.to_atoms() for frame in data if not frame.converged])
    assert [frame.converged for frame in read_dataset(tmp_path / "copy.extxyz")] == [False, False]


def test_settings_of_an_outcar(tmp_path):
    (tmp_path / "OUTCAR").write_text(OUTCAR)
    found = settings_of(tmp_path / "OUTCAR", np.diag([4.0, 4.0, 8.0]))
    assert found["k-point spacing"] == f"{2 * np.pi / 16:.2f}"
    assert {name: found[name] for name in ("ENCUT", "ISPIN", "SIGMA", "GGA", "LHFCALC", "POTCAR Si")} == {
        "ENCUT": "520",
        "ISPIN": "2",
        "SIGMA": "0.05",
        "GGA": "--",
        "LHFCALC": "F",
        "POTCAR Si": "PAW_PBE Si 05Jan2001",
    }


def test_settings_of_real_files_agree(test_data):
    assert not [n for n in read_dataset(str(test_data / "vasp" / "*.xz")).notices if "differ" in n]
