"""Radial contraction: planted combinations are found, all combinations lose nothing, bad settings are refused."""

from dataclasses import replace

import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

import mlip_rs as mlip
from mlip_rs.basis.radial import radial_grid
from mlip_rs.data.core_structures import core_structure
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError
from mlip_rs.fitting.contraction import contract

CUTOFF = 5.0
SETTINGS = mlip.FitSettings(n_folds=3, prior="flat", reference_energies={"Al": 0.0})
PRIMITIVES = replace(radial_grid("gaussian", 4, CUTOFF, orders=(2,)), cutoff=CUTOFF)


@pytest.fixture(scope="module")
def aluminium():
    return mlip.read_dataset(DATA_PATH, index="::6")


def angular(radial):
    pair = radial_grid("gaussian", 6, CUTOFF, orders=(1,))
    return mlip.Basis(["Al"], cutoff=CUTOFF, hierarchy="angular", radial=[pair, radial], max_l=2)


@pytest.mark.parametrize("method", ["supervised", "principal"])
def test_all_combinations_span_what_the_primitives_do(aluminium, method):
    found = contract(aluminium, ["Al"], PRIMITIVES, 4, max_l=2, method=method, settings=SETTINGS)
    structure = core_structure(aluminium[3])
    whole, contracted = (angular(r).core.design(structure) for r in (PRIMITIVES, found.radial))
    projection = contracted @ np.linalg.lstsq(contracted, whole, rcond=1e-12)[0]
    assert whole.shape == contracted.shape
    assert np.abs(projection - whole).max() < 1e-6 * np.abs(whole).max()


def test_importance_falls_and_is_given_for_every_l(aluminium):
    found = contract(aluminium, ["Al"], PRIMITIVES, 2, max_l=3, settings=SETTINGS)
    assert found.importance.shape == (4, 4)
    assert (np.diff(found.importance, axis=1) <= 0).all()
    assert np.shape(found.radial.contraction) == (4, 2, 4)


def test_a_planted_combination_is_found(aluminium):
    planted = np.array([0.2, -0.7, 0.6, 0.3])
    one = replace(PRIMITIVES, contraction=[[planted.tolist()]] * 3, max_l=2)
    basis = angular(one)
    labels = basis.labels()
    coefficients = np.array([0.5 if label.startswith("p[") else 0.0 for label in labels])
    truth = mlip.Potential.from_coefficients(basis.to_dict(), coefficients, {"Al": 0.0})
    frames = [frame.to_atoms() for frame in aluminium]
    for atoms in frames:
        predicted = truth.predict(atoms)
        atoms.calc = SinglePointCalculator(atoms, energy=predicted.energy, forces=predicted.forces)
    found = contract(frames, ["Al"], PRIMITIVES, 1, max_l=2, settings=SETTINGS)
    for rows in found.radial.contraction[1:]:
        (row,) = rows
        cosine = abs(np.dot(row, planted)) / np.linalg.norm(row) / np.linalg.norm(planted)
        assert cosine > 0.99


def test_bad_settings_are_refused(aluminium):
    with pytest.raises(ConfigError, match="5 combinations of 4 radial functions"):
        contract(aluminium, ["Al"], PRIMITIVES, 5, max_l=2, settings=SETTINGS)
    with pytest.raises(ConfigError, match="contraction method 'best' does not exist"):
        contract(aluminium, ["Al"], PRIMITIVES, 2, method="best")
    with pytest.raises(ConfigError, match="give the radial set a cutoff"):
        contract(aluminium, ["Al"], replace(PRIMITIVES, cutoff=None), 2)
