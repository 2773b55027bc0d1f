"""What users do with a pair style: the energy is always that of the atoms as they then are."""

import numpy as np
import pytest
from alloys import ELEMENTS, holding_alloy
from ase import Atoms
from ase.build import bulk
from ase.io.lammpsdata import read_lammps_data
from lammps_input import HEAD, pair_style

from mlip_rs.calculators import MLIPCalculator

PAIR = pair_style(ELEMENTS)
START = f"{HEAD}read_data atoms\n{PAIR}"
HOT = "velocity all create 600 4711 mom yes rot yes loop geom\n"
END = """variable energy equal pe
print "ENERGY $(v_energy:%.17g)"
write_data end.data nocoeff
"""

RELATIVE = 1e-9
"""Of energies; data files hold 15 digits."""

DRIFT = 5e-6
"""eV/atom in 0.1 ps, of a crystal under high pressure."""


@pytest.fixture
def alloy(lammps):
    """B2 NiAl of 54 atoms, rattled."""
    lammps.potential(holding_alloy())
    atoms = bulk("NiAl", "cesiumchloride", a=2.9).repeat(3)
    atoms.rattle(0.05, seed=1)
    lammps.structure(atoms, ELEMENTS)
    return lammps


def energy_in_ase(place, name="end.data"):
    """The energy of the atoms that a run has left."""
    atoms = read_lammps_data(place / name, Z_of_type={1: 13, 2: 28}, units="metal", atom_style="atomic")
    atoms.calc = MLIPCalculator(holding_alloy())
    return atoms.get_potential_energy()


def assert_energy_is_that_of_the_atoms(found):
    assert found.number("ENERGY") == pytest.approx(energy_in_ase(found.place), rel=RELATIVE)


NVE = f"{HOT}fix 1 all nve\n"
RUNS = {
    "nve": f"{NVE}run 100\n",
    "npt tri": f"{HOT}change_box all triclinic\nfix 1 all npt temp 600 600 0.1 tri 0 0 1.0\nrun 100\n",
    "balance": f"{NVE}fix 2 all balance 10 1.0 shift xyz 10 1.1\nrun 60\n",
    "tiled": f"comm_style tiled\n{NVE}fix 2 all balance 10 1.0 rcb\nrun 60\n",
    "respa": f"run_style respa 2 2 pair 1\n{NVE}run 20\n",
    "swap": f"{NVE}fix 2 all atom/swap 5 10 29494 2000 types 1 2 ke no semi-grand no\nrun 30\n",
    "gcmc": f"{NVE}fix 2 all gcmc 5 10 10 1 7531 3000 -4.0 0.3 full_energy overlap_cutoff 1.8\nrun 20\n",
    "evaporate": f"{NVE}region r block INF INF INF INF INF INF\nfix 2 all evaporate 5 1 r 49892\nrun 20\n",
    # The box goes on moving after the last energy.
    "deform": f"change_box all triclinic\n{NVE}fix 2 all deform 1 xy erate 1 remap x flip yes\n"
    "run 100\nunfix 2\nrun 0\n",
    "sorted atoms": f"atom_modify sort 5 2.0\n{NVE}run 60\n",
    "long list": f"neigh_modify every 20 delay 0 check no\n{NVE}run 39\n",
}


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("name", RUNS)
def test_energy_after_a_run_is_that_of_the_atoms(alloy, name, ranks):
    found = alloy.run(f"{START}{RUNS[name]}{END}", ranks)
    assert_energy_is_that_of_the_atoms(found)


def test_dynamics_conserve_the_energy_and_ranks_agree(alloy):
    thermo = "thermo_style custom etotal\nthermo_modify format float %.17g\n"
    text = f"{START}{HOT}fix 1 all nve\ntimestep 0.0002\n{thermo}run 500\n{END}"
    finals = []
    for ranks in (1, 2):
        found = alloy.run(text, ranks)
        first, last = (float(line) for line in found.text.split("TotEng")[1].splitlines()[1:3])
        assert abs(last - first) < DRIFT * 54
        finals.append(last)
    assert finals[0] == pytest.approx(finals[1], rel=1e-10)


def test_relaxation_of_atoms_and_box_ends_without_forces_and_pressure(alloy):
    relax = (
        "fix 1 all box/relax tri 0.0 vmax 0.01\nmin_style cg\nminimize 0 1e-8 2000 20000\n"
        "unfix 1\nminimize 0 1e-10 1000 10000\n"
    )
    found = alloy.run(
        f"{HEAD}box tilt large\nread_data atoms\nchange_box all triclinic\n{PAIR}{relax}{END}"
        'print "PRESSURE $(press)"\nprint "FNORM $(fnorm)"\n',
        2,
    )
    assert_energy_is_that_of_the_atoms(found)
    assert abs(found.number("PRESSURE")) < 50
    assert found.number("FNORM") < 1e-4


def test_restart_continues_where_it_was(alloy):
    text = f"{START}{HOT}fix 1 all nve\nrun 20\nwrite_restart state\nrun 20\n{END}"
    whole = alloy.run(text, 2).number("ENERGY")
    text = f"{START}clear\nread_restart state\n{PAIR}fix 1 all nve\nrun 20\n{END}"
    resumed = alloy.run(text, 1)
    assert resumed.number("ENERGY") == pytest.approx(whole, rel=1e-9)


@pytest.mark.parametrize("ranks", [1, 2])
def test_rerun_gives_the_energy_of_every_frame(alloy, ranks):
    """Each frame has a list of its own, though LAMMPS counts from zero again.

    With one element and as many ghosts as before, nothing else tells that the list is another.
    """
    atoms = bulk("Al", a=3.8, cubic=True).repeat(3)
    atoms.rattle(0.05, seed=1)
    alloy.structure(atoms, ELEMENTS)
    thermo = "thermo_style custom step pe\nthermo_modify format float %.17g\nthermo 100\n"
    text = (
        f"{START}{thermo}velocity all create 3000 4711 loop geom\nfix 1 all nve\n"
        "dump 1 all custom 100 run.dump id type x y z\ndump_modify 1 format float %.17g sort id\n"
        "run 300\nundump 1\nunfix 1\nrerun run.dump dump x y z\n"
    )
    run, again = (
        [line.split() for line in part.splitlines()[1:5]]
        for part in alloy.run(text, ranks).text.split("PotEng")[1:]
    )
    assert [step for step, _ in again] == ["0", "100", "200", "300"]
    assert [float(energy) for _, energy in again] == pytest.approx(
        [float(energy) for _, energy in run], rel=RELATIVE
    )


@pytest.mark.parametrize("ranks", [1, 2])
def test_dynamical_matrix_is_that_of_finite_differences(alloy, ranks):
    atoms = bulk("NiAl", "cesiumchloride", a=2.9).repeat((2, 1, 1))
    alloy.structure(atoms, ELEMENTS)
    alloy.run(f"{START}dynamical_matrix all regular 1e-4 file dynmat\n", ranks)
    found = np.loadtxt(alloy.place / "dynmat").reshape(12, 12)
    ordered = read_lammps_data(
        alloy.place / "atoms", Z_of_type={1: 13, 2: 28}, units="metal", atom_style="atomic"
    )
    ordered.calc = MLIPCalculator(holding_alloy())
    expected, step = np.zeros((12, 12)), 1e-4
    for k in range(12):
        forces = []
        for sign in (1, -1):
            moved = ordered.copy()
            moved.calc = ordered.calc
            moved.positions[k // 3, k % 3] += sign * step
            forces.append(moved.get_forces().ravel())
        expected[k] = (forces[1] - forces[0]) / (2 * step)
    expected /= np.sqrt(np.outer(*[np.repeat(ordered.get_masses(), 3)] * 2))
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_nudged_elastic_band_of_a_vacancy(alloy):
    atoms = bulk("Al", a=3.6, cubic=True).repeat((3, 3, 3))
    del atoms[0]
    alloy.structure(atoms, ELEMENTS)
    neighbor = int(np.argmin(np.linalg.norm(atoms.positions - [1.8, 1.8, 0], axis=1)))
    (alloy.place / "final").write_text(f"1\n{neighbor + 1} 0.0 0.0 0.0\n", encoding="utf-8")
    text = (
        f"{START}min_style cg\nminimize 0 1e-6 500 5000\nreset_timestep 0\nfix 1 all neb 1.0 parallel ideal\n"
        "min_style quickmin\ntimestep 0.005\nneb 0.0 0.05 200 0 50 final final\n"
    )
    found = alloy.run(text, 4, ("-partition", "4x1"))
    # The table before the climb, in which images keep their distances.
    table = found.text.split("Setting up regular NEB")[1].split("Setting up climbing")[0]
    names, *rows = [line.split() for line in table.splitlines() if len(line.split()) > 6]
    last = dict(zip(names, (float(x) for x in rows[-1]), strict=False))
    # The vacancy is the same on both sides of the barrier.
    assert 0.05 < last["EBF"] < 5.0
    assert last["EBF"] == pytest.approx(last["EBR"], abs=0.01)


@pytest.mark.parametrize("ranks", [2, 4])
def test_ranks_without_atoms_and_boxes_without_any(alloy, ranks):
    two = Atoms("AlNi", [[1, 1, 1], [3.2, 1.2, 1.1]], cell=[40, 40, 40], pbc=True)
    alloy.structure(two, ELEMENTS)
    found = alloy.run(f"{START}{HOT}fix 1 all nve\nrun 20\n{END}", ranks)
    assert_energy_is_that_of_the_atoms(found)
    none = (
        f"{HEAD}region b block 0 20 0 20 0 20\ncreate_box 2 b\nmass * 27.0\n{PAIR}fix 1 all nve\nrun 5\n{END}"
    )
    assert alloy.run(none, ranks).number("ENERGY") == 0.0


def test_the_style_survives_clear_and_a_second_potential(alloy):
    text = f"{START}run 0\nclear\n{START}run 0\n{PAIR}run 0\npair_style none\n{PAIR}run 0\n{END}"
    assert_energy_is_that_of_the_atoms(alloy.run(text, 2))


def test_a_cluster_in_a_box_that_shrinks_around_it(alloy):
    atoms = bulk("NiAl", "cesiumchloride", a=2.9).repeat(3)
    atoms.center(vacuum=5.0)
    alloy.structure(atoms, ELEMENTS)
    found = alloy.run(f"boundary s s s\n{START}{HOT}fix 1 all nve\nrun 50\n{END}", 2)
    atoms = read_lammps_data(
        found.place / "end.data", Z_of_type={1: 13, 2: 28}, units="metal", atom_style="atomic"
    )
    atoms.pbc = False
    atoms.calc = MLIPCalculator(holding_alloy())
    assert found.number("ENERGY") == pytest.approx(atoms.get_potential_energy(), rel=RELATIVE)
