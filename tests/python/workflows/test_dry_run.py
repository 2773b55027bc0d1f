"""`fit --dry-run` says what the fit would say, and small molecules are data like any other."""

import pytest
from ase.build import molecule
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from cli_case import SMALL_BASIS, errors, files_below, invoke, labelled_frames, write_frames

from mlip_rs.data import read_dataset, suggest_cutoff
from mlip_rs.data.suggest import REACH


def labelled(atoms):
    """A copy with the energy and forces of EMT."""
    atoms.calc = EMT()
    found = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
    copy = atoms.copy()
    copy.calc = SinglePointCalculator(copy, **found)
    return copy


def molecules(name, count=20, box=None):
    """Rattled molecules in vacuum, or in a periodic box."""
    frames = []
    for number in range(count):
        atoms = molecule(name)
        atoms.rattle(0.06, seed=number)
        frame = labelled(atoms)
        if box is not None:
            frame.cell, frame.pbc = [box] * 3, True
            frame.center()
        frames.append(frame)
    return frames


@pytest.mark.parametrize("box", [None, 20.0])
@pytest.mark.parametrize("name", ["H2O", "N2", "CH4"])
def test_the_cutoff_of_small_molecules_is_twice_their_longest_distance(tmp_path, name, box):
    frames = molecules(name, 10, box)
    longest = max(frame.get_all_distances().max() for frame in frames)
    cutoff = suggest_cutoff(read_dataset(write_frames(tmp_path / "m.extxyz", frames)))
    assert REACH * longest - 0.1 <= cutoff <= REACH * longest


@pytest.mark.usefixtures("no_report")
@pytest.mark.parametrize("box", [None, 20.0])
def test_small_molecules_are_fitted_with_defaults(tmp_path, box):
    path = write_frames(tmp_path / "water.extxyz", molecules("H2O", box=box))
    words = "fit", path, "--hierarchy", "pair", "--n-radial", "6", "-o", tmp_path / "run"
    assert invoke(*words, "--dry-run").exit_code == 0
    outcome = invoke(*words)
    assert outcome.exit_code == 0, outcome.stderr


def refusals(tmp_path):
    """Data and options that a fit refuses, by name."""
    frames = labelled_frames()
    water = write_frames(tmp_path / "water.extxyz", molecules("H2O", 4))
    return {
        "folds": (frames[:3], "--folds", "5"),
        "rows": (frames[:6], "--size", "huge", "--cutoff", "5", "--folds", "3"),
        "cutoff": (molecules("H2O"), "--cutoff", "7"),
        "elements of test data": (frames, *SMALL_BASIS, "--test", water),
        "memory": (frames, *SMALL_BASIS, "--set", "fit.memory_gib=0.01"),
        "directory": (frames, *SMALL_BASIS, "-o", water),
    }


@pytest.mark.parametrize("kind", ["folds", "rows", "cutoff", "elements of test data", "memory", "directory"])
def test_dry_run_refuses_what_the_fit_refuses_in_the_same_words(tmp_path, kind):
    frames, *options = refusals(tmp_path)[kind]
    path = write_frames(tmp_path / "data.extxyz", frames)
    words = "fit", path, *([] if kind == "directory" else ["-o", tmp_path / "run"]), *options
    said = [errors(invoke(*words, *more)) for more in ([], ["--dry-run"])]
    refused = [[line for line in lines if line.startswith("error:")] for lines in said]
    assert len(refused[0]) == 1
    assert refused[0] == refused[1]


def test_dry_run_in_the_directory_of_another_fit_is_told_and_touches_nothing(finished):
    before = files_below(finished)
    path = write_frames(finished.parent / "other.extxyz", labelled_frames()[:30])
    outcome = invoke("fit", path, *SMALL_BASIS, "-o", finished, "--dry-run")
    assert outcome.exit_code == 0
    assert "holds a finished fit with other data" in outcome.stderr
    assert "rows of data" in outcome.stdout
    assert files_below(finished) == before
