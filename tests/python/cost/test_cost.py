"""One cost model: `inspect`, `bench` and `select` predict the same time, by the unit costs of the fit."""

from dataclasses import asdict

import numpy as np
import pytest
from ase.build import bulk

from mlip_rs import Basis, Potential
from mlip_rs.cost.benchmark import benchmark
from mlip_rs.cost.model import CostModel, center_models, element_shares
from mlip_rs.cost.plan import evaluation_plans, predicted_us_per_atom
from mlip_rs.cost.units import NAMES, PER_NEIGHBOR, UnitCosts, unit_costs_of
from mlip_rs.errors import ConfigError
from mlip_rs.workflows.inspection import describe

SAME = 1e-12
CALIBRATED = UnitCosts(atom=80.0, neighbor=9.0, column=1.5, harmonic=0.5, sum=0.3, row=0.6, term=0.15)


def crystal(elements):
    atoms = bulk("Al", cubic=True).repeat(2)
    atoms.symbols[: len(atoms) // 4] = elements[-1]
    return atoms


def sparse_potential(elements, rng, info=None):
    basis = Basis(elements, cutoff=6.0, r_min=2.0, angular_cutoff=4.2, size="small")
    support = rng.random(basis.n_features) < 0.3
    coefficients = np.where(support, 1e-3, 0.0)
    return (
        basis,
        support,
        Potential.from_coefficients(basis, coefficients, dict.fromkeys(elements, 0.0), info),
    )


@pytest.mark.parametrize("elements", [["Al"], ["Al", "Ni"]])
@pytest.mark.parametrize("units", [None, CALIBRATED])
def test_inspect_bench_and_select_predict_the_same_time(elements, units, rng):
    info = None if units is None else {"unit_costs": asdict(units)}
    basis, support, potential = sparse_potential(elements, rng, info)
    atoms = crystal(elements)
    selected = CostModel.of(basis, atoms, unit_costs_of(potential.info)).cost(support)
    assert predicted_us_per_atom(potential, atoms) == pytest.approx(selected, rel=SAME)
    plans = evaluation_plans(potential, atoms)
    inspected = np.dot(element_shares(atoms, elements), [plan.us_per_atom for plan in plans])
    assert inspected == pytest.approx(selected, rel=SAME)
    bench = benchmark(potential, sizes=[1], threads=[1], like=atoms)
    assert bench.timed_potentials[0].predicted_us_per_atom == pytest.approx(selected, rel=SAME)


def test_inspect_and_bench_agree_on_the_crystal_they_choose_themselves(rng):
    _, _, potential = sparse_potential(["Al", "Ni"], rng, {"unit_costs": asdict(CALIBRATED)})
    inspected = [plan.us_per_atom for plan in describe(potential).plans]
    bench = benchmark(potential, sizes=[1], threads=[1])
    assert bench.timed_potentials[0].predicted_us_per_atom == pytest.approx(np.mean(inspected), rel=SAME)


def test_unit_costs_travel_with_a_potential_and_change_what_is_predicted(rng):
    _, _, potential = sparse_potential(["Al"], rng)
    dear = potential.with_info({"unit_costs": asdict(UnitCosts()) | {"term": 1.0}})
    assert unit_costs_of(Potential.from_json(dear.to_json()).info) == UnitCosts(term=1.0)
    assert predicted_us_per_atom(dear) > predicted_us_per_atom(potential)


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ({"atom": 1.0}, "must give atom, neighbor"),
        ([1.0], "must give atom, neighbor"),
        (asdict(UnitCosts()) | {"row": 0.0}, "unit_costs.row of the potential is 0.0"),
        (asdict(UnitCosts()) | {"row": "fast"}, "unit_costs.row of the potential is 'fast'"),
    ],
)
def test_unit_costs_that_make_no_sense_are_refused_by_name(costs, message):
    with pytest.raises(ConfigError, match=message):
        unit_costs_of({"unit_costs": costs})


def test_every_requirement_has_a_unit_cost_and_both_kinds_occur(rng):
    basis = Basis(["Al"], cutoff=5.0, r_min=2.0, size="small")
    (model,) = center_models(basis.core, crystal(["Al"]), UnitCosts())
    kinds = set(model.kinds.tolist())
    assert kinds == set(NAMES) - {"atom", "neighbor"}
    assert kinds & PER_NEIGHBOR == {"column", "harmonic", "sum"}
    assert sum(model.shares(np.ones(basis.n_features, bool)).values()) == pytest.approx(
        model.cost(np.ones(basis.n_features, bool))
    )


def test_an_element_without_atoms_in_the_structure_costs_as_the_average_atom(rng):
    basis = Basis(["Al", "Ni"], cutoff=5.0, r_min=2.0, size="small")
    one, other = center_models(basis.core, bulk("Al", cubic=True), UnitCosts())
    support = np.ones(basis.core.features_per_center, bool)
    assert one.cost(support) == pytest.approx(other.cost(support))
