"""Where a potential must not be trusted: error bars of a committee, and an index of anomaly per atom."""

from mlip_rs.uncertainty.calibration import Calibration
from mlip_rs.uncertainty.committee import Committee
from mlip_rs.uncertainty.derived import DerivedProperty, derived_property, property_uncertainty
from mlip_rs.uncertainty.domain import Departure, indices
from mlip_rs.uncertainty.estimate import Uncertainty, uncertainties
from mlip_rs.uncertainty.half_widths import HalfWidths

__all__ = [
    "Calibration",
    "Committee",
    "Departure",
    "DerivedProperty",
    "HalfWidths",
    "Uncertainty",
    "derived_property",
    "indices",
    "property_uncertainty",
    "uncertainties",
]
