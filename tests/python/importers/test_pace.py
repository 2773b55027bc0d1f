"""Linear cluster expansions of PACE become potentials with the same energies, forces and stresses, or are refused.

`make_pace_cases.py` made the models and the numbers of PACE.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from numpy.polynomial import chebyshev

import mlip_rs as mlip
from mlip_rs.errors import PotentialFileError
from mlip_rs.importers.pace_file import RadialBasis
from mlip_rs.importers.pace_radial import base_functions, base_pieces

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "pace_reference.json").read_text(encoding="utf-8"))
TOLERANCE = 5e-9
TWO = (HERE / "pace_two.yace").read_text(encoding="utf-8")
LINEAR = (HERE / "pace_linear.yace").read_text(encoding="utf-8")


def atoms_of(elements) -> Atoms:
    entry = REFERENCE["structure"]
    symbols = [symbol if symbol in elements else "Al" for symbol in entry["symbols"]]
    return Atoms(symbols, positions=entry["positions"], cell=entry["cell"], pbc=True)


@pytest.mark.parametrize("case", REFERENCE["cases"])
def test_energies_forces_and_stresses_are_those_of_pace(case):
    expected = REFERENCE["cases"][case]
    potential = mlip.import_potential(HERE / f"pace_{case}.yace")
    found = potential.predict(atoms_of(potential.elements))
    assert found.energy == pytest.approx(expected["energy"], rel=TOLERANCE)
    for ours, theirs in ((found.forces, expected["forces"]), (found.stress, expected["stress"])):
        assert np.abs(ours - np.array(theirs)).max() < TOLERANCE * np.abs(theirs).max()


def test_what_an_imported_potential_says_of_itself_and_reads_back(tmp_path):
    potential = mlip.import_potential(HERE / "pace_two.yace")
    assert potential.info["imported_from"]["program"] == "PACE"
    assert potential.reference_energies == {"Al": -1.2, "Ni": -0.7}
    assert potential.undetermined_atoms == ("Al", "Ni")
    potential.save(tmp_path / "two.mlip.json")
    again, atoms = mlip.Potential.load(tmp_path / "two.mlip.json"), atoms_of(["Al", "Ni"])
    assert again.predict(atoms).energy == potential.predict(atoms).energy
    assert again.core.spec == potential.core.spec


@pytest.mark.parametrize(
    ("name", "parameter", "inner"),
    [("ChebExpCos", 5.25, 0.0), ("ChebExpCos", 3.0, 2.0), ("ChebPow", 2.5, 0.0), ("SBessel", 1.0, 0.0)],
)
def test_pieces_of_radial_functions_have_their_values_and_derivatives(name, parameter, inner):
    basis = RadialBasis(name, parameter, 5.0, 0.01, inner, 0.5, 0.001, 8)
    r = np.linspace(0.7, 4.985, 777)
    values, slopes = base_functions(basis, r)
    h = 1e-4
    numeric = (base_functions(basis, r + h)[0] - base_functions(basis, r - h)[0]) / (2.0 * h)
    assert np.abs(numeric - slopes).max() < 2e-5 * np.abs(slopes).max()
    pieces = base_pieces(basis)
    place = np.searchsorted(pieces.knots, r, side="right") - 1
    start, end = np.array(pieces.knots)[place], np.array(pieces.knots)[place + 1]
    for function, expected in zip(pieces.coefficients, values, strict=True):
        x = 2.0 * (r - start) / (end - start) - 1.0
        found = [chebyshev.chebval(at, function[piece]) for at, piece in zip(x, place, strict=True)]
        assert np.abs(found - expected).max() < 1e-8 * np.abs(values).max()


def refusal(folder: Path, text: str) -> str:
    path = folder / "edited.yace"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PotentialFileError) as caught:
        mlip.import_potential(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


EDITS = {
    "square root": (
        r"-0\.4, 1\]",
        "-0.4, 0.5]",
        "not linear: the energy of Ni has a density to the power of 0.5",
    ),
    "embedding": ("FinnisSinclairShiftedScaled", "FinnisSinclairExtended", "npoti"),
    "short embedding": (r"FS_parameters: \[1, 1\]", "FS_parameters: [1]", "1 FS_parameters for Al"),
    "switched off": ("rho_core_cutoff: 100000", "rho_core_cutoff: 0", "switches atoms of Al off"),
    "core of close pairs": (
        r"(?s)(.*)rho_core_cutoff: 100000, drho_core_cutoff: 250",
        r"\1rho_core_cutoff: 900, drho_core_cutoff: 250",
        "core repulsion from 650 eV",
    ),
    "radial functions": ("ChebPow", "TEST_SBessel", "TEST_SBessel"),
    "ACE.jl": ("ChebPow", "ACE.jl.base", "ACE.jl in bonds \\[0, 1\\]"),
    "rough": (r"radparameters: \[2\.0\]", "radparameters: [1.0]", "ChebPow in bonds \\[0, 1\\]"),
    "no scale": (r"radparameters: \[5\.25\]", "radparameters: [0.0]", "ChebExpCos in bonds \\[0, 0\\]"),
    "zbl": ("dcut: 0.01,", "dcut: 0.01, inner_cutoff_type: zbl,", "inner_cutoff_type density and zbl"),
    "abrupt": ("dcut: 0.01,", "dcut: 0.01, rcut_in: 2.0, dcut_in: 0.5,", "without a switch"),
    "far": ("rcut: 4.4", "rcut: 44.0", "rcut, dcut or deltaSplineBins out of range in bonds \\[0, 0\\]"),
    "bins": ("deltaSplineBins: 0.001", "deltaSplineBins: 1.0", "deltaSplineBins out of range"),
    "newer bond": ("dcut: 0.01,", "dcut: 0.01, screening: 1,", "key 'screening' in bonds \\[0, 0\\]"),
    "newer function": ("mu0: 0,", "mu0: 0, weight: 2,", "key 'weight' in functions 0: 0"),
    "newer file": ("E0:", "charges: [0, 0]\nE0:", "key 'charges'"),
    "element": ("Al, Ni", "Al, Xx", "'Xx'"),
    "one energy": (r"E0: \[.*\]", "E0: [1.0]", "1 entries in E0"),
    "no pair": (r"\n  \[1, 0\]: .*", "", "each pair of elements in bonds"),
    "coefficients": (r"radcoefficients: \[\[\[[-\d.e]+, ", "radcoefficients: [[[", "as many radcoefficients"),
    "other centre": ("mu0: 0,", "mu0: 1,", "mu0"),
    "unknown n": (r"ns: \[1\]", "ns: [7]", "ns = 7"),
    "one m less": (r"ms_combs: \[0, 0, ", "ms_combs: [0, ", "other lengths"),
    "m": (r"ms_combs: \[0, 0, ", "ms_combs: [0, 1, ", "ms_combs that are no invariant"),
    "number": (r"ctildes: \[", "ctildes: [.nan, ", "no finite number"),
    "twice": ("E0:", "E0: [1, 1]\nE0:", "E0 twice"),
    "alias": ("E0: .*", "E0: &a [*a, *a]", "does not write"),
    "deep": ("E0: .*", "E0: " + 50 * "[" + 50 * "]", "does not write"),
    "deep list": ("E0: .*", "E0:\n  " + 50 * "- " + "1", "does not write"),
    "tag": ("E0: .*", "E0: !!python/name:os.system", "does not write"),
    "no end": (r"\n$", "", "line end"),
    "brackets": (r"\]\}\n", "]\n", "damaged or no YAML"),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_cannot_be_represented_is_refused_by_name(name, tmp_path):
    pattern, replacement, message = EDITS[name]
    edited = re.sub(pattern, replacement.replace("\n", "\\n"), TWO, count=1)
    assert edited != TWO
    assert re.search(message, refusal(tmp_path, edited))


def test_an_edited_coupling_is_no_invariant(tmp_path):
    first = next(line for line in TWO.splitlines() if re.search(r"rank: 2.*ls: \[1, 1\]", line))
    edited = TWO.replace(first, re.sub(r"ctildes: \[(-?)\d", r"ctildes: [\g<1>7", first))
    assert re.search("ctildes that are no invariant in functions 0: 1", refusal(tmp_path, edited))


def test_files_that_are_cut_short_never_become_a_potential(tmp_path):
    for length in [*range(0, len(LINEAR) - 9, 61), *range(len(LINEAR) - 9, len(LINEAR))]:
        refusal(tmp_path, LINEAR[:length])


def test_whole_lines_less_lose_functions_that_nothing_counts(tmp_path):
    """The format has no count of functions: PACE takes such a file as well."""
    path = tmp_path / "less.yace"
    path.write_text("".join(LINEAR.splitlines(keepends=True)[:-1]), encoding="utf-8")
    assert mlip.import_potential(path).info["imported_from"]["n_functions"] == LINEAR.count("mu0") - 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nelements=1\nelements: Cu\nembedding-function: FinnisSinclair\n", "old text form of PACE"),
        ("species:\n  - speciesblock: Al\n    nbody: []\n", "pace_yaml2yace"),
    ],
)
def test_other_files_of_pace_are_named(text, message, tmp_path):
    assert message in refusal(tmp_path, text)


def test_a_cluster_expansion_is_one_file(tmp_path):
    with pytest.raises(PotentialFileError, match=r"one \.yace"):
        mlip.import_potential([HERE / "pace_two.yace", HERE / "pace_linear.yace"])
