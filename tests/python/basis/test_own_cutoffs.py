"""Gaussians with cutoffs of their own."""

from itertools import pairwise

import numpy as np
import pytest
from ase.build import bulk

from mlip_rs import Basis, Potential, radial_grid
from mlip_rs.cost.model import CostModel
from mlip_rs.cost.units import UnitCosts
from mlip_rs.data.core_structures import pair_counts, structure_from_atoms
from mlip_rs.errors import ConfigError, StructureError

GRID = radial_grid("gaussian", 4, 5.0)


def test_cutoffs_of_functions_end_gaussians_where_they_are_small():
    basis = Basis(["Al"], cutoff=6.0, r_min=2.0, angular_cutoff=5.0, size="medium", radial_cutoffs="own")
    for entry in basis.to_dict()["radial"]:
        function, cutoff = entry["function"], entry.get("cutoff", 6.0)
        longest, widths = (6.0, 4.0) if entry["orders"] == [1] else (5.0, 3.0)
        ends = np.array(function["mu"]) + widths / np.sqrt(2.0 * function["beta"][0])
        assert np.all((ends <= cutoff + 1e-3) | (cutoff == longest))
        assert np.all(np.minimum(ends, longest) > cutoff - 0.1 * longest - 1e-3)


def test_cutoffs_of_functions_change_neither_features_nor_what_the_prior_knows_of_them():
    own, common = (Basis(["Al", "Ni"], size="medium", radial_cutoffs=name) for name in ("own", "common"))
    assert len(own.to_dict()["radial"]) > len(common.to_dict()["radial"]) == 2
    assert own.labels() == common.labels()
    np.testing.assert_array_equal(own.core.feature_degrees(), common.core.feature_degrees())


@pytest.mark.parametrize("settings", [{"radial": "bessel"}, {"hierarchy": "pair"}, {"radial": [GRID]}])
def test_cutoffs_of_functions_are_refused_where_they_mean_nothing(settings):
    with pytest.raises(ConfigError, match="radial_cutoffs 'own' is for the family 'gaussian'"):
        Basis(["Al"], cutoff=5.0, radial_cutoffs="own", **settings)


def near_features(basis, within):
    """(F,) features of one element whose radial functions all end within a distance."""
    _, _, _, shells, starts, items = basis.core.requirements()
    reach = [shells[items[a:b], 1].max(initial=0.0) for a, b in pairwise(starts)]
    return np.array(reach) <= within


def test_a_potential_of_near_functions_costs_and_lists_near_neighbours_only(rng):
    atoms = bulk("Al", "fcc", a=4.05, cubic=True).repeat(2)
    atoms.rattle(0.1, seed=1)
    basis = Basis(["Al"], cutoff=6.0, r_min=2.0, size="medium", radial_cutoffs="own", repulsion=None)
    near = near_features(basis, 4.3)
    assert 5 < near.sum() < 0.5 * len(near)
    cutoffs = [entry.get("cutoff", 6.0) for entry in basis.to_dict()["radial"]]
    furthest = max(cutoff for cutoff in cutoffs if cutoff <= 4.3)
    model = CostModel.of(basis, atoms, UnitCosts())
    within = pair_counts(atoms, ["Al"], [furthest, 6.0])[0, 0] / len(atoms)
    everything = np.ones(len(near), bool)
    # All neighbours are paid for, since a repulsion may look at them, but radial functions of the near ones only.
    assert model.counts(near)["neighbor"] == model.counts(everything)["neighbor"] == pytest.approx(within[1])
    assert 0.0 < model.counts(near)["column"] <= near.sum() * within[0]
    assert model.counts(near)["harmonic"] == 0.0 < model.counts(everything)["harmonic"]
    coefficients = np.where(near, rng.normal(size=len(near)), 0.0)
    potential = Potential.from_coefficients(basis.to_dict(), coefficients, {"Al": 0.0}, {})
    assert potential.cutoff == furthest
    exact = potential.core.evaluate_reference(structure_from_atoms(atoms))
    for found, expected in zip(
        potential.core.evaluate_many([structure_from_atoms(atoms)])[0], exact, strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-8 * np.abs(expected).max())


def test_a_potential_without_features_still_notices_atoms_on_top_of_each_other():
    basis = Basis(["Al"], cutoff=6.0, size="small", repulsion=None)
    potential = Potential.from_coefficients(basis.to_dict(), np.zeros(basis.n_features), {"Al": -1.0}, {})
    assert potential.cutoff == 1.0
    atoms = bulk("Al", cubic=True)
    assert potential.core.evaluate_many([structure_from_atoms(atoms)])[0][0].sum() == -4.0
    atoms.positions[1] = atoms.positions[0]
    with pytest.raises(StructureError):
        potential.core.evaluate_many([structure_from_atoms(atoms)])[0]
