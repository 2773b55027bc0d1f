"""Sums of normal equations of several elements, interrupted and resumed."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from mlip_rs.basis import Basis
from mlip_rs.data import dataset_from_atoms
from mlip_rs.fitting import FitSettings, open_fold, shares
from mlip_rs.fitting import assemble as assembly
from mlip_rs.fitting.problem import build_problem, check_data


def test_an_interrupted_assembly_of_an_alloy_resumes_to_the_same_bits(tmp_path, monkeypatch):
    # Structures of one element come before those of the other and of both, whatever their order in the data.
    rng, frames = np.random.default_rng(5), []
    for k in range(9):
        atoms = bulk("Al", cubic=True, a=3.8)
        atoms.symbols[: (0, 2, 4)[k % 3]] = "Ni"
        atoms.rattle(0.1, rng=rng)
        atoms.calc = EMT()
        atoms.get_stress()
        frames.append(atoms)
    basis = Basis(["Al", "Ni"], cutoff=4.5, r_min=1.5, hierarchy="pair-poly", n_radial=4, repulsion=None)
    settings = FitSettings(n_folds=2, method="ridge", reference_energies={"Al": 0.0, "Ni": 0.0})
    problem = build_problem(
        check_data(dataset_from_atoms(frames), basis, settings), settings, persistent=True
    )
    monkeypatch.setattr(shares, "BATCH_ROWS", 20)
    monkeypatch.setattr(open_fold, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(open_fold, "CHECKPOINT_SHARE", np.inf)
    honest, left = assembly.accumulate, [np.inf]

    def interrupted(*args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        honest(*args, **kwargs)

    monkeypatch.setattr(assembly, "accumulate", interrupted)
    whole = assembly.assemble(problem, tmp_path / "whole")
    for n_batches in (1, 2, 3, 4):
        left[0] = n_batches
        with pytest.raises(KeyboardInterrupt):
            assembly.assemble(problem, tmp_path / str(n_batches))
        left[0] = np.inf
        resumed = assembly.assemble(problem, tmp_path / str(n_batches))
        for fold in range(2):
            rows = slice(0, basis.n_features)
            np.testing.assert_array_equal(resumed.gram_rows(fold, rows), whole.gram_rows(fold, rows))
