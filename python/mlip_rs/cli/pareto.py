"""`mlip-rs pareto`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.output import Json, print_json, print_table
from mlip_rs.cli.pages import with_page
from mlip_rs.text import counted


def run(
    directories: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...", help="Run directories; several fits to the same data give one front."
        ),
    ],
    select: Annotated[
        str | None,
        typer.Option(
            metavar="CHOICE",
            help="Potential to select: knee, best, one-standard-error, max-cost=µs, max-nonzero=N, "
            "max-energy=meV/atom, max-force=eV/Å.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="File for the selected potential; potential.mlip.json by default.",
        ),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw error against cost (.png, .pdf, .svg).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the Pareto front of one or several fits, error against cost, and export a potential of it."""
    from mlip_rs.fitting.limits import cost_of
    from mlip_rs.fitting.result import table
    from mlip_rs.fitting.run_directory import export, front_figure, front_points, front_warnings
    from mlip_rs.potential.stress_record import failed_stress_test, stress_test_text

    points = front_points(directories)
    warnings = front_warnings(directories)
    document: dict[str, Any] = {"points": points, "warnings": warnings}
    lines = []
    if select is not None or output is not None:
        target = output or Path("potential.mlip.json")
        point, _ = export(directories, select or "knee", target)
        if failed_stress_test(point):
            lines.append(f"warning: it is not to be trusted outside the data: {stress_test_text(point)}")
        document["selected"] = point | {"file": str(target)}
        lines.append(
            f"{select or 'knee'}: {counted(point['n_nonzero'], 'coefficient')}, {cost_of(point):.2f} µs/atom "
            f"-> {target}"
        )
    if figure is not None:
        from mlip_rs.plot.saving import save_figure

        lines.append(f"figure -> {save_figure(front_figure(directories), figure)}")
    if as_json:
        print_json(document)
        return
    print_table(*table(points))
    for line in [*(f"warning: {warning}" for warning in warnings), *lines]:
        print(with_page(line))
