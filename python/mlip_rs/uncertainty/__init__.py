"""Where a potential must not be trusted: error bars of a committee, and an index of anomaly per atom."""

from mlip_rs.uncertainty.calibration import Calibration
from mlip_rs.uncertainty.committee import Committee
from mlip_rs.uncertainty.derived import DerivedProperty, derived_property, property_uncertainty
from mlip_rs.uncertainty.estimate import Uncertainty, uncertainties

__all__ = [
    "Calibration",
    "Committee",
    "DerivedProperty",
    "Uncertainty",
    "derived_property",
    "property_uncertainty",
    "uncertainties",
]
