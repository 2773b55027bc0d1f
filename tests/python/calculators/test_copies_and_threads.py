"""Calculators survive copies, threads, forks and pools of processes."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
import textwrap
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from potentials import (
    CALCULATOR_ROUNDING,
    alloy,
    aluminium,
    argon_crystal,
    assert_same,
    random_potential,
)

from mlip_rs.potential import Potential

TIMEOUT = 60.0
"""Seconds after which a child process counts as deadlocked."""


@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda calculator: pickle.loads(pickle.dumps(calculator))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_keep_settings_and_results_but_not_the_list(potential, duplicate):
    atoms = alloy()
    atoms.calc = calculator = potential.calculator(skin=0.7, threads=1)
    atoms.get_forces()
    other = duplicate(calculator)
    assert (other.skin, other.threads, other.potential) == (0.7, 1, potential)
    assert other.n_builds == 0
    np.testing.assert_array_equal(other.get_forces(alloy()), atoms.get_forces())
    assert other.n_builds == 0
    other.set(skin=0.2)
    assert calculator.skin == 0.7
    moved = alloy()
    moved.positions[0, 0] += 0.1
    moved.calc = other
    fresh = moved.copy()
    fresh.calc = potential.calculator()
    assert_same(moved, fresh)
    assert calculator.get_property("energy", moved, allow_calculation=False) is None


def test_atoms_with_their_calculator_are_copied_and_pickled(potential):
    atoms = alloy()
    atoms.calc = potential.calculator()
    atoms.get_forces()
    for other in (copy.deepcopy(atoms), pickle.loads(pickle.dumps(atoms))):
        assert other.calc is not atoms.calc
        assert_same(atoms, other)


def test_dropped_calculators_are_freed_at_once(potential):
    calculator = potential.calculator()
    calculator.get_forces(alloy())
    dropped = weakref.ref(calculator)
    del calculator
    assert dropped() is None


def test_threads_that_share_a_calculator_get_each_their_own_results(argon):
    structures = [argon_crystal(repeat=2, a=5.0 + 0.1 * k) for k in range(8)]
    expected = [prediction.energy for prediction in argon.predict(structures)]
    calculator = argon.calculator()
    barrier = threading.Barrier(8)

    def work(k):
        barrier.wait(TIMEOUT)
        atoms = structures[k].copy()
        atoms.calc = calculator
        for _ in range(200):
            np.testing.assert_allclose(
                atoms.get_potential_energy(), expected[k], rtol=0, atol=CALCULATOR_ROUNDING
            )
            assert len(atoms.get_forces()) == len(atoms)
            pickle.dumps(calculator)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # so often that a race is likely met
    try:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    finally:
        sys.setswitchinterval(interval)


def test_threads_with_their_own_calculators_agree(argon):
    def work(seed):
        atoms = argon_crystal(repeat=2)
        atoms.rattle(0.1, seed=seed)
        atoms.calc = argon.calculator(threads=1 + seed % 2)
        return atoms.get_forces()

    with ThreadPoolExecutor(4) as pool:
        for seed, forces in enumerate(pool.map(work, range(8))):
            np.testing.assert_allclose(forces, work(seed), rtol=0, atol=CALCULATOR_ROUNDING)


FORK = """
    import faulthandler, os, sys
    import numpy as np
    from ase.build import bulk
    from mlip_rs.calculators import MLIPCalculator

    faulthandler.dump_traceback_later(50, exit=True)
    atoms = bulk("Ar", a=5.3, cubic=True).repeat(3)
    atoms.calc = MLIPCalculator(sys.argv[1], threads=2)
    forces = atoms.get_forces()
    atoms.rattle(0.1, seed=1)
    expected = atoms.get_forces()
    children = []
    for _ in range(3):
        child = os.fork()
        if child == 0:
            atoms.rattle(1e-3, seed=2)
            moved = atoms.get_forces()
            fresh = atoms.copy()
            fresh.calc = MLIPCalculator(sys.argv[1], threads=2)
            good = np.allclose(fresh.get_forces(), moved, atol=1e-10)
            os._exit(17 if good else 1)
        children.append(child)
    atoms.calc.reset()
    assert np.allclose(atoms.get_forces(), expected, atol=1e-10)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [17] * 3
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_calculator_works_on_in_a_forked_child(tmp_path, argon):
    argon.save(tmp_path / "ar.mlip.json")
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(FORK), str(tmp_path / "ar.mlip.json")]
    done = subprocess.run(command, timeout=TIMEOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def energy_of(atoms):
    return atoms.get_potential_energy()


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_of_processes_evaluate_atoms_with_their_calculators(argon, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip("not on this system")
    frames = [argon_crystal(repeat=2, a=5.2 + 0.05 * k) for k in range(4)]
    calculator = argon.calculator(threads=2)
    for atoms in frames:
        atoms.calc = calculator
    calculator.get_forces(frames[0])
    with multiprocessing.get_context(method).Pool(2) as pool:
        energies = pool.map_async(energy_of, frames).get(TIMEOUT)
    np.testing.assert_allclose(
        energies, [p.energy for p in argon.predict(frames)], rtol=0, atol=CALCULATOR_ROUNDING
    )


def test_the_list_survives_what_other_structures_do_to_it(argon):
    small, large = argon_crystal(repeat=1), argon_crystal(repeat=2)
    small.calc = large.calc = argon.calculator()
    alone = argon.predict([small, large])
    for _ in range(3):
        assert small.get_potential_energy() == pytest.approx(alone[0].energy, abs=CALCULATOR_ROUNDING)
        assert large.get_potential_energy() == pytest.approx(alone[1].energy, abs=CALCULATOR_ROUNDING)


def test_aluminium_is_evaluated_from_the_potential_loaded(tmp_path):
    potential = random_potential()
    potential.save(tmp_path / "al.mlip.json")
    atoms, other = aluminium(), aluminium()
    atoms.calc = potential.calculator()
    other.calc = Potential.load(tmp_path / "al.mlip.json").calculator()
    np.testing.assert_array_equal(atoms.get_forces(), other.get_forces())
