"""The basis: from a few settings to the explicit document that the core validates and enumerates."""

from mlip_rs.basis.basis import Basis
from mlip_rs.basis.checks import HIERARCHIES
from mlip_rs.basis.orders import HigherOrder
from mlip_rs.basis.radial import FAMILIES, MAX_RADIAL, RadialSet, radial_grid
from mlip_rs.basis.repulsion import Repulsion

__all__ = [
    "FAMILIES",
    "HIERARCHIES",
    "MAX_RADIAL",
    "Basis",
    "HigherOrder",
    "RadialSet",
    "Repulsion",
    "radial_grid",
]
