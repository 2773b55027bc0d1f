"""`mlip-rs uncertainty`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.options import READING, with_settings
from mlip_rs.cli.output import Json, Threads, print_json, print_table, progress


@with_settings(*READING)
def run(
    potential: Annotated[Path, typer.Argument(metavar="POTENTIAL", help="Potential file.")],
    structures: Annotated[list[str], typer.Argument(metavar="STRUCTURES...", help="Files that ASE reads.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT.extxyz",
            help="Extended XYZ to write, also .gz, .bz2, .xz: OVITO colours atoms by its columns.",
        ),
    ],
    settings: dict[str, Any],
    level: Annotated[
        float, typer.Option(metavar="PART", help="Part of the labels that the error bars cover.")
    ] = 0.9,
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png", help="Picture of the structure with the largest index; also .pdf, .svg."
        ),
    ] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Say where a potential must not be trusted: error bars of its predictions, and an index of every atom."""
    from mlip_rs.evaluate.uncertain_file import uncertainty_file
    from mlip_rs.workflows.config import load_sources

    sources = load_sources(structures, settings)
    with progress() as receiver:
        summary = uncertainty_file(
            potential,
            sources.train,
            output,
            level=level,
            index=sources.index,
            format=sources.format,
            types=sources.types,
            figure=figure,
            threads=threads,
            progress=receiver,
        )
    if as_json:
        print_json({"file": str(output), **summary.to_dict()})
        return
    print_table(*summary.table())
    for line in summary.lines():
        print(line)
    for written in (output, figure):
        if written is not None:
            print(f"-> {written}")
