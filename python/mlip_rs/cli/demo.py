"""`mlip-rs demo`."""

from pathlib import Path
from typing import Annotated

import typer

from mlip_rs.cli.output import Json, Threads, print_json, progress


def run(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Output directory.")] = Path(
        "al-demo"
    ),
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Fit, select, validate and report, on DFT data of aluminium that come with the package."""
    from mlip_rs.demo import run_demo

    with progress() as receiver:
        result = run_demo(output, threads=threads or 0, progress=receiver)
    if as_json:
        print_json(result.to_dict())
        return
    print("\n".join(result.lines()))
    print(f"report -> {result.report}")
