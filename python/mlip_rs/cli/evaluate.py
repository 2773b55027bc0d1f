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
    error_bars: Annotated[
        bool,
        typer.Option(
            help="Compare the error bars of the potential with its errors, and its errors by index of the atoms."
        ),
    ] = True,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Compute the errors of a potential on labelled structures: energy, forces, stress, by config type."""
    from mlip_rs.evaluate.evaluation import evaluate, save_figures
    from mlip_rs.evaluate.uncertain_frames import committee_of
    from mlip_rs.potential import Potential
    from mlip_rs.workflows.config import load_sources

    sources = load_sources(data, settings)
    with progress() as receiver:
        loaded = Potential.load(potential)
        if error_bars:
            committee_of(
                loaded, potential
            )  # damage is told with the name of the file, before the data are read
        dataset = sources.evaluation()
        for notice in dataset.notices:
            receiver.note(f"notice: {notice}")
        evaluation = evaluate(loaded, dataset, error_bars=error_bars, threads=threads, progress=receiver)
    written = []
    if figures is not None:
        written = save_figures(evaluation.figures(), figures)
        written += save_figures(evaluation.trust_figures(), figures, prefix="")
    if as_json:
        print_json(evaluation.to_dict() | {"figures": [str(path) for path in written]})
        return
    print_table(*evaluation.table())
    if evaluation.trust is not None:
        from mlip_rs.evaluate.trust_tables import coverage_table, finding, index_table, promise

        for table, sentence in ((coverage_table, promise), (index_table, finding)):
            header, rows = table(evaluation.trust)
            if rows:
                print()
                print_table(header, rows)
                print(sentence(evaluation.trust))
    for path in written:
        print(f"figure -> {path}")
