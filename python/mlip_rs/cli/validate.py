"""`mlip-rs validate`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.options import LABELS, READING, element_energies, with_settings
from mlip_rs.cli.output import Json, print_json, print_table, progress


@with_settings(*READING, *LABELS)
def run(
    potentials: Annotated[
        list[str],
        typer.Argument(
            metavar="POTENTIAL...",
            help="Potential file, or an ASE calculator as module:factory; several are compared.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder of report and results.")
    ],
    settings: dict[str, Any],
    reference: Annotated[
        str | None,
        typer.Option(metavar="REF", help="File of reference properties, potential, or module:factory."),
    ] = None,
    crystal: Annotated[
        str | None,
        typer.Option(
            metavar="CRYSTAL",
            help="A structure file, PROTOTYPE or PROTOTYPE:ELEMENT; the prototype of lowest energy by default.",
        ),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME...", help="Properties to compute; all by default.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Compute fewer structures, in smaller cells.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Labelled structures; the report shows the errors on them as well."
        ),
    ] = None,
    isolated_atoms: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SYMBOL=EV...",
            help="Energies of isolated atoms by the code of the data, for cohesive energies.",
        ),
    ] = None,
    error_bars: Annotated[
        bool | None,
        typer.Option(
            help="± σ of every quantity, by the members of the committee that the fit keeps in a potential. By default "
            "where it has one, but for costly properties; --error-bars for these, too.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Compute physical properties and compare them with a reference in one report; exit code 1 if one fails."""
    from mlip_rs.workflows.validation import validate

    of_crystal = {"data.types", "data.format"} if crystal is not None else set()
    if data is None and (idle := settings.keys() - of_crystal):
        raise typer.BadParameter(f"{', '.join(sorted(idle))}: say how data are read; give --data as well")

    with progress() as receiver:
        result = validate(
            potentials[0] if len(potentials) == 1 else potentials,
            output,
            reference=reference,
            crystal=crystal,
            only=only or (),
            quick=quick,
            data=data,
            reading=settings,
            isolated_atoms=element_energies(isolated_atoms or []),
            error_bars=error_bars,
            progress=receiver,
        )
    if as_json:
        print_json(result.to_dict())
    else:
        print_table(*result.table())
        for table, sentence in result.error_bar_tables():
            print()
            print_table(*table)
            print(sentence)
        print(f"report -> {output / 'report.html'}")
    if not result.passed:
        raise typer.Exit(1)
