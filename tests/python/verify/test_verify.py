"""Verification: good potentials pass every check, and every way to be wrong is caught by the check made for it."""

import json

import broken_calculators as broken
import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from cli_case import errors, invoke
from potentials import (
    ARGON_CUTOFF,
    ARGON_EPSILON,
    ARGON_SIGMA,
    HIERARCHIES,
    argon_potential,
    random_potential,
)

import mlip_rs.calculators.calculations
from mlip_rs import Basis, Potential
from mlip_rs.basis.repulsion import Repulsion
from mlip_rs.errors import ConfigError
from mlip_rs.verify import CHECKS, CheckStatus, verify, verify_calculator
from mlip_rs.verify.continuity import cutoffs
from mlip_rs.verify.verified_calculator import VerifiedCalculator

SLOW = {"threads", "memory"}
"""With calculators of pure Python they take seconds, and tell nothing that `broken.Good` does not."""
REPULSION = Repulsion(((1.4,),), ((2.0,),), density_onset=(20.0,), density_end=(40.0,))


def verified(make, *only, elements=("Ar",), cutoff=ARGON_CUTOFF):
    return verify_calculator(make, elements, cutoff, only=only or None)


def failures(verification):
    return {check.name: check.sentence for check in verification.failures}


def invariants(cutoff_function="polynomial"):
    """Random coefficients on invariants of order 1 to 4, handed over to ZBL at short range; cutoffs 5 and 4 Å."""
    basis = Basis(["Al"], cutoff=5.0, size="small", angular_cutoff=4.0, cutoff_function=cutoff_function)
    document = basis.to_dict() | {"repulsion": REPULSION.to_dict()}
    rng = np.random.default_rng(4)
    return Potential.from_coefficients(document, 0.01 * rng.normal(size=basis.n_features), {"Al": -1.5})


def lennard_jones(**settings):
    return lambda: LennardJones(sigma=ARGON_SIGMA, epsilon=ARGON_EPSILON, rc=ARGON_CUTOFF, **settings)


# ---- what is right -----------------------------------------------------------------------------------


@pytest.mark.parametrize("hierarchy", [*HIERARCHIES, "invariants"])
def test_every_hierarchy_passes_every_check(hierarchy):
    potential = invariants() if hierarchy == "invariants" else random_potential(("Al",), hierarchy)
    consistency = [name for name in CHECKS if name != "stress-test"]  # random coefficients fail that one
    verification = verify(potential, only=consistency)
    assert failures(verification) == {}
    assert [check.name for check in verification.checks] == consistency
    assert {check.status for check in verification.checks} == {CheckStatus.PASS}


def test_alloys_pass():
    assert failures(verify(random_potential(("Al", "Ni"), "angular"))) == {}


def test_the_calculator_that_the_broken_ones_spoil_is_good():
    verification = verified(broken.Good)
    assert failures(verification) == {}
    skipped = {check.name for check in verification.checks if check.status is CheckStatus.NOT_APPLICABLE}
    assert skipped == {"evaluators", "file", "stress-test"}


@pytest.mark.usefixtures("whole_stress_tests")
def test_a_knee_that_collapses_when_compressed_crystals_are_heated_fails(test_data):
    verification = verify(test_data / "si_knee_collapse.mlip.json", only=["stress-test", "forces"])
    assert list(failures(verification)) == ["stress-test"]
    assert "below all crystals" in failures(verification)["stress-test"]


def test_without_repulsion_the_stress_test_says_so():
    (check,) = verify(random_potential(("Al",), "pair"), only=["stress-test"]).checks
    assert check.status is CheckStatus.NOT_APPLICABLE
    assert "no repulsion" in check.sentence


def test_a_smooth_potential_of_ase_passes_but_answers_nan():
    only = ("forces", "virial", "c1", "c2", "rotation", "supercell", "species", "bad-input", "units")
    verification = verified(broken.SmoothMorse, *only, cutoff=broken.SmoothMorse.cutoff)
    assert list(failures(verification)) == ["bad-input"]
    assert "NaN position" in verification["bad-input"].sentence


def test_ase_emt_passes_but_for_its_tail():
    verification = verified(EMT, *set(CHECKS) - SLOW - {"c2"}, elements=("Cu",), cutoff=7.0)
    # Its Fermi function is cut where it has fallen to 1e-4.
    assert list(failures(verification)) == ["c1"]
    assert verification["c1"].value > 1e-5  # eV/Å


# ---- what is wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "check"),
    [
        (broken.WrongSignOfAForce, "forces"),
        (broken.ScaledForces, "forces"),
        (broken.NotANumber, "forces"),
        (broken.NoVirial, "virial"),
        (broken.ZeroVirial, "virial"),
        (broken.PressureForStress, "virial"),
        (broken.OrderOfLammps, "virial"),
        (broken.StepOfTheEnergy, "c1"),
        (broken.PinnedToTheOrigin, "translation"),
        (broken.SeesDirections, "rotation"),
        (broken.FirstAtomIsSpecial, "permutation"),
        (broken.DoesNotWrap, "lattice-vector"),
        (broken.NotExtensive, "supercell"),
        (broken.OnlyNearestImages, "small-cells"),
        (broken.EverythingIsPeriodic, "mixed-periodicity"),
        (broken.TakesEverythingForArgon, "species"),
        (broken.DoesNotKnowArgon, "species"),
        (broken.FreeAtomsAreForgotten, "isolated-atom"),
        (broken.NothingIsNotANumber, "bad-input"),
        (broken.EmptinessHasEnergy, "empty-structure"),
        (broken.Noisy, "determinism"),
        (broken.Remembers, "determinism"),
        (broken.SharesItsScratch, "threads"),
        (broken.Leaks, "memory"),
        (broken.LeaksWithoutPython, "memory"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_each_break_is_caught_by_its_check(make, check):
    assert list(failures(verified(make, check))) == [check]


def test_a_break_of_one_kind_leaves_the_others_alone():
    only = ("forces", "virial", "rotation", "supercell", "mixed-periodicity", "units", "determinism")
    assert list(failures(verified(broken.PressureForStress, *only))) == ["virial"]
    assert list(failures(verified(broken.ScaledForces, *only))) == ["forces"]


def test_a_truncated_cutoff_is_a_step_of_the_force_where_it_is():
    verified = VerifiedCalculator(lennard_jones(smooth=False), ("Ar",), ARGON_CUTOFF, "truncated")
    (step,) = [
        found for found in CHECKS["c1"](verified) if found.where.startswith("force of the Ar–Ar dimer")
    ]
    # 24 ε (2 (σ/r)^12 − (σ/r)^6) / r at the cutoff
    scaled = (ARGON_SIGMA / ARGON_CUTOFF) ** 6
    expected = 24.0 * ARGON_EPSILON * (scaled - 2.0 * scaled**2) / ARGON_CUTOFF
    assert step.value == pytest.approx(expected, rel=1e-3)
    assert not step.good
    assert "at 8.0000 Å" in step.where


def test_a_cutoff_function_with_a_kink_is_c1_but_not_c2():
    verification = verified(lennard_jones(smooth=True, ro=6.5), "c1", "c2")
    assert verification["c1"].status is CheckStatus.PASS
    assert verification["c2"].status is CheckStatus.FAIL


def test_the_cosine_cutoff_function_is_excused_at_the_cutoff_only():
    potential = invariants("cosine")
    assert cutoffs(potential.spec) == [4.0, 5.0]
    verification = verify(potential, only=["c1", "c2"])
    assert verification["c1"].status is CheckStatus.PASS
    assert verification["c2"].status is CheckStatus.NOT_APPLICABLE
    assert "cosine" in verification["c2"].sentence


def test_a_kink_within_the_cutoff_is_not_excused():
    def make():
        return LennardJones(sigma=2.5, epsilon=0.1, ro=3.5, rc=5.0, smooth=True)

    found = CHECKS["c2"](VerifiedCalculator(make, ("Al",), 5.0, "kink at 3.5 Å", invariants("cosine")))
    worst = max(found, key=lambda measured: measured.severity)
    assert not worst.good
    assert "at 3.50" in worst.where


def test_a_file_that_loses_digits_is_caught():
    class Careless(Potential):
        def save(self, path):
            super().save(path)
            coefficients = [1.0000001 * value for value in self.coefficients("Ar").values()]
            Potential.from_coefficients(self.spec, coefficients, self.reference_energies).save(path)

    good = argon_potential()
    assert failures(verify(good, only=["file"])) == {}
    assert list(failures(verify(Careless(good.core), only=["file"]))) == ["file"]


def test_evaluators_that_differ_are_caught():
    good = random_potential(("Al",), "angular")

    class OtherCore:
        def __getattr__(self, name):
            return getattr(good.core, name)

        def evaluate_reference(self, structure, threads):
            energies, forces, virials = good.core.evaluate_reference(structure, threads)
            return energies, forces * 1.00001, virials

    class Other(Potential):
        def calculator(self, skin=0.5, threads=None, index=True):
            return good.calculator(skin, threads, index)

    assert list(failures(verify(Other(OtherCore()), only=["evaluators", "forces"]))) == ["evaluators"]


def test_a_wrong_unit_is_caught(monkeypatch):
    monkeypatch.setattr(mlip_rs.calculators.calculations, "EV_PER_ANGSTROM3_IN_GPA", 1602.1766)  # kBar
    assert list(failures(verify(argon_potential(), only=["units"]))) == ["units"]


# ---- what it says ------------------------------------------------------------------------------------


def test_what_raises_is_a_failure_with_its_reason_and_the_others_go_on():
    verification = verified(broken.NotANumber, "forces", "empty-structure")
    assert verification["forces"].to_dict() == {
        "name": "forces",
        "outcome": "fail",
        "value": None,
        "limit": None,
        "unit": "",
        "sentence": "Every force component equals −dE/dr, in a crystal, in a small cell and in a free cluster; "
        "not carried out: PropertyError: forces of Ar8: not finite",
    }
    assert verification["empty-structure"].status is CheckStatus.PASS


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"elements": []}, "elements: none"),
        ({"elements": ["Xx", "Ar"]}, "elements: Xx"),
        ({"cutoff": np.nan}, "cutoff = nan"),
        ({"cutoff": 0.0}, "cutoff = 0"),
        ({"only": ["force"]}, "no check 'force'; did you mean forces"),
        ({"make": broken.Good()}, "not one calculator"),
    ],
)
def test_senseless_arguments_are_refused(arguments, message):
    given = {"make": broken.Good, "elements": ["Ar"], "cutoff": ARGON_CUTOFF} | arguments
    with pytest.raises(ConfigError, match=message):
        verify_calculator(**given)


def test_the_command_passes_a_good_potential(tmp_path):
    path = tmp_path / "ar.mlip.json"
    argon_potential().save(path)
    result = invoke("verify", path, "--only", "forces", "species", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["passed"]
    assert document["subject"] == str(path)
    assert [check["name"] for check in document["checks"]] == ["forces", "species"]
    assert all(check["value"] <= check["limit"] for check in document["checks"])
    table = invoke("verify", "--only", "forces", "species", path)
    assert table.exit_code == 0, table.output
    assert table.stdout.splitlines()[-1] == f"{path}: 2 pass"
    assert "eV/Å" in table.stdout


def test_the_command_draws_the_dimers(tmp_path):
    path, figure = tmp_path / "alni.mlip.json", tmp_path / "dimers.png"
    random_potential(("Al", "Ni"), "pair").save(path)
    result = invoke("verify", path, "--only", "units", "--figure", figure)
    assert result.exit_code == 0, result.output
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert result.stdout.endswith(f"figure -> {figure}\n")


def test_the_command_fails_with_a_bad_one(tmp_path, monkeypatch):
    path = tmp_path / "ar.mlip.json"
    argon_potential().save(path)
    monkeypatch.setattr(Potential, "calculator", lambda self, **_: broken.WrongSignOfAForce())
    result = invoke("verify", path, "--only", "forces", "species")
    assert result.exit_code == 1
    assert "1 pass, 1 fail: forces" in result.stdout


def test_the_command_refuses_what_it_does_not_know(tmp_path):
    path = tmp_path / "ar.mlip.json"
    argon_potential().save(path)
    result = invoke("verify", path, "--only", "energies")
    assert result.exit_code == 1
    (line,) = errors(result)
    assert line.startswith("error: there is no check 'energies'; there are forces, virial")
    (line,) = errors(invoke("verify", tmp_path / "nowhere.json"))
    assert "no such file" in line
