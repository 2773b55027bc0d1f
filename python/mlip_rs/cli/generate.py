"""`mlip-rs generate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.options import READING, with_settings
from mlip_rs.cli.output import Json, print_json, print_table, progress


@with_settings(*READING)
def run(
    settings: dict[str, Any],
    elements: Annotated[
        list[str] | None,
        typer.Argument(metavar="ELEMENT...", help="Chemical symbols: Al, or Ag Au.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT.extxyz",
            help="File to write; also .xyz, .traj, .db, .json, .gz, .xz.",
        ),
    ] = None,
    own: Annotated[
        list[str] | None,
        typer.Option(
            "--from",
            metavar="CRYSTAL...",
            help="Files of your own crystals, to be distorted as the prototypes are.",
        ),
    ] = None,
    size: Annotated[
        str,
        typer.Option(
            metavar="SIZE", help="Size of the set: small (250 structures of an element), medium, large."
        ),
    ] = "small",
    n_structures: Annotated[
        int | None, typer.Option("-n", "--number", metavar="N", help="Number of structures in all.")
    ] = None,
    kinds: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND...", help="Kinds of structures, also with their numbers: eos rattle=100."),
    ] = None,
    orderings: Annotated[
        int,
        typer.Option(
            min=0,
            max=12,
            metavar="N",
            help="Add all orderings of several elements on fcc, bcc, hcp with up to N atoms.",
        ),
    ] = 0,
    volume: Annotated[
        list[str] | None,
        typer.Option(metavar="VOLUME...", help="Å³ per atom at equilibrium: 16.5, or Ag=17.1 Au=17.0."),
    ] = None,
    calculator: Annotated[
        str | None,
        typer.Option(
            "-c",
            "--calculator",
            metavar="CALCULATOR",
            help="Potential file or module:factory of an ASE calculator: gives volumes, drives hot crystals and melts.",
        ),
    ] = None,
    choose: Annotated[
        int | None,
        typer.Option(
            "--select", min=1, metavar="N", help="Write only the N structures that together tell most."
        ),
    ] = None,
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="COST",
            help="Write only those that tell most for their cost, so much in all; N atoms cost N to the power 1.5.",
        ),
    ] = None,
    labelled: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE...", help="Structures labelled already, beside which the others are chosen."
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.png", help="Figure of volumes, distances, and energies or sizes; also .pdf, .svg."
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="The same seed gives the same structures.")
    ] = 0,
    plan_only: Annotated[
        bool, typer.Option("--plan", help="Print how many structures of each kind would be made, and stop.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make structures to be labelled: crystals, distorted and with defects, surfaces, clusters, random cells."""
    from mlip_rs.generate.plan import Plan
    from mlip_rs.workflows.calculators import calculator_of
    from mlip_rs.workflows.config import load_sources
    from mlip_rs.workflows.generation import Choice, catalogue_of, generate_file, plan_table

    if output is None and not plan_only:
        raise typer.BadParameter("give the file to write with -o, or --plan to see the numbers only")
    if settings and not own:
        raise typer.BadParameter(
            f"{', '.join(sorted(settings))}: say how files are read; give --from as well"
        )
    symbols = [symbol for entry in elements or [] for symbol in entry.split(",") if symbol]
    if orderings and len(symbols) < 2:
        raise typer.BadParameter("--orderings: give two elements or more to order")
    files = load_sources(own, settings) if own else None
    driver = None if calculator is None else calculator_of(calculator)
    catalogue = catalogue_of(symbols, files, _volumes(volume or [], symbols), orderings, driver)
    plan = Plan.of_size(size, with_dynamics=driver is not None)
    if kinds:
        plan = plan.restricted(kinds)
    if plan_only or output is None:
        header, rows = plan_table(catalogue, plan, n_structures)
        if as_json:
            print_json({row[0]: int(row[1]) for row in rows})
        else:
            print_table(header, rows)
        return
    if labelled and choose is None and budget is None:
        raise typer.BadParameter("--labelled: give --select or --budget as well, which choose beside these")
    known = load_sources(labelled, {}) if labelled else None
    choice = None if choose is None and budget is None else Choice(choose, budget, known)
    with progress() as receiver:
        made = generate_file(
            output,
            catalogue,
            plan,
            choice,
            seed=seed,
            n_structures=n_structures,
            calculator=driver,
            figure=figure,
            progress=receiver,
        )
    if as_json:
        print_json({"file": str(output), **made.to_dict()})
        return
    print_table(*made.table())
    for notice in made.notices:
        print(notice)
    for written in (output, figure):
        if written is not None:
            print(f"-> {written}")


def _volumes(entries: Sequence[str], elements: Sequence[str]) -> dict[str, float]:
    """Volumes by element, from `16.5` or `Ag=17.1`."""
    found: dict[str, float] = {}
    for entry in entries:
        symbol, equals, number = entry.rpartition("=")
        if not symbol and (equals or len(elements) != 1):
            number = number or "16.5"
            raise typer.BadParameter(f"--volume {entry}: say of which element, such as Al={number}")
        try:
            volume = float(number)
        except ValueError:
            raise typer.BadParameter(
                f"--volume {entry}: is not a number of Å³ per atom, such as 16.5"
            ) from None
        if found.setdefault(symbol or elements[0], volume) != volume:
            raise typer.BadParameter(f"--volume {entry}: {symbol or elements[0]} has another volume already")
    return found
