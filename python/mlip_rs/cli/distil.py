"""`mlip-rs distil`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.calculations import BasisSize, Scheduler, Workers
from mlip_rs.cli.options import READING, basis_size, with_settings
from mlip_rs.cli.output import Json, print_json, print_table, progress

_SET = "Structures"


@with_settings(*READING)
def run(
    settings: dict[str, Any],
    elements: Annotated[
        list[str] | None,
        typer.Argument(metavar="ELEMENT...", help="Chemical symbols: Cu, or Ag Au.", show_default=False),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Directory of structures, labels, fit and report."
        ),
    ] = Path("mlip-distilled"),
    teacher: Annotated[
        str,
        typer.Option(
            "-t",
            "--teacher",
            metavar="NAME",
            help="chgnet, 7net-0, a potential file, or module:factory or file.py:factory of a calculator of ASE.",
        ),
    ] = "7net-0",
    size: BasisSize = None,
    own: Annotated[
        list[str] | None,
        typer.Option(
            "--from", metavar="CRYSTAL...", help="Files of your own crystals.", rich_help_panel=_SET
        ),
    ] = None,
    n_structures: Annotated[
        int,
        typer.Option(
            "-n",
            "--number",
            min=1,
            metavar="N",
            help="Number of structures in all.",
            rich_help_panel=_SET,
        ),
    ] = 600,
    seed: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="The same seed gives the same structures.", rich_help_panel=_SET
        ),
    ] = 0,
    compare: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATA...", help="First-principles data on which teacher and student are compared."
        ),
    ] = None,
    properties: Annotated[
        str,
        typer.Option(metavar="quick|all|none", help="Physical properties against the teacher."),
    ] = "quick",
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace the fit in DIR by one with other settings; the labels stay."
        ),
    ] = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
    as_json: Json = False,
) -> None:
    """Make a potential that imitates a teacher: structures, labels by the teacher, fit, properties; again to resume."""
    from mlip_rs.workflows.config import load_job, load_sources
    from mlip_rs.workflows.distillation import DistilJob

    if not elements and not own:
        raise typer.BadParameter("give an element, such as Cu, or your own crystals with --from")
    if properties not in ("quick", "all", "none"):
        raise typer.BadParameter(f"--properties {properties}: say quick, all or none")
    reading = {key: value for key, value in settings.items() if key.startswith("data.")}
    if reading and not (own or compare):
        raise typer.BadParameter(
            f"{', '.join(sorted(reading))}: say how files are read; give --from or --compare as well"
        )
    of_fit = {key: value for key, value in settings.items() if key not in reading}
    of_fit |= {"basis.size": basis_size(size)} if size else {}
    fit = load_job(settings={**of_fit, "data.train": str(output)})
    job = DistilJob(
        [symbol for entry in elements or [] for symbol in entry.split(",") if symbol],
        teacher,
        output,
        own=load_sources(own, reading) if own else None,
        n_structures=n_structures,
        basis=fit.basis,
        fit=fit.settings,
        compared=load_sources(compare, reading) if compare else None,
        properties="" if properties == "none" else properties,
        options={"n_workers": workers, "scheduler": scheduler},
        seed=seed,
        overwrite=overwrite,
    )
    with progress() as receiver:
        distilled = job.run(receiver)
    if as_json:
        print_json(distilled.to_dict())
        return
    from mlip_rs.report.distillation import data_table
    from mlip_rs.report.fit import accuracy_table

    found = distilled.run
    named = {"knee": found.points[found.knee_index], "best": found.points[found.best_index]}
    tables = [accuracy_table(named)]
    if distilled.against_data:
        tables.append(data_table(distilled.against_data))
    for table in tables:
        print_table(list(table.header), [list(row) for row in table.rows])
        print(table.caption + "\n" if table.caption else "")
    if distilled.validation is not None:
        print_table(*distilled.validation.table())
    print(f"labels: {', '.join(distilled.label_sources)}\n-> {output}/distillation.html")
