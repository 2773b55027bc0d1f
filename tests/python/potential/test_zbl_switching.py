"""The closed form of the switching to ZBL against the core, which evaluates it whole."""

from dataclasses import replace

import numpy as np
import pytest

import mlip_rs as mlip
from mlip_rs.basis.repulsion import Repulsion
from mlip_rs.potential.compression import Compression
from mlip_rs.potential.zbl_switching import ZblSwitching, zbl

TOLERANCE = 1e-10
"""Relative to the energy, or eV."""

ELEMENTS = ("Ag", "Au")
CUTOFF = 5.0
INNER, OUTER = ((1.9, 2.0), (2.0, 2.2)), ((2.4, 2.5), (2.5, 2.7))
REFERENCES = {"Ag": -0.2, "Au": -0.3}
REPULSIONS = {
    "pairs": Repulsion(INNER, OUTER),
    "density": Repulsion(INNER, OUTER, (6.0, 7.0), (12.0, 15.0)),
    "level": Repulsion(INNER, OUTER, (6.0, 7.0), (12.0, 15.0), 5.0),
    "close": Repulsion(INNER, OUTER, (4.0, 5.0), (9.0, 11.0), 10.0, 1.6),
}


@pytest.fixture(scope="module")
def basis():
    sizes = {"n_radial": 4, "n_angular": 3, "max_l": 2}
    return mlip.Basis(ELEMENTS, cutoff=CUTOFF, hierarchy="angular", constant=True, repulsion=None, **sizes)


def potential(basis, repulsion):
    coefficients = 0.1 * np.random.default_rng(5).normal(size=basis.n_features)
    return mlip.Potential.from_coefficients(
        replace(basis, repulsion=repulsion).to_dict(), coefficients, REFERENCES
    )


@pytest.mark.parametrize("name", REPULSIONS)
@pytest.mark.parametrize(
    "compression",
    [
        Compression.dimer("Ag", "Ag"),
        Compression.dimer("Ag", "Au"),
        *(Compression.crystal(lattice, "Au") for lattice in ("fcc", "bcc", "diamond", "sc")),
    ],
    ids=lambda compression: "-".join((compression.kind, *compression.elements)),
)
def test_closed_form_equals_the_core(basis, name, compression):
    repulsion = REPULSIONS[name]
    whole, pairs_only = potential(basis, repulsion), potential(basis, Repulsion(INNER, OUTER))
    switching = ZblSwitching(ELEMENTS, CUTOFF, repulsion.to_dict())
    distances = np.linspace(4.0, 1.0, 61)
    wanted = compression.energies(whole.core, distances, 1)
    without = compression.energies(pairs_only.core, distances, 1)
    for shells, energies, own in zip(compression.shells, wanted.T, without.T, strict=True):
        isolated = REFERENCES[shells.center] + pairs_only.coefficients(shells.center)["1"]
        found = switching.energy(shells, distances, own, isolated)
        np.testing.assert_allclose(found, energies, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["density", "close"])
def test_below_the_pure_zbl_distance_the_coefficients_do_not_matter(basis, name):
    crystal, repulsion = Compression.crystal("fcc", "Ag"), REPULSIONS[name]
    (shells,) = crystal.shells
    limit = ZblSwitching(ELEMENTS, CUTOFF, repulsion.to_dict()).pure_zbl_distance(shells)
    assert 1.5 < limit < 3.0
    distances = np.linspace(limit, 0.8 * limit, 5)
    fitted = potential(basis, repulsion)
    nothing = np.zeros(basis.n_features)
    nothing[np.tile(np.array(basis.labels()) == "1", 2)] = [fitted.coefficients(e)["1"] for e in ELEMENTS]
    empty = mlip.Potential.from_coefficients(
        replace(basis, repulsion=repulsion).to_dict(), nothing, REFERENCES
    )
    found, wanted = (crystal.energies(each.core, distances, 1) for each in (fitted, empty))
    np.testing.assert_allclose(found, wanted, rtol=TOLERANCE, atol=TOLERANCE)


def test_the_universal_repulsion_has_the_value_of_its_definition():
    # Two silicon atoms at the screening length a = 0.8854 a₀ / (2 · 14^0.23) = 0.12767 Å.
    screening = sum(
        a * np.exp(-k)
        for a, k in ((0.18175, 3.1998), (0.50986, 0.94229), (0.28022, 0.4029), (0.02817, 0.20162))
    )
    assert zbl("Si", "Si", 0.12767) == pytest.approx(14.399645 * 196 / 0.12767 * screening, rel=1e-3)


def test_shells_of_fcc_are_those_of_the_textbook():
    (shells,) = Compression.crystal("fcc", "Al").shells
    assert shells.counts[:5].tolist() == [12, 6, 24, 12, 24]
    np.testing.assert_allclose(shells.ratios[:5], np.sqrt([1, 2, 3, 4, 5]), rtol=TOLERANCE)
