"""`mlip-rs label`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.calculations import (
    ARGUMENTS,
    CALCULATOR,
    PANEL,
    Scheduler,
    TimeLimit,
    Workers,
    nested_arguments,
)
from mlip_rs.cli.options import READING, with_settings
from mlip_rs.cli.output import Json, print_json, progress

_FILES = "A command with files"


@with_settings(*READING, set_help=f"{ARGUMENTS} With --command, an option of ASE's writer.")
def run(
    structures: Annotated[list[str], typer.Argument(metavar="STRUCTURES...", help="Files that ASE reads.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="OUT.extxyz", help="File to which labelled structures are appended."
        ),
    ],
    settings: dict[str, Any],
    calculator: Annotated[str | None, CALCULATOR] = None,
    command: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Command that calculates in place of a calculator, between two files.",
            rich_help_panel=_FILES,
        ),
    ] = None,
    writes: Annotated[
        str,
        typer.Option(
            metavar="NAME[:FORMAT]",
            help="File with the structure, written before the command runs.",
            rich_help_panel=_FILES,
        ),
    ] = "structure.extxyz",
    reads: Annotated[
        str,
        typer.Option(
            metavar="NAME[:FORMAT]", help="File with the results, read afterwards.", rich_help_panel=_FILES
        ),
    ] = "labelled.extxyz",
    template: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Folder of files that the command needs.", rich_help_panel=_FILES),
    ] = None,
    scheduler: Scheduler = None,
    workers: Workers = None,
    threads: Annotated[
        int, typer.Option(min=1, metavar="N", help="Threads of each calculation.", rich_help_panel=PANEL)
    ] = 1,
    retries: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="How often a structure that fails is tried again.", rich_help_panel=PANEL
        ),
    ] = 0,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Try structures again that failed in a run before.", rich_help_panel=PANEL
        ),
    ] = False,
    time_limit: TimeLimit = None,
    memory_limit: Annotated[
        float | None,
        typer.Option(
            metavar="GB", help="Stop a calculation that takes more; it has failed.", rich_help_panel=PANEL
        ),
    ] = None,
    max_force: Annotated[
        float,
        typer.Option(metavar="EV/Å", help="Larger forces count as a failure.", rich_help_panel=PANEL),
    ] = 500.0,
    check: Annotated[
        bool,
        typer.Option(
            help="Compare forces and stress with differences of the energy first, in three calculations."
        ),
    ] = True,
    teacher: Annotated[
        bool,
        typer.Option(
            "--teacher", help="The calculator is a potential itself; labels and reports of fits say so."
        ),
    ] = False,
    work: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder for the files of calculations; those of failed ones are kept. [default: OUT.work]",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Label structures with energy, forces and stress by any calculator; again to resume, or to add structures."""
    from mlip_rs.label import FileCommand, label
    from mlip_rs.workflows.config import load_sources

    reading = {key: value for key, value in settings.items() if key.startswith("data.")}
    sources = load_sources(structures, reading)
    arguments = nested_arguments({key: value for key, value in settings.items() if key not in reading})
    if (calculator is None) == (command is None):
        raise typer.BadParameter("give either --calculator or --command")
    program = None if command is None else FileCommand(command, writes, reads, template, arguments)
    with progress() as receiver:
        summary = label(
            sources.train,
            program or calculator,
            output,
            arguments=None if program else arguments,
            scheduler=scheduler,
            n_workers=workers,
            threads=threads,
            retries=retries,
            retry_failed=retry_failed,
            time_limit=time_limit,
            memory_limit=memory_limit,
            max_force=max_force,
            teacher=teacher,
            check=check,
            work=work,
            index=sources.index,
            format=sources.format,
            types=sources.types,
            progress=receiver,
        )
    if as_json:
        print_json(summary.to_dict())
    else:
        print("\n".join(summary.lines()))
    if summary.n_failed == summary.n_structures:
        raise typer.Exit(1)
