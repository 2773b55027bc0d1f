"""`python -m mlip_rs.lammps IN.LAMMPS`: an input with `pair_style mlip/rs`, run without the plugin, on one rank."""

import sys

from mlip_rs.errors import MlipError
from mlip_rs.lammps.without_plugin import run_input


def main(arguments: list[str]) -> int:
    """Run the input that the arguments name; the others go to LAMMPS."""
    if not arguments or arguments[0] in ("-h", "--help"):
        sys.stdout.write(f"{__doc__}\n\nFurther arguments are those of LAMMPS, such as -log FILE.\n")
        return 0 if arguments else 2
    try:
        run_input(arguments[0], arguments[1:])
    except MlipError as error:
        sys.stderr.write(f"ERROR: {error}\n")
        return 1
    except Exception as error:  # LAMMPS raises no class of its own
        if type(error) is not Exception and type(error).__name__ != "MPIAbortException":
            raise
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
