"""What is written for LAMMPS, and what is read of it; none of it needs LAMMPS."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from ase.io.lammpsdata import read_lammps_data
from potentials import random_potential

from mlip_rs.errors import ConfigError, StructureError
from mlip_rs.lammps.deck import Deck
from mlip_rs.lammps.dynamics import DynamicsResult
from mlip_rs.lammps.failures import explained, runaway
from mlip_rs.lammps.figures import thermo_figure
from mlip_rs.lammps.settings import RunSettings
from mlip_rs.lammps.structure import prepare, widths
from mlip_rs.lammps.thermo import ThermoReader, thermo_of
from mlip_rs.lammps.trajectory import read_trajectory

AL = random_potential(("Al",))
ALLOY = random_potential(("Al", "Ni"))


def deck_lines(settings, structure=None, **options):
    prepared = prepare(structure or bulk("Al", a=4.0, cubic=True), AL, settings)
    text = Deck(settings, prepared, "al.mlip.json", **options).text()
    return {
        line.split()[0]: line.split()[1:] for line in text.splitlines() if line and not line.startswith("#")
    }


@pytest.mark.parametrize(
    ("settings", "fix"),
    [
        (RunSettings("nve"), "integrate all nve"),
        (RunSettings("nvt", temperature=500, timestep=2.0), "integrate all nvt temp 500 500 0.2"),
        (RunSettings("nvt", final_temperature=900), "integrate all nvt temp 300 900 0.1"),
        (RunSettings("npt", pressure=1.5), "integrate all npt temp 300 300 0.1 iso 15000 15000 1"),
        (RunSettings("npt", coupling="triclinic"), "integrate all npt temp 300 300 0.1 tri 0 0 1"),
        (
            RunSettings("minimize", pressure=0.0, coupling="anisotropic"),
            "cell all box/relax aniso 0 vmax 0.001",
        ),
    ],
)
def test_ensembles_become_fixes_with_damping_in_timesteps(settings, fix):
    lines = deck_lines(settings)
    assert lines["fix"] == fix.split()
    assert lines["units"] == ["metal"]
    assert lines["neighbor"] == ["1", "bin"]
    assert lines["pair_coeff"] == ["*", "*", "al.mlip.json", "Al"]
    assert ("velocity" in lines) == (settings.ensemble != "minimize")


def test_threads_are_those_of_the_pair_style():
    assert deck_lines(RunSettings("nve"), threads=2)["pair_style"] == ["mlip/rs", "threads", "2"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ensemble": "nph"}, "none of nve, nvt, npt, minimize"),
        ({"temperature": -1.0}, "temperature: -1 must be positive"),
        ({"temperature": float("nan")}, "temperature"),
        ({"timestep": 0.0}, "timestep"),
        ({"steps": 0}, "steps: 0 must be at least 1"),
        ({"ensemble": "nvt", "pressure": 1.0}, "take the ensemble npt"),
        ({"ensemble": "nve", "coupling": "triclinic"}, "take the ensemble npt"),
        ({"ensemble": "nve", "final_temperature": 500.0}, "no thermostat"),
        ({"repeat": (0, 1, 1)}, "repeat"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        RunSettings(**options)


def test_cells_too_small_are_repeated_and_said_so():
    found = prepare(bulk("Al", a=4.0), AL, RunSettings("nvt"))
    assert min(widths(found.atoms)) >= 2 * AL.cutoff
    assert "repeated" in found.notes[0]
    kept = prepare(bulk("Al", a=4.0, cubic=True), AL, RunSettings("nvt", repeat=(1, 1, 1)))
    assert len(kept.atoms) == 4
    assert "less than twice the cutoff" in kept.notes[0]
    assert len(prepare(bulk("Al", a=4.0), AL, RunSettings("minimize")).atoms) == 1


@pytest.mark.parametrize("atoms", [Atoms("Al"), bulk("Al", a=4.0)])
def test_one_atom_is_relaxed_but_has_no_temperature(atoms):
    with pytest.raises(ConfigError, match=r"one atom alone has no temperature.*--repeat"):
        prepare(atoms, AL, RunSettings("nvt", repeat=(1, 1, 1)))
    assert len(prepare(atoms, AL, RunSettings("minimize")).atoms) == 1


def test_sites_that_are_partly_occupied_are_refused(tmp_path):
    path = tmp_path / "half.cif"
    ase.io.write(path, bulk("Al", a=4.0, cubic=True))
    whole = path.read_text()
    prepare(ase.io.read(path), AL, RunSettings("nvt"))
    path.write_text(whole.replace("1.0000", "0.5000"))
    with pytest.raises(StructureError, match=r"site 0 .* partly occupied \(Al 0.5\); make an ordered"):
        prepare(ase.io.read(path), AL, RunSettings("nvt"))


def test_surfaces_and_molecules_get_a_box_and_open_boundaries():
    slab = fcc111("Al", (2, 2, 3), a=4.0)
    slab.pbc = (True, True, False)
    found = prepare(slab, AL, RunSettings("nvt"))
    assert found.boundary == "p p m"
    assert found.repeat[2] == 1
    dimer = prepare(Atoms("Al2", [[0, 0, 0], [0, 0, 2.5]]), AL, RunSettings("nve"))
    assert dimer.boundary == "m m m"
    assert dimer.atoms.cell.volume > 900
    assert dimer.atoms.get_distance(0, 1) == pytest.approx(2.5)
    with pytest.raises(ConfigError, match="three periodic directions"):
        prepare(slab, AL, RunSettings("npt"))


@pytest.mark.parametrize(
    ("structure", "error", "message"),
    [
        (bulk("Cu"), ConfigError, r"has Cu, which the potential does not know \(Al\)"),
        (Atoms(), StructureError, "no atoms"),
        (Atoms("Al", pbc=True), StructureError, "no cell vector"),
    ],
)
def test_structures_that_cannot_run_are_refused(structure, error, message):
    with pytest.raises(error, match=message):
        prepare(structure, AL, RunSettings("nvt"))


def test_light_atoms_get_a_hint():
    potential = random_potential(("Al", "H"))
    structure = Atoms("AlH", [[0, 0, 0], [2, 2, 2]], cell=[10, 10, 10], pbc=True)
    notes = prepare(structure, potential, RunSettings("nvt")).notes
    assert any("H is light" in note for note in notes)
    calm = prepare(structure, potential, RunSettings("nvt", timestep=0.25)).notes
    assert not any("light" in note for note in calm)


def test_the_data_file_has_masses_and_the_elements_in_the_order_of_the_pair_style(tmp_path):
    atoms = bulk("NiAl", "cesiumchloride", a=2.9)
    prepared = prepare(atoms, ALLOY, RunSettings("npt", coupling="triclinic"))
    assert prepared.elements == ("Al", "Ni")
    prepared.write(tmp_path / "data", triclinic=True)
    text = (tmp_path / "data").read_text()
    assert "xy xz yz" in text
    read = read_lammps_data(tmp_path / "data", Z_of_type={1: 13, 2: 28}, atom_style="atomic")
    assert read.get_chemical_formula() == prepared.atoms.get_chemical_formula()
    np.testing.assert_allclose(read.get_masses()[0], prepared.atoms.get_masses()[0], rtol=1e-3)


LOG = """LAMMPS (22 Jul 2025)
   Step          Time           Temp          Econserve
         0   0              300            -10.0
       100   0.1            150.5          -10.0
WARNING: something
       200   0.2            -nan           -10.0
Loop time of 1.5 on 1 procs for 200 steps with 4 atoms
1 2 3 4
"""


def test_thermodynamic_output_is_read_line_by_line():
    reader = ThermoReader()
    rows = [row for line in LOG.splitlines() if (row := reader.read(line))]
    assert [row["step"] for row in rows] == [0, 100, 200]
    assert rows[1]["temp"] == 150.5
    assert np.isnan(rows[2]["temp"])


def test_rows_that_a_resumed_run_repeats_count_once():
    rows = [
        {"step": float(s), "time": s / 10, "econserve": -1.0 + s * 1e-3}
        for s in (0, 1, 2, 1, 2, 3, 4, 5, 6, 7)
    ]
    thermo = thermo_of(rows, 2)
    assert len(thermo) == 8
    assert thermo.drift == pytest.approx(1e-3 * 10 * 1000 / 2)


def test_no_drift_is_told_while_the_temperature_asked_for_changes():
    rows = [
        dict.fromkeys(("temp", "press", "vol", "pe", "ke", "etotal", "econserve"), 1.0)
        | {"step": s, "time": s / 10, "econserve": 0.1 * s}
        for s in range(8)
    ]
    thermo = thermo_of(rows, 2)
    for final, told in ((None, True), (900.0, False)):
        settings = RunSettings("nvt", temperature=300.0, final_temperature=final)
        result = DynamicsResult(Path("md"), settings, 2, "pair style", thermo)
        assert ("drift" in "".join(result.lines())) is told
        names = [line.get_label() for line in thermo_figure(thermo, settings).axes[1].lines]
        assert ("conserved" in names) is told


def test_messages_of_lammps_become_what_helps():
    assert "atoms have left the box, 32 are now 31" in explained(
        ["ERROR: Lost atoms: original 32 current 31"], 1
    )
    assert "positions exploded" in explained(
        ["ERROR on proc 0: Non-numeric atom coords - simulation unstable"], 1
    )
    assert explained(["ERROR: Pair style mlip/rs: x.json: torn (src/a.cpp:3)", "Last input line: x"], 1) == (
        "LAMMPS: Pair style mlip/rs: x.json: torn"
    )
    later = ["ERROR: Invalid run command upto value: 300. Must be >= 2000 (src/run.cpp:138)"]
    assert "already at step 2000, beyond 300; ask for more --steps" in explained(later, 1)
    torn = ["ERROR: Incomplete or corrupted LAMMPS restart file (src/read_restart.cpp:92)"]
    assert "begin anew with --overwrite" in explained(torn, 1)
    for line in ("Cannot use neighbor bins - box size << cutoff", "Too many atom sorting bins"):
        assert "check its cell vectors" in explained([f"ERROR: {line} (src/x.cpp:1)"], 1)
    assert explained(["Killed"], -9) == "LAMMPS was ended by signal 9; its last line: Killed"


def test_a_temperature_that_runs_away_is_told_from_one_that_fluctuates():
    settings = RunSettings("nvt", temperature=300.0, final_temperature=1000.0)
    assert runaway({"step": 5, "temp": 4900.0}, settings) == ""
    assert "5100 K" in runaway({"step": 5, "temp": 5100.0}, settings)
    assert "nan K" in runaway({"step": 5, "temp": float("nan")}, settings)


def frame(step, atoms=2):
    rows = "".join(f"{k + 1} 1 Al 0 0 {k + step}\n" for k in range(atoms))
    return (
        f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"
        f"ITEM: ATOMS id type element x y z\n{rows}"
    )


def test_trajectories_leave_out_frames_that_are_torn_or_repeated(tmp_path):
    path = tmp_path / "dump"
    path.write_text(frame(0) + frame(1) + frame(1) + frame(2) + frame(3, atoms=1))
    frames = list(read_trajectory(path, timestep=2.0))
    assert [atoms.info for atoms in frames] == [{"step": s, "time_ps": 0.002 * s} for s in (0, 1, 2)]
    assert frames[2].get_chemical_symbols() == ["Al", "Al"]
    assert frames[2].positions[1, 2] == 3


def test_figures_of_runs_and_relaxations_have_four_panels():
    names = ("time", "temp", "pe", "etotal", "econserve", "press", "vol", "fmax")
    thermo = thermo_of([{"step": float(s)} | dict.fromkeys(names, 0.0 + s) for s in range(9)], 1)
    assert len(thermo_figure(thermo, RunSettings("npt")).axes) == 4
    labels = [axes.get_ylabel() for axes in thermo_figure(thermo, RunSettings("minimize")).axes]
    assert labels[0].startswith("largest force")
