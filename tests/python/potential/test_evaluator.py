"""The compiled evaluator as Python sees it: its oracle, its plan, and what `inspect` says of it."""

import json

import numpy as np
import pytest
from ase import Atoms
from potentials import HIERARCHIES, alloy, aluminium, argon_potential, molecule, random_potential, slab

from mlip_rs.cost.plan import evaluation_plans
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.errors import ConfigError
from mlip_rs.workflows.inspection import describe

ENERGY_TOLERANCE = 1e-6
FORCE_TOLERANCE = 1e-5


def assert_equal(potential, atoms):
    structure = structure_from_atoms(atoms)
    ((energies, forces, virials),) = potential.core.evaluate_many([structure], 1)
    plain = potential.core.evaluate_reference(structure, 1)
    assert np.abs(energies - plain[0]).max() < ENERGY_TOLERANCE
    assert np.abs(forces - plain[1]).max() < FORCE_TOLERANCE
    assert np.abs(virials - plain[2]).max() < FORCE_TOLERANCE


@pytest.mark.parametrize("hierarchy", HIERARCHIES)
def test_compiled_and_plain_evaluator_agree_in_any_cell(hierarchy):
    potential = random_potential(("Al", "Ni"), hierarchy)
    for atoms in (alloy(), molecule(), slab(), aluminium((3, 3, 3))):
        assert_equal(potential, atoms)


def test_functions_that_diverge_are_as_exact_as_others():
    argon = aluminium((2, 2, 2), amplitude=0.3)
    argon.symbols[:] = "Ar"
    argon.set_cell(argon.cell * 1.3, scale_atoms=True)
    assert_equal(argon_potential(), argon)


def test_a_pair_potential_is_one_function_and_one_sum():
    (plan,) = evaluation_plans(random_potential(("Al",), "pair"))
    assert (plan.columns, plan.sums, plan.max_l, plan.terms) == ((1,), (1,), (0,), 1)


def test_elements_that_are_not_in_the_potential_are_refused_by_name():
    with pytest.raises(ConfigError, match=r"Cu, Ni not in the basis \(Al\)"):
        evaluation_plans(random_potential(("Al",), "pair"), Atoms("AlNiCu", np.diag([2.0, 4.0, 6.0])))


def test_what_has_no_coefficient_costs_nothing():
    full = random_potential(("Al", "Ni"), "angular")
    dense = evaluation_plans(full)
    sparse = evaluation_plans(_without(full, "l=3"))
    for one, other in zip(dense, sparse, strict=True):
        assert (one.max_l, other.max_l) == ((3, 3), (2, 2))
        assert other.multiply_adds < one.multiply_adds
        assert other.us_per_atom < one.us_per_atom


def test_inspect_tells_the_plan_of_every_element():
    description = describe(random_potential(("Al", "Ni"), "angular"))
    lines = [line for line in description.lines() if "multiply-adds" in line]
    assert len(lines) == 2
    assert "Al:" in lines[0]
    assert "Ni:" in lines[1]
    plans = json.loads(json.dumps(description.to_dict()))["plans"]
    assert [plan["element"] for plan in plans] == ["Al", "Ni"]
    assert all(plan["terms"] > 0 and plan["multiply_adds"] > 0 for plan in plans)


def _without(potential, text):
    """The potential without the features whose label contains a text."""
    document = json.loads(potential.to_json())["content"]
    labels = [label for label in document["centers"][0]["features"] if text not in label]
    basis_labels = _basis_labels(document["basis"])
    coefficients = np.concatenate(
        [
            [center["features"].get(label, 0.0) if label in labels else 0.0 for label in basis_labels]
            for center in document["centers"]
        ]
    )
    references = {center["element"]: center["reference_energy"] for center in document["centers"]}
    return type(potential).from_coefficients(document["basis"], coefficients, references)


def _basis_labels(spec):
    from mlip_rs import _core

    return _core.Basis(json.dumps(spec)).labels()
