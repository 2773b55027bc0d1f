"""Design rows that stay in memory: no result depends on how many of them do."""

from dataclasses import replace

import numpy as np
import pytest

from mlip_rs import _core
from mlip_rs.basis import Basis
from mlip_rs.data import read_dataset
from mlip_rs.data.core_structures import core_structure
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError
from mlip_rs.fitting import FitSettings, fit, resources
from mlip_rs.fitting.problem import build_problem, check_data

BASIS = Basis(["Al"], cutoff=5.0, hierarchy="pair-poly", n_radial=4, pair_cross_degree=2)
SETTINGS = FitSettings(n_folds=3, reference_energies={"Al": 0.0}, n_path=5)


@pytest.fixture(scope="module")
def problem():
    checked = check_data(read_dataset(DATA_PATH).subset(range(45)), BASIS, SETTINGS)
    return build_problem(checked, SETTINGS, persistent=False)


def filled(held, problem):
    """Bytes held once the rows of all structures were needed."""
    structures = [core_structure(frame) for frame in problem.dataset]
    _core.predict(problem.basis.core, structures, np.zeros((problem.basis.n_features, 1)), 1, held)
    return held.bytes


def test_a_fit_that_leaves_memory_for_none_or_some_rows_gives_the_same_bits(problem, monkeypatch):
    whole = fit(problem.dataset, BASIS, SETTINGS)
    all_rows = filled(resources.holding_rows(problem, SETTINGS).held_rows, problem)
    needed = resources.estimate(problem, SETTINGS).memory
    for left in (0, all_rows // 2):
        monkeypatch.setattr(resources, "available_memory", lambda left=left: needed + left)
        scarce = fit(problem.dataset, BASIS, SETTINGS)
        found, expected = ([p.potential.to_json() for p in run.points] for run in (scarce, whole))
        assert found == expected
        assert [p.validation.to_dict() for p in scarce.points] == [
            p.validation.to_dict() for p in whole.points
        ]
        assert [p.training.to_dict() for p in scarce.points] == [p.training.to_dict() for p in whole.points]


def test_there_is_no_more_room_than_the_memory_allowed_leaves(problem):
    needed = resources.estimate(problem, SETTINGS).memory / resources.GIB
    found = {}
    for left in (0.0, 5e-5, 64.0):
        settings = replace(SETTINGS, memory_gib=needed + left)
        found[left] = filled(resources.holding_rows(problem, settings).held_rows, problem)
    assert found[0.0] == 0
    assert 0 < found[5e-5] <= 5e-5 * resources.GIB < found[64.0]


def test_rows_that_are_a_large_part_of_the_memory_are_not_held(problem, monkeypatch):
    monkeypatch.setattr(resources, "held_bytes", lambda settings: 50_000)
    assert resources.holding_rows(problem, SETTINGS).held_rows is None


def test_rows_of_another_basis_are_refused(problem):
    held = _core.HeldRows(Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=4).core, 1 << 20)
    with pytest.raises(ConfigError, match="another basis"):
        filled(held, problem)
