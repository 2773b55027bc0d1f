"""`mlip-rs bench`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.options import READING, with_settings
from mlip_rs.cli.output import Json, print_json, print_table, progress


@with_settings(*READING[1:])
def run(
    potentials: Annotated[
        list[Path], typer.Argument(metavar="POTENTIAL...", help="Potential files; ratios are to the first.")
    ],
    settings: dict[str, Any],
    sizes: Annotated[
        list[int] | None, typer.Option(metavar="N...", help="Numbers of atoms; 100 1000 10000 by default.")
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option(metavar="N...", help="Numbers of threads; 1 and all cores by default.")
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(metavar="STRUCTURE", help="File of a structure to repeat instead of a crystal."),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", "-o", metavar="FILE", help="Draw time against size (.png, .pdf, .svg)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the time per atom by size and threads; compare with the predicted time, neighbour list and memory."""
    from mlip_rs.cost.benchmark import SIZES, STEPS_PER_LIST, benchmark
    from mlip_rs.files import distinct_names
    from mlip_rs.potential import Potential
    from mlip_rs.workflows.config import load_sources

    if settings and like is None:
        raise typer.BadParameter(f"{', '.join(settings)}: say how a structure is read; give --like as well")
    loaded = {name: Potential.load(path) for name, path in distinct_names(potentials).items()}
    structure = None if like is None else load_sources([str(like)], settings).structure()
    with progress() as receiver:
        result = benchmark(
            loaded, sizes=sizes or SIZES, threads=threads or None, like=structure, progress=receiver
        )
    if figure is not None:
        from mlip_rs.plot.saving import save_figure

        save_figure(result.figure(), figure)
    if as_json:
        print_json(result.to_dict())
        return
    for timed in result.timed_potentials:
        label = f"{timed.name}: " if len(result.timed_potentials) > 1 else ""
        kept, all_of_them = timed.potential.n_nonzero, timed.potential.n_features
        print(f"{label}{timed.structure}, repeated; {kept} of {all_of_them} coefficients")
    print_table(*result.table())
    print(
        "one thread: core time; predicted: by the plan (mlip-rs inspect); list: building it, and its share of a run "
        f"in which it lasts {STEPS_PER_LIST} steps"
    )
    if figure is not None:
        print(f"figure -> {figure}")
