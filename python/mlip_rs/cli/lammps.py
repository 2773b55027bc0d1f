"""`mlip-rs lammps check|build|run`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from mlip_rs.cli.options import READING, with_settings
from mlip_rs.cli.output import Json, print_json, progress
from mlip_rs.cli.verb import Verb

if TYPE_CHECKING:
    from mlip_rs.lammps import LammpsCheck

WIDTH: int = 150
"""Columns where standard output is no terminal."""

STYLES: dict[str, str] = {"ok": "green", "missing": "yellow", "broken": "bold red"}

Program = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Program of LAMMPS; by default that of this Python, or on PATH."),
]

app = typer.Typer(
    cls=TyperGroup, no_args_is_help=True, rich_markup_mode=None, help="Run potentials in LAMMPS."
)


def check(lmp: Program = None, as_json: Json = False) -> None:
    """Find LAMMPS, its MPI and the pair style, run two atoms in each way, say what helps; exit code 1 if none works.

    With --lmp, only that program is asked, and it has to run the pair style mlip/rs.
    """
    from mlip_rs.lammps.checking import check

    with progress() as receiver:
        found = check(lmp, receiver)
    if as_json:
        print_json(found.to_dict())
    else:
        _print(found)
    if not found.usable:
        raise typer.Exit(1)


def build(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Directory for the plugin.")],
    lammps_source: Annotated[Path | None, typer.Option(metavar="DIR", help="Source tree of LAMMPS.")] = None,
    lammps_prefix: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where LAMMPS is installed, with its headers.")
    ] = None,
    mpi: Annotated[bool, typer.Option(help="Whether LAMMPS was built with MPI.")] = True,
    integers: Annotated[
        str, typer.Option(help="Sizes of integers of LAMMPS: SMALLBIG, BIGBIG or SMALLSMALL.")
    ] = "SMALLBIG",
) -> None:
    """Compile the pair style for a LAMMPS of your own, by CMake, from the sources in the package mlip-rs-lammps."""
    from mlip_rs.lammps.building import build

    with progress() as receiver:
        built = build(
            output, source=lammps_source, prefix=lammps_prefix, mpi=mpi, integers=integers, progress=receiver
        )
    print("\n".join(built.lines()))


@with_settings(*READING[1:])
def run(
    potential: Annotated[Path, typer.Argument(metavar="POTENTIAL", help="Potential file.")],
    structure: Annotated[
        Path, typer.Argument(metavar="STRUCTURE", help="File of a structure that ASE reads.")
    ],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Directory of the run.")],
    settings: dict[str, Any],
    ensemble: Annotated[str, typer.Option(help="nve, nvt, npt, or minimize.")] = "nvt",
    temperature: Annotated[float, typer.Option(metavar="K", help="Temperature.")] = 300.0,
    final_temperature: Annotated[
        float | None, typer.Option(metavar="K", help="Temperature at the end, to heat or cool.")
    ] = None,
    pressure: Annotated[
        float | None,
        typer.Option(metavar="GPA", help="Pressure; 0 for npt. With minimize, the cell relaxes, too."),
    ] = None,
    steps: Annotated[int, typer.Option(metavar="N", help="Number of steps.")] = 10_000,
    timestep: Annotated[float, typer.Option(metavar="FS", help="Timestep; 0.25 for hydrogen.")] = 1.0,
    repeat: Annotated[
        tuple[int, int, int] | None,
        typer.Option(metavar="N N N", help="Cells in each direction; by default, twice the cutoff wide."),
    ] = None,
    anisotropic: Annotated[
        bool, typer.Option("--anisotropic", help="Each length of the cell by itself.")
    ] = False,
    triclinic: Annotated[bool, typer.Option("--triclinic", help="Lengths and angles of the cell.")] = False,
    ranks: Annotated[int, typer.Option(metavar="N", min=1, help="Ranks of MPI.")] = 1,
    threads: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Threads of each rank; one, or with attach all cores."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of the velocities.")] = 1,
    dump_every: Annotated[
        int | None, typer.Option(metavar="N", help="Steps between frames; by default, 100 frames.")
    ] = None,
    stop_at_index: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="End when an atom has an index of anomaly above X (docs/uncertainty.md)."
        ),
    ] = None,
    lmp: Program = None,
    only_write: Annotated[
        bool, typer.Option("--only-write", help="Write the input, and run nothing.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace another run in DIR.")] = False,
    as_json: Json = False,
) -> None:
    """Run dynamics or a relaxation in LAMMPS, with input, figure and trajectory; again to resume or extend it."""
    from mlip_rs.lammps.dynamics import run_dynamics
    from mlip_rs.lammps.settings import RunSettings
    from mlip_rs.workflows.config import load_sources

    if anisotropic and triclinic:
        raise typer.BadParameter("--anisotropic and --triclinic exclude each other; triclinic has both")
    wanted = RunSettings(
        ensemble=ensemble.lower(),
        temperature=temperature,
        final_temperature=final_temperature,
        pressure=pressure,
        steps=steps,
        timestep=timestep,
        coupling="triclinic" if triclinic else "anisotropic" if anisotropic else "isotropic",
        repeat=repeat,
        seed=seed,
        dump_every=dump_every,
        stop_at_index=stop_at_index,
    )
    atoms = load_sources([str(structure)], settings).structure()
    with progress() as receiver:
        result = run_dynamics(
            potential,
            atoms,
            wanted,
            output,
            lmp=lmp,
            ranks=ranks,
            threads=threads,
            only_write=only_write,
            overwrite=overwrite,
            progress=receiver,
        )
    if as_json:
        print_json(result.to_dict())
        return
    print("\n".join(result.lines()))
    if result.thermo is not None:
        print(f"figure -> {output / 'thermo.png'}; trajectory -> {output / 'trajectory.extxyz'}")


VERBS: dict[str, Callable[..., None]] = {"check": check, "build": build, "run": run}
"""Verbs in the order of `--help`."""

for name, verb in VERBS.items():
    app.command(name, cls=Verb)(verb)


def _print(found: "LammpsCheck") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("what", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("found", overflow="fold")
    table.add_column("cure", overflow="fold")
    for finding in found.findings:
        table.add_row(
            Text(finding.name),
            Text(finding.status, STYLES[finding.status]),
            Text(finding.text),
            Text(finding.cure),
        )
    console.print(table)
    console.print(Text(found.summary, "green" if found.usable else "bold red"), soft_wrap=True)
