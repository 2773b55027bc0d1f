"""Machine-learning interatomic potentials by sparse estimation.

For example::

    run = mlip_rs.fit("al.extxyz", mlip_rs.Basis(elements=["Al"], cutoff=6.5))
    potential = run.best()
    atoms.calc = potential.calculator()

Everything is imported at first use, so that the command line starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlip_rs._core import __version__
    from mlip_rs.basis import Basis, HigherOrder, RadialSet, radial_grid
    from mlip_rs.calculators.ase import MLIPCalculator
    from mlip_rs.data import Dataset, read_dataset
    from mlip_rs.fitting import FitSettings, Run, Weights, fit, scan_weights
    from mlip_rs.fitting.contraction import contract
    from mlip_rs.importers import import_potential
    from mlip_rs.potential import Potential

__all__ = [
    "Basis",
    "Dataset",
    "FitSettings",
    "HigherOrder",
    "MLIPCalculator",
    "Potential",
    "RadialSet",
    "Run",
    "Weights",
    "__version__",
    "contract",
    "fit",
    "import_potential",
    "radial_grid",
    "read_dataset",
    "scan_weights",
]

_HOMES = {
    "Basis": "mlip_rs.basis",
    "Dataset": "mlip_rs.data",
    "FitSettings": "mlip_rs.fitting",
    "HigherOrder": "mlip_rs.basis",
    "MLIPCalculator": "mlip_rs.calculators.ase",
    "Potential": "mlip_rs.potential",
    "RadialSet": "mlip_rs.basis",
    "Run": "mlip_rs.fitting",
    "Weights": "mlip_rs.fitting",
    "__version__": "mlip_rs._core",
    "contract": "mlip_rs.fitting.contraction",
    "fit": "mlip_rs.fitting",
    "import_potential": "mlip_rs.importers",
    "radial_grid": "mlip_rs.basis",
    "read_dataset": "mlip_rs.data",
    "scan_weights": "mlip_rs.fitting",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the home module holds
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
