"""Potentials in LAMMPS: whether it works here, how it is started, and molecular dynamics in one call.

from mlip_rs.lammps import attach, start

lmp = start()
lmp.file("in.crystal")
attach(lmp, "al.mlip.json", ["Al"]).run(1000)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlip_rs.lammps.attach import Attachment, attach
    from mlip_rs.lammps.startup import preload_mpi, start

__all__ = ["Attachment", "attach", "preload_mpi", "start"]

_HOMES = {
    "Attachment": "attach",
    "attach": "attach",
    "preload_mpi": "startup",
    "start": "startup",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the home module holds
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
