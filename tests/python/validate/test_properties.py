"""Physical properties, with ASE's EMT and a harmonic toy as potentials whose numbers are known."""

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.neighborlist import neighbor_list

from mlip_rs.calculators.calculations import isolated_atom_energy, relaxed
from mlip_rs.errors import ConfigError, PropertyError
from mlip_rs.generate import PROTOTYPES, prototype
from mlip_rs.validate import (
    cubic_fcc_supercell,
    elastic_constants,
    energy_volume,
    equation_of_state,
    fit_birch_murnaghan,
    vacancy_formation,
    zone_boundary_phonons,
)

CU_VOLUMES = np.linspace(10.8, 12.4, 9)


class Answers(Calculator):
    """A calculator that gives the same energy, forces and stress for everything."""

    implemented_properties = ("energy", "forces", "stress")

    def __init__(self, energy=0.0, force=0.0, stress=0.0):
        super().__init__()
        self.answer = energy, force, stress

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        energy, force, stress = self.answer
        self.results = {
            "energy": energy,
            "forces": np.full((len(atoms), 3), force),
            "stress": np.full(6, stress),
        }


@pytest.fixture(scope="module")
def copper():
    return equation_of_state(EMT(), "fcc", "Cu", CU_VOLUMES)


def test_emt_copper_has_its_known_lattice_constant_and_bulk_modulus(copper):
    assert copper.lattice_constant == pytest.approx(3.59, abs=0.005)
    assert copper.bulk_modulus == pytest.approx(134.3, abs=1.0)
    assert copper.energy(np.array(copper.volumes)) == pytest.approx(np.array(copper.energies), abs=1e-4)


def test_birch_murnaghan_fit_recovers_its_own_parameters(copper):
    volumes = np.linspace(10, 13, 7)
    again = fit_birch_murnaghan("fcc", volumes, copper.energy(volumes))
    assert again.equilibrium_volume == pytest.approx(copper.equilibrium_volume, rel=1e-6)
    assert again.bulk_modulus == pytest.approx(copper.bulk_modulus, rel=1e-5)
    assert again.bulk_modulus_derivative == pytest.approx(copper.bulk_modulus_derivative, rel=1e-4)


def test_nearest_neighbour_lennard_jones_fcc_has_the_analytic_equilibrium():
    # E(r) = 6 v(r) per atom and V = r³/√2, so B = V E''(V) = E''(r) r²/(9 V) with v''(r0) = 72 ε/(2^(1/3) σ²)
    r0 = 2 ** (1 / 6)
    v0 = r0**3 / 2**0.5
    calculator = LennardJones(sigma=1.0, epsilon=1.0, rc=1.3, smooth=False)
    shift = 4 * (1.3**-12 - 1.3**-6)  # ASE shifts the pair energy to zero at the cutoff
    volumes = v0 * np.linspace(0.97, 1.03, 9)
    fit = equation_of_state(calculator, "fcc", "Ar", volumes)
    assert fit.equilibrium_volume == pytest.approx(v0, rel=1e-4)
    assert fit.equilibrium_energy == pytest.approx(-6 * (1 + shift), abs=1e-4)
    curvature = 6 * 72 / 2 ** (1 / 3)
    expected = curvature * r0**2 / (9 * v0) * 160.21766
    assert fit.bulk_modulus == pytest.approx(expected, rel=2e-3)


def test_curve_without_a_minimum_and_curve_with_too_few_points_are_refused():
    with pytest.raises(PropertyError, match="no energy minimum"):
        equation_of_state(EMT(), "fcc", "Cu", np.linspace(13, 15, 7))
    with pytest.raises(ConfigError, match="at least 5"):
        fit_birch_murnaghan("fcc", [1, 2, 3], [1, 0, 1])


@pytest.mark.parametrize("name", PROTOTYPES)
def test_prototypes_have_the_volume_asked_for_and_no_atoms_too_close(name):
    atoms = prototype(name, "Al", 17.0)
    assert atoms.get_volume() / len(atoms) == pytest.approx(17.0)
    assert atoms.pbc.all()
    assert neighbor_list("d", atoms, 4.0).min() > 2.2


def test_coordination_numbers_of_prototypes():
    known = {"fcc": 12, "bcc": 8, "sc": 6, "diamond": 4}
    for name, coordination in known.items():
        distances = neighbor_list("d", prototype(name, "Al", 17.0), 4.0)
        atoms = len(prototype(name, "Al", 17.0))
        assert np.sum(distances < distances.min() * 1.01) == coordination * atoms


def test_prototype_names_of_the_data_set_are_understood_and_others_are_not():
    assert len(prototype("dia", "Si", 20.0)) == len(prototype("diamond", "Si", 20.0)) == 2
    assert len(prototype("bsn", "Sn", 27.0)) == 2
    with pytest.raises(ConfigError, match="known are fcc"):
        prototype("hpc", "Al", 17.0)
    with pytest.raises(ConfigError, match="not positive"):
        prototype("fcc", "Al", -1.0)


def test_bulk_modulus_of_elastic_constants_equals_that_of_the_energies(copper):
    elastic = elastic_constants(EMT(), prototype("fcc", "Cu", copper.equilibrium_volume))
    assert elastic.bulk_modulus == pytest.approx(copper.bulk_modulus, rel=0.01)
    assert (elastic.c11, elastic.c12, elastic.c44) == pytest.approx((172.5, 115.5, 89.9), abs=1.0)
    assert elastic.is_stable
    assert elastic.asymmetry < 1e-6
    assert np.abs(elastic.matrix[:3, 3:]).max() < 1e-6


def test_elastic_constants_of_hcp_are_hexagonal_and_softer_when_ions_relax(copper):
    hcp = prototype("hcp", "Cu", copper.equilibrium_volume)
    clamped = elastic_constants(EMT(), hcp, strain=2e-3)
    free = elastic_constants(EMT(), hcp, strain=2e-3, relax_ions=True, fmax=1e-4)
    c, soft = clamped.matrix, free.matrix
    assert c[0, 0] == pytest.approx(c[1, 1], rel=1e-3)
    assert c[5, 5] == pytest.approx((c[0, 0] - c[0, 1]) / 2, rel=0.02)
    assert soft[0, 0] < c[0, 0] - 1.0


def test_bcc_emt_copper_is_mechanically_unstable():
    fit = equation_of_state(EMT(), "bcc", "Cu", np.linspace(10.8, 12.6, 9))
    assert not elastic_constants(EMT(), prototype("bcc", "Cu", fit.equilibrium_volume)).is_stable


def test_elastic_constants_refuse_a_slab_and_an_absurd_strain():
    slab = prototype("fcc", "Cu", 11.6)
    slab.pbc = (True, True, False)
    with pytest.raises(ConfigError, match="periodic"):
        elastic_constants(EMT(), slab)
    with pytest.raises(ConfigError, match="strain"):
        elastic_constants(EMT(), prototype("fcc", "Cu", 11.6), strain=1.0)


def test_vacancy_relaxes_to_a_lower_energy_near_the_emt_value(copper):
    crystal = cubic_fcc_supercell("Cu", copper.equilibrium_volume)
    vacancy = vacancy_formation(EMT(), crystal)
    assert vacancy.n_sites == len(crystal) == 32
    assert 1.0 < vacancy.relaxed < vacancy.unrelaxed < 1.4
    other_site = vacancy_formation(EMT(), crystal, site=17, relax=False)
    assert other_site.unrelaxed == pytest.approx(vacancy.unrelaxed, abs=1e-9)
    assert other_site.relaxed is None


def test_vacancy_of_a_pair_potential_without_relaxation_is_minus_the_cohesive_energy():
    # with pair energies only, an atom taken out loses all its bonds, and gets half of them back in the bulk
    calculator = LennardJones(sigma=2.55, epsilon=0.4, rc=3.3)
    crystal = cubic_fcc_supercell("Ar", 2.85**3 / 2**0.5)
    crystal.calc = calculator
    per_atom = crystal.get_potential_energy() / len(crystal)
    vacancy = vacancy_formation(calculator, crystal, relax=False)
    assert vacancy.unrelaxed == pytest.approx(-per_atom, rel=1e-9)


def test_vacancy_refuses_alloys_and_missing_sites():
    with pytest.raises(ConfigError, match="one element"):
        vacancy_formation(EMT(), Atoms("CuAu", positions=[[0, 0, 0], [2.5, 0, 0]], cell=[5, 5, 5], pbc=True))
    with pytest.raises(ConfigError, match="site 32"):
        vacancy_formation(EMT(), cubic_fcc_supercell("Cu", 11.6), site=32)


def test_relaxation_that_does_not_converge_is_an_error_with_the_force_left():
    atoms = cubic_fcc_supercell("Cu", 11.6)
    atoms.rattle(0.1, seed=1)
    with pytest.raises(PropertyError, match=r"did not converge in 2 steps: a force of \S+ eV/Å"):
        relaxed(EMT(), atoms, max_steps=2)
    calm = relaxed(EMT(), atoms)
    calm.calc = EMT()
    assert np.linalg.norm(calm.get_forces(), axis=1).max() < 0.01


def test_phonons_of_nearest_neighbour_springs_have_the_analytic_frequencies():
    # at r0 of a nearest-neighbour pair potential with spring k:
    # M ω² = 8k (X long.), 4k (X trans.), 8k (L long.), 2k (L trans.)
    sigma, epsilon = 2.55, 0.4
    r0 = 2 ** (1 / 6) * sigma
    spring = 72 * epsilon / (2 ** (1 / 3) * sigma**2)
    calculator = LennardJones(sigma=sigma, epsilon=epsilon, rc=1.3 * r0)
    phonons = zone_boundary_phonons(calculator, "Cu", r0 * 2**0.5, displacement=0.002)
    unit = np.sqrt(spring / 63.546 * 1.602176634e-19 * 1e20 / 1.66053907e-27) / (2 * np.pi) * 1e-12
    assert phonons.x_long == pytest.approx(unit * 8**0.5, rel=1e-3)
    assert phonons.x_trans == pytest.approx(unit * 4**0.5, rel=1e-3)
    assert phonons.l_long == pytest.approx(unit * 8**0.5, rel=1e-3)
    assert phonons.l_trans == pytest.approx(unit * 2**0.5, rel=1e-3)
    assert phonons.is_stable


def test_answers_that_are_not_finite_are_refused_everywhere():
    atoms = prototype("fcc", "Cu", 11.6)
    with pytest.raises(PropertyError, match=r"energy of Cu at 11\.60 Å³/atom is nan"):
        energy_volume(Answers(energy=np.nan), atoms, [11.6])
    with pytest.raises(PropertyError, match="stress"):
        elastic_constants(Answers(stress=np.inf), atoms)
    with pytest.raises(PropertyError, match="forces"):
        zone_boundary_phonons(Answers(force=np.nan), "Cu", 3.6)
    with pytest.raises(PropertyError, match="forces"):
        relaxed(Answers(force=np.nan), atoms)


def test_isolated_atom_has_no_neighbours():
    assert isolated_atom_energy(LennardJones(), "Ar") == 0.0


def test_properties_leave_the_structure_as_it_was():
    atoms = prototype("hcp", "Cu", 11.6)
    before = atoms.copy()
    elastic_constants(EMT(), atoms)
    energy_volume(EMT(), atoms, [11.0, 12.0])
    assert atoms == before
    assert atoms.calc is None
