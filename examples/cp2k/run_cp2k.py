"""One structure with CP2K, between the files that `mlip-rs label --command` writes and reads (docs/labelling.md).

`cp2k.inp` beside it has the settings; they are of a quick test, not converged.
"""

import re
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import Bohr, GPa, Hartree

NUMBER = r"\s+(-?\d+\.\d+(?:E[-+]?\d+)?)"

atoms = ase.io.read("structure.extxyz")
cell = [f"{name} " + " ".join(f"{x:.10f}" for x in row) for name, row in zip("ABC", atoms.cell, strict=True)]
Path("cell.inc").write_text("\n".join(["&CELL", *cell, "&END CELL\n"]))
places = [
    f"{symbol} " + " ".join(f"{x:.10f}" for x in place)
    for symbol, place in zip(atoms.symbols, atoms.positions, strict=True)
]
Path("coord.inc").write_text("\n".join(places) + "\n")

ended = subprocess.run(["cp2k.psmp", "-i", "cp2k.inp"], capture_output=True, text=True, check=False)
print(ended.stdout)  # in which `label` looks whether the electrons have converged
if "PROGRAM ENDED AT" not in ended.stdout:
    sys.exit("CP2K has stopped")

energy = float(re.findall(r"ENERGY\|.*:" + NUMBER, ended.stdout)[-1])
block = ended.stdout.split("ATOMIC FORCES in [a.u.]")[-1]
forces = np.array(re.findall(r"^\s+\d+\s+\d+\s+[A-Z][a-z]?" + 3 * NUMBER, block, re.M), dtype=float)
stress = np.array(
    re.findall(r"STRESS\|\s+[xyz]" + 3 * NUMBER, ended.stdout)[:3], dtype=float
)  # GPa, of pressure
atoms.calc = SinglePointCalculator(
    atoms,
    energy=energy * Hartree,
    forces=forces * Hartree / Bohr,
    stress=-stress[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]] * GPa,
)
ase.io.write("labelled.extxyz", atoms)
