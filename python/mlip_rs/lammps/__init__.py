"""Potentials in LAMMPS: whether it works here, how it is started, and molecular dynamics in one call.

For example::

    from mlip_rs.lammps import attach, start

    lmp = start()
    lmp.file("in.crystal")
    attach(lmp, "al.mlip.json", ["Al"]).run(1000)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlip_rs.lammps.attachment import Attachment, attach
    from mlip_rs.lammps.building import build
    from mlip_rs.lammps.checking import Finding, LammpsCheck, check
    from mlip_rs.lammps.dynamics import DynamicsResult, run_dynamics
    from mlip_rs.lammps.settings import RunSettings
    from mlip_rs.lammps.startup import preload_mpi, start

__all__ = [
    "Attachment",
    "DynamicsResult",
    "Finding",
    "LammpsCheck",
    "RunSettings",
    "attach",
    "build",
    "check",
    "preload_mpi",
    "run_dynamics",
    "start",
]

_HOMES = {
    "Attachment": "attachment",
    "DynamicsResult": "dynamics",
    "Finding": "checking",
    "LammpsCheck": "checking",
    "RunSettings": "settings",
    "attach": "attachment",
    "build": "building",
    "check": "checking",
    "preload_mpi": "startup",
    "run_dynamics": "dynamics",
    "start": "startup",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the home module holds
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
