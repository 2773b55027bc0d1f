"""The report of a fit is one safe page that holds what was promised, and says how to repeat the fit."""

import dataclasses
import json
import re

import pytest

from mlip_rs import Basis, FitSettings, Weights, fit
from mlip_rs.data import holdout, read_dataset
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting.run_config import configuration
from mlip_rs.report.fit import write_run_report
from mlip_rs.workflows.config import load_job

EVIL = '<script src="https://example.org/x.js">'

SETTINGS = FitSettings(
    n_folds=3,
    n_path=8,
    weights=Weights(stress=None, energy_scale=1.0),
    reference_energies={"Al": 0.0},
    seed=3,
)
BASIS = Basis(["Al"], cutoff=5.5, hierarchy="pair-poly", n_radial=5, pair_degree=2)


@pytest.fixture(scope="module")
def parts():
    dataset = read_dataset(DATA_PATH)
    mask = holdout(dataset, 0.2)
    return dataset.subset(~mask), dataset.subset(mask)


@pytest.fixture(scope="module")
def run(parts):
    return fit(parts[0], BASIS, SETTINGS, test=parts[1])


def links(page):
    return re.findall(r'<[^>]*\b(?:src|href)="([^"]*)"', page)


def test_report_holds_figures_tables_and_settings_and_nothing_from_outside(tmp_path, run, parts):
    path = write_run_report(tmp_path, run, *parts)
    assert path == tmp_path / "report.html"
    page = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://", re.sub(r'"data:image/[^"]*"', '""', page))
    assert all(link.startswith(("data:image/", "#s")) for link in links(page))
    paths, force_errors, parity, kinds, data = 3, 1, 3, 1, 4
    assert page.count("<img ") == paths + force_errors + parity + kinds + data
    for wanted in (
        "Accuracy",
        f"{len(parts[1])} structures of the test data",
        "rattle_fcc",
        run.record["data"]["fingerprint"],
        "mlip-rs fit repeat.toml",
        f"{run.points[run.best_index].test.energy.rmse:.2f}",
    ):
        assert wanted in page, wanted


def test_report_without_test_data_says_that_parity_is_of_the_training_data(tmp_path, run, parts):
    points = tuple(dataclasses.replace(point, test=None) for point in run.points)
    record = run.record | {"test_data": None}
    page = write_run_report(
        tmp_path, dataclasses.replace(run, points=points, record=record), parts[0], None
    ).read_text(encoding="utf-8")
    assert f"{len(parts[0])} structures of the training data, which it was fitted to" in page
    assert "<td>test</td>" not in page
    assert 'class="text">test<' not in page


def test_names_in_the_data_cannot_inject_anything_into_the_page(tmp_path, run, parts):
    frames = tuple(dataclasses.replace(frame, config_type=EVIL) for frame in parts[0])
    training = dataclasses.replace(parts[0], frames=frames, notices=(EVIL,))
    page = write_run_report(tmp_path, run, training, None).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script" in page


@pytest.mark.parametrize(
    "basis",
    [
        BASIS,
        Basis(
            ["Al"], cutoff=6.0, hierarchy="angular-poly", radial="bessel", n_radial=3, n_angular=2, max_l=2
        ),
    ],
    ids=lambda basis: basis.hierarchy,
)
@pytest.mark.parametrize("scales", [{}, {"force_scale": None, "static_scale": 2.0}])
def test_configuration_in_the_report_repeats_the_fit(tmp_path, run, basis, scales):
    settings = dataclasses.replace(SETTINGS, weights=dataclasses.replace(SETTINGS.weights, **scales))
    record = run.record | {"basis": basis.to_dict(), "hierarchy": basis.hierarchy}
    record["settings"] = json.loads(json.dumps(settings.to_dict()))
    (tmp_path / "repeat.toml").write_text(configuration(record), encoding="utf-8")
    (tmp_path / DATA_PATH.name).write_text("", encoding="utf-8")
    job = load_job(tmp_path / "repeat.toml")
    assert job.basis.to_dict() == basis.to_dict()
    assert job.settings == settings
    assert [name.endswith(DATA_PATH.name) for name in job.data.train] == [True]


def test_times_measured_are_shown_beside_and_decide_nothing(tmp_path, run, parts):
    slow_best = tuple(
        dataclasses.replace(point, us_per_atom=1000.0 + (len(run.points) - k))
        for k, point in enumerate(run.points)
    )
    noisy = dataclasses.replace(run, points=slow_best)
    assert (noisy.best_index, noisy.knee_index, noisy.front) == (run.best_index, run.knee_index, run.front)
    page = write_run_report(tmp_path, noisy, *parts).read_text(encoding="utf-8")
    knee = noisy.points[noisy.knee_index]
    assert f"<td>{knee.cost:.3g}</td>" in page
    assert f"<td>{knee.us_per_atom:.3g}</td>" in page
