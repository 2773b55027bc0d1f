"""Elimination by cost: against refits of every smaller set, and the requirements against the plans of the evaluator."""

import json
import shutil
from dataclasses import asdict

import numpy as np
import pytest
from ase.build import bulk
from cli_case import invoke
from scipy.sparse import csr_matrix

from mlip_rs.basis import Basis
from mlip_rs.cost.model import CostModel, calibrate, timed_structure
from mlip_rs.cost.units import NAMES, UnitCosts
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError, FitError
from mlip_rs.fitting import FitSettings, fit
from mlip_rs.fitting.elimination import GroupSavings, Removal, eliminate, groups_of
from mlip_rs.fitting.run_directory import choose, export, front_points
from mlip_rs.potential import Potential

BASES = [
    Basis(["Al"], size="small"),
    Basis(["Al"], size="medium", mixed_degree=0, angular_degree=1),
    Basis(["Al", "Ni"], size="small"),
    Basis(["Al"], cutoff=5.0, hierarchy="angular"),
    Basis(["Al", "Ni"], cutoff=6.5, angular_cutoff=4.0, size="small"),
]


def crystal(elements):
    atoms = bulk("Al", cubic=True).repeat(2)
    atoms.symbols[: len(atoms) // 4] = elements[-1]
    return atoms


def model_of(uses, weights, base=1.0):
    """Costs of features with given requirements (F, I) and µs of each item, all of the kind `term`."""
    units = UnitCosts(atom=1e3 * base, neighbor=0.0, term=1e3)
    kinds = np.full(len(weights), "term")
    return CostModel(csr_matrix(np.asarray(uses, float)), np.asarray(weights, float), kinds, units)


def run(gram, xty, penalties, removal, targets):
    return eliminate(gram, xty, penalties, removal, np.asarray(targets, float), lambda _: None)


def each(n):
    return [np.array([k]) for k in range(n)]


@pytest.fixture
def problem(rng):
    x = rng.normal(size=(60, 10))
    y = x @ rng.normal(size=10) + 0.1 * rng.normal(size=60)
    return x.T @ x, x.T @ y, np.full(10, 0.3)


def test_a_group_saves_what_the_set_without_it_costs_less(rng):
    costs = model_of(rng.random((30, 12)) < 0.2, rng.random(12))
    groups = [*each(30), *(rng.choice(30, size=n, replace=False) for n in (2, 5, 9))]
    group = np.repeat(np.arange(len(groups)), [len(own) for own in groups])
    savings = GroupSavings(group, np.concatenate(groups), len(groups), costs)
    left = np.ones(30, dtype=bool)
    for gone in np.array_split(rng.permutation(30)[:24], 6):
        left[gone] = False
        savings.remove(gone)
        savings.compact()
        found = savings.of_groups(np.asarray(costs.uses[left].sum(axis=0)).reshape(-1))
        for own, saved in zip(groups, found, strict=True):
            without = left.copy()
            without[own] = False
            assert saved == pytest.approx(costs.cost(left) - costs.cost(without), abs=1e-12)


def objective(gram, xty, penalties, kept):
    own = np.ix_(kept, kept)
    return -0.5 * xty[kept] @ np.linalg.solve(gram[own] + np.diag(penalties[kept]), xty[kept])


def test_each_step_removes_what_costs_the_objective_least(problem):
    gram, xty, penalties = problem
    costs = model_of(np.eye(10), np.ones(10))
    sizes = [np.sqrt((1 + n) / 11 * n / 10) + 1e-9 for n in range(9, 0, -1)]
    masks = run(gram, xty, penalties, Removal(costs, each(10), 1.0), sizes)
    assert [mask.sum() for mask in masks] == list(range(9, 0, -1))
    left = np.arange(10)
    for mask in masks:
        losses = [objective(gram, xty, penalties, np.delete(left, k)) for k in range(len(left))]
        left = np.delete(left, int(np.argmin(losses)))
        np.testing.assert_array_equal(np.flatnonzero(mask), left)


@pytest.mark.parametrize(("power", "gone"), [(1.0, 1), (0.0, 0)])
def test_the_power_weighs_cost_against_worth(power, gone):
    """Feature 0 is worth a little less than 1, which costs ten times as much."""
    gram, xty = np.eye(3), np.array([1.0, 1.2, 3.0])
    costs = model_of(np.eye(3), [1.0, 10.0, 1.0])
    (mask,) = run(gram, xty, np.zeros(3), Removal(costs, each(3), power), [0.99])
    assert list(np.flatnonzero(~mask)) == [gone]


def test_what_is_shared_saves_nothing_until_its_last_user_goes():
    """Features 0 and 1 share an expensive item: together they go before the cheap feature 2, alone they do not."""
    uses = [[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    gram, xty = np.eye(4), np.array([1.0, 1.0, 0.9, 5.0])
    costs = model_of(uses, [10.0, 0.1, 0.1, 0.1])
    (alone,) = run(gram, xty, np.zeros(4), Removal(costs, each(4), 1.0), [0.99])
    assert list(np.flatnonzero(~alone)) == [2]
    (together,) = run(gram, xty, np.zeros(4), Removal(costs, [*each(4), np.array([0, 1])], 1.0), [0.99])
    assert list(np.flatnonzero(~together)) == [0, 1]


def test_collinear_and_empty_features_go_first(problem):
    gram, xty, _ = problem
    gram, xty = gram.copy(), xty.copy()
    gram[7], gram[:, 7], xty[7] = gram[6], gram[:, 6], xty[6]
    gram[7, 7] = gram[6, 6]
    gram[3], gram[:, 3], xty[3] = 0.0, 0.0, 0.0
    costs = model_of(np.eye(10), np.ones(10))
    masks = run(gram, xty, np.full(10, 1e-9), Removal(costs, each(10), 1.0), [np.sqrt(0.8 * 9 / 11)])
    assert not masks[0][3]
    assert masks[0][6] != masks[0][7]


def test_a_matrix_that_is_not_positive_definite_is_named():
    costs = model_of(np.eye(2), np.ones(2))
    with pytest.raises(FitError, match="not positive definite"):
        run(-np.eye(2), np.ones(2), np.zeros(2), Removal(costs, each(2), 1.0), [0.5])


def test_updates_agree_with_a_fresh_inverse(problem, monkeypatch):
    gram, xty, penalties = problem
    costs, sizes = model_of(np.eye(10), np.ones(10)), np.linspace(0.9, 0.1, 20)
    updated = run(gram, xty, penalties, Removal(costs, each(10), 1.0), sizes)
    monkeypatch.setattr("mlip_rs.fitting.elimination.REFRESH", 2.0)
    np.testing.assert_array_equal(updated, run(gram, xty, penalties, Removal(costs, each(10), 1.0), sizes))


def test_costs_in_a_structure_of_elements_outside_the_basis_are_refused():
    with pytest.raises(ConfigError, match=r"Cu not in the basis \(Al\)"):
        CostModel.of(BASES[0], crystal(["Cu"]), UnitCosts())


@pytest.mark.parametrize(
    "basis", BASES, ids=lambda basis: f"{basis.hierarchy}-{basis.size}-{len(basis.elements)}"
)
def test_requirements_are_what_the_plans_of_the_evaluator_pay_for(basis, rng):
    model = CostModel.of(basis, crystal(basis.elements), UnitCosts())
    labels = basis.labels()
    n = len(labels)
    _, amounts, _, shells, *_ = basis.core.requirements()
    # What reaches beyond the innermost shell is paid for there as well.
    innermost = np.where(shells[:, 0] == 0.0, amounts, 0.0)
    for share in (1.0, 0.3, 0.05):
        support = np.tile(rng.random(n) < share, len(basis.elements))
        coefficients = np.where(support, rng.normal(size=len(support)), 0.0)
        zero = dict.fromkeys(basis.elements, 0.0)
        potential = Potential.from_coefficients(basis.to_dict(), coefficients, zero, {})
        needed = model.needed(support)
        per_center = np.repeat(np.arange(len(basis.elements)), len(model.kinds) // len(basis.elements))
        amounts = np.tile(innermost, len(basis.elements))
        for k, plan in enumerate(json.loads(potential.core.plans())):
            own = needed & (per_center == k)
            by_kind = {name: amounts[own & (model.kinds == name)].sum() for name in NAMES}
            # Linear pair terms are folded into one column for each element only where no product uses them.
            assert abs(by_kind["column"] - sum(plan["columns"])) <= len(basis.elements)
            # Each column has a plain sum, and 2l + 1 for each l; the plan joins degrees of nearly as many columns.
            assert by_kind["sum"] <= sum(plan["sums"]) - sum(plan["columns"]) <= 1.5 * by_kind["sum"]
            linear = sum(label.startswith("d[") for label in np.array(labels)[support[k * n : (k + 1) * n]])
            assert by_kind["term"] <= plan["terms"] <= by_kind["term"] + linear
            # The plan orders sums by what is kept, so that other prefixes may be shared.
            assert by_kind["row"] == pytest.approx(plan["rows"], rel=0.15, abs=2)


def test_unit_costs_are_found_from_times(rng):
    basis = BASES[0]
    true = UnitCosts(atom=80.0, neighbor=9.0, column=1.5, harmonic=0.5, sum=0.3, row=0.6, term=0.15)
    model = CostModel.of(basis, crystal(["Al"]), true)
    supports = [rng.random(basis.n_features) < share for share in rng.uniform(0.02, 1.0, 60)]
    times = [model.cost(support) for support in supports]
    found = CostModel.of(basis, crystal(["Al"]), UnitCosts()).calibrated(supports, times)
    predicted = np.array([found.cost(support) for support in supports])
    np.testing.assert_allclose(predicted, times, rtol=0.02)
    assert sum(model.shares(supports[0]).values()) == pytest.approx(times[0])


def test_calibration_gives_positive_times(aluminium):
    units = asdict(calibrate(Basis(["Al"], size="small"), timed_structure(aluminium)))
    assert all(np.isfinite(unit) and unit > 0 for unit in units.values())


@pytest.fixture(scope="module")
def aluminium():
    return read_dataset(DATA_PATH).subset(range(60))


SMALL = Basis(["Al"], cutoff=5.0, size="small", repulsion=None)
SETTINGS = FitSettings(n_folds=3, reference_energies={"Al": 0.0}, n_path=12, n_prior=3)


@pytest.fixture(scope="module")
def runs(aluminium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    pair = Basis(["Al"], cutoff=5.0, hierarchy="pair", repulsion=None)
    for name, basis in (("invariants", SMALL), ("pair", pair)):
        fit(aluminium, basis, SETTINGS, directory=folder / name)
    return [folder / "invariants", folder / "pair"]


def test_a_fit_falls_in_cost_and_number_and_says_what_it_predicted(aluminium):
    run = fit(aluminium, SMALL, SETTINGS)
    numbers = [point.potential.n_nonzero for point in run.points]
    costs = [point.predicted_us_per_atom for point in run.points]
    assert numbers == sorted(numbers)
    assert numbers[-1] == SMALL.n_features
    assert costs == sorted(costs)
    assert len(numbers) > 5


def test_unit_costs_that_are_given_or_measured_are_recorded(aluminium, tmp_path):
    units = asdict(UnitCosts(term=1.0))
    assert (
        fit(aluminium, SMALL, FitSettings(n_folds=3, unit_costs=units)).record["settings"]["unit_costs"]
        == units
    )
    settings = FitSettings(n_folds=3, n_prior=3, calibrate=True)
    first = fit(aluminium, SMALL, settings, directory=tmp_path / "run")
    again = fit(aluminium, SMALL, settings, directory=tmp_path / "run")
    assert again.record["settings"]["unit_costs"] == first.record["settings"]["unit_costs"]
    assert again.best().to_json() == first.best().to_json()


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ({"term": 1.0}, "exactly: atom, neighbor"),
        (asdict(UnitCosts()) | {"row": 0.0}, "row is 0.0; it must be positive"),
    ],
)
def test_unit_costs_that_make_no_sense(units, message):
    with pytest.raises(ConfigError, match=message):
        FitSettings(unit_costs=units)


def test_several_runs_give_one_front(runs):
    together = front_points(runs)
    scores = [point["score"] for point in together]
    costs = [point["predicted_us_per_atom"] for point in together]
    assert costs == sorted(costs)
    assert scores == sorted(scores, reverse=True)
    apart = [point for run in runs for point in front_points(run)]
    assert min(scores) == min(point["score"] for point in apart)
    assert not any(
        other["predicted_us_per_atom"] < point["predicted_us_per_atom"] and other["score"] < point["score"]
        for point in together
        for other in apart
    )
    assert choose(runs, "best") == together[-1]


def test_potentials_of_several_runs_are_found(runs, tmp_path):
    point, potential = export(runs, "knee", tmp_path / "knee.mlip.json")
    assert Potential.load(tmp_path / "knee.mlip.json").n_nonzero == potential.n_nonzero == point["n_nonzero"]
    result = invoke("pareto", *runs, "--figure", tmp_path / "fronts.png", "--json")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "fronts.png").stat().st_size > 0


def test_choices_from_several_runs_need_only_what_they_rest_on(runs, tmp_path):
    old = [shutil.copytree(run, tmp_path / run.name) for run in runs]
    for run in old:
        record = json.loads((run / "run.json").read_text())
        for point in record["points"]:
            del point["score_error"]
        (run / "run.json").write_text(json.dumps(record))
    assert choose(old, "knee")["n_nonzero"] == choose(runs, "knee")["n_nonzero"]
    assert choose(runs, "one-standard-error")["score"] >= choose(runs, "best")["score"]
    with pytest.raises(ConfigError, match="repeat the fit"):
        choose(old, "one-standard-error")


def test_runs_on_other_data_do_not_share_a_front(aluminium, runs, tmp_path):
    fit(aluminium.subset(range(40)), SMALL, SETTINGS, directory=tmp_path)
    with pytest.raises(ConfigError, match="not comparable"):
        front_points([runs[0], tmp_path])


def test_groups_leave_the_constant_alone():
    basis = Basis(["Al"], size="small", constant=True)
    groups = groups_of(basis, CostModel.of(basis, crystal(["Al"]), UnitCosts()))
    constant = basis.labels().index("1")
    assert not any(constant in group for group in groups)
