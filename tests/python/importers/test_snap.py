"""SNAP potentials become potentials with the same energies, forces and stresses, or are refused in one sentence.

`make_snap_cases.py` made the models and the numbers of LAMMPS.
"""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import mlip_rs as mlip
from mlip_rs.errors import PotentialFileError
from mlip_rs.importers.bispectrum import bispectrum_triples

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "snap_reference.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-9

COEFFICIENTS = (HERE / "snap_two.snapcoeff").read_text(encoding="utf-8")
PARAMETERS = (HERE / "snap_two.snapparam").read_text(encoding="utf-8")


def files_of(case: str) -> list[Path]:
    return [HERE / f"snap_{case}.snapcoeff", HERE / f"snap_{case}.snapparam"]


@pytest.mark.parametrize("case", REFERENCE["cases"])
def test_energies_forces_and_stresses_are_those_of_lammps(case):
    expected, entry = REFERENCE["cases"][case], REFERENCE["structure"]
    potential = mlip.import_potential(files_of(case))
    symbols = [symbol if symbol in potential.elements else "Al" for symbol in entry["symbols"]]
    found = potential.predict(Atoms(symbols, positions=entry["positions"], cell=entry["cell"], pbc=True))
    assert found.energy == pytest.approx(expected["energy"], rel=TOLERANCE)
    for ours, theirs in ((found.forces, expected["forces"]), (found.stress, expected["stress"])):
        assert np.abs(ours - np.array(theirs)).max() < TOLERANCE * np.abs(theirs).max()


def test_an_atom_alone_has_the_constant_and_where_asked_for_the_bispectrum_of_nothing():
    shifted = mlip.import_potential(files_of("odd"))  # bzeroflag 1
    assert shifted.reference_energies["Al"] == float(files_of("odd")[0].read_text().splitlines()[4])
    constant, *factors = map(float, files_of("one")[0].read_text().splitlines()[4:])
    of_nothing = sum(f * (j + 1) for f, (_, _, j) in zip(factors, bispectrum_triples(4), strict=True))
    alone = mlip.import_potential(files_of("one"))
    assert alone.reference_energies["Al"] == pytest.approx(constant + of_nothing, rel=1e-12)
    assert alone.undetermined_atoms == ("Al",)
    assert alone.info["imported_from"]["program"] == "SNAP"


def write(folder: Path, coefficients: str = COEFFICIENTS, parameters: str = PARAMETERS) -> list[Path]:
    paths = [folder / "al.snapcoeff", folder / "al.snapparam"]
    paths[0].write_text(coefficients, encoding="utf-8")
    paths[1].write_text(parameters, encoding="utf-8")
    return paths


PARAMETER_EDITS = {
    "quadratic": ("$", "\nquadraticflag 1\n", "quadratic terms"),
    "chemical": ("$", "\nchemflag 1\n", "pairs of elements"),
    "normalised": ("$", "\nbnormflag 1\n", "normalisation"),
    "no cutoff function": ("$", "\nswitchflag 0\n", "no cutoff function"),
    "inner": ("$", "\nswitchinnerflag 1\nsinner 1 1\ndinner 1 1\n", "inner cutoff"),
    "closest": ("rmin0 0", "rmin0 0.5", "rmin0"),
    "newer": ("$", "\nswitchouterflag 1\n", "'switchouterflag'"),
    "twice": ("$", "\ntwojmax 3\n", "twojmax twice"),
    "large": ("twojmax 3", "twojmax 14", "1 to 12"),
    "half": ("twojmax 3", "twojmax 2.5", "1 to 12"),
    "other": ("twojmax 3", "twojmax 4", "needs 15"),
    "text": ("rfac0 0.99", "rfac0 nan", "no finite number"),
    "no cutoff": ("rcutfac .*\n", "", "no rcutfac"),
    "wide": ("rcutfac .*", "rcutfac 40.0", "do(es)? not fit our basis"),
}


@pytest.mark.parametrize("name", PARAMETER_EDITS)
def test_parameters_that_cannot_be_represented_are_refused_by_name(name, tmp_path):
    pattern, replacement, message = PARAMETER_EDITS[name]
    edited = re.sub(pattern, replacement, PARAMETERS, count=1) + "\n"
    assert edited != PARAMETERS
    with pytest.raises(PotentialFileError, match=message) as caught:
        mlip.import_potential(write(tmp_path, parameters=edited))
    assert "\n" not in str(caught.value)


COEFFICIENT_EDITS = {
    "two cutoffs": (r"Ni 0\.5", "Ni 0.4", "another cutoff for each pair of elements"),
    "element": ("Ni 0", "Xx 0", "'Xx'"),
    "same element": ("Ni 0", "Al 0", "element twice"),
    "units": ("metal", "real", "units real"),
    "one less": (r"\n[-\d.]+\n$", "\n", "not as many lines"),
    "one more": (r"\n$", "\n0.1\n", "not as many lines"),
    "not finite": (r"\n[-\d.]+\n$", "\n1e999\n", "no finite number"),
    "no end": (r"\n$", "", "line end"),
}


@pytest.mark.parametrize("name", COEFFICIENT_EDITS)
def test_coefficients_that_are_damaged_or_unknown_are_refused(name, tmp_path):
    pattern, replacement, message = COEFFICIENT_EDITS[name]
    edited = re.sub(pattern, replacement, COEFFICIENTS, count=1)
    assert edited != COEFFICIENTS
    with pytest.raises(PotentialFileError, match=message):
        mlip.import_potential(write(tmp_path, coefficients=edited))


def test_files_that_are_cut_short_never_become_a_potential(tmp_path):
    for length in [*range(0, len(COEFFICIENTS) - 9, 3), *range(len(COEFFICIENTS) - 9, len(COEFFICIENTS) - 1)]:
        with pytest.raises(PotentialFileError):
            mlip.import_potential(write(tmp_path, coefficients=COEFFICIENTS[:length]))
    for length in range(len(PARAMETERS)):
        if PARAMETERS[length - 1] != "\n":  # whole lines less are a valid file, for LAMMPS as well
            with pytest.raises(PotentialFileError):
                mlip.import_potential(write(tmp_path, parameters=PARAMETERS[:length]))


def test_one_of_the_two_files_is_not_enough(tmp_path):
    for path in write(tmp_path):
        with pytest.raises(PotentialFileError, match=r"a \.snapcoeff and a \.snapparam; give these two"):
            mlip.import_potential(path)
