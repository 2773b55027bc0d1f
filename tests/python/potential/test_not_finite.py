"""NaN and infinity never leave an evaluator: an error names the atom and the cause."""

import json

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from cli_case import errors, invoke

from mlip_rs import Potential
from mlip_rs.data.core_structures import structure_from_atoms
from mlip_rs.errors import PotentialFileError, StructureError

DIVERGING = {
    "elements": ["Al"],
    "cutoff": 5.0,
    "cutoff_function": "cosine",
    "radial": [{"function": {"family": "polynomial", "p": [-30, -6]}}],
    "invariants": [{"order": 1, "degree": 3, "cross_degree": 3}],
}
N_FEATURES = 9


def diverging(coefficient=1.0, reference=0.0):
    return Potential.from_coefficients(DIVERGING, np.full(N_FEATURES, coefficient), {"Al": reference})


def ways(potential):
    """Everything that evaluates a potential, from atoms to energy and forces."""

    def calculator(atoms):
        calc = potential.calculator()
        return calc.get_potential_energy(atoms), calc.get_forces(atoms)

    def reference(atoms):
        energies, forces, _ = potential.core.evaluate_reference(structure_from_atoms(atoms))
        return energies.sum(), forces

    return {
        "calculator": calculator,
        "two threads": lambda atoms: potential.calculator(threads=2).get_forces(atoms),
        "predict": lambda atoms: potential.predict(atoms),
        "many": lambda atoms: potential.predict([bulk("Al"), atoms]),
        "reference": reference,
    }


def pair(distance, **others):
    return Atoms("Al2", [[0, 0, 0], [0, 0, distance]], **others)


def crowd(distance):
    """A crystal of 108 atoms, the last one near the one before."""
    atoms = bulk("Al", cubic=True).repeat(3)
    atoms.positions[107] = atoms.positions[106] + [distance, 0, 0]
    return atoms


@pytest.mark.parametrize("way", list(ways(diverging())))
@pytest.mark.parametrize("atoms", [pair(0.02), crowd(0.02)], ids=["pair", "crystal"])
def test_atoms_too_close_are_named(way, atoms):
    last = len(atoms) - 1
    with pytest.raises(StructureError, match="not finite") as caught:
        ways(diverging())[way](atoms)
    text = str(caught.value)
    assert "0.020 Å" in text
    assert f"atom {last}" in text
    assert f"atom {last - 1}" in text


@pytest.mark.parametrize("way", list(ways(diverging())))
@pytest.mark.parametrize(
    ("potential", "atoms", "word"),
    [
        (diverging(1e300), bulk("Al", cubic=True), "coefficients"),
        (diverging(1e-3, reference=1e200), Atoms("Al"), "reference energy .* broken"),
        (diverging(1e308), pair(1.0), "coefficients"),
    ],
    ids=["coefficients", "reference", "both"],
)
def test_broken_potentials_are_named(way, potential, atoms, word):
    with pytest.raises(StructureError, match=word):
        ways(potential)[way](atoms)


@pytest.mark.parametrize("way", list(ways(diverging())))
@pytest.mark.parametrize(
    ("atoms", "cause"),
    [
        (pair(np.nan), "position is not finite"),
        (pair(np.inf), "position is not finite"),
        (pair(1e200), "exceeds"),
        (pair(0.0), "apart; remove one"),
        (pair(2.0, cell=[[np.nan, 0, 0], [0, 5, 0], [0, 0, 5]], pbc=True), "cell vector 0 is not finite"),
        (pair(2.0, cell=[1e300, 5, 5], pbc=True), "exceeds"),
        (pair(2.0, cell=[[5, 0, 0], [5, 0, 0], [0, 0, 5]], pbc=True), "flat"),
        (pair(2.0, cell=[1e-9, 5, 5], pbc=True), "flat|within the cutoff|apart"),
    ],
)
def test_bad_structures_are_named(way, atoms, cause):
    with pytest.raises(StructureError, match=cause):
        ways(diverging(1e-6))[way](atoms)


def test_a_calculator_is_of_use_after_an_error_and_shows_no_old_results():
    calc = diverging(1e-6).calculator()
    good = pair(2.5)
    before = calc.get_potential_energy(good)
    with pytest.raises(StructureError):
        calc.get_potential_energy(pair(0.02))
    assert calc.results == {}
    assert calc.get_potential_energy(good) == before


def test_whatever_is_accepted_is_finite():
    """Distances over four decades, cells down to one atom: finite numbers or an error."""
    potential, rng, refused = diverging(), np.random.default_rng(5), 0
    for distance in np.geomspace(0.011, 4.0, 60):
        atoms = Atoms("Al3", rng.normal(size=(3, 3)) * distance, cell=[distance * 3 + 0.5] * 3, pbc=True)
        try:
            found = potential.predict(atoms)
        except StructureError:
            refused += 1
            continue
        assert np.isfinite([found.energy, *found.forces.ravel(), *found.stress]).all()
    assert 0 < refused < 60


def test_predict_names_frame_and_cause_and_writes_nothing(tmp_path):
    diverging().save(tmp_path / "al.mlip.json")
    ase.io.write(tmp_path / "in.extxyz", [bulk("Al"), pair(0.02)])
    done = invoke("predict", tmp_path / "al.mlip.json", tmp_path / "in.extxyz", "-o", tmp_path / "out.extxyz")
    assert done.exit_code == 1
    (line,) = errors(done)
    assert "not finite" in line
    assert "0.020 Å" in line
    assert not (tmp_path / "out.extxyz").exists()


def test_coefficients_in_a_file_that_are_no_numbers_are_refused():
    document = json.loads(diverging().to_json())
    text = json.dumps(document).replace('"reference_energy": 0.0', '"reference_energy": NaN')
    assert "NaN" in text
    with pytest.raises(PotentialFileError):
        Potential.from_json(text)
