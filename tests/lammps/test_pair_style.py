"""The pair style gives what the ASE calculator gives."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from potentials import random_potential

from mlip_rs.calculators import MLIPCalculator

FORCE = 1e-10
"""eV/Å."""
RELATIVE = 1e-12
"""Of energies and virials."""


def rattled(atoms, seed=1, amplitude=0.15):
    atoms.rattle(amplitude, seed=seed)
    return atoms


def ordered(repeat=(3, 3, 3)):
    """B2 NiAl, strained."""
    return rattled(bulk("NiAl", "cesiumchloride", a=2.9).repeat(repeat))


def sheared():
    """A cell with large tilts."""
    atoms = ordered((3, 3, 4))
    atoms.set_cell(
        atoms.cell.array @ [[1, 0.1, 0.0], [0.35, 1.02, -0.1], [0.3, -0.4, 0.97]], scale_atoms=True
    )
    return atoms


STRUCTURES = {
    "cubic": lambda: rattled(bulk("Al", cubic=True).repeat(3)),
    "alloy": ordered,
    "triclinic": sheared,
    "16 atoms": lambda: ordered((2, 2, 2)),
    "thin": lambda: ordered((1, 1, 20)),
    "two atoms": lambda: Atoms("AlNi", [[0, 0, 0], [1.9, 0.9, 0.8]], cell=[30, 31, 32], pbc=True),
    "cluster": lambda: Atoms(
        "Al3Ni", [[1, 1, 1], [3.1, 1, 1], [1, 3.4, 1], [2.2, 2.1, 3]], cell=[9] * 3, pbc=True
    ),
}


def reference(potential, atoms):
    """What ASE gives: energy, energies, forces, virial (eV)."""
    atoms = atoms.copy()
    atoms.calc = MLIPCalculator(potential)
    energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    virial = -atoms.get_stress(voigt=False) * atoms.get_volume()
    return energy, atoms.calc.results["energies"], forces, virial


def assert_equal(found, potential, atoms):
    energy, energies, forces, virial = reference(potential, atoms)
    scale = np.abs(energies).sum()
    assert abs(found.energy - energy) <= RELATIVE * scale
    np.testing.assert_allclose(found.energies, energies, rtol=RELATIVE, atol=RELATIVE * scale)
    np.testing.assert_allclose(found.forces, forces, rtol=0, atol=FORCE)
    total = found.virials.sum(axis=0)
    np.testing.assert_allclose(total, virial, rtol=0, atol=RELATIVE * np.abs(found.virials).sum())
    pressure = found.run.number("PXX"), found.run.number("PXY")
    own = found.own_axes.sum(axis=0)
    # In bar LAMMPS' own constants differ in the eighth digit between computes.
    scale = np.abs(found.virials).sum() * 1.6e6 / found.run.number("VOLUME")
    np.testing.assert_allclose(
        pressure,
        [
            own[0, 0] * 1.6021765e6 / found.run.number("VOLUME"),
            own[0, 1] * 1.6021765e6 / found.run.number("VOLUME"),
        ],
        rtol=1e-7,
        atol=1e-9 * scale,
    )
    sums = found.centroid_virials.sum(axis=0)
    np.testing.assert_allclose(
        sums, found.own_axes.sum(axis=0), rtol=0, atol=1e-9 * np.abs(found.virials).sum()
    )


@pytest.mark.parametrize("ranks", [1, 2, 4])
@pytest.mark.parametrize("name", STRUCTURES)
def test_results_equal_those_of_the_ase_calculator(lammps, name, ranks):
    potential = random_potential(("Al", "Ni"))
    lammps.potential(potential)
    atoms = STRUCTURES[name]()
    assert_equal(lammps.evaluate(atoms, ("Al", "Ni"), ranks=ranks), potential, atoms)


@pytest.mark.parametrize("ranks", [1, 2])
def test_types_may_come_in_any_order_and_share_an_element(lammps, ranks):
    potential = random_potential(("Al", "Ni"))
    lammps.potential(potential)
    atoms = ordered()
    assert_equal(lammps.evaluate(atoms, ("Ni", "Al"), ranks=ranks), potential, atoms)
    lammps.structure(atoms, ("Ni", "Al"))
    text = (lammps.place / "atoms").read_text(encoding="utf-8")
    assert "2 atom types" in text
    both = lammps.evaluate(
        atoms, ("Ni", "Al"), pair="pair_style mlip/rs\npair_coeff * * potential.mlip.json Al Al\n"
    )
    aluminium = atoms.copy()
    aluminium.symbols[:] = "Al"
    assert_equal(both, potential, aluminium)


@pytest.mark.parametrize("hierarchy", ["pair", "pair-poly", "angular"])
def test_every_hierarchy_is_served(lammps, hierarchy):
    potential = random_potential(("Al", "Ni"), hierarchy)
    lammps.potential(potential)
    atoms = sheared()
    assert_equal(lammps.evaluate(atoms, ("Al", "Ni"), ranks=2), potential, atoms)


def test_threads_within_a_rank_give_the_same_bits(lammps):
    lammps.potential(random_potential(("Al", "Ni")))
    atoms, elements = ordered((6, 6, 6)), ("Al", "Ni")
    forces = [
        lammps.evaluate(
            atoms,
            elements,
            pair=f"pair_style mlip/rs threads {n}\npair_coeff * * potential.mlip.json Al Ni\n",
        ).forces
        for n in (1, 2)
    ]
    np.testing.assert_array_equal(*forces)


@pytest.mark.parametrize(
    ("more", "options"),
    [
        ("", ("-sf", "omp", "-pk", "omp", "2")),
        ("comm_style tiled\n", ()),
        ("processors 1 1 2\n", ()),
        ("comm_modify cutoff 12.0\n", ()),
        ("neigh_modify one 4000 page 100000\n", ()),
        ("newton on\n", ()),
    ],
)
def test_settings_of_lammps_do_not_change_the_results(lammps, more, options):
    potential = random_potential(("Al", "Ni"))
    lammps.potential(potential)
    atoms = ordered((4, 3, 5))
    assert_equal(lammps.evaluate(atoms, ("Al", "Ni"), ranks=2, more=more, options=options), potential, atoms)


def test_the_potential_is_found_on_the_search_path(lammps, monkeypatch):
    potential = random_potential(("Al", "Ni"))
    elsewhere = lammps.place / "potentials"
    elsewhere.mkdir()
    potential.save(elsewhere / "NiAl.mlip.json")
    monkeypatch.setenv("LAMMPS_POTENTIALS", str(elsewhere))
    atoms = ordered()
    pair = "pair_style mlip/rs\npair_coeff * * NiAl.mlip.json Al Ni\n"
    assert_equal(lammps.evaluate(atoms, ("Al", "Ni"), pair=pair, ranks=2), potential, atoms)
