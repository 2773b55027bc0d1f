"""The boundary to the compiled core: arguments that no caller of ours gives, threads, forks."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from mlip_rs import _core
from mlip_rs.basis import Basis, RadialSet, radial_grid
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.errors import ConfigError, FitError, StructureError
from mlip_rs.generate.prototypes import enlarged

TIMEOUT = 60.0
PAIR = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=4)


def test_absurd_numbers_of_threads_are_refused_and_never_the_default(monkeypatch):
    structure = structure_from_atoms(bulk("Al"))
    with pytest.raises(ConfigError, match="100000 threads cannot be started"):
        _core.neighbor_list(structure, 5.0, 100_000)
    monkeypatch.setenv("MLIP_RS_NUM_THREADS", "1000000")
    assert _core.default_threads() == 1024


def test_ridge_tells_a_singular_matrix_from_a_wrong_one():
    ones, penalties = np.ones(2), np.array([[0.0, 0.0], [1.0, 1.0]])
    singular, regular = _core.solve_ridge(np.ones((2, 2)), ones, penalties)
    assert singular is None
    np.testing.assert_allclose(regular, [1 / 3, 1 / 3])
    with pytest.raises(FitError, match=r"entry \(0, 1\) is NaN"):
        _core.solve_ridge(np.array([[1.0, np.nan], [np.nan, 1.0]]), ones, penalties)
    with pytest.raises(FitError, match="out of range"):
        _core.solve_ridge(np.eye(2), ones, penalties, [2])


def test_no_coefficients_give_empty_predictions():
    structure = structure_from_atoms(bulk("Al"))
    (rows,) = _core.predict(PAIR.core, [structure], np.zeros((PAIR.n_features, 0)))
    assert rows.shape == (10, 0)


def test_arrays_that_cannot_be_written_or_viewed_are_refused():
    gram = np.eye(4)
    gram.flags.writeable = False
    with pytest.raises((TypeError, ValueError)):
        _core.symmetrize(gram)
    with pytest.raises((TypeError, ValueError)):
        _core.symmetrize(np.eye(8)[::2, ::2])


FORK = """
    import faulthandler, os
    import numpy as np
    from ase.build import bulk
    from mlip_rs import Basis, _core
    from mlip_rs.data.core_structures import structure_from_atoms

    faulthandler.dump_traceback_later(50, exit=True)
    large = structure_from_atoms(bulk("Al", cubic=True).repeat(8))
    basis = Basis(["Al"], cutoff=3.0, hierarchy="pair", n_radial=1).core

    def work():
        ones = np.ones(3)
        return _core.lambda_max(np.eye(3), ones, ones, ones), basis.design(large).sum()

    expected = work()
    child = os.fork()
    if child == 0:
        os._exit(17 if work() == expected else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 17
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_what_is_parallel_works_on_in_a_forked_child():
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(FORK)]
    done = subprocess.run(command, timeout=TIMEOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_set_beyond_the_largest_l_does_not_take_the_others_along():
    coarse = RadialSet("cosine", {"p": [0.5, 1.0]})
    fine = RadialSet("cosine", {"p": [1.5]}, max_l=6)
    document = Basis(["Al"], hierarchy="angular", radial=[coarse, fine], max_l=2).to_dict()
    assert document["invariants"][1]["max_l"] == 6
    assert [entry["max_l"] for entry in document["radial"]] == [2, 6]
    plain = Basis(["Al"], hierarchy="angular", radial=[coarse], max_l=2).to_dict()
    assert plain["invariants"][1]["max_l"] == 2


def test_grids_without_end_are_refused_before_they_are_made():
    with pytest.raises(ConfigError, match="at most 1000"):
        radial_grid("gaussian", 10**12, 6.0)


def test_nothing_enlarged_is_nothing():
    assert len(enlarged(Atoms(cell=[4, 4, 4], pbc=True), 100)) == 0


def test_features_of_atoms_are_those_of_their_element_and_sum_to_the_energy_row():
    basis = Basis(["Al", "Ni"], cutoff=5.0, hierarchy="angular-poly", n_radial=4).core
    atoms = bulk("Al", cubic=True).repeat(2)
    atoms.rattle(0.1, seed=1)
    atoms.symbols[::3] = "Ni"
    structure, per_center = structure_from_atoms(atoms), basis.features_per_center
    features = basis.features(structure)
    assert features.shape == (len(atoms), per_center)
    summed = [features[atoms.symbols == symbol].sum(0) for symbol in basis.elements]
    np.testing.assert_allclose(np.concatenate(summed), basis.design(structure)[0], rtol=1e-12, atol=1e-12)
    with pytest.raises(StructureError, match="Cu"):
        basis.features(structure_from_atoms(bulk("Cu")))
