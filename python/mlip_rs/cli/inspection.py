"""`mlip-rs inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from mlip_rs.cli.output import Json, print_json


def run(
    potential: Annotated[Path, typer.Argument(metavar="POTENTIAL", help="Potential file.")],
    as_json: Json = False,
) -> None:
    """What is inside a potential: elements, features kept, errors, weights, where it comes from."""
    from mlip_rs.inspection import describe

    description = describe(potential)
    if as_json:
        print_json(description.to_dict())
        return
    print("\n".join(description.lines()))
