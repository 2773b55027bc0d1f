"""The demo: aluminium by density-functional theory; `examples/al` says how the data were made.

For example::

    from mlip_rs.demo import run_demo

    print(run_demo("al-demo").report)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlip_rs.demo.files import DATA_PATH, REFERENCE_PATH

if TYPE_CHECKING:
    from mlip_rs.demo.aluminium import run_demo
    from mlip_rs.demo.result import DemoResult
    from mlip_rs.demo.vasp_runs import write_vasp_runs

__all__ = ["DATA_PATH", "REFERENCE_PATH", "DemoResult", "run_demo", "write_vasp_runs"]

_HOMES = {
    "DemoResult": "mlip_rs.demo.result",
    "run_demo": "mlip_rs.demo.aluminium",
    "write_vasp_runs": "mlip_rs.demo.vasp_runs",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the home module holds
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
