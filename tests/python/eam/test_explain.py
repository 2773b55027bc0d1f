"""What `explain` says of potentials whose embedded-atom part is known."""

from functools import partial

import numpy as np
import pytest
from eam_case import angular_potential, one_density_potential, pair_potential, rattled
from potentials import random_potential

from mlip_rs.data import Dataset, read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.eam import explain, export_potential
from mlip_rs.eam.coverage import inside, uncovered
from mlip_rs.eam.figures import explanation_figures
from mlip_rs.eam.structures import rattled_crystals
from mlip_rs.errors import ConfigError, DataError
from mlip_rs.report.explanation import explanation_lines, explanation_report

RADIAL_ERROR = 1e-4
"""Share of the forces that a finite number of radial functions leaves."""


@pytest.fixture(scope="module")
def square():
    return explain(one_density_potential(), rattled(), name="square")


def test_pair_functions_explain_a_pair_potential():
    found = explain(pair_potential(), rattled())
    assert found.levels[0].force_share < RADIAL_ERROR
    assert found.spectra[0].rms == 0.0
    assert "embedding" not in explanation_figures(found)


def test_one_density_explains_the_square_of_a_density(square):
    pairs, one = square.levels[:2]
    assert pairs.force_share > 20 * RADIAL_ERROR
    assert one.force_share < RADIAL_ERROR
    assert one.energy_mev_per_atom < 0.05 * pairs.energy_mev_per_atom
    assert square.spectra[0].count(0.99) == 1
    assert square.angles.force_share < RADIAL_ERROR


def test_angles_are_no_embedded_atom_potential():
    found = explain(angular_potential(), rattled(16))
    assert found.angles.force_share > 10 * RADIAL_ERROR
    assert set(found.by_kind) == {"fcc", "bcc"}


def test_shares_grow_with_the_number_of_densities(square):
    shares = square.spectra[0].shares
    assert (np.diff(shares) > -1e-12).all()
    assert shares[-1] == pytest.approx(1.0)


def test_labels_show_whether_data_contradict_the_form():
    potential = angular_potential()
    frames = []
    for frame in rattled(12):
        atoms = frame.to_atoms()
        prediction = potential.predict(atoms)
        fields = {"energy": prediction.energy, "forces": np.array(prediction.forces)}
        frames.append(type(frame)(frame.numbers, frame.positions, frame.cell, frame.pbc, **fields))
    found = explain(potential, Dataset(tuple(frames)), name="own")
    *kinds, own = found.label_levels
    assert own.force < 1e-9
    assert [entry.force for entry in kinds] == pytest.approx(
        [entry.force for entry in found.levels], rel=1e-3
    )
    assert "have forces that no embedded-atom potential has" in str(explanation_report(found).sections[1])


def test_a_published_file_that_is_the_potential_agrees_with_it(tmp_path):
    from mlip_rs.eam.density_rows import DensityRows, RadialTables
    from mlip_rs.eam.projection import project
    from mlip_rs.eam.setfl import setfl

    potential = one_density_potential()
    rows = DensityRows.of(potential, rattled(), RadialTables.of(potential, spacing=0.005))
    tables = project(rows, 1, potential)[1].model.tables(potential)
    path = tmp_path / "same.eam.fs"
    path.write_text(setfl(tables, tables.terms[0], tables.pair, "eam/fs", "the same"))
    found = explain(potential, rattled(), beside=[path])
    (own,) = found.beside
    assert own.agreement["pair_ev_rms_difference"] < 1e-3 * own.agreement["pair_ev_rms"]
    assert own.potential.force == pytest.approx(found.levels[1].force, rel=0.02)
    assert float(own.form.curvature[0]) == pytest.approx(float(found.form.curvature[0]), rel=1e-3)


def test_what_cannot_be_explained_is_said_in_one_sentence(tmp_path):
    with pytest.raises(DataError, match="there are no structures"):
        explain(pair_potential(), Dataset(()))
    with pytest.raises(DataError, match=r"nowhere\.eam\.fs: there is no such file"):
        explain(pair_potential(), rattled(), beside=["nowhere.eam.fs"])
    torn = tmp_path / "torn.eam.alloy"
    torn.write_text("one\ntwo\nthree\n1 Al\n5 1.0 5 1.0 4.0\n13 27 4.05 fcc\n0 1 2\n")
    with pytest.raises(DataError, match=r"torn\.eam\.alloy: is no alloy file"):
        explain(pair_potential(), rattled(), beside=[torn])


@pytest.mark.parametrize("do", ["explain", "export"])
def test_an_alloy_is_not_looked_at_on_structures_without_its_pairs(tmp_path, do):
    potential = random_potential(("Al", "Ni"))
    only, both = rattled(4), rattled(4, elements=("Ni",))
    mixed = Dataset((*only, *both))
    run = explain if do == "explain" else partial(export_potential, output=tmp_path / "x")
    for data, named in ((only, "Al–Ni, Ni–Ni"), (both, "Al–Al, Al–Ni"), (mixed, "Al–Ni")):
        message = f"no pair {named} within 4.5 Å.*; add structures in which Al, Ni are neighbours"
        with pytest.raises(DataError, match=message):
            run(potential, data=data)
    assert not list(tmp_path.iterdir())


def test_a_published_file_of_another_element_is_refused(tmp_path):
    from mlip_rs.eam.setfl import setfl
    from mlip_rs.eam.tables import EamTables, EmbeddedTerm

    term = EmbeddedTerm(np.ones((1, 1, 50)), np.zeros((1, 50)), 1.0)
    tables = EamTables(("Cu",), 4.0, np.zeros((1, 1, 50)), (term,))
    path = tmp_path / "copper.eam.alloy"
    path.write_text(setfl(tables, term, tables.pair, "eam/alloy", "copper"))
    with pytest.raises(ConfigError, match=r"copper\.eam\.alloy: has Cu, not Al"):
        explain(pair_potential(), rattled(), beside=[path])


def test_rattled_crystals_need_no_data():
    made = rattled_crystals(one_density_potential())
    assert len(made) >= 27
    assert len({frame.config_type for frame in made}) >= 3


def test_lines_and_record_name_every_level(square):
    text = "\n".join(explanation_lines(square))
    record = square.to_dict()
    for own in square.levels:
        assert own.name in text
    assert [entry["name"] for entry in record["left_over"]] == [own.name for own in square.levels]
    assert record["embedding"][0]["densities_for"] == {"0.9": 1, "0.99": 1}


def test_demo_data_can_be_explained_with_their_labels():
    data = read_dataset(DATA_PATH, index="::12")
    assert explain(pair_potential(), data).label_levels


def test_functions_are_marked_where_the_structures_tell_nothing_of_them():
    potential = one_density_potential()
    scaled = [frame_scaled(frame, factor) for frame in rattled(4) for factor in (1.0, 1.25)]
    found = explain(potential, Dataset(tuple(scaled)))
    covered = found.coverage
    ((low, high),) = covered.distances[0, 0]
    assert low == pytest.approx(found.closest)
    assert high == pytest.approx(potential.cutoff, abs=0.1)
    between = np.array([0.5, 3.0])  # too thin for either, and between the densities of the two volumes
    assert not inside(between, covered.densities[0]).any()
    figure = explanation_figures(found)["functions"]
    for axes in figure.axes:
        own = covered.distances[0, 0] if "Å" in axes.get_xlabel() else covered.densities[0]
        dotted, solid = axes.get_lines()[:2]
        x = np.asarray(solid.get_xdata())
        within = inside(x, own)
        assert (np.isfinite(solid.get_ydata()) == within)[x > 0].all()
        assert np.isfinite(np.asarray(dotted.get_ydata()))[(x > 0) & ~within].all()
        begin, end = axes.get_xlim()
        to_data = axes.transData.inverted()
        grey = sorted(list(patch.get_extents().transformed(to_data).intervalx) for patch in axes.patches)
        np.testing.assert_allclose(grey, uncovered([own], begin, end), atol=1e-9)
        assert len(grey) >= 1
    assert found.to_dict()["covered"]["densities"]["Al"] == covered.densities[0].round(4).tolist()


def frame_scaled(frame, factor):
    return type(frame)(frame.numbers, frame.positions * factor, frame.cell * factor, frame.pbc)


def test_pairs_of_each_kind_have_their_own_range():
    potential = random_potential(("Al", "Ni"))
    found = explain(potential, rattled(6, elements=("Al", "Ni")))
    assert list(found.coverage.distances) == [(0, 0), (0, 1), (1, 1)]
    assert len({float(own[0, 0]) for own in found.coverage.distances.values()}) == 3
    assert set(explanation_figures(found)) >= {"functions", "embedding"}
