"""Bases of invariants: their size, their settings, what the data decide, what is refused."""

import json

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from cli_case import errors, invoke, labelled_frames, write_frames

from mlip_rs import Basis, FitSettings, HigherOrder, RadialSet, fit, radial_grid
from mlip_rs.basis.sizes import ONE_ELEMENT, SEVERAL_ELEMENTS, SIZES, default_size, target
from mlip_rs.data import (
    absent_pairs,
    dataset_from_atoms,
    nearest_neighbor_distance,
    read_dataset,
    suggest_cutoff,
    suggest_r_min,
)
from mlip_rs.errors import ConfigError, DataError, FitError
from mlip_rs.fitting.run_config import configuration
from mlip_rs.workflows.config import load_job

ELEMENTS = ["Ag", "Au", "Cu", "Ni", "Pd"]
GRID = radial_grid("gaussian", 3, 5.0)


def counts(basis):
    return {part.order: part.n_features for part in basis.describe().orders}


class TestSize:
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("n_elements", [1, 2, 3, 4, 5])
    def test_is_near_its_target_and_never_above(self, size, n_elements):
        n_features = Basis(ELEMENTS[:n_elements], size=size).n_features
        assert 0.7 * target(size, n_elements) <= n_features <= target(size, n_elements)

    def test_is_standard_and_the_hierarchy_invariants_by_default(self):
        basis = Basis(["Al"])
        assert basis.hierarchy == "invariants"
        assert basis.to_dict() == Basis(["Al"], size="standard").to_dict()
        assert {part.order for part in basis.describe().orders} >= {1, 2, 3, 4}

    def test_does_not_depend_on_which_elements_they_are(self):
        assert Basis(["Al", "Ni"]).n_features == Basis(["Mo", "W"]).n_features

    @pytest.mark.parametrize("series", [ONE_ELEMENT, SEVERAL_ELEMENTS])
    def test_grows_from_entry_to_entry_of_its_series(self, series):
        n_elements = 1 if series is ONE_ELEMENT else 2
        sizes = [Basis(ELEMENTS[:n_elements]).of_size(size).core.n_features for size in series]
        assert sizes == sorted(set(sizes))

    def test_is_overridden_entry_by_entry(self):
        plain = Basis(["Al"], size="medium").to_dict()
        changed = Basis(["Al"], size="medium", max_l=2, n_radial=9).to_dict()
        first, second, *higher = plain["invariants"]
        assert changed["invariants"] == [first, second | {"max_l": 2}, *higher]
        assert len(changed["radial"][0]["function"]["mu"]) == 9
        assert set(counts(Basis(["Al"], higher=[]))) == {1, 2}
        assert 2 in counts(Basis(ELEMENTS, size="small", max_l=3))

    def test_of_explicit_radial_functions_follows_from_what_they_give(self):
        basis = Basis(["Al"], cutoff=5.0, radial=[GRID], size="small")
        assert 0 < basis.n_features <= SIZES["small"]
        assert basis.to_dict()["radial"] == [GRID.to_dict()]


class TestOrders:
    def test_settings_reach_the_core(self):
        higher = [HigherOrder(4, 2, 1, "diagonal", 2), HigherOrder(3, 2, 0, "free", 3, 4, 2, 1)]
        basis = Basis(["Al"], cutoff=5.0, n_radial=4, n_angular=3, max_l=2, higher=higher)
        spec = json.loads(basis.core.spec)
        assert [entry["order"] for entry in spec["invariants"]] == [1, 2, 3, 4]
        assert spec["invariants"][2]["max_total"] == 4
        assert spec["invariants"][3]["min_l"] == 1
        part = {part.order: part for part in basis.describe().orders}
        assert (part[3].n_radial, part[3].radial_coupling, part[3].n_features[1]) == (
            3,
            "free",
            part[3].n_invariants,
        )
        assert (part[4].n_radial, part[4].min_l, part[4].max_l) == (2, 1, 2)

    def test_all_orders_up_to_six_have_rows(self):
        higher = [HigherOrder(order, 1, max_n=1) for order in (3, 4, 5, 6)]
        basis = Basis(["Al"], cutoff=4.0, n_radial=2, n_angular=2, max_l=1, higher=higher)
        assert set(counts(basis)) == {1, 2, 3, 4, 5, 6}
        assert basis.core.feature_degrees()[:, 3].max() == 6

    def test_functions_of_explicit_sets_are_the_first_that_reach_the_order(self):
        basis = Basis(["Al"], cutoff=5.0, radial=[GRID], max_l=2, higher=[HigherOrder(3, 1, max_n=2)])
        assert {part.order: part.n_radial for part in basis.describe().orders} == {1: 3, 2: 3, 3: 2}

    def test_contracted_sets_are_lists_or_arrays(self):
        contraction = np.arange(12.0).reshape(2, 2, 3) / 10.0
        sets = [
            RadialSet(GRID.family, GRID.parameters, orders=(1,)),
            RadialSet(GRID.family, GRID.parameters, contraction=contraction),
        ]
        basis = Basis(["Al"], cutoff=5.0, radial=sets, max_l=1, higher=[HigherOrder(3, 1)])
        assert basis.to_dict()["radial"][1]["contraction"] == contraction.tolist()
        assert {part.order: part.n_radial for part in basis.describe().orders} == {1: 3, 2: 2, 3: 2}

    @pytest.mark.parametrize("hierarchy", ["invariants", "angular", "angular-poly"])
    def test_an_angular_cutoff_leaves_pairs_long(self, hierarchy):
        basis = Basis(["Al"], cutoff=7.0, angular_cutoff=4.5, hierarchy=hierarchy)
        cutoffs = {part.order: part.cutoffs for part in basis.describe().orders}
        assert cutoffs == {order: (7.0,) if order == 1 else (4.5,) for order in cutoffs}
        alike = Basis(["Al"], cutoff=7.0, angular_cutoff=7.0, hierarchy=hierarchy)
        assert alike.to_dict() == Basis(["Al"], cutoff=7.0, hierarchy=hierarchy).to_dict()
        if hierarchy != "angular-poly":  # where l = 0 is no product of pairwise invariants any more
            assert basis.n_features == alike.n_features


class TestPolynomialModels:
    """Number of features for n invariants: n p, (n + p)!/(n! p!) − 1, and the same for the lower orders only."""

    @pytest.mark.parametrize(
        ("model_type", "expected"),
        [
            (1, {1: (2, 2, 0), 2: (6, 6, 0), 3: (4, 4, 0)}),
            (2, {1: (2, 3, 0), 2: (6, 6 * 7 // 2 + 2 * 6, 0), 3: (4, 4 * 5 // 2 + 4 * 8, 0)}),
            (3, {1: (2, 3, 0), 2: (8 - 2, 0, 0), 3: (4, 0, 0)}),
            (4, {1: (2, 3, 0), 2: (6, 6 * 7 // 2 + 2 * 6, 0), 3: (4, 0, 0)}),
        ],
    )
    def test_have_the_products_of_their_type(self, model_type, expected):
        # Two radial functions, l ≤ 3: p with l = 0 is contained in d², so 2 × 3 remain; order 3, l ≤ 1: 000 and 011.
        basis = Basis.polynomial_model(["Al"], 5.0, model_type=model_type, n_radial=2, max_l=(3, 1))
        assert counts(basis) == expected

    def test_of_degree_one_are_linear(self):
        for model_type in (1, 2, 3, 4):
            basis = Basis.polynomial_model(["Al"], 5.0, model_type=model_type, degree=1, n_radial=2)
            assert set(basis.core.degrees()) == {1}

    def test_that_do_not_exist_are_refused(self):
        with pytest.raises(ConfigError, match="model_type 5"):
            Basis.polynomial_model(["Al"], model_type=5)
        with pytest.raises(ConfigError, match="max_l must be a list"):
            Basis.polynomial_model(["Al"], max_l=4)


class TestComposition:
    def test_counts_add_up(self):
        basis = Basis(["Al", "Ni"], cutoff=5.0, size="small", constant=True)
        found = basis.describe()
        assert sum(sum(part.n_features) for part in found.orders) == found.per_center
        assert found.total == 2 * found.per_center == basis.n_features
        assert found.orders[0].order == 0
        assert json.loads(json.dumps(found.to_dict())) == found.to_dict()

    def test_prints_as_a_table(self):
        lines = str(Basis(["Al"], size="medium").describe()).splitlines()
        assert lines[0].split()[:2] == ["order", "radial"]
        n_features = Basis(["Al"], size="medium").n_features
        assert lines[-1] == f"{n_features} features = {n_features} unknown coefficients"


class TestData:
    @pytest.mark.parametrize(
        ("name", "low", "high"),
        [("mlearn/Li", 6.3, 7.0), ("mlearn/Mo", 5.5, 6.1), ("mlearn/Si", 5.0, 5.5), ("agau/AgAu", 5.8, 6.3)],
    )
    def test_suggest_a_cutoff_past_the_third_shell(self, shared_data, name, low, high):
        dataset = read_dataset(shared_data / f"{name}_train.xyz", index="::5")
        assert low <= suggest_cutoff(dataset) <= high
        assert 1.0 < suggest_r_min(dataset) < nearest_neighbor_distance(dataset)

    def test_decide_what_is_left_open_and_nothing_else(self):
        dataset = dataset_from_atoms(labelled_frames())
        basis = Basis().resolved(dataset)
        assert basis.elements == ("Al",)
        assert basis.cutoff == suggest_cutoff(dataset)
        assert basis.r_min == suggest_r_min(dataset)
        assert basis.size == default_size(dataset.n_labels(), 1)
        explicit = Basis(["Al"], cutoff=4.9, r_min=1.0, size="small")
        assert explicit.resolved(dataset) == explicit

    @pytest.mark.parametrize("n_elements", [1, 3])
    def test_give_one_feature_for_every_five_labels_up_to_the_standard_size(self, n_elements):
        standard = target("standard", n_elements)
        assert default_size(5 * standard, n_elements) == "standard"
        assert default_size(5 * standard - 1, n_elements) < standard
        sizes = [default_size(n, n_elements) for n in (0, 504, 505, 7_927, 10_353)]
        assert sizes == ["small", "small", 100, 1500, 2000]

    def test_a_number_is_the_largest_number_of_features(self):
        few, many = (Basis(["O", "Sr", "Ti"], size=n) for n in (1500, 2900))
        assert 1000 < few.n_features <= 1500 < many.n_features <= 2900
        assert Basis(["Al"], size=1000).to_dict() == Basis(["Al"], size="medium").to_dict()

    def test_of_hot_and_high_structures_do_not_shorten_the_cutoff(self):
        frames = []
        for scale, energy in ((1.0, -4.0), (0.7, 9.0), (0.7, 9.0), (0.7, 9.0)):
            atoms = bulk("Al", a=4.0 * scale)
            atoms.calc = SinglePointCalculator(atoms, energy=energy)
            frames.append(atoms)
        dataset = dataset_from_atoms(frames)
        assert nearest_neighbor_distance(dataset) == pytest.approx(4.0 / np.sqrt(2.0))
        assert suggest_r_min(dataset) == pytest.approx(0.7 * 4.0 / np.sqrt(2.0) - 0.1, abs=0.05)

    def test_without_pairs_ask_for_a_cutoff(self):
        atoms = Atoms("Al")
        atoms.calc = SinglePointCalculator(atoms, energy=0.0)
        with pytest.raises(DataError, match="give the cutoff"):
            suggest_cutoff(dataset_from_atoms([atoms]))

    def test_are_all_that_a_fit_needs(self, tmp_path, no_report):
        path = write_frames(tmp_path / "al.extxyz", labelled_frames()[:20])
        run = tmp_path / "run"
        result = invoke("fit", path, "--size", "small", "--folds", "3", "--method", "ridge", "-o", run)
        assert result.exit_code == 0, result.output
        record = json.loads((run / "run.json").read_text(encoding="utf-8"))
        assert record["hierarchy"] == "invariants"
        assert record["basis"]["cutoff"] == suggest_cutoff(read_dataset(path))
        again = invoke("fit", path, "--size", "small", "--folds", "3", "--method", "ridge", "-o", run)
        assert again.exit_code == 0, again.output
        shown = invoke("inspect", run / "best.mlip.json")
        assert "kept" in shown.stdout
        document = json.loads(invoke("inspect", run / "best.mlip.json", "--json").stdout)
        kept = sum(part["n_kept"] for part in document["composition"]["orders"])
        assert kept == document["n_nonzero"]


def mixture(elements, n_frames=6):
    """Structures of one element each: no pair of two elements occurs."""
    frames = []
    rng = np.random.default_rng(3)
    for k in range(n_frames * len(elements)):
        atoms = bulk(elements[k % len(elements)], "fcc", 4.0, cubic=True)
        atoms.rattle(0.1, rng=rng)
        emt = EMT()
        energy, forces = emt.get_potential_energy(atoms), emt.get_forces(atoms)
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        frames.append(atoms)
    return dataset_from_atoms(frames)


class TestRefusals:
    def test_pairs_that_never_occur_are_named_and_stay_zero(self):
        dataset = mixture(["Al", "Cu"])
        assert absent_pairs(dataset, ("Al", "Cu"), 5.0) == (("Al", "Cu"),)
        basis = Basis(["Al", "Cu"], cutoff=5.0, hierarchy="pair", n_radial=4)
        settings = FitSettings(n_folds=2, method="ridge", reference_energies={"Al": 0.0, "Cu": 0.0})
        run = fit(dataset, basis, settings)
        assert any("Al–Cu: never within the cutoff" in notice for notice in run.record["data"]["notices"])
        assert not [label for label in run.best().coefficients("Al") if "Cu" in label]

    def test_pairs_that_occur_are_not_named(self):
        atoms = bulk("NiAl", "cesiumchloride", a=2.9)
        atoms.calc = SinglePointCalculator(atoms, energy=0.0)
        dataset = dataset_from_atoms([atoms])
        assert absent_pairs(dataset, ("Al", "Ni"), 3.0) == ()
        assert absent_pairs(dataset, ("Al", "Ni"), 2.6) == (("Al", "Al"), ("Ni", "Ni"))

    @pytest.mark.parametrize("settings", [{"cutoff": 2.5}, {"cutoff": 6.0, "angular_cutoff": 2.5}])
    def test_cutoffs_below_the_nearest_neighbours(self, settings):
        name = "angular_cutoff" if "angular_cutoff" in settings else "cutoff"
        with pytest.raises(ConfigError, match=f"^{name} 2.5 Å: nearest neighbours .* raise the {name}"):
            fit(labelled_frames()[:20], Basis(["Al"], size="small", **settings))

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: HigherOrder(2, 2), "higher: order 2 is not among the higher orders, 3 to 6"),
            (lambda: HigherOrder(7, 2), "higher: order 7 is not among the higher orders, 3 to 6"),
            (lambda: HigherOrder(3, -1), "order 3: max_l is -1; it must be an integer, at least 0"),
            (lambda: HigherOrder(3, 2, max_n=0), "order 3: max_n is 0; leave the order out instead"),
            (
                lambda: HigherOrder(3, 2, radial_coupling="all"),
                "order 3: radial_coupling 'all' does not exist",
            ),
            (lambda: Basis(["Al"], higher=[HigherOrder(3, 99)]).core, "order 3: max_l is 99; at most 12"),
            (
                lambda: Basis(["Al"], higher=[HigherOrder(6, 12)]).core,
                "order 6: max_l = 12 gives couplings of too many",
            ),
            (lambda: Basis(["Al"], higher=[HigherOrder(3, 1, 2)]).core, "order 3: min_l exceeds max_l"),
            (
                lambda: Basis(["Al"], higher=[HigherOrder(3, 1), HigherOrder(3, 2)]),
                "higher: each order may be given",
            ),
            (lambda: Basis(["Al"], higher=[3]), "higher[0] is 3; it must be a table of HigherOrder"),
            (lambda: Basis(["Al"], size="vast"), "size 'vast' does not exist; choose one of small, medium"),
            (
                lambda: Basis(["Al"], hierarchy="pair", size="small"),
                "size belongs to the hierarchy 'invariants'",
            ),
            (
                lambda: Basis(["Al"], cutoff=5.0, angular_cutoff=6.0),
                "angular_cutoff 6.0 Å exceeds the cutoff 5.0 Å",
            ),
            (
                lambda: Basis(["Al"], angular_cutoff="4"),
                "angular_cutoff is '4'; it must be a finite number",
            ),
            (lambda: Basis(["Al"], radial=[GRID], angular_cutoff=4.0), "angular_cutoff belongs to a family"),
            (
                lambda: Basis(["Al"], hierarchy="pair-poly", angular_cutoff=4.0),
                "angular_cutoff: the hierarchy 'pair-poly' has no angles",
            ),
            (lambda: Basis(["Al"], radial_coupling="all"), "radial_coupling 'all' does not exist"),
            (
                lambda: Basis(["Al"], radial=[RadialSet("gaussian", GRID.parameters, orders=(7,))]).core,
                "radial set 0: order 7 does not exist; orders are 1 to 6",
            ),
            (
                lambda: (
                    Basis(
                        ["Al"], radial=[GRID, RadialSet("gaussian", GRID.parameters, contraction=[[[1.0]]])]
                    ).core
                ),
                "radial set 1: the contraction of l = 0 is not a 1 by 3 matrix",
            ),
        ],
    )
    def test_name_the_setting(self, make, message):
        with pytest.raises(ConfigError) as caught:
            make()
        assert str(caught.value).removeprefix("basis: ").startswith(message)

    def test_too_many_features_say_what_to_lower(self):
        higher = [HigherOrder(4, 6, radial_coupling="free", max_n=10)]
        with pytest.raises(
            ConfigError, match="more than 200000 invariants of order 4; lower its max_l, max_n"
        ) as caught:
            _ = Basis(ELEMENTS, higher=higher).core
        assert "  " not in str(caught.value)

    def test_too_many_features_for_the_data_name_the_size(self):
        with pytest.raises(FitError, match="use a smaller basis"):
            fit(labelled_frames()[:6], Basis(["Al"], size="large"), FitSettings(n_folds=2))


class TestConfiguration:
    def write(self, tmp_path, text):
        write_frames(tmp_path / "al.extxyz", labelled_frames()[:10])
        path = tmp_path / "fit.toml"
        path.write_text('[data]\ntrain = "al.extxyz"\n' + text, encoding="utf-8")
        return path

    def test_reads_higher_orders_and_contractions(self, tmp_path):
        text = """
[basis]
size = "small"
angular_cutoff = 4.0
[[basis.higher]]
order = 3
max_l = 2
radial_coupling = "free"
"""
        basis = load_job(self.write(tmp_path, text)).basis
        assert basis.higher == (HigherOrder(3, 2, radial_coupling="free"),)
        assert (basis.size, basis.angular_cutoff, basis.cutoff) == ("small", 4.0, None)

    @pytest.mark.parametrize(
        ("entry", "message"),
        [
            (
                "order = 3\nmaxl = 2",
                "basis.higher[0].maxl does not exist; did you mean basis.higher[0].max_l?",
            ),
            ("order = 3", "basis.higher[0].max_l is missing"),
            ('order = "3"\nmax_l = 2', "basis.higher[0]: order is '3'; it must be an integer"),
            ("order = 9\nmax_l = 2", "higher: order 9 is not among the higher orders, 3 to 6"),
        ],
    )
    def test_names_the_key_that_is_wrong(self, tmp_path, entry, message):
        path = self.write(tmp_path, f"[basis]\n[[basis.higher]]\n{entry}\n")
        with pytest.raises(ConfigError) as caught:
            load_job(path)
        assert message in str(caught.value)

    @pytest.mark.parametrize(
        "basis",
        [
            Basis(["Al"], cutoff=5.0),
            Basis(["Al"], cutoff=5.0, size="large", angular_cutoff=4.0),
            Basis(ELEMENTS, cutoff=5.0, size="small"),
            Basis(["Al"], cutoff=5.0, higher=[]),
            Basis.polynomial_model(["Al"], 5.0, model_type=2, n_radial=2, max_l=(2, 1)),
        ],
    )
    def test_is_repeated_from_the_record(self, tmp_path, basis):
        record = {
            "basis": basis.to_dict(),
            "hierarchy": basis.hierarchy,
            "settings": {"weights": {}},
            "data": {"files": ["al.extxyz"]},
            "test_data": None,
        }
        (tmp_path / "repeat.toml").write_text(configuration(record), encoding="utf-8")
        assert load_job(tmp_path / "repeat.toml").basis.to_dict() == basis.to_dict()


class TestCommandLine:
    def test_inspects_a_size_without_a_potential(self):
        result = invoke("inspect", "--size", "small", "--elements", "Mo,Al")
        assert result.exit_code == 0
        assert result.stdout.splitlines()[-1].endswith("= 100 unknown coefficients")
        for size in ("small", "250"):
            document = json.loads(invoke("inspect", "--size", size, "--elements", "Mo", "--json").stdout)
            assert document["total"] == Basis(["Mo"], size=int(size) if size.isdecimal() else size).n_features

    def test_inspect_wants_one_or_the_other(self, small_run):
        assert invoke("inspect").exit_code == 2
        assert invoke("inspect", small_run / "best.mlip.json", "--size", "small").exit_code == 2

    def test_a_dry_run_counts_and_leaves_nothing(self, tmp_path):
        path = write_frames(tmp_path / "al.extxyz", labelled_frames()[:20])
        result = invoke("fit", path, "--dry-run", "-o", tmp_path / "run", "--size", "small")
        assert result.exit_code == 0, result.output
        assert "rows of data" in result.stdout
        assert "GB for each matrix" in result.stdout
        assert not (tmp_path / "run").exists()
        document = json.loads(invoke("fit", path, "--dry-run", "--json", "--size", "small").stdout)
        assert document["basis"]["total"] == Basis(["Al"], size="small").n_features
        assert document["settings"]["cutoff"] == suggest_cutoff(read_dataset(path))

    def test_an_unknown_size_is_one_line(self, tmp_path):
        path = write_frames(tmp_path / "al.extxyz", labelled_frames()[:5])
        result = invoke("fit", path, "--size", "vast", "-o", tmp_path / "run")
        assert result.exit_code == 1
        assert errors(result) == [
            "error: basis.size 'vast' does not exist; choose one of small, medium, standard, large, huge, "
            "or a number of features (a whole one, without quotes)"
        ]
