"""Repulsion at short range: every default fit must repel, and the fit must not notice."""

import json
from dataclasses import replace

import numpy as np
import pytest
from potentials import random_potential

import mlip_rs as mlip
from mlip_rs.basis.repulsion import Repulsion
from mlip_rs.demo import DATA_PATH
from mlip_rs.errors import ConfigError
from mlip_rs.fitting.data_domain import CLOSE_RANGE, SWITCHINGS, Domain, domain
from mlip_rs.fitting.problem import build_problem, check_data
from mlip_rs.fitting.repulsion import RepulsionChooser
from mlip_rs.potential import short_range
from mlip_rs.potential.short_range import short_range_failures
from mlip_rs.validate.figures.short_range import short_range_curves
from mlip_rs.workflows.config import load_job
from mlip_rs.workflows.inspection import describe

SIZES = {
    "invariants": {"size": "medium"},
    "pair": {"n_radial": 10},
    "pair-poly": {"n_radial": 6},
    "angular": {"n_radial": 8, "n_angular": 5, "max_l": 4},
    "angular-poly": {"n_radial": 4, "n_angular": 3, "n_linear": 6, "max_l": 3, "linear_max_l": 4},
}
"""Small bases, so that the fits are quick."""

ENERGY_TOLERANCE = 1e-9


def basis(elements, hierarchy, **settings):
    return mlip.Basis(elements, cutoff=6.0, hierarchy=hierarchy, **SIZES[hierarchy], **settings)


@pytest.fixture(scope="module")
def aluminium():
    return mlip.read_dataset(DATA_PATH, index="::2")


@pytest.mark.parametrize("hierarchy", SIZES)
def test_dimers_and_crystals_of_aluminium_repel_in_every_hierarchy(aluminium, hierarchy):
    run = mlip.fit(aluminium, basis(["Al"], hierarchy), mlip.FitSettings(n_folds=3, n_path=8))
    closest = domain(aluminium, ["Al"], 6.0).closest
    for potential in (run.best(), run.knee()):
        check = short_range(potential, closest=closest)
        assert potential.info["short_range"] == {"monotonic": True, "failures": []}
        assert check.failures == ()
        assert [curve.kind for curve in check.curves] == ["dimer", "fcc", "bcc", "diamond", "sc"]


@pytest.mark.parametrize("hierarchy", ["invariants"])
@pytest.mark.parametrize(
    ("file", "elements", "reference"),
    [
        ("mlearn/Li_train.xyz", ["Li"], None),
        ("mlearn/Mo_train.xyz", ["Mo"], {"Mo": -4.588}),
        ("mlearn/Si_train.xyz", ["Si"], {"Si": -0.872}),
        ("agau/AgAu_train.xyz", ["Ag", "Au"], {"Ag": -0.198, "Au": -0.185}),
    ],
)
def test_potentials_of_published_data_repel(shared_data, hierarchy, file, elements, reference):
    path = shared_data / file
    if not path.is_file():
        pytest.skip(f"{file} not present")
    data = mlip.read_dataset(path, index="::32" if "AgAu" in file else "::3")
    settings = mlip.FitSettings(n_folds=3, n_path=8, reference_energies=reference)
    small = mlip.Basis(elements, cutoff=6.0, hierarchy=hierarchy, size="small")
    run = mlip.fit(data, small, settings)
    closest = domain(data, elements, 6.0).closest
    for potential in (run.best(), run.knee()):
        check = short_range(potential, closest=closest)
        assert potential.info["short_range"] == {"monotonic": True, "failures": []}
        assert check.failures == ()


def test_a_potential_that_falls_within_its_data_says_where(aluminium):
    training = aluminium.subset(np.arange(len(aluminium)) % 4 == 0)
    settings = mlip.FitSettings()
    problem = build_problem(check_data(training, basis(["Al"], "pair"), settings), settings, persistent=False)
    chooser = RepulsionChooser(problem.basis, problem.domain)
    attraction = -10.0 * np.eye(chooser.basis.n_features)[0]  # the innermost function, and nothing else
    potential = chooser.potential(attraction, {"Al": 0.0}, {})
    assert not potential.info["short_range"]["monotonic"]
    assert short_range_failures(potential.info)


def test_a_check_that_ends_at_pure_zbl_leaves_out_what_rises(aluminium):
    measured = domain(aluminium, ["Al"], 6.0)
    rng = np.random.default_rng(3)
    plain = basis(["Al"], "angular")
    for switching in SWITCHINGS:
        document = replace(plain, repulsion=measured.repulsion(switching)).to_dict()
        potential = mlip.Potential.from_coefficients(document, rng.normal(size=plain.n_features), {"Al": 0.0})
        fast, whole = (
            short_range(potential, closest=measured.closest, whole=whole) for whole in (False, True)
        )
        for one, other in zip(fast.curves, whole.curves, strict=True):
            assert one.distances[-1] >= other.distances[-1]
            beyond = other.energies[other.distances <= one.distances[-1]]  # what is left out rises
            assert (np.diff(beyond) > 0.0).all()


def test_a_potential_without_repulsion_fails_the_check(aluminium):
    settings = mlip.FitSettings(n_folds=3, n_path=8)
    run = mlip.fit(aluminium, basis(["Al"], "pair", repulsion=None), settings)
    assert "repulsion" not in run.best().spec
    assert "short_range" not in run.best().info
    check = short_range(run.best())
    assert not check.monotonic
    assert any("Al–Al dimer: the energy falls below" in failure for failure in check.failures)


def test_the_fit_is_the_same_to_the_last_bit_with_and_without_repulsion(aluminium):
    settings = mlip.FitSettings(n_folds=3, n_path=8, anchor_weight=0.0)
    runs = [
        mlip.fit(aluminium, basis(["Al"], "angular-poly", repulsion=repulsion), settings)
        for repulsion in ("zbl", None)
    ]
    for one, other in zip(runs[0].points, runs[1].points, strict=True):
        assert one.potential.coefficients("Al") == other.potential.coefficients("Al")
        for name in ("energy", "forces"):  # of evaluators, whose sums the repulsion may round otherwise
            errors = [getattr(point.training, name).rmse for point in (one, other)]
            assert errors[0] == pytest.approx(errors[1], rel=1e-9)
    frames = [frame.to_atoms() for frame in aluminium]
    predictions = [run.best().predict(frames) for run in runs]
    if runs[0].best_index == runs[1].best_index:
        for one, other in zip(*predictions, strict=True):
            assert abs(one.energy - other.energy) < ENERGY_TOLERANCE
            assert np.abs(one.forces - other.forces).max() < ENERGY_TOLERANCE


def test_the_domain_holds_every_distance_and_density_of_the_data(aluminium):
    measured = domain(aluminium, ["Al"], 6.0)
    distances, crowding, close = [], [], []
    for frame in aluminium:
        atoms = frame.to_atoms()
        from ase.neighborlist import neighbor_list

        first, r = neighbor_list("id", atoms, 6.0)
        distances.append(r.min())
        crowding.append(np.bincount(first, (1 - (r / 6.0) ** 2) ** 3).max())
        scaled = r / (CLOSE_RANGE * measured.outer[0][0])
        close.append(np.bincount(first, np.maximum(1 - scaled**2, 0.0) ** 3).max())
    assert measured.closest[0][0] == pytest.approx(min(distances))
    assert measured.density[0] == pytest.approx(max(crowding))
    assert measured.close_density[0] == pytest.approx(max(close))


def test_a_pair_that_never_occurs_gets_an_estimate():
    from ase import Atoms

    from mlip_rs.data import dataset_from_atoms

    dimers = []
    for symbol, distance in (("Ag", 2.4), ("Au", 2.5)):
        atoms = Atoms([symbol] * 2, [[0, 0, 0], [0, 0, distance]])
        atoms.info["energy"] = -1.0
        dimers.append(atoms)
    closest = domain(dataset_from_atoms(dimers), ["Ag", "Au"], 6.0).closest
    assert closest[0][0] == pytest.approx(2.4)
    assert 1.5 < closest[0][1] < 2.5
    assert closest[0][1] == closest[1][0]


@pytest.mark.parametrize("switching", SWITCHINGS)
def test_every_switching_begins_where_the_data_end(switching):
    repulsion = Domain(((2.0,),), (10.0,), (10.0,)).repulsion(switching)
    assert repulsion.inner[0][0] < repulsion.outer[0][0] < 2.0
    assert 10.0 < repulsion.density_onset[0] < repulsion.density_end[0]


def test_explicit_distances_are_subtracted_before_the_fit(aluminium):
    repulsion = Repulsion(inner=[[1.5]], outer=[[3.5]])
    run = mlip.fit(
        aluminium, basis(["Al"], "pair", repulsion=repulsion), mlip.FitSettings(n_folds=3, n_path=8)
    )
    potential = run.best()
    assert potential.spec["repulsion"] == {"inner": [[1.5]], "outer": [[3.5]]}
    errors = run.points[run.best_index].training
    predictions = potential.predict([frame.to_atoms() for frame in aluminium])
    squares = [
        ((p.energy - frame.energy) / frame.n_atoms) ** 2
        for p, frame in zip(predictions, aluminium, strict=True)
        if frame.energy is not None
    ]
    assert 1000 * np.sqrt(np.mean(squares)) == pytest.approx(
        errors.to_dict()["energy_mev_per_atom"]["rmse"], rel=1e-6
    )


class TestConfiguration:
    def write(self, tmp_path, line):
        path = tmp_path / "fit.toml"
        path.write_text(f'[data]\ntrain = "a.xyz"\n[basis]\nelements = ["Al"]\n{line}\n', encoding="utf-8")
        return load_job(path).basis.repulsion

    def test_zbl_is_the_default(self, tmp_path):
        assert self.write(tmp_path, "") == "zbl"
        assert self.write(tmp_path, 'repulsion = "zbl"') == "zbl"

    def test_false_switches_it_off(self, tmp_path):
        assert self.write(tmp_path, "repulsion = false") is None

    def test_distances_can_be_given(self, tmp_path):
        given = self.write(tmp_path, "repulsion = {inner = [[1.5]], outer = [[2.0]]}")
        assert given == Repulsion(((1.5,),), ((2.0,),))

    def test_another_name_is_refused(self, tmp_path):
        with pytest.raises(ConfigError, match="lj"):
            self.write(tmp_path, 'repulsion = "lj"')

    def test_half_a_density_range_is_refused(self):
        with pytest.raises(ConfigError, match="density_end"):
            Repulsion(((1.5,),), ((2.0,),), density_onset=(3.0,))
        with pytest.raises(ConfigError, match="density_end"):
            Repulsion(((1.5,),), ((2.0,),), density_level=3.0)


def test_inspect_tells_the_repulsion(aluminium):
    explicit = Repulsion([[1.5]], [[2.0]], [9.0], [12.0])
    near = replace(explicit, density_level=5.0, density_range=1.6)
    document = mlip.Basis(["Al"], hierarchy="pair", repulsion=explicit)
    other = mlip.Potential.from_coefficients(
        replace(document, repulsion=near).to_dict(), np.zeros(document.n_features), {"Al": 0.0}
    )
    coefficients = np.zeros(document.n_features)
    potential = mlip.Potential.from_coefficients(document.to_dict(), coefficients, {"Al": 0.0})
    text = "\n".join(describe(potential).lines())
    assert "Al–Al: ZBL from 2.000 Å, in full below 1.500 Å" in text
    assert "Al: density from 9.00, ZBL alone beyond 12.00" in text
    text = "\n".join(describe(other).lines())
    assert (
        "Al: density within 1.60 of these distances from 9.00, ZBL and 5 times that of a close pair" in text
    )
    assert "none: close atoms" in "\n".join(describe(random_potential()).lines())


def test_the_check_is_stored_as_plain_numbers_and_drawn():
    check = short_range(random_potential(hierarchy="pair"), n_points=20)
    document = json.loads(json.dumps(check.to_dict()))
    assert len(document["curves"]) == 5
    figure = short_range_curves(check)
    assert len(figure.axes) == 2
