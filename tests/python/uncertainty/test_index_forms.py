"""The forms of the index of anomaly: neighbours and elements that the training data do not have light up."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk

from mlip_rs import Basis, Potential
from mlip_rs.basis import Repulsion
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.uncertainty.domain import CLEARLY_OUTSIDE, indices
from mlip_rs.uncertainty.index_forms import TrainingAtoms

NEAREST = 2.9
"""Å, of silver and gold."""


def crystals(symbol):
    """Crystals of one element, at rest to hot, with and without a vacancy: mixed ones have as few equal neighbours."""
    found = []
    for seed in range(8):
        atoms = bulk(symbol, a=4.1, cubic=True).repeat(2)
        atoms.rattle(0.05 * seed, seed=seed)
        found.append(atoms[seed % 2 * 3 :])
    return found


def impurity(host, symbol):
    """One atom of another element in a crystal."""
    atoms = bulk(host, a=4.1, cubic=True).repeat(3)
    atoms.rattle(0.02, seed=1)
    atoms.symbols[0] = symbol
    return atoms


@pytest.fixture(scope="module")
def basis():
    return Basis(["Ag", "Au"], cutoff=5.5, r_min=2.0, n_radial=6, n_angular=3, max_l=2, repulsion=None)


def training(basis, structures):
    order = list(basis.elements)
    species = [np.array([order.index(symbol) for symbol in atoms.symbols]) for atoms in structures]
    return TrainingAtoms.of(
        basis.core, [structure_from_atoms(atoms) for atoms in structures], species, NEAREST
    )


@pytest.fixture(scope="module")
def pure(basis):
    return training(basis, [*crystals("Ag"), *crystals("Au")])


@pytest.fixture(scope="module")
def support(pure):
    """Features that a fit to pure elements can keep: those that some atom has."""
    seen = [(pure.features[pure.species == k] != 0.0).any(axis=0) for k in range(2)]
    return np.array(seen) & (np.arange(seen[0].size) % 3 == 0)


@pytest.fixture(scope="module")
def potential(basis, support, pure):
    coefficients = np.where(support, 0.01, 0.0).ravel()
    plain = Potential.from_coefficients(basis, coefficients, {"Ag": 0.0, "Au": 0.0})
    return plain.with_index(pure.forms(support).to_dict())


@pytest.mark.parametrize(("host", "symbol"), [("Ag", "Au"), ("Au", "Ag")])
def test_neighbours_that_no_training_atom_has_light_up(potential, host, symbol):
    (index,) = indices(potential, [impurity(host, symbol)])
    atoms = impurity(host, symbol)
    near = atoms.get_distances(0, range(len(atoms)), mic=True) < 3.2
    assert near.sum() == 13
    assert (index[near] > CLEARLY_OUTSIDE).all()
    (index,) = indices(potential, [impurity(host, host)])
    assert (index < 1.0).all()


def test_the_core_evaluates_forms_of_features_without_a_coefficient(basis, potential, pure, support):
    forms = pure.forms(support)
    atoms = impurity("Ag", "Au")
    (index,) = indices(potential, [atoms])
    np.testing.assert_allclose(index, forms.index(training(basis, [atoms])), rtol=1e-4)


def test_atoms_that_repel_each_other_are_far_outside(basis, support, pure):
    """Their features are frozen: by these alone, atoms 0.3 Å apart may be like those of the data."""
    near = Repulsion(inner=[[1.6, 1.6], [1.6, 1.6]], outer=[[2.2, 2.2], [2.2, 2.2]])
    repelling = replace(basis, repulsion=near)
    coefficients = np.where(support, 0.01, 0.0).ravel()
    plain = Potential.from_coefficients(repelling, coefficients, {"Ag": 0.0, "Au": 0.0})
    potential = plain.with_index(pure.forms(support).to_dict())
    pairs = []
    for distance in (2.3, 2.0, 1.8, 1.0, 0.3):
        atoms = bulk("Ag", a=4.1, cubic=True).repeat(3)
        atoms.set_distance(0, 1, distance, fix=0, mic=True)
        pairs.append(atoms)
    largest = [index[:2].min() for index in indices(potential, pairs)]
    assert largest == sorted(largest)
    assert largest[1] > CLEARLY_OUTSIDE
    assert largest[-1] > 10.0


def test_pairs_that_the_data_have_add_nothing(basis, pure, support):
    mixed = training(basis, [impurity("Ag", "Au"), impurity("Au", "Ag"), *crystals("Ag"), *crystals("Au")])
    kept = [np.flatnonzero(own) for own in support]
    for own, columns in zip(kept, mixed.forms(support).columns, strict=True):
        assert set(columns) == set(own.tolist())
    for own, columns in zip(kept, pure.forms(support).columns, strict=True):
        assert set(columns) > set(own.tolist())


def test_an_element_without_training_atoms_is_outside(basis, support):
    silver = training(basis, crystals("Ag"))
    forms = silver.forms(support)
    assert (forms.index(training(basis, crystals("Au"))) > CLEARLY_OUTSIDE).all()
    assert np.quantile(forms.index(silver), 0.99) == pytest.approx(1.0)


def test_pooled_moments_give_the_index_of_forms_without_each_group(basis, support):
    """The second silver crystal is one of a kind, and so is each impurity: left out, their neighbours are unseen."""
    structures = [*crystals("Ag"), *crystals("Au"), impurity("Ag", "Au")]
    atoms = training(basis, structures)
    groups = np.repeat([0, 1, *[2] * 6, *[3] * 8, 4], [len(own) for own in structures])
    for known, kept in ((atoms, support), atoms.looked_at(support)):
        found = known.outside_index(kept, groups)
        for group in range(5):
            own = groups == group
            expected = atoms.forms(support, ~own).index(atoms)[own]
            np.testing.assert_allclose(found[own], expected, rtol=1e-6)
