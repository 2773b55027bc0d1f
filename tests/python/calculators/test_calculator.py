"""Calculators give the forces, stresses and invariances of their energies, inside ASE as outside."""

import ase.db
import ase.io
import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.fd import (
    FiniteDifferenceCalculator,
    calculate_numerical_forces,
    calculate_numerical_stress,
)
from ase.constraints import FixAtoms
from ase.filters import FrechetCellFilter
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from potentials import (
    ARGON_CUTOFF,
    ARGON_EPSILON,
    ARGON_SIGMA,
    CALCULATOR_ROUNDING,
    REFERENCES,
    alloy,
    argon_crystal,
    assert_same,
    molecule,
    slab,
)
from scipy.spatial.transform import Rotation

from mlip_rs import _core
from mlip_rs.calculators import MLIPCalculator
from mlip_rs.errors import ConfigError, PotentialFileError, StructureError

FD_STEP = 1e-4
FD_TOLERANCE = 2e-7
"""eV/Å and eV/Å³, of central differences with that step."""


@pytest.mark.parametrize("make", [alloy, slab, molecule])
def test_forces_are_the_slope_of_the_energy(potential, make):
    atoms = make()
    atoms.calc = potential.calculator()
    numerical = calculate_numerical_forces(atoms, eps=FD_STEP, force_consistent=True)
    np.testing.assert_allclose(atoms.get_forces(), numerical, rtol=1e-6, atol=FD_TOLERANCE)


@pytest.mark.parametrize("pbc", [(True, True, True), (True, False, True), (False, False, False)])
def test_stress_is_the_slope_of_the_energy_with_strain(potential, pbc):
    atoms = alloy()
    atoms.pbc = pbc
    atoms.calc = potential.calculator()
    numerical = calculate_numerical_stress(atoms, eps=FD_STEP)
    np.testing.assert_allclose(atoms.get_stress(), numerical, rtol=1e-6, atol=FD_TOLERANCE)


def test_finite_difference_calculator_agrees(potential):
    atoms, numerical = alloy(), alloy()
    atoms.calc = potential.calculator()
    numerical.calc = FiniteDifferenceCalculator(potential.calculator(), FD_STEP, FD_STEP)
    np.testing.assert_allclose(atoms.get_forces(), numerical.get_forces(), rtol=1e-6, atol=FD_TOLERANCE)
    np.testing.assert_allclose(atoms.get_stress(), numerical.get_stress(), rtol=1e-6, atol=FD_TOLERANCE)


def argon_by_numpy(atoms):
    """Lennard-Jones times the C² cutoff function, summed over all images by brute force."""
    reach = range(-3, 4)
    shifts = np.array([(a, b, c) for a in reach for b in reach for c in reach]) @ atoms.cell.array
    r = atoms.positions[None, :, None] + shifts[None, None] - atoms.positions[:, None, None]
    d = np.linalg.norm(r, axis=-1)
    near = (d > 0) & (d < ARGON_CUTOFF)
    d = np.where(near, d, 1.0)
    x, s6 = d / ARGON_CUTOFF, (ARGON_SIGMA / d) ** 6
    switch = 1 - 10 * x**3 + 15 * x**4 - 6 * x**5
    slope = -30 * x**2 * (1 - x) ** 2 / ARGON_CUTOFF
    v = 4 * ARGON_EPSILON * (s6**2 - s6)
    dv = 4 * ARGON_EPSILON * (-12 * s6**2 + 6 * s6) / d
    energy = -0.1 * len(atoms) + 0.5 * np.sum(near * v * switch)
    pull = (near * (dv * switch + v * slope) / d)[..., None] * r
    strain = 0.5 * np.einsum("ijka,ijkb->ab", pull, r) / atoms.get_volume()
    return energy, pull.sum(axis=(1, 2)), strain[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]


@pytest.mark.parametrize("left_handed", [False, True])
def test_lennard_jones_agrees_with_numpy(argon, left_handed):
    atoms = bulk("Ar", a=5.1).repeat((2, 2, 1))
    atoms.rattle(0.2, seed=1)
    if left_handed:
        atoms.cell = atoms.cell[[1, 0, 2]]
    atoms.calc = argon.calculator()
    energy, forces, stress = argon_by_numpy(atoms)
    assert atoms.get_potential_energy() == pytest.approx(energy, rel=1e-10)
    np.testing.assert_allclose(atoms.get_forces(), forces, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(atoms.get_stress(), stress, rtol=1e-8, atol=1e-12)


# ---- invariances -------------------------------------------------------------------------------------


def test_atoms_add_up_to_the_whole(potential):
    atoms = alloy()
    atoms.calc = potential.calculator()
    assert atoms.get_potential_energy() == pytest.approx(atoms.get_potential_energies().sum())
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
    np.testing.assert_allclose(atoms.get_stresses().sum(axis=0), atoms.get_stress(), rtol=1e-10, atol=1e-15)
    assert atoms.get_stress(voigt=False).shape == (3, 3)
    prediction = potential.predict(atoms)
    assert atoms.get_potential_energy() == pytest.approx(prediction.energy, abs=CALCULATOR_ROUNDING)
    np.testing.assert_allclose(atoms.get_stress(), prediction.stress, atol=CALCULATOR_ROUNDING)


def test_supercell_has_the_energy_of_its_cells(potential):
    atoms = alloy()
    large = atoms.repeat((2, 1, 3))
    atoms.calc, large.calc = potential.calculator(), potential.calculator()
    assert large.get_potential_energy() == pytest.approx(
        6 * atoms.get_potential_energy(), abs=CALCULATOR_ROUNDING
    )
    np.testing.assert_allclose(
        large.get_forces(), np.tile(atoms.get_forces(), (6, 1)), atol=CALCULATOR_ROUNDING
    )
    np.testing.assert_allclose(large.get_stress(), atoms.get_stress(), atol=CALCULATOR_ROUNDING)


def test_an_atom_moved_by_lattice_vectors_changes_nothing(potential):
    atoms, moved = alloy(), alloy()
    moved.positions[1] += [3, -2, 1] @ moved.cell.array
    atoms.calc = moved.calc = potential.calculator()
    assert_same(atoms, moved)


def test_rotations_and_inversion_turn_the_forces(potential):
    atoms, turned = alloy(), alloy()
    turn = -Rotation.from_rotvec([0.3, -1.1, 0.7]).as_matrix()
    turned.set_cell(atoms.cell.array @ turn.T, scale_atoms=False)
    turned.positions = atoms.positions @ turn.T
    atoms.calc, turned.calc = potential.calculator(), potential.calculator()
    assert turned.get_potential_energy() == pytest.approx(
        atoms.get_potential_energy(), abs=CALCULATOR_ROUNDING
    )
    np.testing.assert_allclose(turned.get_forces(), atoms.get_forces() @ turn.T, atol=CALCULATOR_ROUNDING)
    expected = turn @ atoms.get_stress(voigt=False) @ turn.T
    np.testing.assert_allclose(turned.get_stress(voigt=False), expected, atol=CALCULATOR_ROUNDING)


def test_permuted_atoms_have_permuted_forces(potential):
    atoms = alloy()
    order = [3, 0, 4, 2, 1]
    permuted = atoms[order]
    atoms.calc, permuted.calc = potential.calculator(), potential.calculator()
    np.testing.assert_allclose(permuted.get_forces(), atoms.get_forces()[order], atol=CALCULATOR_ROUNDING)


def test_isolated_atom_has_its_reference_energy(potential):
    atoms = Atoms("Ni", cell=30 * np.eye(3), pbc=True)
    atoms.calc = potential.calculator()
    constant = potential.coefficients("Ni")["1"]
    assert atoms.get_potential_energy() == REFERENCES["Ni"] + constant
    assert not atoms.get_forces().any()
    assert not atoms.get_stress().any()


def test_no_atoms_have_no_energy(potential):
    for atoms in (Atoms(), Atoms(cell=[3, 3, 3], pbc=True)):
        atoms.calc = potential.calculator()
        assert atoms.get_potential_energy() == 0.0
        assert atoms.get_forces().shape == (0, 3)


def test_any_number_of_threads_gives_the_same_bits(potential):
    atoms = alloy().repeat((6, 6, 5))
    atoms.rattle(0.05, seed=3)
    results = []
    for threads in (1, 2, 3):
        calculator = potential.calculator(threads=threads)
        calculator.calculate(atoms)
        results.append(calculator.results)
    for result in results[1:]:
        for name, value in results[0].items():
            np.testing.assert_array_equal(result[name], value)


# ---- the neighbour list along a run ------------------------------------------------------------------


def hot_argon(argon, temperature, skin=0.5):
    atoms = argon_crystal()
    atoms.calc = argon.calculator(skin=skin)
    thermal = np.sqrt(atoms.get_masses() * units.kB * temperature)
    momenta = np.random.default_rng(7).normal(size=(len(atoms), 3)) * thermal[:, None]
    atoms.set_momenta(momenta - momenta.mean(axis=0))
    return atoms


def test_a_run_keeps_its_list_and_agrees_with_a_fresh_calculator(argon):
    atoms = hot_argon(argon, temperature=80)
    dynamics = VelocityVerlet(atoms, 5 * units.fs)
    for _ in range(20):
        dynamics.run(10)
        fresh = atoms.copy()
        fresh.calc = argon.calculator(skin=0.0)
        assert_same(atoms, fresh)
    assert 1 < atoms.calc.n_builds < 40


def test_energy_is_conserved(argon):
    atoms = hot_argon(argon, temperature=60)
    dynamics = VelocityVerlet(atoms, 2 * units.fs)
    energies = []
    dynamics.attach(lambda: energies.append(atoms.get_total_energy()), interval=5)
    dynamics.run(1000)
    energies = np.array(energies) / len(atoms)
    kinetic = atoms.get_kinetic_energy() / len(atoms)
    assert np.ptp(energies) < 5e-4 * kinetic
    drift = np.polyfit(np.arange(len(energies)), energies, 1)[0] * len(energies)
    assert abs(drift) < 5e-5 * kinetic


def test_small_moves_reuse_the_list_and_everything_else_renews_it(argon):
    atoms = argon_crystal()
    atoms.calc = calculator = argon.calculator()
    builds = []

    def build(change):
        before = calculator.n_builds
        change()
        atoms.get_potential_energy()
        builds.append(calculator.n_builds - before)
        fresh = atoms.copy()
        fresh.calc = argon.calculator()
        assert_same(atoms, fresh)

    build(lambda: None)
    build(lambda: atoms.rattle(0.02, seed=1))
    build(lambda: atoms.translate([5.0, 3.0, 1.0]))
    build(lambda: atoms.set_cell(atoms.cell.array * 1.001, scale_atoms=True))
    build(lambda: atoms.positions.__setitem__(0, atoms.positions[0] + [1.0, 0, 0]))
    build(lambda: atoms.set_cell(atoms.cell.array * 1.2, scale_atoms=True))
    build(lambda: atoms.set_pbc([True, True, False]))
    build(lambda: atoms.__delitem__(5))
    assert builds == [1, 0, 0, 0, 1, 1, 1, 1]


def test_without_a_skin_every_move_builds_a_list(argon):
    atoms = argon_crystal(repeat=1)
    atoms.calc = argon.calculator(skin=0.0)
    for k in range(3):
        atoms.positions[0, 0] += 0.1
        atoms.get_forces()
        assert atoms.calc.n_builds == k + 1


# ---- inside ASE --------------------------------------------------------------------------------------


@pytest.mark.parametrize("constraint", [None, FixAtoms([0])])
def test_relaxing_atoms_and_cell_finds_the_crystal(argon, constraint):
    atoms = argon_crystal(repeat=1, a=5.6)
    atoms.rattle(0.1, seed=4)
    atoms.set_constraint(constraint)
    atoms.calc = argon.calculator()
    assert BFGS(FrechetCellFilter(atoms), logfile=None).run(fmax=1e-5, steps=300)
    perfect = argon_crystal(repeat=1, a=atoms.get_volume() ** (1 / 3))
    perfect.calc = argon.calculator()
    assert atoms.get_potential_energy() == pytest.approx(perfect.get_potential_energy(), abs=1e-7)
    assert abs(atoms.get_stress()).max() < 1e-6


def test_displaced_supercells_have_the_force_constants_of_the_crystal(argon):
    phonopy = pytest.importorskip("phonopy")
    from phonopy.structure.atoms import PhonopyAtoms

    unit = argon_crystal(repeat=1)
    phonon = phonopy.Phonopy(
        PhonopyAtoms(symbols=unit.symbols, cell=unit.cell.array, positions=unit.positions),
        supercell_matrix=2 * np.eye(3, dtype=int),
        primitive_matrix="F",
    )
    phonon.generate_displacements(distance=0.01)
    calculator = argon.calculator()
    forces = []
    for cell in phonon.supercells_with_displacements:
        atoms = Atoms(cell.symbols, positions=cell.positions, cell=cell.cell, pbc=True, calculator=calculator)
        forces.append(atoms.get_forces())
    assert calculator.n_builds == 1
    phonon.forces = forces
    phonon.produce_force_constants()

    def eigenvalues(q):
        phonon.dynamical_matrix.run(q)
        return np.linalg.eigvalsh(phonon.dynamical_matrix.dynamical_matrix)

    assert eigenvalues([0.5, 0.5, 0]).min() > 0
    assert abs(eigenvalues([0, 0, 0])).max() < 1e-3 * eigenvalues([0.5, 0.5, 0]).max()


@pytest.mark.parametrize("suffix", ["traj", "xyz", "json", "db"])
def test_results_are_written_by_ase(tmp_path, potential, suffix):
    atoms = alloy()
    atoms.calc = potential.calculator()
    energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    name = tmp_path / f"atoms.{suffix}"
    ase.io.write(name, atoms)
    back = ase.io.read(name)
    assert back.get_potential_energy() == pytest.approx(energy, abs=1e-7)
    np.testing.assert_allclose(back.get_forces(), forces, atol=1e-7)


def test_databases_know_the_potential_by_its_checksum(tmp_path, potential):
    atoms = alloy()
    atoms.calc = potential.calculator()
    atoms.get_forces()
    with ase.db.connect(tmp_path / "atoms.db") as database:
        row = database.get(id=database.write(atoms))
    assert row.calculator == "mlip_rs"
    assert row.calculator_parameters == {"potential": potential.checksum, "skin": 0.5, "threads": None}
    np.testing.assert_array_equal(row.forces, atoms.get_forces())


def test_results_are_kept_until_the_atoms_change(potential, monkeypatch):
    atoms = alloy()
    atoms.calc = calculator = potential.calculator()
    calls = []
    calculate = calculator._calculate
    monkeypatch.setattr(calculator, "_calculate", lambda atoms: calls.append(1) or calculate(atoms))

    def calculations(change):
        calls.clear()
        change()
        atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()
        return len(calls)

    assert calculations(lambda: None) == 1
    assert calculations(lambda: None) == 0
    assert calculations(lambda: atoms.set_initial_charges(np.ones(5))) == 0
    assert calculations(lambda: atoms.positions.__setitem__((0, 0), np.nextafter(0.1, 1.0))) == 1
    assert calculations(lambda: atoms.numbers.__setitem__(0, 28)) == 1
    assert calculations(lambda: atoms.cell.__setitem__((0, 0), 0.31)) == 1
    assert calculations(lambda: atoms.set_pbc([True, True, False])) == 1
    assert calculations(calculator.reset) == 1
    assert calculations(calculator.results.clear) == 1
    assert not calculator.calculation_required(atoms, ["energy"])


def test_arrays_given_away_are_copies(potential):
    atoms = alloy()
    atoms.calc = potential.calculator()
    forces = atoms.get_forces()
    atoms.get_forces()[:] = 0.0
    np.testing.assert_array_equal(atoms.get_forces(), forces)


def test_values_without_calculation_and_without_atoms(potential):
    calculator = potential.calculator()
    assert calculator.get_property("energy", alloy(), allow_calculation=False) is None
    with pytest.raises(StructureError, match="no atoms"):
        calculator.get_potential_energy()
    energy = calculator.get_potential_energy(alloy())
    assert calculator.get_potential_energy() == energy


@pytest.mark.parametrize("make", [molecule, slab])
def test_stress_without_a_volume_is_not_implemented(potential, make):
    atoms = make()
    atoms.calc = potential.calculator()
    atoms.get_forces()
    for get in (atoms.get_stress, atoms.get_stresses):
        with pytest.raises(PropertyNotImplementedError, match="three cell vectors"):
            get()
    with pytest.raises(PropertyNotImplementedError, match="magmoms"):
        atoms.get_magnetic_moments()


# ---- settings ----------------------------------------------------------------------------------------


def test_calculators_are_made_from_a_file(tmp_path, potential):
    name = tmp_path / "p.mlip.json"
    potential.save(name)
    atoms, other = alloy(), alloy()
    atoms.calc, other.calc = MLIPCalculator(name), MLIPCalculator(str(name), skin=1.0, threads=1)
    assert_same(atoms, other)
    with pytest.raises(PotentialFileError, match="no such file"):
        MLIPCalculator(tmp_path / "nowhere.json")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"skin": -0.1}, "skin"),
        ({"skin": np.nan}, "skin"),
        ({"skin": "wide"}, "skin"),
        ({"threads": 0}, "threads"),
        ({"threads": 1.5}, "threads"),
    ],
)
def test_senseless_settings_are_refused_and_change_nothing(potential, settings, message):
    with pytest.raises(ConfigError, match=message):
        MLIPCalculator(potential, **settings)
    calculator = potential.calculator()
    with pytest.raises(ConfigError, match=message):
        calculator.set(**settings)
    assert (calculator.skin, calculator.threads) == (0.5, None)


def test_settings_can_be_changed(potential):
    calculator = potential.calculator()
    assert calculator.set(skin=1.0, threads=None) == {"skin": 1.0}
    assert calculator.skin == 1.0
    with pytest.raises(ConfigError, match="cutoff: no such setting"):
        calculator.set(cutoff=3.0)
    assert "skin=1" in repr(calculator)


def test_the_environment_sets_the_default_number_of_threads(monkeypatch):
    monkeypatch.setenv("MLIP_RS_NUM_THREADS", "3")
    assert _core.default_threads() == 3


# ---- faults ------------------------------------------------------------------------------------------


def test_a_nan_in_the_middle_of_a_run_names_the_atom_and_leaves_no_results(potential):
    atoms = alloy()
    atoms.calc = potential.calculator()
    energy = atoms.get_potential_energy()
    good = atoms.positions.copy()
    atoms.positions[2, 1] = np.nan
    for _ in range(2):
        with pytest.raises(StructureError, match="atom 2: position is not finite"):
            atoms.get_potential_energy()
    assert atoms.calc.results == {}
    atoms.positions = good
    assert atoms.get_potential_energy() == pytest.approx(energy, abs=CALCULATOR_ROUNDING)


def test_unknown_elements_and_overlaps_name_the_atom_and_the_cure(potential):
    atoms = alloy()
    atoms.calc = potential.calculator()
    atoms.numbers[3] = 74
    with pytest.raises(StructureError, match=r"atom 3: element W is not in the basis \(Al, Ni\); add it"):
        atoms.get_forces()
    atoms.numbers[3] = 28
    atoms.positions[3] = atoms.positions[0]
    with pytest.raises(StructureError, match=r"atoms 0 and 3 are .* apart; remove one"):
        atoms.get_forces()
