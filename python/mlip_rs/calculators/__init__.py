"""Potentials as calculators of other packages."""

from mlip_rs.calculators.ase import MLIPCalculator
from mlip_rs.calculators.watch import Watch

__all__ = ["MLIPCalculator", "Watch"]
