"""Running `mlip-rs` in tests: in this process, or in one of its own with a signal at a given moment."""

import os
import subprocess
import sys
from pathlib import Path

import ase.io
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from typer.testing import CliRunner

from mlip_rs.basis import Basis
from mlip_rs.cli.app import app
from mlip_rs.demo import DATA_PATH
from mlip_rs.fitting import FitSettings

SMALL_BASIS = ("--cutoff", "5", "--hierarchy", "pair", "--n-radial", "6", "--folds", "3")
"""Options of a fit that takes a second."""

BASIS = Basis(["Al"], cutoff=5.0, hierarchy="pair", n_radial=6)
SETTINGS = FitSettings(n_folds=3, n_path=5, threads=1)

_DRIVER = """
import os, signal, sys, types

signal.signal(signal.SIGINT, signal.default_int_handler)
reports = types.ModuleType("mlip_rs.report.fit")
def write_run_report(directory, run, training, test):
    (directory / "report.html").write_text("report")
    return directory / "report.html"
reports.write_run_report = write_run_report
sys.modules["mlip_rs.report.fit"] = reports

phase = os.environ.pop("INTERRUPTED_PHASE", "")
if phase:
    from mlip_rs.progress import Lines
    advance, steps = Lines.advance, []
    def interrupted(self, count=1):
        advance(self, count)
        if self._phase.startswith(phase):
            steps.append(count)
            if len(steps) == 2:
                os.kill(os.getpid(), signal.SIGINT)
    Lines.advance = interrupted

from mlip_rs.cli import main
main()
"""


def invoke(*args, stdin=None):
    """The outcome of a command: `exit_code`, `stdout`, `stderr`."""
    return CliRunner().invoke(app, [str(arg) for arg in args], input=stdin)


def spawn(*args, interrupted_phase: str = "", **options) -> subprocess.CompletedProcess:
    """A command in a process of its own, without report; Ctrl-C at the second step of a phase."""
    environment = os.environ | {"INTERRUPTED_PHASE": interrupted_phase, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, "-c", _DRIVER, *(str(arg) for arg in args)],
        **({"capture_output": True, "encoding": "utf-8", "timeout": 120, "check": False} | options),
        env=environment,
    )


def errors(result) -> list[str]:
    """Lines on stderr that are not progress."""
    return [line for line in result.stderr.splitlines() if not line.startswith("[")]


def labelled_frames() -> list[Atoms]:
    """Forty structures of aluminium with energy, forces, stress, free to be spoilt."""
    frames = []
    for atoms in ase.io.read(DATA_PATH, ":40"):
        copy = atoms.copy()
        results = {key: atoms.calc.results[key] for key in ("energy", "forces", "stress")}
        copy.calc = SinglePointCalculator(copy, **results)
        frames.append(copy)
    return frames


def write_frames(path: Path, frames: list[Atoms]) -> Path:
    ase.io.write(path, frames, format="extxyz")
    return path


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
