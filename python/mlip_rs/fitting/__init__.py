"""Sparse regression: from data and a basis to a front of potentials."""

from mlip_rs.fitting.pipeline import fit
from mlip_rs.fitting.result import Point, Run, read_record
from mlip_rs.fitting.settings import METHODS, FitSettings
from mlip_rs.fitting.weight_scan import WeightScan, scan_weights
from mlip_rs.fitting.weights import Weights

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
