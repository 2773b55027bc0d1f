"""Bad input: one clear line that names file, frame, atom and cure, exit code 1, nothing half-written."""

import errno
import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from cli_case import SMALL_BASIS, errors, invoke, labelled_frames, write_frames

from mlip_rs.cli.app import _show_warning, describe
from mlip_rs.errors import OutsideDomainWarning

pytestmark = pytest.mark.usefixtures("no_report")


def refused(folder: Path, *args) -> str:
    """The one line of a command that must fail and leave no file behind."""
    before = sorted(folder.rglob("*"))
    result = invoke(*args)
    assert result.exit_code == 1, result.output
    (line,) = errors(result)
    assert line.startswith("error: ")
    assert sorted(folder.rglob("*")) == before
    assert result.stdout == ""
    return line.removeprefix("error: ")


def refused_fit(folder: Path, frames: list[Atoms], *options) -> str:
    path = write_frames(folder / "al.extxyz", frames)
    return refused(folder, "fit", path, *SMALL_BASIS, "-o", folder / "run", *options)


def test_an_empty_file_is_named(tmp_path):
    path = tmp_path / "al.extxyz"
    path.touch()
    line = refused(tmp_path, "fit", path, *SMALL_BASIS, "-o", tmp_path / "run")
    assert line == f"{path}: the file is empty; write it again or leave it out"


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda a, v: a.positions.__setitem__((0, 1), v), "atom 0: position is not finite"),
        (lambda a, v: a.cell.__setitem__((0, 1), v), "lattice vector 0 is not finite"),
        (lambda a, v: a.calc.results.update(energy=v), "energy is not finite"),
        (lambda a, v: a.calc.results["forces"].__setitem__((0, 1), v), "atom 0: force is not finite"),
        (lambda a, v: a.calc.results["stress"].__setitem__(2, v), "stress is not finite"),
    ],
)
def test_a_number_that_is_not_finite_names_frame_and_atom(tmp_path, spoil, message, value):
    frames = labelled_frames()
    spoil(frames[7], value)
    line = refused_fit(tmp_path, frames)
    assert line.startswith(f"frame 7 of al.extxyz: {message}; remove the frame")


def test_a_wrong_number_of_forces_is_refused(tmp_path):
    frames = labelled_frames()
    for atoms in frames:
        atoms.info["REF_forces"] = atoms.calc.results.pop("forces")
        if len(atoms) < 2:
            atoms.info["REF_forces"] = np.zeros((3, 3))
    line = refused_fit(tmp_path, [atoms for atoms in frames if len(atoms) == 1])
    assert line.startswith("frame 0 of al.extxyz: forces have shape (3, 3) for 1 atom, not (1, 3); remove")


def test_a_symbol_of_no_element_is_refused(tmp_path):
    path = write_frames(tmp_path / "al.extxyz", labelled_frames())
    path.write_text(path.read_text().replace("\nAl  ", "\nQq  ", 1))
    line = refused(tmp_path, "fit", path, *SMALL_BASIS, "-o", tmp_path / "run")
    cure = "name its element (--types Qq=SYMBOL), or drop the frame"
    assert line == f"frame 0 of al.extxyz: atom 0: 'Qq' is not the symbol of an element; {cure}"


def test_an_element_outside_the_basis_names_frame_atom_and_cure(tmp_path):
    frames = labelled_frames()
    frames[5].numbers[0] = 29
    line = refused_fit(tmp_path, frames, "--elements", "Al")
    assert line == (
        "frame 5 of al.extxyz: atom 0: element Cu is not in the basis (Al); "
        "add it to basis.elements or drop the frame"
    )


def test_a_flat_cell_is_refused(tmp_path):
    frames = labelled_frames()
    frames[5].cell[2] = frames[5].cell[1]
    assert refused_fit(tmp_path, frames).startswith("frame 5 of al.extxyz: the periodic cell is flat")


def test_two_atoms_on_one_spot_are_named(tmp_path):
    frames = labelled_frames()
    index = next(i for i, atoms in enumerate(frames) if len(atoms) > 1)
    frames[index].positions[1] = frames[index].positions[0]
    line = refused_fit(tmp_path, frames)
    assert line.startswith(
        f"frame {index} of al.extxyz: atoms 0 (Al) and 1 (Al) are 0.000 Å apart, on one spot"
    )


@pytest.mark.parametrize(
    ("cutoff", "message"),
    [
        ("0", "0.0 Å; it must be a positive number"),
        ("-1", "-1.0 Å; it must be a positive number"),
        ("nan", "nan; it must be a finite number"),
        ("inf", "inf; it must be a finite number"),
    ],
)
def test_a_cutoff_that_is_no_length_is_refused(tmp_path, cutoff, message):
    line = refused_fit(tmp_path, labelled_frames(), "--cutoff", cutoff)
    assert line == f"basis.cutoff is {message}"


def test_a_cutoff_below_every_distance_is_answered_with_a_longer_one(tmp_path):
    line = refused_fit(tmp_path, labelled_frames(), "--cutoff", "1.0")
    assert (
        line
        == "cutoff 1.0 Å: nearest neighbours in the data are 2.81 Å apart; raise the cutoff, to about 6.2 Å"
    )


def test_a_shortest_distance_beyond_a_cutoff_is_refused(tmp_path):
    line = refused_fit(tmp_path, labelled_frames(), "--cutoff", "5", "--set", "basis.r_min=6")
    assert line == "basis.r_min is 6 Å; it must be shorter than the cutoff, 5 Å"


def test_a_cutoff_beyond_every_distance_is_refused(tmp_path):
    frames = []
    for distance in np.linspace(2.2, 3.4, 12):
        atoms = Atoms("Al2", positions=[[0, 0, 0], [0, 0, distance]])
        atoms.calc = SinglePointCalculator(atoms, energy=distance, forces=np.zeros((2, 3)))
        frames.append(atoms)
    line = refused_fit(tmp_path, frames, "--cutoff", "8")
    assert line.startswith("cutoff 8.0 Å: the longest distance in the data is 3.40 Å")


def test_data_without_energies_are_refused(tmp_path):
    frames = labelled_frames()
    for atoms in frames:
        del atoms.calc.results["energy"]
    assert "none of the 40 frames has an energy" in refused_fit(tmp_path, frames)


def test_one_structure_cannot_be_cross_validated(tmp_path):
    line = refused_fit(tmp_path, labelled_frames()[:1])
    assert line == "only one structure: 3 folds cannot be made; add data"


def test_more_features_than_rows_are_refused(tmp_path):
    line = refused_fit(tmp_path, labelled_frames(), "--hierarchy", "angular-poly")
    assert "features but only" in line
    assert "rows of data (40 structures); use a smaller basis or more data" in line
    assert "--allow-underdetermined" in line
    assert "in Python, allow_underdetermined=True" in line


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--hierarchy", "pairs"), "basis.hierarchy 'pairs' does not exist; choose one of pair,"),
        (("--method", "lars"), "fit.method 'lars' does not exist; choose one of cost-aware,"),
        (("--n-radial", "0"), "basis.n_radial is 0; at least one radial function is needed"),
        (("--folds", "1"), "fit.n_folds is 1; cross-validation needs at least 2"),
        (("--threads", "99999"), "fit.threads is 99999; give a number up to 1024"),
        (("--energy-key", "enrg"), "al.extxyz: no frame has the energy key 'enrg'; keys present: "),
        (("--reference-energy", "Cu=1"), "no reference energy given for Al"),
    ],
)
def test_invalid_options_name_key_and_value(tmp_path, options, message):
    assert refused_fit(tmp_path, labelled_frames(), *options).startswith(message)


@pytest.mark.parametrize("below", ["file", "file/run"])
def test_a_run_directory_below_a_file_is_refused(tmp_path, below):
    (tmp_path / "file").write_text("not a directory")
    path = write_frames(tmp_path / "al.extxyz", labelled_frames())
    line = refused(tmp_path, "fit", path, *SMALL_BASIS, "-o", tmp_path / below)
    assert line.startswith(str(tmp_path / "file"))
    assert "is a file, not a directory" in line or "Not a directory" in line


# ---- configuration ----------------------------------------------------------------------------------------


def refused_config(folder: Path, text: str) -> list[str]:
    path = folder / "fit.toml"
    path.write_text(text, encoding="utf-8")
    result = invoke("fit", path)
    assert result.exit_code == 1
    assert list(folder.iterdir()) == [path]
    return [line.removeprefix(f"error: {path}: ") for line in errors(result)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[data]\ntrain="a"\n[basis]\ncutof = 5', "basis.cutof does not exist; did you mean basis.cutoff?"),
        ('[data]\ntset = "a"', "data.tset does not exist; did you mean data.test?"),
        ("[ouput]", "ouput does not exist; did you mean output?"),
        ("cutoff = 5", "cutoff does not exist; did you mean basis.cutoff?"),
        ("[fit]\nhierarchy = 'pair'", "fit.hierarchy does not exist; did you mean basis.hierarchy?"),
        ("[output]\nzzz = 1", "output.zzz does not exist; there are directory"),
        (
            "[data.keys]\nenrgy = 'E'",
            "data.keys.enrgy does not exist; did you mean data.keys.energy?",
        ),
        (
            "[[basis.radial]]\nfamily = 'sto'\nparams = {}",
            "basis.radial[0].params does not exist; did you mean basis.radial[0].parameters?",
        ),
        ("[basis]\ncutoff = '6'", "basis.cutoff is '6'; it must be a finite number"),
        ("[basis]\nn_radial = 2.5", "basis.n_radial is 2.5; it must be an integer"),
        ("[basis]\nelements = 'Al'", "basis.elements must be a list of symbols, such as ['Al']"),
        ("[weights]\nforces = true", "weights.forces is True; it must be a finite number"),
        (
            "[weights.config_types]\nliquid = 'x'",
            "weights.config_types.liquid is 'x'; it must be a finite number or a table",
        ),
        ("basis = 3", "basis is 3; it must be a table"),
        ("[basis]\nhierarchy = 'pair'", "data.train is missing; name the files to fit to"),
        (
            "[data]\ntrain = 'a'\n[fit]\nmethod = 'x'",
            "fit.method 'x' does not exist; choose one of cost-aware, adaptive-lasso, lasso, elastic-net, group-lasso, "
            "omp, ridge",
        ),
        (
            "a = 1\n[data\n",
            "line 2: expected ']' at the end of a table declaration (column 6); correct the TOML",
        ),
    ],
)
def test_configuration_error_names_file_key_and_cure(tmp_path, text, message):
    assert refused_config(tmp_path, text) == [message]


def test_every_wrong_key_of_a_configuration_has_its_line(tmp_path):
    lines = refused_config(tmp_path, "[basis]\ncutof = 5\nmax_l = 'x'\n[fit]\nfolds = 3")
    assert len(lines) == 3


def test_a_missing_configuration_is_named(tmp_path):
    line = refused(tmp_path, "fit", tmp_path / "no.toml")
    assert line == f"{tmp_path}/no.toml: cannot be read (No such file or directory); check the path"


# ---- potential files, outputs -----------------------------------------------------------------------------


@pytest.fixture
def potential_text(small_run):
    return (small_run / "best.mlip.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text[: len(text) // 2], "cut short"),
        (lambda text: text.replace('"cutoff": 5.0', '"cutoff": 5.5'), "checksum does not match"),
        (lambda text: text.replace('"version": 2', '"version": 7'), "newer than 2"),
        (lambda text: "[" * 100_000, "not a JSON document"),
        (lambda text: "", "is empty"),
        (lambda text: json.dumps({"format": "pickle"}), "not a potential file"),
        (lambda text: "\x00\x01", "not a JSON document"),
    ],
)
@pytest.mark.parametrize("verb", ["inspect", "evaluate", "predict", "bench"])
def test_damaged_potential_files_are_refused_by_every_verb(tmp_path, potential_text, change, message, verb):
    path = tmp_path / "x.mlip.json"
    assert change(potential_text) != potential_text
    path.write_text(change(potential_text), encoding="utf-8")
    structures = write_frames(tmp_path / "al.extxyz", [bulk("Al")])
    rest = {"evaluate": [structures], "predict": [structures, "-o", tmp_path / "out.extxyz"]}.get(verb, [])
    line = refused(tmp_path, verb, path, *rest)
    assert line.startswith(f"{path}: ")
    assert message in line


def test_a_warning_for_the_user_is_a_sentence_without_code(capsys):
    _show_warning(OutsideDomainWarning("step 3: look there"), OutsideDomainWarning, "run.py", 17)
    _show_warning(UserWarning("of a library"), UserWarning, "run.py", 17)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "warning: step 3: look there"
    assert lines[1] == "run.py:17: UserWarning: of a library"


def test_predict_names_the_structure_of_a_wrong_element(small_run, tmp_path):
    path = write_frames(tmp_path / "mixed.extxyz", [bulk("Al"), bulk("Cu")])
    line = refused(tmp_path, "predict", small_run / "best.mlip.json", path, "-o", tmp_path / "out.extxyz")
    assert line.startswith("frame 1 of mixed.extxyz: atom 0: element Cu is not in the basis (Al)")


def test_predict_refuses_nan_and_keeps_the_old_output(small_run, tmp_path):
    broken = bulk("Al")
    broken.positions[0, 0] = np.nan
    path = write_frames(tmp_path / "broken.extxyz", [broken])
    output = tmp_path / "out.extxyz"
    output.write_text("old")
    line = refused(tmp_path, "predict", small_run / "best.mlip.json", path, "-o", output)
    assert line.startswith("frame 0 of broken.extxyz: atom 0: position is not finite")
    assert output.read_text() == "old"


def test_outputs_below_a_file_are_refused(small_run, tmp_path):
    (tmp_path / "file").write_text("not a directory")
    structures = write_frames(tmp_path / "al.extxyz", labelled_frames())
    potential, below = small_run / "best.mlip.json", tmp_path / "file/below"
    for command in (
        ("predict", potential, structures, "-o", below),
        ("evaluate", potential, structures, "--figures", below),
        ("pareto", small_run, "--select", "best", "-o", below),
        ("pareto", small_run, "--figure", below.with_suffix(".png")),
    ):
        line = refused(tmp_path, *command)
        assert "Not a directory" in line or "is not a folder" in line


def test_pareto_refuses_a_folder_without_a_run(tmp_path):
    line = refused(tmp_path, "pareto", tmp_path)
    assert line.startswith(f"{tmp_path}: not a finished run directory")


def test_a_selection_that_nothing_fulfils_names_the_cheapest(small_run, tmp_path):
    line = refused(
        tmp_path, "pareto", small_run, "--select", "max-cost=0.0001", "-o", tmp_path / "potential.mlip.json"
    )
    assert line.startswith("max-cost=0.0001: no potential on the front keeps that; the lowest are max-cost=")
    chosen = tmp_path / "potential.mlip.json"
    taken = invoke("pareto", small_run, "--select", line.rsplit(" ", 1)[1], "-o", chosen, "--json")
    points = json.loads(taken.stdout)["points"]
    assert json.loads(taken.stdout)["selected"]["potential"] == points[0]["potential"]


def test_an_unknown_selection_is_answered_with_the_known_ones(small_run, tmp_path):
    line = refused(tmp_path, "pareto", small_run, "--select", "kne", "-o", tmp_path / "potential.mlip.json")
    assert (
        "give knee, best, one-standard-error, or max-cost, max-nonzero, max-energy, max-force=NUMBER" in line
    )


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory", "module.py"),
        ImportError("libopenblas.so: failed to map segment from shared object"),
    ],
)
def test_want_of_memory_is_one_sentence_wherever_it_shows(error):
    assert describe(error).startswith("not enough memory; ")


def test_debugging_shows_the_traceback(tmp_path, monkeypatch):
    monkeypatch.setenv("MLIP_RS_DEBUG", "1")
    result = invoke("inspect", tmp_path / "no.mlip.json")
    assert result.exit_code == 1
    assert type(result.exception).__name__ == "PotentialFileError"


def test_old_labels_do_not_survive_beside_new_ones(small_run, tmp_path):
    atoms = bulk("Al")
    atoms.info.update(energy=1.0, virial=np.eye(3), kept="yes")
    atoms.arrays["forces"] = np.ones((1, 3))
    path = tmp_path / "al.traj"
    ase.io.write(path, atoms)
    result = invoke("predict", small_run / "best.mlip.json", path, "-o", tmp_path / "out.extxyz")
    assert result.exit_code == 0, result.stderr
    out = ase.io.read(tmp_path / "out.extxyz")
    assert out.info == {"kept": "yes"}
    assert np.abs(out.get_forces()).max() < 1e-6


def test_a_calculator_that_ends_the_process_is_a_failure(tmp_path):
    (tmp_path / "ends.py").write_text("import sys\ndef make():\n    sys.exit(0)\n", encoding="utf-8")
    calculator = f"{tmp_path / 'ends.py'}:make"
    line = refused(tmp_path, "generate", "Cu", "-o", tmp_path / "cu.extxyz", "--calculator", calculator)
    assert "ended the process (exit code 0)" in line
