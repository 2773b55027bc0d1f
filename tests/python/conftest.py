"""Fixtures shared by all Python tests."""

import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]

LONGEST: tuple[str, ...] = (
    "test_tutorials.py",
    "test_demo.py",
    "test_golden_fits.py",
    "test_short_range.py",
    "test_verify.py",
    "test_label_check.py",
    "test_stored_pieces.py",
)
"""Files of tests that take longest."""


def pytest_collection_modifyitems(items):
    """Begin with the longest files: processes that share out files then end at about the same time."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


@pytest.fixture
def rng():
    return np.random.default_rng(20140701)


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Small files committed with the tests."""
    return REPOSITORY / "tests" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Published and computed data sets beside the repository; tests that need them are skipped without."""
    folder = Path(os.environ.get("MLIP_RS_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("shared data not present; set MLIP_RS_SHARED_DATA")
    return folder


@pytest.fixture(scope="session", autouse=True)
def short_stress_tests():
    """Fits of these tests follow a few structures outside the data; `whole_stress_tests` undoes it."""
    from mlip_rs.fitting import anchors, structure_clusters, unseen_errors
    from mlip_rs.potential import stress_test

    names = ("RUNS", "CLUSTERS", "COLD_RUNS", "COLD_CLUSTERS")
    whole = {name: getattr(stress_test, name) for name in names}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(anchors, "AT_LEAST", 12)
        patch.setattr(anchors, "PER_SYSTEM", 12)
        patch.setattr(unseen_errors, "MOST_ATOMS", 400)
        patch.setattr(structure_clusters, "N_CLUSTERS", 3)
        patch.setattr(stress_test, "RUNS", ())
        patch.setattr(stress_test, "CLUSTERS", (3, 5))
        patch.setattr(stress_test, "COLD_RUNS", ())
        patch.setattr(stress_test, "COLD_CLUSTERS", ())
        yield whole


@pytest.fixture
def whole_stress_tests(short_stress_tests, monkeypatch):
    """Stress tests as users have them."""
    from mlip_rs.potential import stress_test

    for name, whole in short_stress_tests.items():
        monkeypatch.setattr(stress_test, name, whole)


@pytest.fixture
def no_report(monkeypatch):
    """Fits without the report, which takes longer than they do."""

    def write_run_report(directory, run, training, test):
        path = directory / "report.html"
        path.write_text("report", encoding="utf-8")
        return path

    module = ModuleType("mlip_rs.report.fit")
    module.write_run_report = write_run_report
    monkeypatch.setitem(sys.modules, "mlip_rs.report.fit", module)


@pytest.fixture(scope="session")
def small_run(tmp_path_factory) -> Path:
    """The run directory of a small fit to aluminium; to be read, not written to."""
    import mlip_rs
    from mlip_rs.demo import DATA_PATH

    directory = tmp_path_factory.mktemp("small") / "run"
    basis = mlip_rs.Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=6)
    data = mlip_rs.read_dataset(DATA_PATH, index=":40")
    mlip_rs.fit(data, basis, mlip_rs.FitSettings(n_folds=3), test=data, directory=directory)
    return directory


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The run directory of a fit to the frames of `cli_case`, one for each module."""
    from cli_case import BASIS, SETTINGS, labelled_frames

    import mlip_rs

    directory = tmp_path_factory.mktemp("finished") / "run"
    mlip_rs.fit(labelled_frames(), BASIS, SETTINGS, directory=directory)
    return directory
