"""`mlip-rs explain`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.options import LABELS, READING, with_settings
from mlip_rs.cli.output import Json, print_json, progress


@with_settings(*READING, *LABELS)
def run(
    potential: Annotated[Path, typer.Argument(metavar="POTENTIAL", help="Potential file.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of report, figures and numbers.")
    ],
    settings: dict[str, Any],
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="Structures, labelled or not; rattled crystals by default. Repeat for more."
        ),
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Embedded-atom file to compare with, or the name of one that comes with LAMMPS. Repeat for more.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the embedded-atom potential inside a potential, and which energies and forces no such potential has."""
    from mlip_rs.report.explanation import explanation_lines
    from mlip_rs.workflows.config import load_sources
    from mlip_rs.workflows.explanation import REPORT, explain_potential

    if not data and settings:
        raise typer.BadParameter(f"{', '.join(sorted(settings))}: say how data are read; give --data as well")
    with progress() as receiver:
        dataset = load_sources(data, settings).evaluation() if data else None
        explanation = explain_potential(
            potential, output, data=dataset, beside=beside or (), progress=receiver
        )
    if as_json:
        print_json(explanation.to_dict())
        return
    print("\n".join(explanation_lines(explanation)))
    print(f"report -> {output / f'{REPORT}.html'}")
