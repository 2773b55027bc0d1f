"""Gaussians with cutoffs of their own."""

import numpy as np

from mlip_rs import Basis, radial_grid


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


def test_cutoffs_of_functions_are_for_gaussians_by_name_only():
    grid = radial_grid("gaussian", 4, 5.0)
    assert len(Basis(["Al"], size="medium", radial="bessel", radial_cutoffs="own").to_dict()["radial"]) == 2
    explicit = Basis(["Al"], cutoff=5.0, radial=[grid], size="small", radial_cutoffs="own")
    assert explicit.to_dict()["radial"] == [grid.to_dict()]
