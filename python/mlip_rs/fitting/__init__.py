"""Sparse regression: from data and a basis to a front of potentials."""

from mlip_rs.regression.fitting import fit
from mlip_rs.regression.run import Point, Run, read_record
from mlip_rs.regression.settings import METHODS, FitSettings
from mlip_rs.regression.weight_scan import WeightScan, scan_weights
from mlip_rs.regression.weights import Weights

__all__ = [
    "METHODS",
    "FitSettings",
    "Point",
    "Run",
    "WeightScan",
    "Weights",
    "fit",
    "read_record",
    "scan_weights",
]
