"""Potentials as calculators of other packages."""

from mlip_rs.calculators.ase import MLIPCalculator

__all__ = ["MLIPCalculator"]
