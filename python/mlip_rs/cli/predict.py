"""`mlip-rs predict`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlip_rs.cli.options import READING, with_settings
from mlip_rs.cli.output import Json, Threads, print_json, progress
from mlip_rs.text import counted

if TYPE_CHECKING:
    from mlip_rs.evaluate.uncertain_summary import TrustSummary


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
    error_bars: Annotated[
        bool,
        typer.Option(
            "--error-bars",
            help="Write error bars and the index of the atoms as well, as `uncertainty` does; extended XYZ only.",
        ),
    ] = False,
    level: Annotated[
        float, typer.Option(metavar="PART", help="Part of the labels that the error bars cover.")
    ] = 0.9,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Compute energies, forces and stresses of structures, and write them."""
    from mlip_rs.evaluate.prediction import predict_file
    from mlip_rs.evaluate.uncertain_file import uncertainty_file
    from mlip_rs.workflows.config import load_sources

    sources = load_sources(structures, settings)
    reading: dict[str, Any] = {"index": sources.index, "format": sources.format, "types": sources.types}
    document: dict[str, Any] = {"file": str(output)}
    with progress() as receiver:
        common = reading | {"threads": threads, "progress": receiver}
        if error_bars:
            summary = uncertainty_file(potential, sources.train, output, level=level, **common)
            document |= _with_error_bars(summary)
        else:
            frames = predict_file(potential, sources.train, output, **common)
            document |= {
                "n_structures": len(frames),
                "n_atoms": sum(len(atoms) for atoms in frames),
                "energies_ev": [atoms.calc.results.get("energy") for atoms in frames],
            }
    if as_json:
        print_json(document)
        return
    structures_and_atoms = (
        counted(document["n_structures"], "structure"),
        counted(document["n_atoms"], "atom"),
    )
    print(f"{', '.join(structures_and_atoms)} -> {output}")


def _with_error_bars(summary: "TrustSummary") -> dict[str, Any]:
    """What is printed as JSON of predictions with error bars."""
    return {
        "n_structures": summary.total.n_structures,
        "n_atoms": summary.total.n_atoms,
        "energies_ev": [entry["energy_ev"] for entry in summary.structures],
        "level": summary.level,
        "energy_uncertainties_ev": [entry["energy_uncertainty_ev"] for entry in summary.structures],
        "largest_indices": [entry["largest_index"] for entry in summary.structures],
    }
