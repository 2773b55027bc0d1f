"""Fixtures shared by all Python tests."""

import os
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


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
