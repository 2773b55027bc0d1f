"""`mlip-rs verify`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mlip_rs.cli.output import Json, print_json, progress

if TYPE_CHECKING:
    from mlip_rs.verify import CheckResult, Verification

WIDTH: int = 150
"""Columns where standard output is no terminal."""

STYLES: dict[str, str] = {"pass": "green", "fail": "bold red", "not applicable": "dim"}


def run(
    potential: Annotated[Path, typer.Argument(metavar="POTENTIAL", help="Potential file.")],
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME...", help="Checks to run; all by default.")
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw the energies of dimers (.png, .pdf, .svg).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run consistency checks (derivatives, smoothness, invariance, periodicity); exit code 1 if one fails."""
    from mlip_rs.potential import Potential
    from mlip_rs.verify import verify

    with progress() as receiver:
        verification = verify(potential, only=only or None, progress=receiver)
    if figure is not None:
        from mlip_rs.plot.saving import save_figure
        from mlip_rs.verify.figures import dimer_curves

        save_figure(dimer_curves(Potential.load(potential)), figure)
    if as_json:
        print_json(verification.to_dict())
    else:
        _print(verification)
        if figure is not None:
            print(f"figure -> {figure}")
    if not verification.passed:
        raise typer.Exit(1)


def _print(verification: "Verification") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("check", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("number", justify="right", no_wrap=True)
    table.add_column("limit", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("what")
    for check in verification.checks:
        status = Text(check.status.value, style=STYLES[check.status.value])
        name, *others = map(Text, (check.name, *_numbers(check), check.unit, check.sentence))
        table.add_row(name, status, *others)
    console.print(table)
    console.print(
        Text(_summary(verification), style=STYLES["pass" if verification.passed else "fail"]), soft_wrap=True
    )


def _summary(verification: "Verification") -> str:
    statuses = [check.status.value for check in verification.checks]
    counts = [
        f"{statuses.count(status)} {status}" for status in ("pass", "not applicable") if status in statuses
    ]
    failed = [check.name for check in verification.failures]
    if failed:
        counts.append(f"{len(failed)} fail: {', '.join(failed)}")
    return f"{verification.name}: {', '.join(counts)}"


def _numbers(check: "CheckResult") -> list[str]:
    from mlip_rs.text import told_apart

    if check.value is not None and check.limit is not None:
        return list(told_apart(check.value, check.limit, kind="g"))
    return ["–" if number is None else f"{number:.2g}" for number in (check.value, check.limit)]
