"""The shell completes verbs and options."""

import os
import subprocess
import sys

import pytest


def completed(words: str) -> list[str]:
    environment = os.environ | {
        "_MLIP_RS_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    command = [sys.executable, "-m", "mlip_rs"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.split()


@pytest.mark.parametrize("verb", ["fit", "validate", "label"])
def test_fish_is_told_an_option_on_each_line(verb: str) -> None:
    environment = os.environ | {
        "_MLIP_RS_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": f"mlip-rs {verb} --",
    }
    command = [sys.executable, "-m", "mlip_rs"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    assert len(lines) > 5
    assert all(line.startswith("--") for line in lines)


@pytest.mark.parametrize(
    ("words", "expected"),
    [("mlip-rs fi", "fit"), ("mlip-rs fit --scan", "--scan-weights"), ("mlip-rs lammps ch", "check")],
)
def test_verbs_and_options_are_completed(words: str, expected: str) -> None:
    assert expected in completed(words)


def test_what_does_not_exist_is_not_completed() -> None:
    assert completed("mlip-rs fit --scam") == []
