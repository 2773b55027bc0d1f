"""Rows of expanded crystals: the universal curve, and that they settle what the data leave open and nothing else."""

import numpy as np
import pytest
from ase import Atoms

import mlip_rs as mlip
from mlip_rs.data import read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting import FitSettings, expansion, teacher
from mlip_rs.fitting.anchors import lowest_with_energies
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.dense_fit import dense_fit
from mlip_rs.fitting.problem import build_problem, check_data
from mlip_rs.generate.prototypes import prototype
from mlip_rs.potential import Potential
from mlip_rs.progress import Silent

BASIS = mlip.Basis(["Al"], cutoff=5.0, hierarchy="angular", n_radial=5, n_angular=3, max_l=2)
SETTINGS = FitSettings(n_folds=3, n_path=12, n_prior=3, threads=1)


@pytest.fixture
def folds(tmp_path):
    """Crystals near equilibrium alone: nothing is said of atoms that are far apart."""
    near = [frame for frame in read_dataset(DATA_PATH) if frame.volume / frame.n_atoms < 20.0][::3]
    training = mlip.Dataset(near)
    problem = build_problem(check_data(training, BASIS, SETTINGS), SETTINGS, persistent=False)
    equations = assemble(problem, tmp_path)
    with equations.totalled():
        yield CrossValidation(problem, equations, SETTINGS, Silent())


def rows_of(folds, lowest=None):
    problem = folds.problem
    coefficients = dense_fit(folds).of_folds[0]
    lowest = lowest_with_energies(problem) if lowest is None else lowest
    return expansion.expansion(
        problem, coefficients, lowest, folds.occurring, folds.equations.directory / "e"
    )


def test_curvature_of_the_universal_curve_is_the_bulk_modulus():
    volume, modulus, cohesive = 16.0, 0.5, 3.4
    radii = np.cbrt(0.75 * volume * np.array([0.999, 1.0, 1.001]) / np.pi)
    length = np.sqrt(cohesive / (12.0 * np.pi * modulus * radii[1]))
    energies = expansion.universal_binding(radii, radii[1], length, cohesive)
    curvature = (energies[0] - 2 * energies[1] + energies[2]) / (0.001 * volume) ** 2
    assert volume * curvature == pytest.approx(modulus, rel=1e-2)
    far = expansion.universal_binding(np.linspace(radii[1], 30.0, 200), radii[1], length, cohesive)
    assert (np.diff(far) >= 0.0).all()
    assert far[-1] == pytest.approx(cohesive)


def test_expanded_crystals_rise_and_the_data_hardly_notice(folds):
    dense = dense_fit(folds)
    rows = rows_of(folds)
    assert rows.elements == ("Al",)
    held = folds.held_together(rows)

    def fit(cross_validation):
        return cross_validation.refitted(cross_validation.load(None)[0], dense.penalty, [None])[0]

    def misfit(coefficients):
        (atoms, energy), *_ = lowest_with_energies(folds.problem)
        reference = folds.problem.reference.values
        potential = Potential.from_coefficients(folds.problem.basis.to_dict(), coefficients, reference)
        volume = atoms.get_volume() / len(atoms)
        crystals = [prototype("fcc", "Al", ratio * volume) for ratio in (2.5, 4.0, 8.0)]
        found = [potential.predict(crystal).energy / len(crystal) for crystal in crystals]
        radii = np.cbrt(0.75 * volume * np.array([1.0, 2.5, 4.0, 8.0]) / np.pi)
        above = expansion.universal_binding(radii[1:], radii[0], 0.35, 2.5)
        return np.abs(np.array(found) - reference["Al"] - energy - above).max()

    plain, kept = fit(folds), fit(held)
    assert misfit(kept) < 0.6
    assert misfit(kept) < 0.8 * misfit(plain)
    squares = [sum(folds.equations.squares(fold, own)[0] for fold in folds.folds) for own in (plain, kept)]
    assert squares[1] < 1.1 * squares[0]


def test_data_without_a_crystal_of_an_element_give_no_rows(folds):
    molecule = Atoms("Al2", [[0, 0, 0], [0, 0, 2.5]])
    alloy = Atoms("AlNi", [[0, 0, 0], [0, 0, 2.5]], cell=[4, 4, 4], pbc=True)
    assert rows_of(folds, [(molecule, -1.0), (alloy, -1.0)]) is None


def test_they_are_taken_where_no_fit_holds_without(folds, monkeypatch):
    monkeypatch.setattr(teacher, "_holds", lambda cross_validation, _: cross_validation.expansion is not None)
    dense = dense_fit(folds)
    anchored, found = teacher.with_anchors(folds, dense)
    assert anchored.anchors.record["expanded_crystals"]["elements"] == ["Al"]
    assert anchored.expansion is not None
    assert found is not dense
    plain = folds.refitted(folds.load(0)[0], dense.penalty, [None])[0]
    again = anchored.refitted(anchored.load(0)[0], found.penalty, [None])[0]
    np.testing.assert_allclose(again, found.of_folds[0], rtol=1e-6, atol=1e-8 * np.abs(again).max())
    assert np.abs(again - plain).max() > 1e-6 * np.abs(plain).max()


def test_where_they_do_not_help_the_fit_is_the_one_without(folds, monkeypatch):
    monkeypatch.setattr(teacher, "_holds", lambda *_: False)
    dense = dense_fit(folds)
    anchored, found = teacher.with_anchors(folds, dense)
    assert anchored is folds
    assert found is dense
