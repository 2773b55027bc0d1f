"""`mlip-rs evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from mlip_rs.cli.output import Json, Threads, print_json, print_table, progress


def run(
    potential: Annotated[Path, typer.Argument(metavar="POTENTIAL", help="Potential file.")],
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="Files that ASE reads.")],
    index: Annotated[
        str, typer.Option(help="Frames to take from each file, in ASE's notation, such as '::10'.")
    ] = ":",
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw parity plots into this directory.")
    ] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Compute the errors of a potential on labelled structures: energy, forces, stress, by config type."""
    from mlip_rs.data import read_dataset
    from mlip_rs.evaluate.evaluation import evaluate, save_figures
    from mlip_rs.potential import Potential

    with progress() as receiver:
        evaluation = evaluate(
            Potential.load(potential), read_dataset(data, index=index), threads=threads, progress=receiver
        )
    written = [] if figures is None else save_figures(evaluation.figures(), figures)
    if as_json:
        print_json(evaluation.to_dict() | {"figures": [str(path) for path in written]})
        return
    print_table(*evaluation.table())
    for path in written:
        print(f"figure -> {path}")
