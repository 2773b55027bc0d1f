"""The fitted potential: its file, its predictions, its behaviour at short range."""

from mlip_rs.potential.potential import Potential
from mlip_rs.potential.prediction import Prediction
from mlip_rs.potential.short_range import ShortRange, ShortRangeCurve, short_range

__all__ = ["Potential", "Prediction", "ShortRange", "ShortRangeCurve", "short_range"]
