"""`mlip-rs import`."""

from pathlib import Path
from typing import Annotated

import typer

from mlip_rs.cli.output import Json, print_json


def run(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Of pypolymlp, polymlp.yaml, all files of a hybrid model or their folder; of SNAP, the .snapcoeff and "
            "the .snapparam; of PACE, a linear .yace; of MLIP, an .mtp or .almtp.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Potential file to write (*.mlip.json).")
    ],
    elements: Annotated[
        list[str] | None,
        typer.Option(
            "--elements",
            metavar="SYMBOL...",
            help="Elements of the types of an .mtp, in their order, which has no names.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a potential of the files of another program, with the same energies, forces and stresses."""
    from mlip_rs.errors import PotentialFileError
    from mlip_rs.importers import import_potential
    from mlip_rs.potential.origin import origin_text

    if any(file.resolve() == output.resolve() for file in files):
        raise PotentialFileError(f"{output}: is the file to import; give another name after -o")
    potential = import_potential(files, elements)
    potential.save(output)
    if as_json:
        print_json(
            {
                "potential": str(output),
                "elements": list(potential.elements),
                "cutoff": potential.cutoff,
                "n_nonzero": potential.n_nonzero,
                "undetermined_atoms": list(potential.undetermined_atoms),
                "info": potential.info,
            }
        )
        return
    print(f"imported from   {origin_text(potential.info)}")
    print(f"elements        {', '.join(potential.elements)}; cutoff {potential.cutoff:g} Å")
    print(f"coefficients    {potential.n_nonzero} of {potential.n_features}")
    print("error bars      none, and no index of anomaly: they need the data of the fit")
    print(
        "close pairs     as in the files; no repulsion is added, and none that another pair style added to them"
    )
    print(f"potential -> {output}")
