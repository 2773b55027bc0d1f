"""The pair style in LAMMPS: skipped where LAMMPS, MPI or the wheel `mlip-rs-lammps` is not installed."""

import pytest
from lammps_input import Lammps, available


@pytest.fixture
def lammps(tmp_path):
    """Runs inputs in a directory of its own."""
    if reason := available():
        pytest.skip(reason)
    return Lammps(tmp_path)
