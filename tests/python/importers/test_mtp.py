"""Moment tensor potentials become potentials with the same energies, forces and stresses, or are refused.

`make_mtp_cases.py` made the models, with tables of our own, and the numbers of motep.
"""

import json
import re
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from mtp_case import MODELS, text
from numpy.polynomial import chebyshev

import mlip_rs as mlip
from mlip_rs.errors import PotentialFileError
from mlip_rs.importers.mtp import radial_pieces
from mlip_rs.importers.mtp_file import mtp_model

HERE = Path(__file__).parent
REFERENCE = json.loads((HERE / "mtp_reference.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-9
PAIRS, TWO = ((HERE / f"mtp_{name}.mtp").read_text(encoding="utf-8") for name in ("pairs", "two"))


def atoms_of(elements) -> Atoms:
    entry = REFERENCE["structure"]
    symbols = [symbol if symbol in elements else "Al" for symbol in entry["symbols"]]
    return Atoms(symbols, positions=entry["positions"], cell=entry["cell"], pbc=True)


def imported(name: str):
    return mlip.import_potential(HERE / f"mtp_{name}.mtp", REFERENCE["cases"][name]["elements"])


@pytest.mark.parametrize("case", REFERENCE["cases"])
def test_energies_forces_and_stresses_are_those_of_motep(case):
    expected = REFERENCE["cases"][case]
    potential = imported(case)
    found = potential.predict(atoms_of(potential.elements))
    assert found.energy == pytest.approx(expected["energy"], rel=TOLERANCE)
    for ours, theirs in ((found.forces, expected["forces"]), (found.stress, expected["stress"])):
        assert np.abs(ours - np.array(theirs)).max() < TOLERANCE * np.abs(theirs).max()


def test_the_models_are_those_of_their_generator():
    for name in MODELS:
        assert (HERE / f"mtp_{name}.mtp").read_text(encoding="utf-8") == text(name)


def test_energies_are_the_published_sums_of_contracted_tensors():
    """The scalars of `one` without its tables: tensors are products of directions, contracted by their indices."""
    atoms = Atoms("Al5", positions=np.random.default_rng(4).uniform(0.0, 3.4, (5, 3)))
    model = mtp_model((HERE / "mtp_one.mtp").read_text(encoding="utf-8"), ["Al"])
    energy = 0.0
    for center in range(len(atoms)):
        vectors = np.delete(atoms.positions, center, axis=0) - atoms.positions[center]
        r = np.linalg.norm(vectors, axis=1)
        x = 2.0 * (r - model.min_dist) / (model.max_dist - model.min_dist) - 1.0
        ends = (r - model.max_dist) ** 2 * (r < model.max_dist)
        f, g = (model.scaling * chebyshev.chebval(x, c) * ends for c in model.radial_coefficients[0, 0])
        u = vectors / r[:, None]
        scalar = {"M0": f.sum(), "M1": g.sum()}
        v, w, t, s = f @ u, g @ u, np.einsum("j,ja,jb->ab", f, u, u), np.einsum("j,ja,jb->ab", g, u, u)
        third = np.einsum("j,ja,jb,jc->abc", f, u, u, u)
        scalar |= {"v·v": v @ v, "v·w": v @ w, "T:T": (t * t).sum(), "T:U": (t * s).sum()}
        scalar |= {"R⋮R": (third**2).sum(), "vTv": v @ t @ v, "vTw": v @ t @ w, "TTT": np.trace(t @ t @ t)}
        scalar |= {"RTv": np.einsum("abc,ab,c->", third, t, v), "vTTw": v @ t @ t @ w}
        scalar |= {"Rvvv": np.einsum("abc,a,b,c->", third, v, v, v), "TTTT": np.trace(t @ t @ t @ t)}
        contractions, products, _ = MODELS["one"]
        values = [scalar[name] for name in contractions]
        values += [np.prod([scalar[name] for name in names]) for names in products]
        energy += model.energies[0] + np.array(values) @ model.coefficients
    assert imported("one").predict(atoms).energy == pytest.approx(energy, rel=TOLERANCE)


def test_what_an_imported_potential_says_of_itself_and_reads_back(tmp_path):
    potential = imported("two")
    assert potential.info["imported_from"]["program"] == "MLIP"
    assert list(potential.reference_energies.values()) == list(mtp_model(TWO, ["Al", "Ni"]).energies)
    assert potential.undetermined_atoms == ("Al", "Ni")
    potential.save(tmp_path / "two.mlip.json")
    again, atoms = mlip.Potential.load(tmp_path / "two.mlip.json"), atoms_of(["Al", "Ni"])
    assert again.predict(atoms).energy == potential.predict(atoms).energy
    assert again.core.spec == potential.core.spec


@pytest.mark.parametrize("min_dist", [0.0, 1e-4, 1.8])
def test_pieces_of_radial_functions_have_their_values(min_dist):
    model = mtp_model(text("pairs", min_dist=min_dist), ["Al"])
    r = np.linspace(0.01, 4.59, 777)
    for row in model.radial_coefficients[0, 0]:
        knots, pieces = radial_pieces(model, row)
        x = 2.0 * (r - min_dist) / (model.max_dist - min_dist) - 1.0
        expected = model.scaling * chebyshev.chebval(x, row) * (r - model.max_dist) ** 2
        place = np.searchsorted(knots, r, side="right") - 1
        start, end = np.array(knots)[place], np.array(knots)[place + 1]
        at = 2.0 * (r - start) / (end - start) - 1.0
        found = [chebyshev.chebval(t, pieces[piece]) for t, piece in zip(at, place, strict=True)]
        assert np.abs(found - expected).max() < 1e-12 * np.abs(expected).max()


def test_equal_pairs_of_elements_share_their_functions_and_the_order_of_elements_is_that_of_the_types(
    tmp_path,
):
    path = tmp_path / "two.mtp"
    path.write_text(TWO, encoding="utf-8")
    atoms = atoms_of(["Al", "Ni"])
    energy = mlip.import_potential(path, ["Al", "Ni"]).predict(atoms).energy
    atoms.symbols = ["Al" if symbol == "Ni" else "Ni" for symbol in atoms.get_chemical_symbols()]
    assert mlip.import_potential(path, ["Ni", "Al"]).predict(atoms).energy == pytest.approx(energy, rel=1e-12)
    rows = re.findall(r"0-0\n((?:.*\n){2})", TWO)[0]
    path.write_text(re.sub(r"(\d-\d\n)(?:\t\t\t.*\n){2}", lambda m: m[1] + rows, TWO), encoding="utf-8")
    spec = json.loads(mlip.import_potential(path, ["Al", "Ni"]).core.spec)
    assert len(spec["radial"]) == 1


@pytest.mark.parametrize("change", ["scaling", "words", "lines", "tag", "active set", "no scaling"])
def test_forms_of_the_same_file_give_the_same_energy(change, tmp_path):
    """Of MLIP-2 and MLIP-3, and of others that write the format."""
    path, content = tmp_path / "pot.almtp", PAIRS.encode()
    if change == "scaling":  # of the radial basis
        moved = re.sub(rb"scaling = .*\n", b"", content)
        content = moved.replace(b"\tmin_dist", b"\tscaling = 0.1\n\tmin_dist").replace(b"= own", b"= a = {b}")
        content = content.replace(b"version = 1.1.0\n", b"version = 1.1.0\nscaling = 0.5\n")
    elif change == "words":
        for ours, theirs in {"min_dist": "min", "max_dist": "max", "radial_basis_size": "size"}.items():
            content = content.replace(ours.encode(), theirs.encode())
    elif change == "lines":
        content = content.replace(b"}, {", b"},\r\n  {") + b"\r\n\n"
    elif change == "tag":
        content = content.replace(b"potential_tag = ", b"potential_tag = anything {at all, = 3")
    elif change == "active set":
        content += b"\n#MVS_v1.1\nenergy_weight 1\n#\xff\xfe\x00\x01 no text"
    else:
        content = re.sub(rb"scaling = (.*)\n", b"", content)
        head, rows, rest = re.split(rb"(?<=radial_coeffs\n)|(?=alpha_moments_count)", content)
        number = rb"-?\d\.\d+e[+-]\d\d"
        content = head + re.sub(number, lambda m: repr(0.05 * float(m[0])).encode(), rows) + rest
    path.write_bytes(content)
    found = mlip.import_potential(path, ["Al"]).predict(atoms_of(["Al"])).energy
    assert found == pytest.approx(REFERENCE["cases"]["pairs"]["energy"], rel=TOLERANCE)


def refusal(folder: Path, content: str, elements=("Al", "Ni")) -> str:
    path = folder / "edited.mtp"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PotentialFileError) as caught:
        mlip.import_potential(path, elements)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


EDITS = {
    "version": ("1.1.0", "1.2.0", "version '1.2.0'"),
    "newer key": (
        "species_count",
        "long_range = 1\nspecies_count",
        "'long_range' where species_count is expected",
    ),
    "repulsion": ("RBChebyshev", "RBChebyshev_repuls", "RBChebyshev_repuls.*forces jump"),
    "other basis": ("RBChebyshev", "RBShapeev", "RBShapeev.*diverges"),
    "newer basis": ("RBChebyshev", "RBChebyshev_sss", "RBChebyshev_sss.*not known"),
    "magnetic": (
        "\tradial_funcs_count",
        "magnetic_basis_type = BChebyshev\n\tradial_funcs_count",
        "magnetic moments",
    ),
    "far": (r"max_dist = .*", "max_dist = 40.0", "cutoff up to 30"),
    "order of distances": (r"min_dist = .*", "min_dist = 5.0", "min_dist 5 and max_dist"),
    "not finite": (r"min_dist = .*", "min_dist = nan", "'nan' in min_dist"),
    "overflow": (r"min_dist = .*", "min_dist = 1e999", "'1e999' in min_dist"),
    "size": ("radial_basis_size = 6", "radial_basis_size = 7", "6 numbers in radial_coeffs 0-0, and needs 7"),
    "large": ("radial_basis_size = 6", "radial_basis_size = 600", "radial_basis_size = 600; only 2 to 90"),
    "many elements": ("species_count = 2", "species_count = 2000", "species_count = 2000"),
    "template": (r"\tradial_coeffs\n(\t\t.*\n)+", "", "template that is not trained"),
    "half a template": (r"species_coeffs.*\n.*", "", "no species_coeffs: it is a template"),
    "pair": ("1-0", "1-1", "1-1 out of order"),
    "type": ("0-1", "0-0", "out of order|twice"),
    "no pair": ("1-0", "1;0", "'1;0' in radial_coeffs"),
    "one more pair": (
        "alpha_moments_count",
        "2-0\n{1}\nalpha_moments_count",
        "'2-0' where alpha_moments_count",
    ),
    "basic": ("{0, 0, 0, 0}", "{5, 0, 0, 0}", "out of range in alpha_index_basic"),
    "rank": ("{0, 0, 0, 0}", "{0, 0, 0, 13}", "rank above 12"),
    "three": ("{0, 0, 0, 0}", "{0, 0, 0}", "3 numbers in alpha_index_basic"),
    "fraction": ("{0, 0, 0, 0}", "{0, 0, 0, 0.5}", "no whole number"),
    "count": (
        r"alpha_index_times_count = \d+",
        "alpha_index_times_count = 3",
        "alpha_index_times_count says 3",
    ),
    "huge": (
        r"alpha_moments_count = \d+",
        "alpha_moments_count = 999999999",
        "alpha_moments_count = 999999999",
    ),
    "mapping": (r"mapping = \{0", "mapping = {9999", "out of range, or twice, in alpha_moment_mapping"),
    "scalar twice": (r"mapping = \{0, (\d+)", r"mapping = {0, 0", "out of range, or twice"),
    "order of products": (
        r"(index_times = \{\{)\d+, \d+(, \d+, )(\d+)",
        r"\g<1>\3, 0\2\3",
        "out of order in alpha_index_times",
    ),
    "brace": (r"\}\}\nalpha_index_times_count", "}, {\nalpha_index_times_count", "alpha_index_basic"),
    "nested": (r"\{0, 0, 0, 0\}", "{0, {0, 0, 0}", "'{' inside alpha_index_basic"),
    "behind": ("$", "\nelectrostatics = {1}", "'electrostatics' behind moment_coeffs"),
}


@pytest.mark.parametrize("name", EDITS)
def test_what_cannot_be_represented_is_refused_by_name(name, tmp_path):
    pattern, replacement, message = EDITS[name]
    edited = re.sub(pattern, replacement.replace("\n", "\\n"), TWO, count=1)
    assert edited != TWO
    assert re.search(message, refusal(tmp_path, edited))


def test_a_scalar_that_turns_with_the_atoms_is_none(tmp_path):
    model = mtp_model(TWO, ["Al", "Ni"])
    vector = next(k for k, row in enumerate(model.basic.tolist()) if row[1:] == [0, 0, 1])
    edited = re.sub(r"mapping = \{\d+", f"mapping = {{{vector}", TWO)
    assert "change under rotation or inversion" in refusal(tmp_path, edited)
    factor = re.sub(r"(index_times = \{\{\d+, \d+, )(\d+)", r"\g<1>7", TWO)
    assert factor != TWO
    assert "change under rotation or inversion" in refusal(tmp_path, factor)


def test_products_of_seven_moments_are_refused(tmp_path):
    times = ", ".join(f"{{{0 if k == 2 else k - 1}, 0, 1, {k}}}" for k in range(2, 8))
    edited = re.sub(r"alpha_moments_count = \d+", "alpha_moments_count = 8", PAIRS)
    edited = re.sub(r"times_count = \d+", "times_count = 6", edited)
    edited = re.sub(r"index_times = .*", f"index_times = {{{times}}}", edited)
    edited = re.sub(r"mapping = .*", "mapping = {0, 1, 6, 7}", edited)
    assert "multiplies more than 6 moments" in refusal(tmp_path, edited, ["Al"])


def test_more_features_than_our_basis_holds_are_refused(tmp_path):
    contractions = ["M0", "v·v", "T:T", "TTTT", "vTTw"]
    many = text("many", model=(contractions, [("T:T", "T:T")], 12))
    elements = ["H", "He", "Li", "Be", "B", "C", "N", "O", "F", "Ne", "Na", "Mg"]
    assert "more than 200,000 features for each of its 12 elements" in refusal(tmp_path, many, elements)


def test_files_that_are_cut_short_never_become_a_potential(tmp_path):
    for length in [*range(0, len(PAIRS) - 9, 7), *range(len(PAIRS) - 9, len(PAIRS))]:
        refusal(tmp_path, PAIRS[:length], ["Al"])


def test_elements_have_to_be_given(tmp_path):
    assert "numbers for its elements (0, 1), not their names" in refusal(tmp_path, TWO, None)
    numbered = text("two", types=[13, 28])
    assert "--elements Al Ni" in refusal(tmp_path, numbered, None)
    (tmp_path / "numbered.almtp").write_text(numbered, encoding="utf-8")
    energy = (
        mlip.import_potential(tmp_path / "numbered.almtp", ["Al", "Ni"])
        .predict(atoms_of(["Al", "Ni"]))
        .energy
    )
    assert energy == pytest.approx(REFERENCE["cases"]["two"]["energy"], rel=TOLERANCE)
    assert "has 2 elements, and 1 were given" in refusal(tmp_path, TWO, ["Al"])
    for wrong in (["Al", "Al"], ["Al", "Xx"], ["X", "Al"]):
        assert "unknown, or given twice" in refusal(tmp_path, TWO, wrong)


def test_files_of_other_programs_name_their_elements():
    with pytest.raises(PotentialFileError, match="leave out --elements"):
        mlip.import_potential(HERE / "pace_linear.yace", ["Al"])


def test_a_moment_tensor_potential_is_one_file():
    for files in permutations([HERE / "mtp_two.mtp", HERE / "pace_linear.yace"]):
        with pytest.raises(PotentialFileError, match=r"one \.mtp"):
            mlip.import_potential(list(files), ["Al", "Ni"])
