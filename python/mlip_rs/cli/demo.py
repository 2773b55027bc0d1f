"""`mlip-rs demo`."""

from pathlib import Path
from typing import Annotated

import typer

from mlip_rs.cli.output import Json, Threads, print_json, progress


def run(
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where everything goes.")
    ] = Path("al-demo"),
    threads: Threads = 0,
    as_json: Json = False,
) -> None:
    """Fit, select, validate and report on the DFT data of aluminium that come with the package."""
    from mlip_rs.demo import run_demo

    with progress() as receiver:
        result = run_demo(output, threads=threads, progress=receiver)
    if as_json:
        print_json(result.to_dict())
        return
    print("\n".join(result.lines()))
    print(f"report -> {result.report}")
