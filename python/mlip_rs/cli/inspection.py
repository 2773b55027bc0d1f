"""`mlip-rs inspect`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.options import SettingOption, basis_size, with_settings
from mlip_rs.cli.output import Json, print_json


def _symbols(entries: list[str]) -> list[str]:
    return [symbol for entry in entries for symbol in entry.split(",") if symbol]


@with_settings(
    SettingOption("basis.size", metavar="SIZE", convert=basis_size),
    SettingOption(
        "basis.elements", metavar="SYMBOL...", note="Shows a basis without a potential.", convert=_symbols
    ),
)
def run(
    settings: dict[str, Any],
    potential: Annotated[
        Path | None, typer.Argument(metavar="POTENTIAL", help="Potential file.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the contents of a potential: elements, features, errors, weights, origin; or a basis, by --elements."""
    if potential is None:
        _show_basis(settings, as_json)
        return
    if settings:
        raise typer.BadParameter("give a potential, or --elements, --size and --set of a basis, not both")
    from mlip_rs.workflows.inspection import describe

    description = describe(potential)
    if as_json:
        print_json(description.to_dict())
        return
    print("\n".join(description.lines()))


def _show_basis(settings: dict[str, Any], as_json: bool) -> None:
    if "basis.elements" not in settings:
        raise typer.BadParameter(
            "give a potential file, or --elements, and --size if it is not to be standard"
        )
    from mlip_rs.workflows.config import load_basis

    composition = load_basis(settings).describe()
    if as_json:
        print_json(composition.to_dict())
        return
    print(composition)
