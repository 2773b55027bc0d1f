"""`mlip-rs inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from mlip_rs.cli.output import Json, print_json


def run(
    potential: Annotated[
        Path | None, typer.Argument(metavar="POTENTIAL", help="Potential file.", show_default=False)
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Instead of a potential: a basis of this size, such as medium.")
    ] = None,
    elements: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL...", help="Elements of that basis.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What is inside a potential: elements, features kept, errors, weights, where it comes from."""
    if potential is None:
        _show_basis(size, elements, as_json)
        return
    if size is not None or elements:
        raise typer.BadParameter("give a potential, or --size and --elements of a basis, not both")
    from mlip_rs.workflows.inspection import describe

    description = describe(potential)
    if as_json:
        print_json(description.to_dict())
        return
    print("\n".join(description.lines()))


def _show_basis(size: str | None, elements: list[str] | None, as_json: bool) -> None:
    """What a basis of some size is made of, before there is a potential."""
    if not elements:
        raise typer.BadParameter(
            "give a potential file, or --elements, and --size if it is not to be standard"
        )
    from mlip_rs.basis import Basis

    symbols = [symbol for entry in elements for symbol in entry.split(",") if symbol]
    composition = Basis(symbols, size=size).describe()
    if as_json:
        print_json(composition.to_dict())
        return
    print(composition)
