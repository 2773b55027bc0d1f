"""The recipes of docs/howto/other-programs.md run, and give what this package gives."""

import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from importlib.util import find_spec
from pathlib import Path

import ase.io
import numpy as np
import pytest
from conftest import REPOSITORY

from mlip_rs.validate import elastic_constants, phonons
from mlip_rs.validate.properties.phonons import IMAGINARY_TOLERANCE

PAGE = REPOSITORY / "docs" / "howto" / "other-programs.md"
SECONDS = 120.0
TERAHERTZ = 1e-3
"""THz of two computations with the same displacements."""


def blocks(section: str = "", language: str = "python") -> list[str]:
    """Code of a section of the page; "" is what stands above all sections."""
    parts = re.split(r"^## (.+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    sections = {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}
    return re.findall(rf"^```{language}\n(.*?)^```", sections[section], re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(small_run, tmp_path, monkeypatch):
    """The working directory of a reader, with a potential in it."""
    shutil.copy(small_run / "best.mlip.json", tmp_path / "al.mlip.json")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*sections: str, names: dict | None = None) -> dict:
    """Run blocks one after the other, and return the names that they leave."""
    names = {} if names is None else names
    for section in sections:
        for code in blocks(section):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of other packages about each other
                exec(compile(code, f"{PAGE.name}: {section}", "exec"), names)
    return names


def test_phonopy_gives_the_frequencies_of_validate(folder):
    found = run("", "phonopy")
    own = phonons(found["crystal"].calc, found["crystal"], smallest_supercell=12.0)
    branches = np.average(found["frequencies"], axis=0, weights=found["phonon"].mesh.weights)
    assert branches == pytest.approx(np.average(own.frequencies, axis=0, weights=own.weights), abs=TERAHERTZ)
    assert found["frequencies"].max() == pytest.approx(own.highest, abs=TERAHERTZ)
    assert own.is_stable
    assert found["frequencies"].min() > -IMAGINARY_TOLERANCE
    assert Path("phonopy_params.yaml").is_file()


def test_phono3py_gives_a_conductivity_that_falls_as_the_inverse_temperature(folder):
    pytest.importorskip("phono3py", reason="phono3py is not installed")
    cold, hot = run("", "phonopy", "phono3py")["conductivity"]
    assert cold[:3] == pytest.approx(cold[0], rel=1e-6)  # a cubic crystal
    assert cold[3:] == pytest.approx(0.0, abs=1e-6 * cold[0])
    assert cold[0] > 0
    assert cold[0] / hot[0] == pytest.approx(2.0, rel=0.1)


def test_hiphive_gives_the_derivatives_of_the_forces(folder):
    pytest.importorskip("hiphive", reason="hiPhive is not installed")
    found = run("", "hiPhive")
    pushed, step = [], 0.005
    for sign in (1, -1):
        atoms = found["supercell"].copy()
        atoms.positions[0, 0] += sign * step
        pushed.append(found["crystal"].calc.get_forces(atoms))
    derivative = (pushed[1] - pushed[0]) / (2 * step)
    assert found["second_order"][:, 0, :, 0] == pytest.approx(derivative, abs=0.02 * derivative.max())


def test_matcalc_gives_the_elastic_constants_of_validate(folder):
    if find_spec("matcalc") is None:
        pytest.skip("matcalc is not installed")
    found = run("", "matcalc")
    own = elastic_constants(found["crystal"].calc, found["crystal"])
    stiffness = found["stiffness"]
    assert np.mean(np.diag(stiffness)[:3]) == pytest.approx(own.c11, rel=0.02)
    assert np.mean(np.diag(stiffness)[3:]) == pytest.approx(own.c44, rel=0.02)
    assert found["bulk_modulus"] == pytest.approx(own.bulk_modulus, rel=0.02)


def test_ipi_conserves_the_energy_of_a_crystal(folder):
    if find_spec("ipi") is None:
        pytest.skip("i-PI is not installed")
    before, client = blocks("i-PI")
    (document,) = blocks("i-PI", "xml")
    socket = f"mlip-rs-test-{os.getpid()}"
    names: dict = {}
    exec(before, names)
    Path("input.xml").write_text(document.replace("al-socket", socket), encoding="utf-8")
    program = Path(sys.executable).with_name("i-pi")
    with (
        Path("log").open("w") as log,
        subprocess.Popen([program, "input.xml"], stdout=log, stderr=log) as server,
    ):
        try:
            _wait_for(Path(f"/tmp/ipi_{socket}"), server)
            exec(client.replace("al-socket", socket), names)
            assert server.wait(SECONDS) == 0, Path("log").read_text()
        finally:
            server.kill()
    step, _, conserved, temperature, potential = np.loadtxt("al.out").T
    assert step[-1] == 100
    n_atoms = len(ase.io.read("al.xyz"))
    assert np.ptp(potential) / n_atoms > 5e-3  # eV/atom goes to and fro
    assert np.ptp(conserved) < 0.02 * np.ptp(potential)
    assert temperature.min() > 100


def _wait_for(path: Path, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + SECONDS
    while not path.exists():
        assert server.poll() is None, Path("log").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
