"""Options of the verbs that calculate labels, and arguments of the calculator among their settings."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

PANEL: str = "Calculations"
"""Heading in `--help`."""

CALCULATOR: Any = typer.Option(
    "-c",
    "--calculator",
    metavar="NAME",
    help="Name of the calculator: module:factory or file.py:factory of one of ASE, the file of a potential, chgnet, "
    "7net-0.",
)

ARGUMENTS: str = "Argument of the calculator, as a TOML value; repeat for more: --set kpts.density=4."
"""Help of `--set`."""

Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS|FILE|local",
        help="Scheduler of Dask, or the file that it writes, to calculate there.",
        rich_help_panel=PANEL,
    ),
]

Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Calculations at a time on this machine; by default, all cores.",
        rich_help_panel=PANEL,
    ),
]

TimeLimit = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="Stop a calculation that takes longer; it has failed.",
        rich_help_panel=PANEL,
    ),
]

BasisSize = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="Size of the basis: small, medium, standard, large, huge, or a number of features; "
        "by default, chosen from the data.",
    ),
]


def nested_arguments(settings: Mapping[str, object]) -> dict[str, Any]:
    """Arguments of a factory: `kpts.density=4` is `kpts={"density": 4}`.

    Raises
    ------
    ConfigError
        A name that has a value and stands for a table as well.

    Examples
    --------
    >>> nested_arguments({"mode.name": "pw", "mode.ecut": 300, "xc": "PBE"})
    {'mode': {'name': 'pw', 'ecut': 300}, 'xc': 'PBE'}
    """
    from mlip_rs.errors import ConfigError
    from mlip_rs.workflows.config import key_path

    arguments: dict[str, Any] = {}
    for key, value in settings.items():
        *path, last = key_path(key)
        table = arguments
        for name in path:
            table = table.setdefault(name, {})
            if not isinstance(table, dict):
                raise ConfigError(f"--set {key}: {name} has a value already; give one of them")
        table[last] = value
    return arguments
