"""Surfaces, stacking faults and point defects against broken bonds that can be counted, and identities."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.neighborlist import neighbor_list

from mlip_rs.calculators.calculations import relaxed
from mlip_rs.errors import ConfigError
from mlip_rs.generate import prototype
from mlip_rs.generate.symmetry import conventional_supercell
from mlip_rs.validate import CubicMetal, cubic_fcc_supercell
from mlip_rs.validate.figures.grain_boundaries import grain_boundary_angles
from mlip_rs.validate.figures.migration import migration_path
from mlip_rs.validate.figures.point_defects import point_defect_bars
from mlip_rs.validate.figures.stacking_fault import fault_curve
from mlip_rs.validate.figures.surfaces import surface_bars
from mlip_rs.validate.properties.grain_boundaries import (
    BOUNDARIES,
    _angle,
    _bicrystal,
    coincidence,
    grain_boundaries,
    relaxed_bicrystal,
)
from mlip_rs.validate.properties.migration import vacancy_migration
from mlip_rs.validate.properties.point_defects import DefectEnergy, PointDefects, failures, point_defects
from mlip_rs.validate.properties.stacking_fault import stacking_fault
from mlip_rs.validate.properties.surfaces import (
    EV_PER_ANGSTROM2_IN_J_PER_M2,
    INDICES,
    _slab,
    surface_energies,
)

R0 = 2.5 * 2 ** (1 / 6)
"""Å, neighbours of the crystal below, at rest."""

BOND = 1 + 4 * (1.3**-12 - 1.3**-6)
"""eV; ASE shifts the pair energy to zero at the cutoff."""


@pytest.fixture(scope="module")
def bonds():
    """Nearest-neighbour Lennard-Jones: every broken bond costs BOND, nothing relaxes."""
    return LennardJones(sigma=2.5, epsilon=1.0, rc=1.3 * 2.5, smooth=False)


def test_surfaces_cost_the_bonds_that_they_break(bonds):
    # Broken per surface atom: 3, 4 and 6 bonds on areas of r² √3/2, r² and r² √2, half of each to either side.
    found = surface_energies(bonds, prototype("fcc", "Ar", R0**3 / 2**0.5), thickness=8.0)
    counted = {(1, 1, 1): 3 / (3**0.5 / 2), (1, 0, 0): 4.0, (1, 1, 0): 6 / 2**0.5}
    for surface in found.surfaces:
        expected = counted[surface.indices] / 2 * BOND / R0**2 * EV_PER_ANGSTROM2_IN_J_PER_M2
        assert surface.unrelaxed == pytest.approx(expected, rel=1e-3)
        assert surface.relaxed == pytest.approx(surface.unrelaxed, rel=1e-3)
    assert [surface.name for surface in found.surfaces] == ["(100)", "(110)", "(111)"]
    assert len(surface_bars(found, found).axes) == 1


def test_slabs_are_made_of_whole_planes_whatever_the_rounding_of_the_lattice_constant():
    for edge in (4.043026030161499, 4.05, *np.random.default_rng(0).uniform(3.5, 4.5, 20)):
        unit = conventional_supercell(prototype("fcc", "Al", edge**3 / 4), 0.0)
        for indices in INDICES:
            slab = _slab(unit, indices, 8.0)
            _, counts = np.unique(np.round(slab.positions[:, 2], 6), return_counts=True)
            assert len(set(counts.tolist())) == 1, (edge, indices)


def test_surfaces_without_indices_are_refused(bonds):
    with pytest.raises(ConfigError, match="not all 0"):
        surface_energies(bonds, prototype("fcc", "Ar", 10.0), indices=[(0, 0, 0)])


def test_intrinsic_fault_of_nearest_neighbours_costs_nothing(bonds):
    found = stacking_fault(bonds, CubicMetal("fcc", "Ar", 2**0.5 * R0), points=5, layers=6, relax=False)
    assert found.energies[0] == 0.0
    assert found.stable == pytest.approx(0.0, abs=1e-6)
    assert found.unstable > 0.05


def test_intrinsic_fault_follows_from_the_energies_of_polytypes():
    # P. J. H. Denteneer and W. van Haeringen, J. Phys. C 20, L883 (1987): interactions up to three planes give
    # γ A = E(hcp) + 2 E(dhcp) − 3 E(fcc) per atom of a plane
    edge = 3.59
    volume = edge**3 / 4
    energies = {}
    for name, planes in (("fcc", 1), ("hcp", 2), ("dhcp", 4)):
        atoms = prototype(name, "Cu", volume)
        if name != "fcc":  # ideal planes, as those of the fault
            cell = atoms.cell[:].copy()
            cell[:2] *= edge / 2**0.5 / np.linalg.norm(cell[0])
            cell[2] = [0, 0, planes * edge / 3**0.5]
            atoms.set_cell(cell, scale_atoms=True)
        atoms.calc = EMT()
        energies[name] = atoms.get_potential_energy() / len(atoms)
    area = 3**0.5 / 4 * edge**2
    expected = (
        (energies["hcp"] + 2 * energies["dhcp"] - 3 * energies["fcc"]) / area * EV_PER_ANGSTROM2_IN_J_PER_M2
    )
    found = stacking_fault(EMT(), CubicMetal("fcc", "Cu", edge), points=3, layers=9, relax=False)
    assert found.stable == pytest.approx(expected, abs=2e-4)
    assert len(fault_curve(found, found).axes) == 1


def test_bcc_slip_ends_in_the_perfect_crystal_and_is_symmetric():
    found = stacking_fault(EMT(), CubicMetal("bcc", "Cu", 2.86), points=5, layers=6, relax=False)
    assert found.stable == pytest.approx(0.0, abs=1e-9)
    assert found.energies[1] == pytest.approx(found.energies[3], rel=1e-3)
    with pytest.raises(ConfigError, match="known are those of fcc, bcc"):
        stacking_fault(EMT(), CubicMetal("hcp", "Cu", 2.5))


def test_unrelaxable_divacancy_of_counted_bonds_binds_by_one_bond(bonds):
    crystal = cubic_fcc_supercell("Ar", R0**3 / 2**0.5)
    found = point_defects(bonds, CubicMetal("fcc", "Ar", 2**0.5 * R0), crystal)
    # A vacancy breaks 12 bonds and the atom put back forms 6; neighbours share the bond between them.
    assert found.vacancy == pytest.approx(6 * BOND, rel=1e-3)
    first, second = found.divacancies
    assert found.binding(first) == pytest.approx(BOND, rel=1e-3)
    assert found.binding(second) == pytest.approx(0.0, abs=1e-3)
    assert len(found.interstitials) + len(found.failures) == 3
    assert len(point_defect_bars(found, found).axes) == 1


def test_climbing_image_finds_the_saddle_that_symmetry_holds():
    crystal = cubic_fcc_supercell("Cu", 3.59**3 / 4)
    found = vacancy_migration(EMT(), crystal, images=1)
    assert found.energies[-1] == pytest.approx(0.0, abs=2e-3)
    assert found.coordinates[2] == pytest.approx(2 * found.coordinates[1], rel=0.05)
    # the atom half-way between two sites is held there by symmetry: relaxing around it gives the saddle
    from mlip_rs.calculators.calculations import potential_energy
    from mlip_rs.validate.properties.migration import _nearest_image
    from mlip_rs.validate.properties.point_defects import shell_members, without

    neighbour = shell_members(crystal)[0]
    half = without(crystal, [0])
    half.positions[neighbour - 1] = (crystal.positions[neighbour] + _nearest_image(crystal, neighbour)) / 2
    saddle = potential_energy(EMT(), relaxed(EMT(), half, fmax=0.01))
    start = potential_energy(EMT(), relaxed(EMT(), without(crystal, [0]), fmax=0.01))
    assert found.barrier == pytest.approx(saddle - start, abs=5e-3)
    assert len(migration_path(found, found).axes) == 1


def test_coherent_twin_of_nearest_neighbours_costs_nothing_once_the_grains_have_found_each_other(bonds):
    found = grain_boundaries(
        bonds, CubicMetal("fcc", "Ar", 2**0.5 * R0), boundaries=BOUNDARIES[:1], thickness=6.0
    )
    (twin,) = found.boundaries
    assert twin.name == "Σ3 (111)"
    assert twin.angle == pytest.approx(109.47, abs=0.01)
    assert twin.energy == pytest.approx(0.0, abs=1e-3)
    assert len(grain_boundary_angles(found, found).axes) == 1


def test_relaxed_bicrystals_have_the_energy_of_the_boundary():
    metal, (axis, plane) = CubicMetal("fcc", "Al", 3.994), BOUNDARIES[1]
    settings = {"thickness": 4.0, "grid": 3, "fmax": 0.05}
    (boundary,) = grain_boundaries(EMT(), metal, boundaries=[(axis, plane)], **settings).boundaries
    relaxed = relaxed_bicrystal(EMT(), metal, axis, plane, **settings)
    relaxed.calc = EMT()
    assert np.linalg.norm(relaxed.get_forces(), axis=1).max() < 0.05
    perfect = bulk("Al", a=metal.lattice_constant)
    perfect.calc = EMT()
    excess = relaxed.get_potential_energy() - len(relaxed) * perfect.get_potential_energy()
    area = 2 * relaxed.cell[0, 0] * relaxed.cell[1, 1]
    assert excess / area * EV_PER_ANGSTROM2_IN_J_PER_M2 == pytest.approx(boundary.energy, abs=1e-6)
    with pytest.raises(ConfigError, match="known are those of fcc, bcc"):
        relaxed_bicrystal(EMT(), CubicMetal("hcp", "Al", 2.86), axis, plane)


@pytest.mark.parametrize("structure", ["fcc", "bcc"])
@pytest.mark.parametrize(("axis", "plane"), BOUNDARIES)
def test_bicrystals_hold_two_perfect_mirrored_grains(structure, axis, plane):
    cell, mirrored = _bicrystal(CubicMetal(structure, "Al", 4.0), axis, plane, 12.0)
    assert mirrored.sum() == (~mirrored).sum()
    assert cell.get_volume() / len(cell) == pytest.approx(16.0 if structure == "fcc" else 32.0)
    # away from the boundaries every atom has the neighbours of the crystal
    nearest = 4.0 / 2**0.5 if structure == "fcc" else 4.0 * 3**0.5 / 2
    first = neighbor_list("i", cell, 1.05 * nearest)
    counts = np.bincount(first, minlength=len(cell))
    assert (counts == (12 if structure == "fcc" else 8)).sum() >= len(cell) / 4
    heights = cell.positions[:, 2]
    assert heights.min() > -1e-6
    assert heights.max() < cell.cell[2, 2] - 1e-6


def test_coincidence_and_angles_are_those_of_the_tables():
    # A. P. Sutton and R. W. Balluffi, Interfaces in Crystalline Materials: Σ and misorientation of tilt boundaries
    known = {(1, 1, 1): (3, 109.47), (2, 1, 0): (5, 53.13), (3, 1, 0): (5, 36.87), (2, 2, 1): (9, 141.06)}
    known |= {(1, 1, 2): (3, 70.53), (1, 1, 3): (11, 50.48), (3, 2, 0): (13, 67.38)}
    for axis, plane in BOUNDARIES:
        assert (coincidence(plane), round(_angle(axis, plane), 2)) == known[plane]


def test_a_tilt_axis_outside_the_plane_is_refused(bonds):
    with pytest.raises(ConfigError, match="does not lie in the plane"):
        grain_boundaries(bonds, CubicMetal("fcc", "Ar", 4.0), boundaries=[((0, 0, 1), (1, 1, 1))])


def test_point_defects_of_unknown_structures_are_refused():
    with pytest.raises(ConfigError, match="known are those of fcc, bcc, diamond"):
        point_defects(EMT(), CubicMetal("hcp", "Cu", 2.5), prototype("hcp", "Cu", 11.6))
    with pytest.raises(ConfigError, match="at least 1"):
        vacancy_migration(EMT(), prototype("fcc", "Cu", 11.6), images=0)


def test_every_defect_that_gains_energy_is_a_failure():
    sound = PointDefects(
        32, (DefectEnergy("octahedral", 2.0),), (DefectEnergy("first neighbours", 1.3),), 0.7
    )
    assert failures(sound) == ()
    fallen = PointDefects(
        32, (DefectEnergy("octahedral", -2.0),), (DefectEnergy("first neighbours", -5.0),), -1.0
    )
    assert failures(fallen) == (
        "vacancy: gains energy (-1 eV)",
        "divacancy, first neighbours: gains energy (-5 eV)",
        "octahedral: gains energy (-2 eV)",
    )


def test_figure_and_failures_have_the_same_energies_of_point_defects():
    found = PointDefects(
        32, (DefectEnergy("octahedral", -2.0),), (DefectEnergy("first neighbours", -5.0),), -1.0
    )
    (axes,) = point_defect_bars(found).axes
    drawn = {
        text.get_text(): bar.get_width()
        for text, bar in zip(axes.get_yticklabels(), axes.patches, strict=True)
    }
    assert drawn == found.energies
    assert [text.split(":")[0] for text in failures(found)] == list(found.energies)
