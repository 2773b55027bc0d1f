"""The tutorials of the documentation run, and print and draw what they say."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "tutorials"
TUTORIALS = sorted(FOLDER.glob("[0-9]_*.py"))
MINUTES = 20.0


def test_there_are_six() -> None:
    assert len(TUTORIALS) == 6


@pytest.mark.parametrize("script", TUTORIALS, ids=lambda path: path.stem)
def test_a_tutorial_runs_and_prints(script: Path, tmp_path: Path) -> None:
    environment = os.environ | {"MPLBACKEND": "Agg", "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", str(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60.0 * MINUTES,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "nan" not in done.stdout
    assert len(done.stdout.splitlines()) >= 2
