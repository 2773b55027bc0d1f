"""`mlip-rs bench`."""

from pathlib import Path
from typing import Annotated

import typer

from mlip_rs.cli.output import Json, print_json, print_table, progress


def run(
    potential: Annotated[Path, typer.Argument(metavar="POTENTIAL", help="Potential file.")],
    sizes: Annotated[
        list[int] | None, typer.Option(metavar="N...", help="Numbers of atoms; 100 1000 10000 by default.")
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option(metavar="N...", help="Numbers of threads; 1 and all cores by default.")
    ] = None,
    like: Annotated[
        Path | None, typer.Option(metavar="STRUCTURE", help="Repeat this structure, not a crystal.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw time against size (.png, .pdf, .svg).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Time per atom against size and threads, and memory."""
    from mlip_rs.benchmark import SIZES, benchmark
    from mlip_rs.data import read_structures
    from mlip_rs.potential import Potential

    loaded = Potential.load(potential)
    structure = None if like is None else read_structures(like, index="0")[0].atoms
    with progress() as receiver:
        result = benchmark(
            loaded, sizes=sizes or SIZES, threads=threads or None, like=structure, progress=receiver
        )
    if figure is not None:
        from mlip_rs.validate.saving import save_figure

        save_figure(result.figure(), figure)
    if as_json:
        print_json(result.to_dict())
        return
    print(f"{result.structure}, repeated; {loaded.n_nonzero} of {loaded.n_features} coefficients")
    print_table(*result.table())
    if figure is not None:
        print(f"figure -> {figure}")
