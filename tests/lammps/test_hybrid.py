"""The pair style beside others."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.lj import LennardJones
from potentials import random_potential

from mlip_rs.calculators import MLIPCalculator

ZBL = "pair_coeff * * zbl 13 13\n"


def aluminium():
    atoms = bulk("Al", cubic=True).repeat(3)
    atoms.rattle(0.15, seed=1)
    return atoms


@pytest.mark.parametrize("ranks", [1, 2])
def test_hybrid_with_types_of_another_pair_style(lammps, ranks):
    """Argon around aluminium: each pair of elements of its own style."""
    potential = random_potential(("Al",))
    lammps.potential(potential)
    atoms = aluminium()
    atoms.cell[2, 2] += 25
    gas = [[2.0 + 3.7 * k, 3.0, 18.0 + 3.9 * (k % 2)] for k in range(3)]
    atoms += Atoms("Ar3", gas)
    pair = (
        "pair_style hybrid mlip/rs lj/cut 8.0\npair_coeff * * mlip/rs potential.mlip.json Al NULL\n"
        "pair_coeff 2 2 lj/cut 0.0104 3.4\npair_coeff 1 2 lj/cut 0.02 2.9\n"
    )
    found = lammps.evaluate(atoms, ("Al", "Ar"), pair=pair, ranks=ranks)
    metal, gas = atoms[atoms.symbols == "Al"], atoms[atoms.symbols == "Ar"]
    metal.calc = MLIPCalculator(potential)
    forces = np.zeros((len(atoms), 3))
    energy = metal.get_potential_energy()
    forces[atoms.symbols == "Al"] += metal.get_forces()
    gas.calc = LennardJones(sigma=3.4, epsilon=0.0104, rc=8.0, ro=8.0)
    pairs = atoms.copy()
    pairs.calc = LennardJones(sigma=2.9, epsilon=0.02, rc=8.0, ro=8.0)
    shift = lj_shift(3.4, 0.0104) * gas_pairs(gas) + lj_shift(2.9, 0.02) * gas_pairs(pairs)
    total, all_forces = pairs.get_potential_energy(), pairs.get_forces()
    for symbol in ("Al", "Ar"):
        part = pairs[pairs.symbols == symbol]
        part.calc = pairs.calc
        total -= part.get_potential_energy()
        all_forces[pairs.symbols == symbol] -= part.get_forces()
        shift -= lj_shift(2.9, 0.02) * gas_pairs(part)
    energy += gas.get_potential_energy() + total + shift
    forces[atoms.symbols == "Ar"] += gas.get_forces()
    np.testing.assert_allclose(found.forces, forces + all_forces, atol=1e-10)
    assert found.energy == pytest.approx(energy, rel=1e-10)


def lj_shift(sigma, epsilon, cutoff=8.0):
    """What ASE takes off each pair, and LAMMPS does not."""
    x = (sigma / cutoff) ** 6
    return 4 * epsilon * (x * x - x)


def gas_pairs(atoms, cutoff=8.0):
    from ase.neighborlist import neighbor_list

    return len(neighbor_list("i", atoms, cutoff)) / 2


@pytest.mark.parametrize("ranks", [1, 2])
def test_overlay_adds_a_repulsion(lammps, ranks):
    potential = random_potential(("Al",))
    lammps.potential(potential)
    atoms, elements = aluminium(), ("Al",)
    alone = lammps.evaluate(atoms, elements, ranks=ranks)
    repulsion = lammps.evaluate(
        atoms, elements, pair="pair_style zbl 2.5 3.5\npair_coeff * * 13 13\n", ranks=ranks
    )
    pair = (
        f"pair_style hybrid/overlay mlip/rs zbl 2.5 3.5\npair_coeff * * mlip/rs potential.mlip.json Al\n{ZBL}"
        "compute own all pair mlip/rs\nvariable own equal c_own\n"
    )
    both = lammps.evaluate(atoms, elements, pair=pair, ranks=ranks)
    np.testing.assert_allclose(both.forces, alone.forces + repulsion.forces, atol=1e-10)
    np.testing.assert_allclose(both.virials, alone.virials + repulsion.virials, atol=1e-9)
    assert both.energy == pytest.approx(alone.energy + repulsion.energy, rel=1e-12)


def test_scaled_hybrid_mixes_two_potentials(lammps):
    potentials = [random_potential(("Al",), seed=seed) for seed in (1, 2)]
    atoms, elements = aluminium(), ("Al",)
    forces = []
    for k, potential in enumerate(potentials, 1):
        lammps.potential(potential, f"{k}.mlip.json")
        own = f"pair_style mlip/rs\npair_coeff * * {k}.mlip.json Al\n"
        forces.append(lammps.evaluate(atoms, elements, pair=own).forces)
    pair = (
        "pair_style hybrid/scaled 0.25 mlip/rs 0.75 mlip/rs\npair_coeff * * mlip/rs 1 1.mlip.json Al\n"
        "pair_coeff * * mlip/rs 2 2.mlip.json Al\n"
    )
    found = lammps.evaluate(atoms, elements, pair=pair, ranks=2)
    np.testing.assert_allclose(found.forces, 0.25 * forces[0] + 0.75 * forces[1], atol=1e-10)
