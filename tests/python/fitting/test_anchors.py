"""Anchor rows: what they add to the equations, and that they leave everything else as it is."""

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.morse import MorsePotential

import mlip_rs as mlip
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError
from mlip_rs.fitting import FitSettings, anchors, robustness, teacher
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.dense_fit import dense_fit
from mlip_rs.fitting.problem import build_problem, check_data
from mlip_rs.potential import Potential
from mlip_rs.potential.stress_test import StressFailure, StressOutcome, StressTest, stress_test
from mlip_rs.progress import Silent

BASIS = mlip.Basis(["Al"], cutoff=5.0, hierarchy="angular", n_radial=5, n_angular=3, max_l=2)
SETTINGS = FitSettings(n_folds=3, n_path=12, n_prior=3, threads=1)


@pytest.fixture(scope="module")
def aluminium():
    return read_dataset(DATA_PATH, index="::6")


@pytest.fixture
def folds(aluminium, tmp_path):
    problem = build_problem(check_data(aluminium, BASIS, SETTINGS), SETTINGS, persistent=False)
    equations = assemble(problem, tmp_path)
    with equations.totalled():
        yield CrossValidation(problem, equations, SETTINGS, Silent())


def verdict(passed):
    """A stress test of one structure."""
    failure = None if passed else StressFailure("crowded", "Al, crowded: falls", 1.0, None)
    return StressTest((StressOutcome("crowded", 1.0 if passed else -1.0, failure),))


def with_teacher(folds, monkeypatch, passes):
    """The cross-validation with the anchor rows of the first fit whose number of features `passes`."""
    asked = []

    def holds(_, coefficients):
        asked.append(int(np.count_nonzero(coefficients)))
        return passes(asked[-1])

    monkeypatch.setattr(teacher, "_holds", holds)
    dense = dense_fit(folds)
    return *teacher.with_anchors(folds, dense), dense, asked


def test_a_dense_teacher_leaves_the_dense_fit_as_it_is(folds, monkeypatch):
    anchored, dense, before, asked = with_teacher(folds, monkeypatch, lambda _: True)
    assert anchored.anchors is not None
    assert len(asked) == 1
    assert dense is before
    for fold in (None, 0, 2):
        plain = folds.refitted(folds.load(fold)[0], dense.penalty, [None])[0]
        again = anchored.refitted(anchored.load(fold)[0], dense.penalty, [None])[0]
        np.testing.assert_allclose(again, plain, rtol=1e-6, atol=1e-8 * np.abs(plain).max())


def test_sparse_members_come_closer_to_the_teacher_outside_the_data(folds, monkeypatch):
    anchored, dense, _, _ = with_teacher(folds, monkeypatch, lambda _: True)
    target = anchored.anchors.teachers[None]
    gram = np.vstack([anchored.anchors.equations.gram_rows(0, slice(0, len(target)))])
    support = np.zeros(len(target), dtype=bool)
    support[np.abs(target * folds.scale).argsort()[-6:]] = True
    support[0] = True

    def distance(cross_validation):
        w = cross_validation.refitted(cross_validation.load(None)[0], dense.penalty, [support])[0]
        return (w - target) @ gram @ (w - target)

    heavier = anchored.anchored(anchored.anchors.times(100.0))
    assert distance(heavier) < distance(anchored) < distance(folds)


def test_rows_and_squares_of_the_data_do_not_see_the_anchors(folds, monkeypatch):
    anchored, dense, _, _ = with_teacher(folds, monkeypatch, lambda _: True)
    assert anchored.load(1)[1] == folds.load(1)[1]
    assert anchored.n_rows == folds.n_rows
    assert (
        anchored.equations.squares(0, dense.of_folds[0])[0]
        == folds.equations.squares(0, dense.of_folds[0])[0]
    )


def test_a_sparse_teacher_is_the_first_that_holds_and_mends_the_dense_fit(folds, monkeypatch):
    n_features = folds.problem.basis.n_features
    monkeypatch.setattr(teacher, "NEAR", np.inf)
    anchored, dense, before, asked = with_teacher(folds, monkeypatch, lambda n: n < 0.9 * n_features)
    assert asked[0] == n_features
    assert asked[-1] < 0.9 * n_features
    assert anchored.anchors.record["teacher_n_nonzero"] == asked[-1]
    assert not np.array_equal(dense.of_folds[0], before.of_folds[0])
    assert dense.validation.squares[0] > before.validation.squares[0] * (1 - 1e-3)


def test_where_the_teacher_is_inaccurate_the_dense_fit_with_a_few_rows_teaches(folds, monkeypatch):
    n_features = folds.problem.basis.n_features
    monkeypatch.setattr(teacher, "WORST", np.inf)
    counts = []

    def passes(n):
        counts.append(n)
        return n < 0.3 * n_features or counts.count(n_features) > 1

    anchored, dense, before, asked = with_teacher(folds, monkeypatch, passes)
    record = anchored.anchors.record
    assert asked[0] == asked[-1] == n_features
    assert record["teacher_n_nonzero"] == n_features
    assert record["teacher_n_nonzero_before"] == asked[-2] < 0.3 * n_features
    assert record["teacher_weight"] == teacher.FACTORS[0] * record["weight"]
    plain = folds.refitted(folds.load(None)[0], dense.penalty, [None])[0]
    gram = anchored.anchors.equations.gram_rows(0, slice(0, n_features))
    taught = anchored.anchors.teachers[None]
    assert (taught - plain) @ gram @ (taught - plain) > 0.0
    assert (
        before.validation.squares[0] * (1 - 1e-3)
        < dense.validation.squares[0]
        < 1.5 * before.validation.squares[0]
    )


@pytest.mark.parametrize("nth", [1, 2])
def test_where_the_dense_fit_falls_all_the_same_the_largest_that_holds_teaches(folds, monkeypatch, nth):
    """With the lightest rows that make any of the fits hold that failed without them."""
    n_features, second, *_ = (int(own.sum()) for own in teacher._supports(folds.problem.basis))
    monkeypatch.setattr(teacher, "WORST", np.inf)
    counts = []

    def passes(n):
        counts.append(n)
        return n < second or (n == second and counts.count(n) > nth)

    anchored, *_, asked = with_teacher(folds, monkeypatch, passes)
    record = anchored.anchors.record
    assert asked[:2] == [n_features, second]
    assert record["teacher_n_nonzero"] == second
    assert record["teacher_n_nonzero_before"] == asked[2] < second
    assert record["teacher_weight"] == teacher.FACTORS[nth - 1] * record["weight"]
    for of_fold in anchored.anchors.teachers.values():
        assert np.count_nonzero(of_fold) == second


def test_without_better_fits_that_hold_the_first_one_teaches(folds, monkeypatch):
    monkeypatch.setattr(teacher, "WORST", np.inf)
    n_features = folds.problem.basis.n_features
    anchored, *_, asked = with_teacher(folds, monkeypatch, lambda n: n < 0.3 * n_features)
    assert "teacher_weight" not in anchored.anchors.record
    first = anchored.anchors.record["teacher_n_nonzero"]
    assert first < 0.3 * n_features
    n_failed = asked.index(first)
    assert len(asked) == n_failed + 1 + len(teacher.FACTORS) * n_failed


def test_without_a_teacher_there_are_no_anchors(folds, monkeypatch):
    notes = []
    folds.progress.note = notes.append
    anchored, dense, before, asked = with_teacher(folds, monkeypatch, lambda _: False)
    assert anchored is folds
    assert dense is before
    assert len(asked) > 1
    assert any("no anchor rows" in note for note in notes)


def test_structures_in_which_the_teacher_falls_are_not_taught(folds, monkeypatch):
    coefficients = dense_fit(folds).of_folds[0]
    every = np.ones(len(coefficients), dtype=bool)
    directory = folds.equations.directory
    all_of_them = anchors.anchors(folds.problem, {None: coefficients}, every, every, 1.0, directory)
    monkeypatch.setattr(anchors.LowestCrystals, "floor", lambda *_: np.inf)
    with pytest.raises(ValueError, match="need at least one"):
        anchors.anchors(folds.problem, {None: coefficients}, every, every, 1.0, directory)
    assert 0 < all_of_them.record["n_structures"] <= all_of_them.record["n_generated"]


def test_a_negative_weight_is_refused():
    with pytest.raises(ConfigError, match="anchor_weight is -1"):
        FitSettings(anchor_weight=-1.0)


@pytest.mark.usefixtures("whole_stress_tests")
def test_a_fit_says_what_its_anchors_are_and_tests_what_matters(aluminium):
    run = mlip.fit(aluminium, BASIS, SETTINGS)
    record = run.record["anchors"]
    assert record is None or record["n_structures"] > 0
    for k in {*run.front, run.best_index, run.knee_index}:
        assert run.points[k].potential.info["stress_test"]["n_structures"] > 30
    plain = mlip.fit(aluminium, BASIS, FitSettings(**(vars(SETTINGS) | {"anchor_weight": 0.0})))
    assert plain.record["anchors"] is None


@pytest.mark.usefixtures("whole_stress_tests")
def test_verify_repeats_the_stress_test_of_the_fit_without_its_data():
    """Molecules lie far below crystals of their atoms: a file that does not say so fails where the fit passed."""
    frames = []
    for number, distance in enumerate(np.linspace(0.65, 1.2, 24)):
        atoms = Atoms("H2", [[0, 0, 0], [0, 0, distance]], cell=[8, 8, 8], pbc=True)
        atoms.rattle(0.01, seed=number)
        atoms.calc = MorsePotential(epsilon=4.5, r0=0.74, rho0=2.0, rcut1=1.5, rcut2=2.5)
        atoms.get_forces()
        frames.append(atoms)
    basis = mlip.Basis(["H"], cutoff=3.0, hierarchy="pair", n_radial=5)
    best = mlip.fit(frames, basis, FitSettings(n_folds=3, n_path=5, threads=1)).best()
    lowest = best.info["lowest_structures"]["H2"]
    assert lowest == pytest.approx(min(best.predict(atoms).energy for atoms in frames) / 2, abs=0.05)
    noted = best.info["stress_test"]
    found = stress_test(Potential.from_json(best.to_json()), seed=noted["seed"])
    assert [failure.sentence for failure in found.failures[:1]] == noted["failures"]
    info = {key: value for key, value in best.info.items() if key != "lowest_structures"}
    forgotten = stress_test(best.with_info(info), seed=noted["seed"])
    assert len(forgotten.failures) > len(found.failures)


def test_a_point_that_fails_is_mended_or_leaves_the_front(aluminium, monkeypatch):
    """One that no refit mends leaves; one that passes when refitted has the heavier weight and new errors."""
    calls = {}

    def stress_test(potential, first_failure, **_):
        n = potential.n_nonzero
        calls[n] = calls.get(n, 0) + 1
        assert first_failure  # whatever else fails changes nothing
        return verdict(n > 12 or (n > 6 and calls[n] > 1))

    monkeypatch.setattr(robustness, "stress_test", stress_test)
    monkeypatch.setattr(teacher, "stress_test", lambda *_, **__: verdict(True))
    run = mlip.fit(aluminium, BASIS, SETTINGS)
    sizes = [point.potential.n_nonzero for point in run.points]
    assert any(n <= 6 for n in sizes)
    assert any(6 < n <= 12 for n in sizes)
    assert all(run.points[k].potential.n_nonzero > 6 for k in run.front)
    mended = [p for p in run.points if "anchor_weight" in p.potential.info]
    assert mended
    for point in mended:
        assert point.potential.info["anchor_weight"] == pytest.approx(10 * SETTINGS.anchor_weight)
        assert point.potential.info["score"] == point.score
        assert not point.failed_stress_test
