"""A watch warns, writes frames or stops where an atom leaves what the potential was fitted to."""

import warnings
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import units
from ase.calculators.emt import EMT
from ase.md.langevin import Langevin
from ase.md.verlet import VelocityVerlet
from ase.optimize import BFGS
from potentials import argon_crystal
from uncertain_case import cold_argon, warned, watched_argon

from mlip_rs.calculators import Watch
from mlip_rs.errors import ConfigError, OutsideDomainError
from mlip_rs.validate.properties.energy_conservation import energy_conservation
from mlip_rs.validate.properties.melt_quench import melt_quench


@pytest.fixture(scope="module")
def watched():
    return watched_argon()


def run_of(potential, temperature):
    """Argon at a temperature (K) and its Langevin run."""
    atoms = argon_crystal(repeat=2)
    atoms.calc = potential.calculator()
    thermal = np.sqrt(atoms.get_masses() * units.kB * temperature)[:, None]
    atoms.set_momenta(thermal * np.random.default_rng(1).normal(size=(len(atoms), 3)))
    dynamics = Langevin(
        atoms,
        5 * units.fs,
        temperature_K=temperature,
        friction=0.01 / units.fs,
        fixcm=False,
        rng=np.random.default_rng(2),
    )
    return atoms, dynamics


def test_a_run_that_leaves_is_told_once_with_step_atom_and_index(watched):
    atoms, dynamics = run_of(watched, 150.0)
    watch = Watch(atoms, dynamics=dynamics, name="argon")
    dynamics.attach(watch, interval=5)
    (sentence,) = warned(lambda: dynamics.run(100))
    assert sentence.startswith("argon, step ")
    step = int(sentence.split()[2].rstrip(":"))
    assert step % 5 == 0
    assert f"atom {watch.departure.atom} (Ar)" in sentence
    assert watch.largest >= watch.departure.index > watch.threshold


def test_a_run_inside_is_left_alone(watched, tmp_path):
    atoms, dynamics = run_of(watched, 0.5)
    watch = Watch(atoms, on_leave="stop", file=tmp_path / "a.xyz", dynamics=dynamics)
    dynamics.attach(watch)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dynamics.run(30)
    assert watch.departure is None
    assert 0.0 < watch.largest < watch.threshold
    assert not (tmp_path / "a.xyz").exists()


def test_frames_are_dumped_with_index_forces_and_step(watched, tmp_path):
    atoms, dynamics = run_of(watched, 150.0)
    file = tmp_path / "outside.extxyz"
    ase.io.write(file, cold_argon(1))  # of a run before
    watch = Watch(atoms, on_leave="dump", file=file, dynamics=dynamics, most_frames=3)
    dynamics.attach(watch, interval=10)
    assert len(warned(lambda: dynamics.run(100))) == 1
    frames = ase.io.read(file, ":")[1:]
    assert len(frames) == watch.n_frames == 3
    steps = [frame.info["step"] for frame in frames]
    assert steps == sorted(set(steps))
    for frame in frames:
        fresh = frame.copy()
        fresh.calc = watched.calculator(index=False)
        np.testing.assert_allclose(
            frame.arrays["index"], fresh.calc.get_property("index", fresh), rtol=1e-4, atol=1e-4
        )
        np.testing.assert_allclose(frame.get_forces(), fresh.get_forces(), atol=1e-5)
        assert frame.info["largest_index"] == pytest.approx(frame.arrays["index"].max(), rel=1e-4)
        assert frame.get_potential_energy() == pytest.approx(fresh.get_potential_energy(), abs=1e-5)
        assert frame.arrays["momenta"].any()


@pytest.mark.parametrize("with_file", [True, False])
def test_a_run_is_stopped_with_its_last_frame_written(watched, tmp_path, with_file):
    atoms, dynamics = run_of(watched, 150.0)
    file = tmp_path / "outside.xyz" if with_file else None
    watch = Watch(atoms, threshold=1.5, on_leave="stop", file=file, dynamics=dynamics)
    dynamics.attach(watch, interval=2)
    with pytest.raises(OutsideDomainError, match=r"stopped: step \d+: atom \d+ \(Ar\)") as error:
        dynamics.run(1000)
    assert dynamics.nsteps < 1000
    if with_file:
        assert str(file) in str(error.value)
        frame = ase.io.read(file)
        assert frame.info["step"] == dynamics.nsteps
        np.testing.assert_allclose(frame.positions, atoms.positions, atol=1e-7)
    before = dynamics.nsteps
    watch.threshold = 1e9
    dynamics.run(10)
    assert dynamics.nsteps == before + 10


def test_relaxations_are_watched_as_well(watched):
    atoms = cold_argon(3, amplitude=0.3)
    atoms.calc = watched.calculator()
    with BFGS(atoms, logfile=None) as relaxation:
        relaxation.attach(Watch(atoms, dynamics=relaxation, on_leave="stop"))
        with pytest.raises(OutsideDomainError, match="step 0"):
            relaxation.run(fmax=0.01, steps=5)


def test_runs_of_other_calculators_are_watched_with_the_index_of_a_potential(watched, argon, tmp_path):
    atoms, dynamics = run_of(argon, 150.0)
    watch = Watch(atoms, on_leave="stop", file=tmp_path / "a.xyz", potential=watched, dynamics=dynamics)
    dynamics.attach(watch)
    with pytest.raises(OutsideDomainError, match="step"):
        dynamics.run(1000)
    found = watched.uncertainty(atoms).index
    np.testing.assert_allclose(ase.io.read(tmp_path / "a.xyz").arrays["index"], found, atol=1e-6)
    with pytest.raises(ConfigError, match="fit again"):
        Watch(atoms, potential=argon)


def test_without_dynamics_its_looks_are_counted(watched):
    atoms = cold_argon(3, amplitude=0.3)
    atoms.calc = watched.calculator()
    (sentence,) = warned(Watch(atoms))
    assert sentence.startswith("look 1: ")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"threshold": None}, "threshold"),
        ({"threshold": -1.0}, "index of anomaly"),
        ({"on_leave": "explode"}, "warn, dump, stop"),
        ({"on_leave": "dump"}, "needs a file"),
        ({"threshold": "high"}, "'high' is no index of anomaly"),
        ({"file": 3}, "file = 3 is no name of a file"),
        ({"file": "a\0.xyz"}, "no name of a file"),
        ({"most_frames": "all"}, "most_frames is 'all'"),
        ({"potential": "ar.mlip.json"}, r"Potential\.load\(file\)"),
        ({"dynamics": "nvt"}, "no run of ASE"),
    ],
)
def test_settings_that_make_no_sense_are_refused(watched, settings, reason):
    atoms = cold_argon(3)
    atoms.calc = watched.calculator()
    with pytest.raises(ConfigError, match=reason):
        Watch(atoms, **settings)


def test_atoms_without_an_index_are_refused_with_the_reason(argon, tmp_path, watched):
    atoms = argon_crystal(1)
    with pytest.raises(ConfigError, match=r"set atoms\.calc"):
        Watch(atoms)
    atoms.calc = argon.calculator()
    with pytest.raises(ConfigError, match="fit again"):
        Watch(atoms)
    atoms.calc = EMT()
    with pytest.raises(ConfigError, match="EMT has no property 'index'"):
        Watch(atoms)
    atoms.calc = watched.calculator()
    with pytest.raises(OSError, match="nowhere"):
        Watch(atoms, file=tmp_path / "nowhere" / "a.xyz")


def test_runs_of_the_package_warn_once(watched):
    atoms = argon_crystal(repeat=2)
    calculator = watched.calculator(index=False)
    (first,) = warned(lambda: energy_conservation(calculator, atoms, temperature=150.0, steps=100))
    assert first.startswith("energy-conservation, step ")
    (second,) = warned(lambda: melt_quench(calculator, atoms, 300.0, final_temperature=50.0, steps=200))
    assert second.startswith("melt-quench, step ")


def test_a_watched_run_has_the_same_trajectory(watched):
    ends = []
    for looks in (False, True):
        atoms = argon_crystal(repeat=2)
        atoms.rattle(0.05, seed=1)
        atoms.calc = watched.calculator(index=looks)
        dynamics = VelocityVerlet(atoms, 5 * units.fs)
        if looks:
            dynamics.attach(Watch(atoms))
        dynamics.run(20)
        ends.append(atoms.positions.tobytes())
    assert ends[0] == ends[1]


def test_files_that_frames_cannot_be_appended_to_are_refused(watched, tmp_path):
    atoms, _ = run_of(watched, 150.0)
    for name in ("a.cif", "a.xyz.gz", "a.traj"):
        with pytest.raises(ConfigError, match=rf"{name}: frames are appended as extended XYZ"):
            Watch(atoms, on_leave="dump", file=tmp_path / name)
    with pytest.raises(ConfigError, match="most_frames is 0"):
        Watch(atoms, on_leave="dump", file=tmp_path / "a.xyz", most_frames=0)


def test_a_stop_speaks_of_a_frame_only_where_one_was_written(watched, tmp_path):
    atoms, _ = run_of(watched, 150.0)
    watch = Watch(atoms, 1e-6, on_leave="stop", file=tmp_path / "a.xyz", most_frames=1)
    with pytest.raises(OutsideDomainError, match=r"the structure is in .*a\.xyz"):
        watch()
    with pytest.raises(OutsideDomainError) as caught:
        watch()
    assert "the structure is in" not in str(caught.value)
    assert len(ase.io.read(tmp_path / "a.xyz", ":")) == 1


def test_a_threshold_below_one_calls_no_familiar_atom_unlike(watched):
    atoms, _ = run_of(watched, 0.5)
    (sentence,) = warned(Watch(atoms, 1e-6))
    assert "below 1 as 99 % of the atoms" in sentence
    assert "unlike" not in sentence


def test_a_full_disk_is_named_with_the_file(watched):
    if not Path("/dev/full").exists():
        pytest.skip("a device of Linux")
    atoms, _ = run_of(watched, 150.0)
    with pytest.raises(OSError, match="/dev/full"):
        Watch(atoms, 1e-6, on_leave="dump", file="/dev/full")()
