"""Every verb that reads structures takes the same options for it."""

import pytest
from ase.build import bulk
from cli_case import invoke, write_frames
from potentials import argon_potential

LAMMPS = """argon

1 atoms
1 atom types
0 5 xlo xhi
0 5 ylo yhi
0 5 zlo zhi

Atoms # atomic

1 1 0 0 0
"""


@pytest.fixture
def folder(tmp_path):
    potential = argon_potential()
    potential.save(tmp_path / "ar.mlip.json")
    frames = []
    for seed in range(4):
        atoms = bulk("Ar", cubic=True)
        atoms.rattle(0.1, seed=seed)
        atoms.calc = potential.calculator()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = None
        atoms.info["my_energy"], atoms.arrays["my_forces"] = energy, forces
        frames.append(atoms)
    write_frames(tmp_path / "own.xyz", frames)
    (tmp_path / "types.lmp").write_text(LAMMPS)
    (tmp_path / "strange").write_bytes((tmp_path / "own.xyz").read_bytes())
    return tmp_path


KEYS = ("--energy-key", "my_energy", "--forces-key", "my_forces")


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "ar.mlip.json", "own.xyz", *KEYS),
        ("evaluate", "ar.mlip.json", "own.xyz", "--energy-key", "MY_ENERGY"),
        ("evaluate", "ar.mlip.json", "own.xyz", "--forces-key", "my_forces"),
        ("evaluate", "ar.mlip.json", "strange", *KEYS, "--format", "extxyz", "--set", "data.index=::2"),
        ("predict", "ar.mlip.json", "types.lmp", "--types", "Ar", "-o", "out.traj"),
        ("predict", "ar.mlip.json", "types.lmp", "--types", "1=Ar", "--format", "lammps-data", "-o", "out"),
        (
            "validate",
            "ar.mlip.json",
            "--only",
            "zone-boundary",
            "--crystal",
            "fcc",
            "-o",
            "v",
            "--data",
            "own.xyz",
            *KEYS,
        ),
        ("fit", "own.xyz", *KEYS, "--dry-run", "--folds", "2", "--hierarchy", "pair"),
    ],
    ids=lambda words: " ".join(words[:1] + words[3:5]),
)
def test_options_of_reading_are_taken(folder, monkeypatch, words):
    monkeypatch.chdir(folder)
    done = invoke(*words)
    assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ("evaluate", "ar.mlip.json", "own.xyz"),
            1,
            "perhaps you mean --energy-key my_energy --forces-key my_forces",
        ),
        (
            ("evaluate", "ar.mlip.json", "own.xyz", *KEYS, "--set", "basis.max_l=2"),
            1,
            "says nothing about the reading",
        ),
        (("predict", "ar.mlip.json", "types.lmp", "-o", "out"), 1, "types of LAMMPS"),
        (
            ("predict", "ar.mlip.json", "types.lmp", "--types", "Ar", "-o", "out.cif"),
            1,
            "'.cif' is no format",
        ),
        (("validate", "ar.mlip.json", "-o", "v", *KEYS), 2, "give --data as well"),
        (("bench", "ar.mlip.json", "--types", "Ar"), 2, "give --like as well"),
    ],
)
def test_what_decides_is_named(folder, monkeypatch, words, code, message):
    monkeypatch.chdir(folder)
    done = invoke(*words)
    assert done.exit_code == code
    assert message in done.stderr
    assert not (folder / "out").exists()


def test_standard_input_is_read(folder, monkeypatch):
    monkeypatch.chdir(folder)
    done = invoke("predict", "ar.mlip.json", "-", "-o", "out.xyz", stdin=(folder / "own.xyz").read_text())
    assert done.exit_code == 0, done.stderr
    assert "4 structures, 16 atoms -> out.xyz" in done.stdout
