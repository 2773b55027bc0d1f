"""Labels that contradict each other are found before a fit, and those that agree are left alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.morse import MorsePotential
from ase.units import Bohr, GPa, Hartree, Rydberg

from mlip_rs.data import Dataset, Frame
from mlip_rs.errors import DataError
from mlip_rs.label_check.check import check_labels
from mlip_rs.label_check.findings import corrected
from mlip_rs.label_check.posterior import compare


def hot_crystal(random: np.random.Generator, index: int) -> Frame:
    """Eight aluminium atoms, strained and displaced, with EMT labels; every third without one atom."""
    atoms = bulk("Al", cubic=True).repeat((2, 1, 1))
    strain = np.eye(3) + random.normal(0.0, 0.02, (3, 3)) + np.eye(3) * random.normal(0.0, 0.03)
    atoms.set_cell(atoms.cell @ strain, scale_atoms=True)
    atoms.positions += random.normal(0.0, 0.12, atoms.positions.shape)
    if index % 3 == 0:
        del atoms[int(random.integers(len(atoms)))]
    return labelled_by_emt(atoms, "vacancy" if index % 3 == 0 else "crystal", index)


def labelled_by_emt(atoms: Atoms, config_type: str, index: int) -> Frame:
    atoms.calc = EMT()
    return Frame(
        atoms.numbers,
        atoms.positions,
        atoms.cell.array,
        atoms.pbc,
        atoms.get_potential_energy() - 3.5 * len(atoms),
        atoms.get_forces(),
        atoms.get_stress(),
        config_type=config_type,
        file="hot.xyz",
        index=index,
    )


@pytest.fixture(scope="module")
def crystals() -> Dataset:
    random = np.random.default_rng(5)
    return Dataset(tuple(hot_crystal(random, index) for index in range(45)))


def changed(dataset: Dataset, change, chosen=None) -> Dataset:
    frames = [change(f) if chosen is None or chosen(k) else f for k, f in enumerate(dataset)]
    return replace(dataset, frames=tuple(frames))


def kinds(dataset: Dataset) -> dict[str, bool]:
    return {found.kind: found.certain for found in check_labels(dataset).findings}


def test_labels_that_agree_raise_nothing(crystals):
    check = check_labels(crystals)
    assert check.findings == ()
    assert "agree" in check.lines()[0]


CASES = {
    "forces: sign": lambda f: replace(f, forces=-f.forces),
    "forces: unit": lambda f: replace(f, forces=f.forces * Bohr / Hartree),
    "energy: unit": lambda f: replace(f, energy=f.energy / Hartree),
    "energy: per atom": lambda f: replace(f, energy=f.energy / f.n_atoms),
    "positions: bohr": lambda f: replace(f, positions=f.positions / Bohr, cell=f.cell / Bohr),
    "stress: sign": lambda f: replace(f, stress=-f.stress),
    "stress: unit": lambda f: replace(f, stress=f.stress / GPa),
    "stress: virial": lambda f: replace(f, stress=-f.stress * f.volume),
    "stress: order": lambda f: replace(f, stress=f.stress[[0, 1, 2, 5, 3, 4]]),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_wrong_label_of_all_frames_is_an_error_and_can_be_corrected(crystals, kind):
    wrong = changed(crystals, CASES[kind])
    found = {f.kind: f for f in check_labels(wrong).errors}
    assert set(found) == {kind}
    right = corrected(wrong, found[kind])
    for frame, original in zip(right, crystals, strict=True):
        np.testing.assert_allclose(frame.positions, original.positions, rtol=1e-6)
        np.testing.assert_allclose(frame.forces, original.forces, rtol=1e-6)
        np.testing.assert_allclose(frame.stress, original.stress, rtol=1e-6)
        assert frame.energy == pytest.approx(original.energy, rel=1e-6)
    assert check_labels(right).findings == ()
    assert right.notices[-1].startswith("corrected in 45 frames")


def test_the_message_gives_the_slope_and_its_error_and_the_cure(crystals):
    (found,) = check_labels(changed(crystals, CASES["forces: sign"])).errors
    assert "gradients" in found.message
    assert "±" in found.message
    assert found.evidence["slope"] == pytest.approx(-1.0, abs=0.2)
    assert "multiply by -1" in found.cure


def test_gradients_in_one_file_are_found_there(crystals):
    wrong = changed(crystals, lambda f: replace(f, forces=-f.forces, file="b.xyz"), lambda k: k % 4 == 0)
    (found,) = check_labels(wrong).errors
    assert found.kind == "forces: sign"
    assert found.files == ("b.xyz",)
    assert found.frames == tuple(range(0, 45, 4))


NEAR_UNITS = {"Rydberg/bohr": Bohr / Rydberg, "Hartree/Å": 1.0 / Hartree}


def half_in(crystals: Dataset, factor: float) -> Dataset:
    """Every second structure, of a type of its own, with forces in another unit."""
    typed = changed(crystals, lambda f: replace(f, config_type="right"))
    return changed(
        typed, lambda f: replace(f, forces=f.forces * factor, config_type="wrong"), lambda k: k % 2 == 0
    )


@pytest.mark.parametrize("unit", NEAR_UNITS)
def test_of_units_near_each_other_the_one_is_named_that_the_forces_are_in(crystals, unit):
    (found,) = check_labels(half_in(crystals, NEAR_UNITS[unit])).errors
    assert found.config_types == ("wrong",)
    assert f"look like {unit}: " in found.message
    assert found.evidence["slope"] == pytest.approx(NEAR_UNITS[unit], rel=0.02)
    assert found.correction.factor == pytest.approx(1.0 / NEAR_UNITS[unit], rel=1e-9)


def test_units_that_cannot_be_told_apart_are_both_named_and_nothing_is_corrected(crystals):
    between = float(np.sqrt(np.prod(list(NEAR_UNITS.values()))))
    (found,) = check_labels(half_in(crystals, between)).errors
    assert all(unit in found.message for unit in NEAR_UNITS)
    assert "cannot be told apart" in found.message
    assert "from Rydberg/bohr by 25.711, from Hartree/Å by 27.2114" in found.cure
    assert found.correction is None


def test_rows_of_forces_in_another_order_are_found(crystals):
    random = np.random.default_rng(3)

    def permuted(frame):
        return replace(frame, forces=frame.forces[random.permutation(frame.n_atoms)])

    assert kinds(changed(crystals, permuted)) == {"forces: order": True}


def test_zeros_are_no_labels(crystals):
    wrong = changed(crystals, lambda f: replace(f, stress=0 * f.stress), lambda k: k % 3 == 1)
    assert kinds(wrong) == {"stress: zeros": True}
    wrong = changed(crystals, lambda f: replace(f, forces=0 * f.forces), lambda k: k % 3 == 1)
    assert kinds(wrong) == {"forces: zeros": True}


def test_atoms_beyond_the_reach_of_a_teacher_have_no_stress(crystals):
    def pair(k):
        positions = [[0.0, 0.0, 0.0], [5.0 + 0.1 * k, 0.0, 0.0]]
        energy = 2.0 * crystals[0].energy / crystals[0].n_atoms
        return Frame([13, 13], positions, 16.0 * np.eye(3), [True] * 3, energy, np.zeros((2, 3)), np.zeros(6))

    found = check_labels(replace(crystals, frames=(*crystals.frames, *map(pair, range(4)))))
    assert "stress: zeros" not in {one.kind for one in found.errors}


def test_one_wrong_energy_is_named(crystals):
    wrong = changed(crystals, lambda f: replace(f, energy=f.energy + 5.0), lambda k: k == 17)
    (found,) = check_labels(wrong).errors
    assert found.kind == "energy: single frame"
    assert found.frames == (17,)
    assert "frame 17 of hot.xyz" in found.message
    assert found.evidence["deviation"] == pytest.approx(5.0, abs=0.5)


def test_large_displacements_beside_small_ones_are_not_refused():
    random, frames = np.random.default_rng(0), []
    crystal = bulk("Cu", cubic=True).repeat(2)
    for index in range(56):
        atoms, large = crystal.copy(), index >= 40
        strain = random.uniform(*((-0.04, 0.06) if large else (-0.01, 0.01))) * np.eye(3)
        shear = random.uniform(-0.03, 0.03, (3, 3)) if large else 0.0
        atoms.set_cell(atoms.cell @ (np.eye(3) + strain + shear), scale_atoms=True)
        atoms.rattle(random.uniform(0.2, 0.4) if large else 0.02, rng=random)
        frames.append(labelled_by_emt(atoms, "large" if large else "small", index))
    assert check_labels(Dataset(tuple(frames))).errors == ()


def test_several_wrong_energies_are_named_though_they_hide_each_other(crystals):
    shifts = {4: 5.0, 17: -3.0, 30: 2.0}
    frames = tuple(replace(f, energy=f.energy + shifts.get(k, 0.0)) for k, f in enumerate(crystals))
    found = check_labels(replace(crystals, frames=frames)).errors
    assert {one.frames[0]: round(one.evidence["deviation"]) for one in found} == shifts


def test_energies_of_another_potential_beside_right_forces_warn(crystals):
    calculator = MorsePotential(epsilon=0.25, r0=2.9, rho0=4.0, rcut1=5.0, rcut2=6.5)

    def other(frame):
        return replace(frame, energy=float(calculator.get_potential_energy(frame.to_atoms())))

    assert kinds(changed(crystals, other)) == {"energy: another model": False}


def test_two_codes_are_found_and_shifted_on_request(crystals):
    def other_code(frame):
        return replace(frame, energy=frame.energy + 3.0 * frame.n_atoms, file="b.xyz")

    wrong = changed(crystals, other_code, lambda k: k % 3 == 1)
    (found,) = check_labels(wrong).errors
    assert found.kind == "energy: constant of a group"
    assert abs(found.evidence["offset"]) == pytest.approx(3.0, abs=0.1)
    assert check_labels(corrected(wrong, found)).findings == ()


def test_of_two_halves_that_disagree_in_energy_neither_is_called_the_wrong_one(crystals):
    def other_code(frame):
        return replace(frame, energy=frame.energy + 3.0 * frame.n_atoms, file="b.xyz")

    (found,) = check_labels(changed(crystals, other_code, lambda k: k % 2 == 0)).errors
    assert found.kind == "energy: constant of a group"
    assert "cannot be told whether these are wrong or those of" in found.message


def test_bohr_in_more_than_half_of_the_frames_is_found_in_their_file(crystals):
    def in_bohr(frame):
        return replace(frame, positions=frame.positions / Bohr, cell=frame.cell / Bohr, file="b.xyz")

    (found,) = check_labels(changed(crystals, in_bohr, lambda k: k % 2 == 0)).errors
    assert (found.kind, found.files) == ("positions: bohr", ("b.xyz",))


def test_charges_in_the_file_explain_constants_per_structure(crystals):
    neutral = changed(crystals, lambda f: replace(f, charge=0.0))
    wrong = changed(neutral, lambda f: replace(f, energy=f.energy + 6.0, charge=1.0), lambda k: k % 3 == 1)
    found = check_labels(wrong).findings
    assert [f.kind for f in found] == ["energy: constant of a charge"]


def test_a_constant_pressure_warns(crystals):
    constant = 6.0 * GPa * np.array([1, 1, 1, 0, 0, 0])
    assert kinds(changed(crystals, lambda f: replace(f, stress=f.stress + constant))) == {
        "stress: constant pressure": False
    }


def test_missing_labels_are_said_not_guessed(crystals):
    only_energies = changed(crystals, lambda f: replace(f, forces=None, stress=None))
    check = check_labels(only_energies)
    assert check.findings == ()
    assert any("forces" in sentence for sentence in check.unchecked)
    only_forces = changed(crystals, lambda f: replace(f, energy=None, stress=None))
    check = check_labels(only_forces)
    assert check.findings == ()
    assert any("energies" in sentence for sentence in check.unchecked)
    check = check_labels(crystals.subset(range(5)))
    assert check.findings == ()
    assert "5 structures" in check.unchecked[0]


def test_results_are_json_and_repeat(crystals):
    wrong = changed(crystals, CASES["energy: unit"])
    first, second = check_labels(wrong), check_labels(wrong)
    assert json.loads(json.dumps(first.to_dict()))["errors"][0]["kind"] == "energy: unit"
    assert [f.to_dict() for f in first.findings] == [f.to_dict() for f in second.findings]


def test_what_is_not_known_cannot_be_corrected(crystals):
    random = np.random.default_rng(3)
    permuted = changed(crystals, lambda f: replace(f, forces=f.forces[random.permutation(f.n_atoms)]))
    (found,) = check_labels(permuted).errors
    with pytest.raises(DataError, match="cannot be corrected"):
        corrected(permuted, found)


def test_labels_that_say_nothing_are_left_out(crystals):
    wrong = changed(crystals, lambda f: replace(f, energy=f.energy + 5.0), lambda k: k == 17)
    (found,) = check_labels(wrong).errors
    right = corrected(wrong, found)
    assert [k for k, frame in enumerate(right) if frame.energy is None] == [17]
    assert right.notices[-1].startswith("left out in 1 frame: energy of frame 17 of hot.xyz")
    assert check_labels(right).findings == ()


def test_leave_one_out_residuals_equal_refits_without_the_point(rng):
    doubt, table = rng.normal(size=(12, 3)), np.column_stack([rng.normal(size=12), np.ones(12)])
    labels = table @ [1.5, -2.0] + rng.normal(size=12) * 0.3
    found = compare(labels, table, doubt)
    covariance = doubt @ doubt.T + found.sigma**2 * np.eye(12)
    for k in range(12):
        rest = np.arange(12) != k
        inverse = np.linalg.inv(covariance[np.ix_(rest, rest)])
        c = np.linalg.solve(table[rest].T @ inverse @ table[rest], table[rest].T @ inverse @ labels[rest])
        predicted = table[k] @ c + covariance[k, rest] @ inverse @ (labels[rest] - table[rest] @ c)
        assert found.residuals[k] == pytest.approx(labels[k] - predicted, abs=1e-9)
