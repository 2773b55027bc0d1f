"""The index of anomaly that LAMMPS has of each atom is that of Python."""

import numpy as np
import pytest
from ase.build import bulk
from lammps_input import HEAD, pair_style
from potentials import random_index, random_potential
from test_pair_style import STRUCTURES, ordered

from mlip_rs.data.core_structures import structure_from_atoms

RELATIVE = 1e-10

INDEX = """fix index all pair 5 mlip/rs index 1
compute largest all pair mlip/rs
compute reduced all reduce max f_index
thermo_style custom step pe c_largest[1]
"""
SINGLE = """run 0
print "LARGEST $(c_largest[1]:%.17g)"
print "REDUCED $(c_reduced:%.17g)"
write_dump all custom all.dump id type f_index modify format float %.17g
"""
DYNAMICS = """velocity all create 2000 7 loop geom
fix 1 all nve
thermo 3
run 20
print "LARGEST $(c_largest[1]:%.17g)"
print "REDUCED $(c_reduced:%.17g)"
write_dump all custom all.dump id type f_index x y z modify format float %.17g
"""


def potential_with_index():
    potential = random_potential(("Al", "Ni"))
    return potential.with_index(random_index(potential))


def index_of(potential, atoms):
    (found,) = potential.core.index_many([structure_from_atoms(atoms)])
    return found


@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("name", STRUCTURES)
def test_index_equals_that_of_python(lammps, name, ranks):
    potential, atoms = potential_with_index(), STRUCTURES[name]()
    lammps.potential(potential)
    lammps.structure(atoms, ("Al", "Ni"))
    found = lammps.run(f"{HEAD}read_data atoms\n{pair_style(('Al', 'Ni'))}{INDEX}{SINGLE}", ranks)
    expected = index_of(potential, atoms)
    np.testing.assert_allclose(found.atoms()[:, 2], expected, rtol=RELATIVE)
    largest = [found.number("LARGEST"), found.number("REDUCED")]
    np.testing.assert_allclose(largest, expected.max(), rtol=RELATIVE)


@pytest.mark.parametrize("ranks", [1, 2])
def test_index_is_that_of_the_moment_during_dynamics(lammps, ranks):
    potential, atoms = potential_with_index(), ordered((4, 4, 4))
    lammps.potential(potential)
    lammps.structure(atoms, ("Al", "Ni"))
    found = lammps.run(f"{HEAD}read_data atoms\n{pair_style(('Al', 'Ni'))}{INDEX}{DYNAMICS}", ranks)
    rows = found.atoms()
    moved = atoms.copy()
    moved.positions = rows[:, 3:6]
    moved.numbers = np.array([13, 28])[rows[:, 1].astype(int) - 1]
    assert np.abs(moved.get_all_distances(mic=True) - atoms.get_all_distances(mic=True)).max() > 0.05
    np.testing.assert_allclose(rows[:, 2], index_of(potential, moved), rtol=1e-7)
    assert found.number("LARGEST") == pytest.approx(rows[:, 2].max(), rel=1e-12)


def test_atoms_of_another_pair_style_have_no_index(lammps):
    atoms = bulk("Al", cubic=True).repeat(3)
    atoms.rattle(0.1, seed=1)
    atoms.numbers[:4] = 18
    potential = random_potential(("Al",))
    potential = potential.with_index(random_index(potential))
    lammps.potential(potential)
    lammps.structure(atoms, ("Al", "Ar"))
    pair = (
        "pair_style hybrid mlip/rs lj/cut 4.0\npair_coeff * * mlip/rs potential.mlip.json Al NULL\n"
        "pair_coeff 1*2 2 lj/cut 0.01 2.5\n"
    )
    fix = "fix index all pair 1 mlip/rs index 1\n"
    run = "run 0\nwrite_dump all custom all.dump id type f_index modify format float %.17g\n"
    rows = lammps.run(f"{HEAD}read_data atoms\n{pair}{fix}{run}", ranks=2).atoms()
    ours = rows[:, 1] == 1
    assert (rows[~ours, 2] == 0).all()
    np.testing.assert_allclose(rows[ours, 2], index_of(potential, atoms[atoms.numbers == 13]), rtol=RELATIVE)


def test_forces_are_the_same_with_and_without_the_index(lammps):
    lammps.potential(potential_with_index())
    lammps.structure(ordered(), ("Al", "Ni"))
    head = f"{HEAD}read_data atoms\n{pair_style(('Al', 'Ni'))}"
    run = "run 0\nwrite_dump all custom all.dump id fx fy fz modify format float %.17g\n"
    with_index = lammps.run(f"{head}{INDEX}{run}").atoms()
    np.testing.assert_array_equal(lammps.run(f"{head}{run}").atoms(), with_index)


def test_potential_without_index_says_how_to_make_one(lammps):
    lammps.potential(random_potential(("Al", "Ni")))
    lammps.structure(ordered(), ("Al", "Ni"))
    text = f"{HEAD}read_data atoms\n{pair_style(('Al', 'Ni'))}fix index all pair 1 mlip/rs index 1\nrun 0\n"
    (error,) = lammps.run(text, fails=True).errors
    assert "potential.mlip.json has no index of anomaly; fit it again" in error


def test_a_run_stops_at_a_threshold(lammps):
    potential = potential_with_index()
    lammps.potential(potential)
    lammps.structure(ordered(), ("Al", "Ni"))
    halt = (
        "compute index all pair mlip/rs\nvariable index equal c_index[1]\nthermo_style custom step c_index[1]\n"
        "fix stop all halt 5 v_index > 1e-6 error continue\nfix 1 all nve\nrun 100\nprint 'STEP $(step)'\n"
    )
    found = lammps.run(f"{HEAD}read_data atoms\n{pair_style(('Al', 'Ni'))}{halt}")
    assert found.number("STEP") < 100
