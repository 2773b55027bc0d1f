"""`mlip-rs predict`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlip_rs.cli.options import READING, with_settings
from mlip_rs.cli.output import Json, Threads, print_json, progress
from mlip_rs.text import counted


@with_settings(*READING)
def run(
    potential: Annotated[Path, typer.Argument(metavar="POTENTIAL", help="Potential file.")],
    structures: Annotated[list[str], typer.Argument(metavar="STRUCTURES...", help="Files that ASE reads.")],
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="OUT.extxyz",
            help="File to write, in the format of its suffix: .extxyz, .xyz, .traj, .db, .json; also .gz, .bz2, .xz.",
        ),
    ],
    settings: dict[str, Any],
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Compute energies, forces and stresses of structures, and write them."""
    from mlip_rs.evaluate.prediction import predict_file
    from mlip_rs.workflows.config import load_sources

    sources = load_sources(structures, settings)
    with progress() as receiver:
        frames = predict_file(
            potential,
            sources.train,
            output,
            index=sources.index,
            format=sources.format,
            types=sources.types,
            threads=threads,
            progress=receiver,
        )
    n_atoms = sum(len(atoms) for atoms in frames)
    if as_json:
        energies = [atoms.calc.results.get("energy") for atoms in frames]
        print_json(
            {"file": str(output), "n_structures": len(frames), "n_atoms": n_atoms, "energies_ev": energies}
        )
        return
    print(f"{counted(len(frames), 'structure')}, {counted(n_atoms, 'atom')} -> {output}")
