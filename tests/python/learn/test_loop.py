"""The learning loop, with EMT in place of first principles."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from mlip_rs import Basis, FitSettings
from mlip_rs.design.information import Information
from mlip_rs.errors import ConfigError, DataError, LabelError
from mlip_rs.label.unlabelled import LABEL_ID, label_id, unlabelled
from mlip_rs.learn import LearnSettings, learn
from mlip_rs.learn.assessment import Assessment
from mlip_rs.learn.growing_fit import GrowingFit
from mlip_rs.learn.loop import _Loop
from mlip_rs.progress import Silent

BASIS = Basis(["Al"], cutoff=6.0, hierarchy="pair-poly", n_radial=6)
FIT = FitSettings(n_folds=3, prior="flat", threads=1)


class Oracle:
    """Labels by EMT, each structure once; those whose number is in `failing` fail."""

    def __init__(self, failing=()):
        self.failing, self.labels, self.calls = set(failing), {}, []

    def __call__(self, structures):
        found = []
        for atoms in structures:
            own = label_id(atoms)
            self.calls.append(own)
            if own in self.failing:
                continue
            copy = atoms.copy()
            copy.calc = EMT()
            results = {name: copy.calc.get_property(name, copy) for name in ("energy", "forces", "stress")}
            copy.calc = SinglePointCalculator(copy, **results)
            copy.info[LABEL_ID] = f"id-{own}"
            found.append(copy)
        return found


@pytest.fixture(scope="module")
def pool():
    """Cold fcc, many alike; a few hot and strained cells."""
    rng = np.random.default_rng(0)
    frames = []
    for k in range(60):
        atoms = bulk("Al", cubic=True)
        hot = k % 3 == 0
        atoms.set_cell(atoms.cell * (1 + rng.uniform(-0.06, 0.06) * hot), scale_atoms=True)
        atoms.rattle(0.12 if hot else 0.03, rng=rng)
        atoms.info["config_type"] = "hot" if hot else "cold"
        frames.append(atoms)
    return frames


def test_a_loop_labels_what_differs_and_ends_below_its_aims(pool, tmp_path):
    oracle = Oracle()
    settings = LearnSettings(energy=8.0, forces=0.15, batch=6)
    found = learn(pool, oracle, tmp_path, basis=BASIS, fit=FIT, settings=settings)
    assert len(oracle.calls) == len(set(oracle.calls)) == len(found.labelled) < len(pool)
    last = found.cycles[-1]
    assert "below what was asked for" in found.outcome
    assert last.n_uncertain == 0
    assert last.validation.energy.rmse <= settings.energy
    first = found.cycles[0]
    assert sum(one.config_type == "hot" for one in first.chosen) >= 4  # 20 of 60 in the pool
    assert found.potential.uncertainty(pool[0]).energy > 0.0
    document = json.loads((tmp_path / "learning.json").read_text())
    assert document["outcome"] == found.outcome
    assert [own["n_labels"] for own in document["cycles"]] == [own.n_labels for own in found.cycles]


def test_a_labeller_need_not_keep_the_names_of_the_structures(pool, tmp_path):
    settings = LearnSettings(energy=0.01, forces=0.001, batch=6, max_labels=12)

    class Nameless(Oracle):
        def __call__(self, structures):
            found = super().__call__(structures)
            for atoms in found:
                del atoms.info[LABEL_ID]
            return found

    named = learn(pool, Oracle(), tmp_path / "named", basis=BASIS, fit=FIT, settings=settings)
    nameless = learn(pool, Nameless(), tmp_path / "nameless", basis=BASIS, fit=FIT, settings=settings)
    assert [own.chosen for own in nameless.cycles] == [own.chosen for own in named.cycles]


def test_a_labeller_that_moves_atoms_is_refused(pool, tmp_path):
    class Moving(Oracle):
        def __call__(self, structures):
            found = super().__call__(structures)
            for atoms in found:
                del atoms.info[LABEL_ID]
                atoms.positions += 0.1
            return found

    with pytest.raises(LabelError, match=r"\(Al4\) that it was not given"):
        learn(pool, Moving(), tmp_path, basis=BASIS, fit=FIT)


def test_a_loop_that_is_killed_goes_on_to_the_same_choice(pool, tmp_path):
    settings = LearnSettings(energy=0.01, forces=0.001, batch=6, max_labels=24)

    class Killed(Oracle):
        def __call__(self, structures):
            if len(self.calls) >= 12:
                raise KeyboardInterrupt
            return super().__call__(structures)

    whole = learn(pool, Oracle(), tmp_path / "whole", basis=BASIS, fit=FIT, settings=settings)
    with pytest.raises(KeyboardInterrupt):
        learn(pool, Killed(), tmp_path / "part", basis=BASIS, fit=FIT, settings=settings)
    again = learn(pool, Oracle(), tmp_path / "part", basis=BASIS, fit=FIT, settings=settings)
    assert [own.chosen for own in again.cycles] == [own.chosen for own in whole.cycles]
    assert again.outcome == whole.outcome == "24 structures are labelled, as many as were allowed"


def test_the_basis_of_a_loop_that_resumes_is_that_of_its_begin(pool, tmp_path):
    loop = _Loop(
        unlabelled(pool), Oracle(), tmp_path, None, Basis(size="small"), FIT, LearnSettings(), Silent()
    )
    before = loop._basis()
    loop._labelled(list(loop.pool.ids[::3]))
    assert len(loop.parts[0]) == 20
    assert loop._basis() == before


def test_structures_that_fail_are_left_out_and_the_loop_goes_on(pool, tmp_path):
    failing = [label_id(atoms) for atoms in pool[1::4]]
    settings = LearnSettings(energy=0.01, forces=0.001, batch=20)
    oracle = Oracle(failing)
    found = learn(pool, oracle, tmp_path, basis=BASIS, fit=FIT, settings=settings)
    assert found.outcome == "all structures of the pool are labelled"
    assert len(oracle.calls) == len(pool)
    assert len(found.labelled) == len(pool) - len(failing)


def test_data_at_the_start_are_used_and_nothing_uncertain_ends_the_loop(pool, tmp_path):
    from mlip_rs.data.convert import as_dataset

    start = as_dataset(Oracle()(pool))
    settings = LearnSettings(energy=1000.0, forces=1e-9 + 10.0, batch=5)
    found = learn(pool[:4], Oracle(), tmp_path, start=start, basis=BASIS, fit=FIT, settings=settings)
    assert len(found.labelled) == len(start)
    assert "below what was asked for" in found.outcome


def test_errors_above_the_aims_with_nothing_uncertain_say_what_helps(pool, tmp_path, monkeypatch):
    monkeypatch.setattr(Assessment, "uncertain", lambda self, settings: self.energies < 0.0)
    settings = LearnSettings(energy=1e-3, batch=12)
    found = learn(pool, Oracle(), tmp_path, basis=BASIS, fit=FIT, settings=settings)
    assert len(found.labelled) == 12
    assert "a larger basis or others may" in found.outcome


def test_another_loop_in_the_directory_is_refused(pool, tmp_path):
    settings = LearnSettings(batch=5, max_labels=5)
    learn(pool, Oracle(), tmp_path, basis=BASIS, fit=FIT, settings=settings)
    other = LearnSettings(batch=5, max_labels=5, cost_power=2.0)
    with pytest.raises(ConfigError, match=r"other settings \(cost_power\); choose another directory"):
        learn(pool, Oracle(), tmp_path, basis=BASIS, fit=FIT, settings=other)
    more = LearnSettings(batch=4, max_labels=9, energy=0.01)
    found = learn(pool, Oracle(), tmp_path, basis=BASIS, fit=FIT, settings=more)
    assert [len(cycle.chosen) for cycle in found.cycles] == [5, 4, 0]
    (tmp_path / "learning.json").write_text("{")
    with pytest.raises(ConfigError, match="damaged"):
        learn(pool, Oracle(), tmp_path, basis=BASIS, fit=FIT, settings=settings)


def test_an_empty_pool_and_a_pool_of_which_all_fail_are_named(pool, tmp_path):
    with pytest.raises(DataError):
        learn([], Oracle(), tmp_path / "a", basis=BASIS, fit=FIT)
    everything = [label_id(atoms) for atoms in pool[:5]]
    with pytest.raises(DataError, match="nothing to start from"):
        learn(pool[:5], Oracle(everything), tmp_path / "b", basis=BASIS, fit=FIT)


def test_a_start_without_an_element_of_the_pool_has_that_labelled_first(pool, tmp_path):
    from mlip_rs.data.convert import as_dataset

    start = as_dataset(Oracle()(pool[:12]))
    copper = [bulk("Cu", a=3.5 + 0.01 * k, cubic=True) for k in range(12)]
    for k, atoms in enumerate(copper):
        atoms.rattle(0.05, seed=k)
    settings = LearnSettings(batch=5, max_labels=10, energy=0.01)
    basis = Basis(["Al", "Cu"], cutoff=6.0, hierarchy="pair-poly", n_radial=4)
    found = learn(
        [*pool[12:], *copper], Oracle(), tmp_path / "a", start=start, basis=basis, fit=FIT, settings=settings
    )
    first = {one.label_id for one in found.cycles[0].chosen}
    assert first <= {label_id(atoms) for atoms in copper}
    assert found.potential.elements == ("Al", "Cu")
    oracle = Oracle([label_id(atoms) for atoms in copper])
    with pytest.raises(DataError, match="there is none with Cu among those that could be; allow more"):
        learn(copper, oracle, tmp_path / "b", start=start, basis=basis, fit=FIT, settings=settings)
    more = LearnSettings(batch=5)
    with pytest.raises(DataError, match="no structures with Cu, or none of them could be labelled"):
        learn(copper, oracle, tmp_path / "b", start=start, basis=basis, fit=FIT, settings=more)


def test_dynamics_bring_structures_outside_the_data(pool, tmp_path):
    cold = [atoms for atoms in pool if atoms.info["config_type"] == "cold"]
    settings = LearnSettings(energy=20.0, forces=0.3, batch=10, max_labels=30, temperatures=(1500.0,))
    found = learn(cold, Oracle(), tmp_path, basis=BASIS, fit=FIT, settings=settings)
    chosen = [one for cycle in found.cycles for one in cycle.chosen]
    assert any(one.config_type == "dynamics_1500K" for one in chosen)


def test_added_equations_are_those_of_one_fit(pool):
    from mlip_rs.data.convert import as_dataset

    data = as_dataset(Oracle()(pool))
    basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair-poly", n_radial=4, repulsion=None)
    first = data.subset(range(30))
    growing = GrowingFit(first, basis, FIT)
    growing.add(data.subset(range(30, 60)))
    whole = GrowingFit(data, basis, replace(FIT, weights=FIT.weights.with_scale_of(first)))
    for name in ("gram", "xty", "yty"):
        parts = [sum(getattr(own, name) for own in one._sums) for one in (growing, whole)]
        if growing.problem.reference.values == whole.problem.reference.values:
            np.testing.assert_allclose(*parts, rtol=1e-9)
    np.testing.assert_allclose(
        sum(own.gram for own in growing._sums), sum(own.gram for own in whole._sums), rtol=1e-9
    )


def test_the_choice_is_that_of_variances_computed_anew():
    rng = np.random.default_rng(1)
    rows = {f"{k}": rng.normal(size=(3, 8)) * (1 + k % 3) for k in range(9)}
    rows["twice"] = rows["8"]
    gram, wanted = rng.normal(size=(20, 8)), rng.normal(size=(30, 8))
    matrix, wanted, scale = gram.T @ gram, wanted.T @ wanted, rng.uniform(0.5, 2.0, size=8)
    costs = {name: 1.0 + 0.3 * k for k, name in enumerate(rows)}
    information = Information.of(matrix, 0.1 * np.ones(8), scale)
    found = information.most_informative(list(rows), rows.__getitem__, wanted, 4, costs=costs)
    known, slow = (matrix + 0.1 * np.eye(8)) * np.outer(scale, scale), []
    assert information.variance(wanted) == pytest.approx(np.trace(np.linalg.solve(known, wanted)))
    for _ in range(4):
        before = np.trace(np.linalg.solve(known, wanted))
        gains = {
            name: before - np.trace(np.linalg.solve(known + own.T @ own, wanted))
            for name, own in rows.items()
            if name not in slow
        }
        best = max(gains, key=lambda name: gains[name] / costs[name])
        assert found[best] == pytest.approx(gains[best])
        slow.append(best)
        known += rows[best].T @ rows[best]
    assert list(found) == slow


def test_a_structure_of_which_the_pool_has_many_comes_before_one_that_stands_alone():
    rng = np.random.default_rng(2)
    rows = {f"{k}": 3.0 * np.eye(2)[:1] + 0.1 * rng.normal(size=(1, 2)) for k in range(20)}
    rows["alone"] = np.array([[0.0, 6.0]])  # log det would grow most by this one
    wanted = sum(own.T @ own for own in rows.values())
    nothing = Information.of(np.zeros((2, 2)), np.ones(2), np.ones(2))
    first, second = nothing.most_informative(rows, rows.__getitem__, wanted, 2)
    assert first != "alone"
    assert second == "alone"
