"""`mlip-rs predict`."""

from pathlib import Path
from typing import Annotated

import typer

from mlip_rs.cli.output import Json, Threads, print_json, progress


def run(
    potential: Annotated[Path, typer.Argument(metavar="POTENTIAL", help="Potential file.")],
    structures: Annotated[list[str], typer.Argument(metavar="STRUCTURES...", help="Files that ASE reads.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT.extxyz", help="File to write.")],
    index: Annotated[
        str, typer.Option(help="Frames to take from each file, in ASE's notation, such as '::10'.")
    ] = ":",
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Compute energies, forces and stresses of structures, and write them as extxyz."""
    from mlip_rs.evaluate.prediction import predict_file

    with progress() as receiver:
        frames = predict_file(potential, structures, output, index=index, threads=threads, progress=receiver)
    n_atoms = sum(len(atoms) for atoms in frames)
    if as_json:
        energies = [atoms.calc.results["energy"] for atoms in frames]
        print_json(
            {"file": str(output), "n_structures": len(frames), "n_atoms": n_atoms, "energies_ev": energies}
        )
        return
    print(f"{len(frames)} structures, {n_atoms} atoms -> {output}")
