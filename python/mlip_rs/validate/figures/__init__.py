"""Figures, one module for each subject; those that the rest of the package draws are here."""

from mlip_rs.validate.figures.errors import energy_volume_curves, error_by_config_type, parity
from mlip_rs.validate.figures.paths import (
    ModelPoint,
    pareto,
    pareto_fronts,
    predicted_cost,
    sparsity_path,
    sparsity_paths,
)

__all__ = [
    "ModelPoint",
    "energy_volume_curves",
    "error_by_config_type",
    "pareto",
    "pareto_fronts",
    "parity",
    "predicted_cost",
    "sparsity_path",
    "sparsity_paths",
]
