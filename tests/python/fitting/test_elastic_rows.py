"""Elastic rows: sparse fits keep the elastic response of the dense one, and nothing else changes."""

import json
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT

import mlip_rs as mlip
from mlip_rs.data import Dataset, Frame, read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError
from mlip_rs.fitting import FitSettings
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.cross_validation import CrossValidation
from mlip_rs.fitting.dense_fit import dense_fit
from mlip_rs.fitting.elastic_rows import elastic_rows
from mlip_rs.fitting.problem import build_problem, check_data
from mlip_rs.fitting.selection import selection
from mlip_rs.potential import Potential
from mlip_rs.progress import Silent
from mlip_rs.validate import elastic_constants

BASIS = mlip.Basis(["Al"], cutoff=5.0, hierarchy="angular", n_radial=5, n_angular=3, max_l=2)
SETTINGS = FitSettings(n_folds=3, n_path=12, n_prior=3, threads=1, anchor_weight=0.0)


@pytest.fixture(scope="module")
def aluminium():
    return read_dataset(DATA_PATH, index="::6")


@pytest.fixture
def folds(aluminium, tmp_path):
    problem = build_problem(check_data(aluminium, BASIS, SETTINGS), SETTINGS, persistent=False)
    equations = assemble(problem, tmp_path)
    with equations.totalled():
        yield CrossValidation(problem, equations, SETTINGS, Silent())


def fits_of(folds, dense):
    return {
        None: folds.refitted(folds.load(None)[0], dense.penalty, [None])[0],
        **dict(enumerate(dense.of_folds)),
    }


def stiffened(folds, weight=100.0):
    """The cross-validation with elastic rows, the dense fit, and its coefficients."""
    dense = dense_fit(folds)
    fits = fits_of(folds, dense)
    squares = sum(folds.equations.squares(fold, fits[None])[0] for fold in folds.folds)
    rows = elastic_rows(folds.problem, fits, squares, folds.occurring, weight)
    return folds.with_elastic_rows(rows), dense, fits


def constants(folds, coefficients, crystal, **settings):
    potential = Potential.from_coefficients(
        folds.problem.basis.to_dict(), coefficients, folds.problem.reference.values
    )
    found = elastic_constants(potential.calculator(), crystal, **settings)
    return np.array([found.c11, found.c12, found.c44])


def test_dense_fits_stay_as_they_are(folds):
    elastic, dense, fits = stiffened(folds)
    for left_out, before in fits.items():
        after = elastic.refitted(elastic.load(left_out)[0], dense.penalty, [None])[0]
        np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-7 * np.abs(before).max())


def test_sparse_fits_get_the_elastic_constants_of_the_dense_one(folds):
    elastic, dense, fits = stiffened(folds)
    support = np.zeros(len(fits[None]), dtype=bool)
    support[np.abs(fits[None] * folds.scale).argsort()[-12:]] = True
    support[0] = True
    crystal = bulk("Al", a=4.04)
    target = constants(folds, fits[None], crystal)

    def deviation(own):
        (sparse,) = own.refitted(own.load(None)[0], dense.penalty, [support])
        return np.abs(constants(folds, sparse, crystal) / target - 1.0).max()

    assert deviation(elastic) < 0.25 * deviation(folds)


def test_the_rows_are_what_a_difference_of_stresses_costs(folds, monkeypatch):
    """Oracle: the penalty of a change of coefficients, from stresses of potentials on strained cells."""
    weight = 7.0
    crystal = bulk("Al", a=4.04)  # one atom, so that relaxed ions are clamped ions
    monkeypatch.setattr("mlip_rs.fitting.elastic_rows._crystals", lambda _: [crystal])
    elastic, _, fits = stiffened(folds, weight)
    rows, dense = elastic.elastic, fits[None]
    changed = dense * (1.0 + 0.01 * np.random.default_rng(0).standard_normal(len(dense)))

    def response(coefficients):
        potential = Potential.from_coefficients(
            folds.problem.basis.to_dict(), coefficients, folds.problem.reference.values
        )
        found = []
        for i, j in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)):
            for size in (0.01, -0.01):
                strain = np.zeros((3, 3))
                strain[i, j] += 0.5 * size
                strain[j, i] += 0.5 * size
                atoms = crystal.copy()
                atoms.set_cell(crystal.cell.array @ (np.eye(3) + strain), scale_atoms=True)
                found.append(potential.predict(atoms).stress)
        return potential.predict(crystal).stress, np.array(found).reshape(6, 12)

    at_rest, strained = response(dense)
    of_changed, strained_changed = response(changed)
    responses = ((strained - np.tile(at_rest, 2)) ** 2).sum(axis=1)
    relative = ((strained_changed - strained) ** 2).sum(axis=1) / responses
    of_pressure = ((of_changed - at_rest) ** 2).sum() / responses.mean()
    squares = sum(folds.equations.squares(fold, dense)[0] for fold in folds.folds)
    expected = weight * squares * (relative.sum() + of_pressure) / 6
    assert ((rows.rows @ (changed - dense)) ** 2).sum() == pytest.approx(expected, rel=1e-5)


def test_rows_and_squares_of_the_data_do_not_see_them(folds):
    elastic, dense, _ = stiffened(folds)
    assert elastic.load(1)[1] == folds.load(1)[1]
    assert elastic.equations.squares(0, dense.of_folds[0])[0] == pytest.approx(
        folds.equations.squares(0, dense.of_folds[0])[0]
    )


@pytest.mark.parametrize("kind", ["hot", "molecule", "atom", "high"])
def test_without_a_crystal_at_rest_there_are_none(folds, kind):
    hot = bulk("Al", cubic=True).repeat(2)
    hot.positions += 0.2 * np.random.default_rng(0).standard_normal(hot.positions.shape)
    structures = {
        "hot": [frame_of(hot, -3.0, 0.5)],
        "molecule": [frame_of(Atoms("Al2", positions=[[0, 0, 0], [0, 0, 2.7]], cell=[15.0] * 3), -3.0)],
        "atom": [frame_of(Atoms("Al", cell=[20.0] * 3, pbc=True), -3.0)],
        "high": [frame_of(hot, -3.0, 0.5), frame_of(bulk("Al", "sc", a=2.7), -2.5)],
    }
    assert with_frames(folds, structures[kind]) is None


def test_the_lowest_crystal_at_rest_is_taken_beside_colder_snapshots(folds):
    snapshot = bulk("Al", cubic=True).repeat(2)
    frames = [
        frame_of(bulk("Al", a=4.2), -3.0),
        frame_of(bulk("Al", a=4.04), -3.1),
        frame_of(snapshot, -3.11, 0.3),
    ]
    rows = with_frames(folds, frames)
    assert rows.record["crystals"] == ["Al"]
    others = with_frames(folds, frames[1:])
    np.testing.assert_array_equal(rows.rows, others.rows)


def frame_of(atoms, energy, force=0.0):
    """A frame with an energy per atom, and one force."""
    forces = np.zeros((len(atoms), 3))
    forces[0, 0] = force
    return Frame(
        atoms.numbers,
        atoms.positions,
        atoms.cell.array,
        atoms.pbc,
        energy=energy * len(atoms),
        forces=forces,
        stress=None,
    )


def with_frames(folds, frames):
    """The elastic rows of the same fit to other data."""
    dense = dense_fit(folds)
    problem = replace(folds.problem, dataset=Dataset(tuple(frames)))
    return elastic_rows(problem, fits_of(folds, dense), 1.0, folds.occurring, 100.0)


def test_ions_relax_where_the_dense_fit_has_forces(folds, monkeypatch):
    """Hexagonal close-packed: shear moves the two atoms of the cell against each other."""
    crystal = bulk("Al", "hcp", a=2.86, c=4.67)
    monkeypatch.setattr("mlip_rs.fitting.elastic_rows._crystals", lambda _: [crystal])
    elastic, dense, fits = stiffened(folds)
    assert elastic.elastic.record["crystals"] == ["Al2"]
    support = np.zeros(len(fits[None]), dtype=bool)
    support[np.abs(fits[None] * folds.scale).argsort()[-12:]] = True
    support[0] = True
    target = constants(folds, fits[None], crystal, relax_ions=True)

    def deviation(own):
        (sparse,) = own.refitted(own.load(None)[0], dense.penalty, [support])
        return np.abs(constants(folds, sparse, crystal, relax_ions=True) / target - 1.0).max()

    assert deviation(elastic) < 0.5 * deviation(folds)


def test_the_record_says_what_they_are_of(aluminium, tmp_path):
    run = mlip.fit(aluminium, BASIS, SETTINGS, directory=tmp_path / "with")
    record = run.record["elastic_rows"]
    assert record == json.loads((tmp_path / "with" / "run.json").read_text(encoding="utf-8"))["elastic_rows"]
    assert record["weight"] == FitSettings().elastic_weight
    assert record["crystals"] == ["Al"]
    plain = mlip.fit(aluminium, BASIS, FitSettings(**(vars(SETTINGS) | {"elastic_weight": 0.0})))
    assert plain.record["elastic_rows"] is None


def test_the_same_bits_whatever_the_number_of_threads(folds):
    one = selection(folds.problem, folds.equations, SETTINGS, Silent()).candidates
    two = selection(
        folds.problem, folds.equations, FitSettings(**(vars(SETTINGS) | {"threads": 2})), Silent()
    ).candidates
    np.testing.assert_array_equal(one.coefficients, two.coefficients)


@pytest.mark.parametrize("weight", [-1.0, 1e7, float("nan")])
def test_weights_out_of_range_are_refused(weight):
    with pytest.raises(ConfigError, match="elastic_weight"):
        FitSettings(elastic_weight=weight)


def test_the_data_of_other_elements_add_their_own(tmp_path):
    """Two elements apart: each has its crystal."""
    frames = []
    for symbol, a in (("Cu", 3.6), ("Ag", 4.1)):
        for k in range(8):
            atoms = bulk(symbol, a=a * (1 + 0.004 * (k - 4)), cubic=True)
            atoms.rattle(0.0 if k == 4 else 0.05, seed=k)
            frames.append(atoms)
    for atoms in frames:
        atoms.calc = EMT()
        atoms.get_stress()
    basis = mlip.Basis(["Ag", "Cu"], cutoff=4.5, hierarchy="pair", n_radial=4)
    settings = FitSettings(n_folds=2, n_path=3, prior="flat", anchor_weight=0.0, allow_underdetermined=True)
    run = mlip.fit(frames, basis, settings)
    assert sorted(run.record["elastic_rows"]["crystals"]) == ["Ag", "Cu"]
