"""`mlip-rs evaluate`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.options import LABELS, READING, with_settings
from mlip_rs.cli.output import Json, Threads, print_json, print_table, progress


@with_settings(*READING, *LABELS)
def run(
    potential: Annotated[Path, typer.Argument(metavar="POTENTIAL", help="Potential file.")],
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="Files that ASE reads.")],
    settings: dict[str, Any],
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw parity plots into this directory.")
    ] = None,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Compute the errors of a potential on labelled structures: energy, forces, stress, by config type."""
    from mlip_rs.evaluate.evaluation import evaluate, save_figures
    from mlip_rs.potential import Potential
    from mlip_rs.workflows.config import load_sources

    sources = load_sources(data, settings)
    with progress() as receiver:
        loaded = Potential.load(potential)
        dataset = sources.evaluation()
        for notice in dataset.notices:
            receiver.note(f"notice: {notice}")
        evaluation = evaluate(loaded, dataset, threads=threads, progress=receiver)
    written = [] if figures is None else save_figures(evaluation.figures(), figures)
    if as_json:
        print_json(evaluation.to_dict() | {"figures": [str(path) for path in written]})
        return
    print_table(*evaluation.table())
    for path in written:
        print(f"figure -> {path}")
