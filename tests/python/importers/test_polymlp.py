"""Models of pypolymlp become potentials with the same energies, forces and stresses, or are refused in one sentence.

`make_polymlp_cases.py` made the models and the numbers of pypolymlp.
"""

import json
import re
from collections import Counter
from contextlib import suppress
from itertools import combinations, groupby
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import mlip_rs as mlip
from mlip_rs import _core
from mlip_rs.errors import ConfigError, PotentialFileError
from mlip_rs.importers.couplings import (
    chain_tensor,
    chains,
    coefficients_of_couplings,
    independent_chains,
)
from mlip_rs.workflows.inspection import describe

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "polymlp_reference.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-8  # relative; what the tables of the evaluator leave
XX_YY_ZZ_XY_YZ_ZX = [0, 1, 2, 5, 3, 4]

BINARY = (HERE / "polymlp_second_order_multiplied.yaml").read_text(encoding="utf-8")


def structure(entry, elements) -> Atoms:
    symbols = [symbol if symbol in elements else elements[0] for symbol in entry["symbols"]]
    return Atoms(symbols, positions=entry["positions"], cell=entry["cell"], pbc=True)


def files_of(case: str) -> list[Path]:
    return [HERE / file for file in REFERENCE["cases"][case]["files"]]


@pytest.mark.parametrize("case", REFERENCE["cases"])
def test_energies_forces_and_virials_are_those_of_pypolymlp(case):
    potential = mlip.import_potential(files_of(case))
    elements = REFERENCE["cases"][case]["elements"]
    for entry, expected in zip(REFERENCE["structures"], REFERENCE["cases"][case]["values"], strict=True):
        atoms = structure(entry, elements)
        found = potential.predict(atoms)
        virial = -found.stress[XX_YY_ZZ_XY_YZ_ZX] * atoms.get_volume()
        assert found.energy == pytest.approx(expected["energy"], rel=TOLERANCE)
        for ours, theirs in ((found.forces, expected["forces"]), (virial, expected["virial"])):
            assert np.abs(ours - np.array(theirs)).max() < TOLERANCE * np.abs(theirs).max()


def test_the_cases_cover_all_model_types_orders_and_versions():
    texts = [file.read_text(encoding="utf-8") for file in sorted(HERE.glob("polymlp_*.yaml*"))]
    kinds = {tuple(re.findall(r"^(?:feature_type|model_type): *(\w+)", text, re.M)) for text in texts}
    assert kinds == {("pair", "1"), ("pair", "2"), *(("gtinv", str(k)) for k in (1, 2, 3, 4))}
    assert {re.search(r"^gtinv_version: (\d)", text, re.M)[1] for text in texts if "gtinv_v" in text} == {
        "1",
        "2",
    }
    assert max(int(k) for text in texts for k in re.findall(r"^gtinv_order: *(\d)", text, re.M)) == 6


def test_an_imported_potential_says_where_it_comes_from_and_that_it_has_no_error_bars(tmp_path):
    potential = mlip.import_potential(files_of("pair_cubic")[0])
    path = tmp_path / "al-ni.mlip.json"
    potential.save(path)
    assert mlip.Potential.load(path) == potential
    assert potential.reference_energies == {"Al": 0.0, "Ni": 0.0}
    assert potential.reference_origins == {
        "Al": "given",
        "Ni": "given",
    }  # the file has energies of isolated atoms
    lines = describe(path).lines()
    assert lines[0] == "imported from       pypolymlp (polymlp_pair_cubic.yaml)"
    assert any(line.startswith("error bars          none: the potential was imported") for line in lines)
    with pytest.raises(ConfigError, match="it was imported"):
        potential.uncertainty(Atoms("Al2", positions=[[0, 0, 0], [0, 0, 2.5]]))


def test_energies_of_atoms_that_the_file_does_not_have_are_unknown(tmp_path):
    text = re.sub(r"atomic_energy.*\n", "", BINARY)
    (tmp_path / "polymlp.yaml").write_text(text, encoding="utf-8")
    assert mlip.import_potential(tmp_path).undetermined_atoms == ("Al", "Ni")


def test_a_folder_is_a_potential_and_a_hybrid_needs_all_parts(tmp_path):
    for k, file in enumerate(files_of("hybrid"), start=1):
        (tmp_path / f"polymlp.yaml.{k}").write_bytes(file.read_bytes())
    whole = mlip.import_potential(tmp_path)
    assert whole.coefficients("Ni") == mlip.import_potential(files_of("hybrid")).coefficients("Ni")
    with pytest.raises(PotentialFileError, match=r"polymlp\.yaml\.2 beside it is another; give all parts"):
        mlip.import_potential([tmp_path / "polymlp.yaml.1", tmp_path / "polymlp.yaml.3"])


BINARIES = ("pair_cubic", "linear_binary", "pairs_multiplied", "second_order_multiplied")


@pytest.mark.parametrize("pair", list(combinations(BINARIES, 2)))
def test_models_of_any_two_types_together_are_their_sum(pair):
    atoms = structure(REFERENCE["structures"][0], ["Al", "Ni"])
    whole = mlip.import_potential([files_of(case)[0] for case in pair]).predict(atoms)
    parts = [REFERENCE["cases"][case]["values"][0] for case in pair]
    assert whole.energy == pytest.approx(sum(part["energy"] for part in parts), rel=TOLERANCE)
    forces = sum(np.array(part["forces"]) for part in parts)
    assert np.abs(whole.forces - forces).max() < TOLERANCE * np.abs(forces).max()


@pytest.mark.parametrize("degrees", [(1, 1, 2, 2), (2, 2, 2, 2), (1, 1, 1, 1, 2), (1, 1, 1, 1, 1, 1)])
def test_couplings_of_equal_factors_have_the_value_of_all_chains(degrees):
    rng = np.random.default_rng(3)
    runs = tuple(degrees.count(degree) for degree in sorted(set(degrees)))
    vectors = {degree: rng.normal(size=2 * degree + 1) for degree in degrees}
    values = np.array(
        [contracted(chain_tensor(degrees, chain), degrees, vectors) for chain in chains(degrees)]
    )
    of_chains = rng.normal(size=len(values))
    merged = coefficients_of_couplings(degrees, runs, of_chains)
    assert merged @ values[independent_chains(degrees, runs)] == pytest.approx(of_chains @ values, abs=1e-12)


@pytest.mark.parametrize(("order", "max_l"), [(4, 4), (5, 2), (6, 1)])
def test_independent_couplings_are_those_that_the_core_numbers(order, max_l):
    radial = {"function": {"family": "gaussian", "beta": [1.0], "mu": [2.0]}}
    invariants = [{"order": 1}, {"order": order, "max_l": max_l}]
    basis = _core.Basis(
        json.dumps(
            {
                "elements": ["Al", "Ni"],
                "cutoff": 4.0,
                "cutoff_function": "cosine",
                "radial": [radial],
                "invariants": invariants,
            }
        )
    )
    numbered = Counter(re.sub(r",k=\d+", "", label) for label in basis.labels() if label.startswith("b"))
    for label, count in numbered.items():
        channels, degrees = re.fullmatch(r"b\[(.*),l=(.*)\]", label).groups()
        degrees = tuple(map(int, degrees.split(".")))
        factors = zip(degrees, channels.split(","), strict=True)
        runs = tuple(len(list(run)) for _, run in groupby(factors))
        assert len(independent_chains(degrees, runs)) == count, label


def contracted(tensor, degrees, vectors) -> float:
    for degree in degrees:
        tensor = np.tensordot(vectors[degree], tensor, axes=(0, 0))
    return float(tensor)


EDITS = {
    "no such model type": (r"model_type: .*", "model_type: 5", "model_type = 5, which is not known"),
    "power": (r"max_p: .*", "max_p: 4", "max_p = 4"),
    "radial family": (r"pair_type: .*", "pair_type: bessel", "only gaussian can be imported"),
    "feature type": (r"feature_type: .*", "feature_type: nep", "only gtinv and pair can be imported"),
    "charges": (r"electrostatic: .*", "electrostatic: 1", "electrostatic terms"),
    "spins": (r"enable_spins: .*", "enable_spins: [1, 0]", "spins"),
    "newer": (r"\Z", "\ncutoff_type: bump\n", "'cutoff_type'"),
    "newer table": (r"gtinv_version: .*", "gtinv_version: 3", "gtinv_version = 3"),
    "large l": (
        r"max_l: .*\n\ngtinv_order: .*\ngtinv_maxl: .*",
        "max_l: 14\ngtinv_order: 3\ngtinv_maxl: [14, 1]",
        "up to 12",
    ),
    "twice": (r"\Z", "\ncutoff: 3.0\n", "cutoff twice"),
    "inner key twice": (r"(  pair_params_indices: .*\n)", r"\1\1", "pair_params_indices twice"),
    "not finite": (r"coeffs: \[", "coeffs: [.nan, ", "no finite number"),
    "text": (r"coeffs: \[", "coeffs: [zero, ", "'zero' in coeffs"),
    "truth": (r"cutoff: .*", "cutoff: true", "'True' in cutoff"),
    "one less": (r"n_coeffs: .*\ncoeffs: \[[^,]*, ", "coeffs: [", "210 coefficients for 211 features"),
    "count": (r"n_coeffs: .*", "n_coeffs: 300", "n_coeffs = 300"),
    "element": (r"elements: .*", "elements: [Al, Xx]", "no chemical symbol"),
    "same element": (r"elements: .*", "elements: [Al, Al]", "element twice"),
    "no cutoff": (r"cutoff: .*", "cutoff: 0.0", "must be positive"),
    "wide": (r"cutoff: .*", "cutoff: 50.0", "do not fit our basis: .*30"),
    "negative width": (r"- \[1.0, 2.0\]", "- [-1.0, 2.0]", "do not fit our basis: .*beta"),
    "three parameters": (r"- \[1.0, 2.0\]", "- [1.0, 2.0, 3.0]", "pairs of numbers"),
    "radial number": (
        r"  pair_params_indices: \[0\]",
        "  pair_params_indices: [7]",
        "pair_params_indices = 7",
    ),
    "missing pair": (r"- atom_type_pair: .*\[1, 1\]\n.*\n", "", r"lacks the type_pair \[1, 1\]"),
    "anchor": (r"cutoff: .*", "cutoff: &a 4.0", "YAML that pypolymlp does not write"),
    "nested": (r"coeffs: \[", "coeffs: [" + "[" * 5000, "YAML that pypolymlp does not write"),
    "old form": (r"\A", "Al Ni # ele\n", "convert_to_yaml"),
    "part": (r"type_full: .*", "type_full: 0", "part of a hybrid model"),
    "SNAP": (r"\A", "rcutfac 4.67\n", "is of SNAP"),
    "EAM": (r"\A", "a\nb\nc\n2 Ag Au\n2000 5.0e-04 2000 2.5e-03 6.0\n", "EAM table"),
    "NEP": (r"\A", "nep4 1 Al\n", "neural network"),
    "ours": (r"\A", '{"format": "mlip_rs potential"', "already"),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_cannot_be_represented_is_refused_by_name(name, tmp_path):
    pattern, replacement, message = EDITS[name]
    edited, count = re.subn(
        rf"^{pattern}" if pattern[0] != "\\" else pattern, replacement, BINARY, count=1, flags=re.M
    )
    assert count == 1
    path = tmp_path / "polymlp.yaml"
    path.write_text(edited, encoding="utf-8")
    with pytest.raises(PotentialFileError, match=message) as caught:
        mlip.import_potential(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_cut_short_never_becomes_a_potential(tmp_path):
    path = tmp_path / "polymlp.yaml"
    for length in [*range(0, len(BINARY) - 2, 37), *range(len(BINARY) - 40, len(BINARY) - 1)]:
        path.write_text(BINARY[:length], encoding="utf-8")
        with pytest.raises(PotentialFileError):
            mlip.import_potential(path)


def test_a_flipped_byte_raises_no_other_error(tmp_path):
    rng = np.random.default_rng(5)
    path = tmp_path / "polymlp.yaml"
    for at in rng.integers(0, len(BINARY), 150):
        changed = bytearray(BINARY.encode())
        changed[at] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(bytes(changed))
        with suppress(PotentialFileError):
            mlip.import_potential(path)


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 10**6 + "x",
        "a\nb\nc\n1 Al\n" + "1" * 10**6,
        "".join(f"key{k}: 1\n" for k in range(5_000)),
        "- " * 10**5 + "1",
        "coeffs: " + "- " * 10**5 + "1",
        "# " * 10**6,
    ],
)
def test_hostile_files_are_refused_and_not_worked_on_for_long(text, tmp_path):
    path = tmp_path / "polymlp.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PotentialFileError):
        mlip.import_potential(path)


def test_models_of_more_features_than_our_basis_holds_are_refused(tmp_path):
    text = re.sub(r"max_p: .*", "max_p: 3", (HERE / "polymlp_pair_cubic.yaml").read_text(encoding="utf-8"))
    rows = "".join(f"- [1.0, {k}.0]\n" for k in range(80))
    text = re.sub(
        r"n_pair_params: .*\npair_params:\n(- .*\n)*", f"n_pair_params: 80\npair_params:\n{rows}", text
    )
    (tmp_path / "polymlp.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(PotentialFileError, match="do not fit our basis"):
        mlip.import_potential(tmp_path)


def test_parts_of_different_hybrids_are_refused():
    with pytest.raises(PotentialFileError, match="different elements \\(Ni\\)"):
        mlip.import_potential([files_of("pair_linear")[0], files_of("pair_cubic")[0]])


@pytest.mark.parametrize("what", ["missing.yaml", "folder", "binary"])
def test_no_file_no_folder_and_no_text_are_said_so(what, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    with pytest.raises(
        PotentialFileError, match=rf"{what}: (there is no such file|has no polymlp|is not UTF-8)"
    ):
        mlip.import_potential(tmp_path / what)
