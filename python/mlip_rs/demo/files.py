"""The shipped data of aluminium; `examples/al` says how they were made."""

from pathlib import Path

DATA_PATH: Path = Path(__file__).with_name("al_dft.extxyz")
"""316 structures of 1–8 atoms with energies relative to the isolated atom, forces and stress."""

REFERENCE_PATH: Path = Path(__file__).with_name("al_reference.json")
"""Properties computed directly with the same settings; read it with `mlip_rs.validate.load_reference`."""
