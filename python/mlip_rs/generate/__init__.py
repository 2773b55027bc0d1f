"""Structures: prototypes, symmetry, supercells, and in `catalogue` sets of distorted crystals to be labelled."""

from mlip_rs.generate.prototypes import (
    BINARY_PROTOTYPES,
    FURTHER_PROTOTYPES,
    PROTOTYPES,
    binary_prototype,
    prototype,
)
from mlip_rs.generate.symmetry import CrystalSymmetry, conventional_supercell, crystal_symmetry

__all__ = [
    "BINARY_PROTOTYPES",
    "FURTHER_PROTOTYPES",
    "PROTOTYPES",
    "CrystalSymmetry",
    "binary_prototype",
    "conventional_supercell",
    "crystal_symmetry",
    "prototype",
]
