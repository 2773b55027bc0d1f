"""Settings of any number type are taken, and those of a wrong kind refused by name."""

import json

import numpy as np
import pytest
from cli_case import SMALL_BASIS, errors, invoke, labelled_frames, write_frames

from mlip_rs.basis import Basis, RadialSet
from mlip_rs.errors import ConfigError
from mlip_rs.fitting import FitSettings, Weights, fit

BASIS = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=6)
SETTINGS = FitSettings(n_folds=3, n_path=5, threads=1)


def test_numpy_numbers_are_settings_as_good_as_any(tmp_path):
    radial = [RadialSet("gaussian", {"beta": np.array([0.8]), "mu": np.linspace(1.5, 4.0, 4)})]
    basis = Basis(
        np.array(["Al"]), np.float32(5), "pair-poly", radial, pair_degree=np.int64(2), constant=np.bool_(1)
    )
    settings = FitSettings(
        n_folds=np.int64(3),
        n_path=np.int32(5),
        max_nonzero=np.int64(9),
        path_ratio=np.float32(1e-6),
        ridge_penalties=np.array([1e-6, 1e-4]),
        weights=Weights(energy=np.float32(0.001), config_types={"eos_fcc": np.float32(2)}),
        reference_energies={np.str_("Al"): np.float32(-0.1)},
        seed=np.int64(1),
        threads=np.int64(1),
    )
    fit(labelled_frames(), basis, settings, directory=tmp_path / "run")
    record = json.loads((tmp_path / "run/run.json").read_text(encoding="utf-8"))
    assert record["settings"]["n_folds"] == 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Basis(["Al"], cutoff="6"), "cutoff is '6'; it must be a finite number"),
        (lambda: Basis(["Al"], cutoff=1e-300), "cutoff is 1e-300 Å; no two atoms are that close"),
        (lambda: Basis(["Al"], r_min=np.nan), "r_min is nan; it must be a finite number"),
        (lambda: Basis(["Al"], r_min=-3), "r_min is -3 Å; it must not be negative"),
        (lambda: Basis(["Al"], max_l=-1), "max_l is -1; it must be an integer, at least 0"),
        (lambda: Basis(["Al"], n_radial=2.5), "n_radial is 2.5; it must be an integer"),
        (lambda: Basis(["Al"], radial=None), "radial is None; it must be a string or a list"),
        (lambda: FitSettings(n_folds="3"), "n_folds is '3'; it must be an integer"),
        (lambda: FitSettings(seed=-1), "seed is -1; it must be an integer, at least 0"),
        (lambda: FitSettings(seed=None), "seed is None; it must be an integer"),
        (
            lambda: FitSettings(reference_energies={"Al": "x"}),
            "reference_energies.Al is 'x'; it must be a finite",
        ),
        (lambda: FitSettings(reference_energies=[1.0]), "reference_energies is [1.0]; it must be a table"),
        (lambda: Weights(energy="x"), "energy is 'x'; it must be a finite number"),
        (
            lambda: Weights(config_types={"a": "x"}),
            "config_types.a is 'x'; it must be a finite number or a table",
        ),
        (lambda: fit([], {"elements": ["Al"]}), "basis must be a Basis and settings FitSettings"),
    ],
)
def test_settings_of_a_wrong_kind_are_refused_by_name(make, message):
    with pytest.raises(ConfigError) as caught:
        make()
    assert str(caught.value).startswith(message)


def test_negative_seed_is_one_line(tmp_path):
    path = write_frames(tmp_path / "al.extxyz", labelled_frames())
    result = invoke("fit", path, *SMALL_BASIS, "--seed", "-1", "-o", tmp_path / "run")
    assert errors(result) == ["error: fit.seed is -1; it must be an integer, at least 0"]
