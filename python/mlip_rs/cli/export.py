"""`mlip-rs export`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.options import READING, with_settings
from mlip_rs.cli.output import Json, print_json, progress


@with_settings(*READING)
def run(
    potential: Annotated[Path, typer.Argument(metavar="POTENTIAL", help="Potential file.")],
    to: Annotated[
        str, typer.Option(metavar="FORM", help='Form of the files: "table", "eam/alloy" or "eam/fs".')
    ],
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="NAME",
            help="Beginning of the names of the files, or a folder for them.",
        ),
    ],
    settings: dict[str, Any],
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Structures: the difference to the potential is stated for each, and a potential that has no exact "
            "form is projected on them. Repeat for more.",
        ),
    ] = None,
    terms: Annotated[int, typer.Option(min=1, max=12, metavar="N", help="Densities of a projection.")] = 3,
    as_json: Json = False,
) -> None:
    """Write files that LAMMPS runs as it comes: exact for pairs and squares of densities, else projected on data."""
    from mlip_rs.eam.differences import difference_lines
    from mlip_rs.eam.export import export_potential
    from mlip_rs.potential import Potential
    from mlip_rs.workflows.config import load_sources

    if not data and settings:
        raise typer.BadParameter(f"{', '.join(sorted(settings))}: say how data are read; give --data as well")
    with progress() as receiver:
        loaded = Potential.load(potential)
        dataset = load_sources(data, settings).evaluation() if data else None
        export = export_potential(loaded, output, to, data=dataset, n_terms=terms, progress=receiver)
    if as_json:
        print_json(export.to_dict())
        return
    for path in export.files:
        print(f"file -> {path}")
    print("\n".join(["", *(f"# {note}" for note in export.notes), *export.input_lines]))
    if export.differences:
        kind = "exact" if export.exact else "projected"
        print("\n".join(["", f"files ({kind}) less potential:", *difference_lines(export.differences)]))
