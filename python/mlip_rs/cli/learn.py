"""`mlip-rs learn`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.calculations import (
    ARGUMENTS,
    CALCULATOR,
    BasisSize,
    Scheduler,
    TimeLimit,
    Workers,
    nested_arguments,
)
from mlip_rs.cli.options import READING, basis_size, with_settings
from mlip_rs.cli.output import Json, print_json, progress

_LOOP = "Loop"


@with_settings(*READING, set_help=ARGUMENTS)
def run(
    pool: Annotated[
        list[str], typer.Argument(metavar="POOL...", help="Files with structures that may be labelled.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Directory of labels, fits and report.")
    ],
    settings: dict[str, Any],
    calculator: Annotated[str, CALCULATOR],
    start: Annotated[
        list[str] | None,
        typer.Option(metavar="DATA", help="File with labelled structures to start from; may be repeated."),
    ] = None,
    energy: Annotated[
        float,
        typer.Option(metavar="MEV", help="Error of the energy aimed at, meV/atom.", rich_help_panel=_LOOP),
    ] = 2.0,
    forces: Annotated[
        float, typer.Option(metavar="EV/Å", help="Error of the forces aimed at.", rich_help_panel=_LOOP)
    ] = 0.05,
    batch: Annotated[
        int, typer.Option(min=1, metavar="N", help="Structures labelled at a time.", rich_help_panel=_LOOP)
    ] = 20,
    max_labels: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Structures labelled in all, at most.", rich_help_panel=_LOOP),
    ] = None,
    cost_power: Annotated[
        float,
        typer.Option(
            metavar="P",
            help="A label of N atoms costs N to this power: 0 for few structures, 3 for little time of DFT.",
            rich_help_panel=_LOOP,
        ),
    ] = 0.0,
    explore: Annotated[
        list[float] | None,
        typer.Option(
            metavar="K",
            help="Temperature of dynamics whose structures outside the data join the pool; may be repeated.",
            rich_help_panel=_LOOP,
        ),
    ] = None,
    size: BasisSize = None,
    scheduler: Scheduler = None,
    workers: Workers = None,
    time_limit: TimeLimit = None,
    as_json: Json = False,
) -> None:
    """Label, of a pool of structures, those that a potential does not know yet; then fit. The same command resumes."""
    from mlip_rs.basis import Basis
    from mlip_rs.learn import LearnSettings
    from mlip_rs.workflows.config import load_sources
    from mlip_rs.workflows.learning import LABELS, FileLabeller, LearnJob

    reading = {key: value for key, value in settings.items() if key.startswith("data.")}
    arguments = nested_arguments({key: value for key, value in settings.items() if key not in reading})
    options = {"scheduler": scheduler, "n_workers": workers, "time_limit": time_limit}
    with progress() as receiver:
        job = LearnJob(
            load_sources(pool, reading),
            output,
            FileLabeller(output / LABELS, calculator, arguments, options, receiver),
            None if not start else load_sources(start, {}),
            LearnSettings(energy, forces, batch, max_labels, cost_power, tuple(explore or ())),
            Basis(size=basis_size(size)) if size else Basis(),
        )
        learned, result = job.run(receiver)
    document = {
        "outcome": learned.outcome,
        "n_labelled": len(learned.labelled),
        "directory": str(output),
        "report": str(output / "learning.html"),
        "turns": len(learned.cycles),
        "validation": result.run.points[result.run.best_index].validation.to_dict(),
    }
    if as_json:
        print_json(document)
    else:
        print(f"{learned.outcome}\n{len(learned.labelled)} labelled structures -> {output}/learning.html")
