"""Every property of an EAM potential of copper as its authors and others found it, computed through LAMMPS.

Numbers: Y. Mishin et al., PRB 63, 224106 (2001), tables III to V (EAM1); surfaces, vacancy and faults also
Y. Lysogorskiy et al., npj Comput. Mater. 7, 97 (2021), table 1 (column EAM).
"""

import numpy as np
import pytest
from ase.build import bulk
from lammps_case import mishin_copper

from mlip_rs.calculators.calculations import relaxed_crystal
from mlip_rs.validate import (
    CubicMetal,
    cubic_fcc_supercell,
    elastic_constants,
    grain_boundaries,
    phonons,
    pressure_transitions,
    prototype_energies,
    stacking_fault,
    surface_energies,
    vacancy_formation,
    vacancy_migration,
    zone_boundary_phonons,
)
from mlip_rs.validate.properties.grain_boundaries import BOUNDARIES

EDGE = 3.615
"""Å."""

SAME = 0.012
"""Relative difference from numbers published with three or four digits."""


@pytest.fixture(scope="module")
def eam():
    return mishin_copper()


@pytest.fixture(scope="module")
def crystal(eam):
    return relaxed_crystal(eam, bulk("Cu", "fcc", a=3.5))


def test_crystal_structures(eam, crystal):
    found = prototype_energies(eam, "Cu", names=["fcc", "bcc", "hcp"])
    assert found.ordering == ("fcc", "hcp", "bcc")
    assert (4 * crystal.get_volume()) ** (1 / 3) == pytest.approx(EDGE, rel=1e-3)
    assert found.curve("fcc").equilibrium_energy == pytest.approx(-3.54, abs=0.002)
    assert found.curve("fcc").bulk_modulus == pytest.approx(138.3, rel=0.03)
    assert found.energy_above("hcp", "fcc") == pytest.approx(8.0, abs=1.0)
    assert found.energy_above("bcc", "fcc") == pytest.approx(46.0, abs=1.0)
    # copper stays fcc under pressure, in experiment to beyond 150 GPa
    assert pressure_transitions(eam, found).transitions == ()


def test_elastic_constants(eam, crystal):
    found = elastic_constants(eam, crystal)
    assert (found.c11, found.c12, found.c44) == pytest.approx((169.9, 122.6, 76.2), rel=SAME)


def test_phonons(eam, crystal):
    found = zone_boundary_phonons(eam, "Cu", EDGE)
    named = (found.x_long, found.x_trans, found.l_long, found.l_trans)
    assert named == pytest.approx((7.82, 5.20, 7.78, 3.37), rel=0.02)
    assert phonons(eam, crystal, smallest_supercell=7.0).highest == pytest.approx(7.82, rel=0.03)


def test_vacancy_and_its_jump(eam):
    supercell = cubic_fcc_supercell("Cu", EDGE**3 / 4, 3)
    assert vacancy_formation(eam, supercell).relaxed == pytest.approx(1.272, rel=SAME)
    assert vacancy_migration(eam, supercell, images=3).barrier == pytest.approx(0.689, rel=SAME)


def test_surfaces(eam, crystal):
    found = {s.indices: s.relaxed for s in surface_energies(eam, crystal).surfaces}
    published = {(1, 0, 0): 1.345, (1, 1, 0): 1.475, (1, 1, 1): 1.239}
    assert found == pytest.approx(published, rel=SAME)


def test_stacking_fault_and_twin(eam):
    fault = stacking_fault(eam, CubicMetal("fcc", "Cu", EDGE), points=13)
    assert 1000 * fault.stable == pytest.approx(44.4, rel=SAME)
    assert 1000 * fault.unstable == pytest.approx(
        158.0, rel=0.04
    )  # theirs is along the same path, not sampled
    (twin,) = grain_boundaries(eam, CubicMetal("fcc", "Cu", EDGE), boundaries=BOUNDARIES[:1]).boundaries
    assert 1000 * twin.energy == pytest.approx(22.2, rel=SAME)


def test_lammps_forces_are_the_derivatives_of_its_energy(eam):
    """The oracle itself: no rotation of the cell or unit is lost on the way."""
    atoms = bulk("Cu", "fcc", a=3.6) * 3
    atoms.rattle(0.1, seed=0)
    atoms.calc = eam
    force = atoms.get_forces()[0]
    numerical = []
    for k in range(3):
        energies = []
        for step in (-1e-3, 1e-3):
            moved = atoms.copy()
            moved.positions[0, k] += step
            moved.calc = eam
            energies.append(moved.get_potential_energy())
        numerical.append(-(energies[1] - energies[0]) / 2e-3)
    assert force == pytest.approx(np.array(numerical), abs=1e-4)
