"""The end of the demo: its potential in LAMMPS, where LAMMPS is installed."""

from pathlib import Path

from ase.build import bulk

from mlip_rs.errors import LammpsError, StructureError
from mlip_rs.lammps.dynamics import run_dynamics
from mlip_rs.lammps.engine import INSTALL_BOTH, choose_engine
from mlip_rs.lammps.settings import RunSettings
from mlip_rs.progress import Progress

SETTINGS: RunSettings = RunSettings("npt", temperature=300.0, steps=1000, timestep=2.0, repeat=(5, 5, 5))
"""Two picoseconds of 500 atoms."""


def short_run(potential: Path, lattice_constant: float, folder: Path, progress: Progress) -> str:
    """Run aluminium at 300 K and no pressure, and say in a sentence what came of it, or why nothing was run.

    Parameters
    ----------
    potential
        Potential file.
    lattice_constant
        Å.
    folder
        Receives the run; one of an earlier demo is replaced.
    progress
        Notified of the progress.
    """
    try:
        choose_engine()
    except LammpsError:
        return f"LAMMPS is not installed, so that the demo ends without a run in it: {INSTALL_BOTH}"
    crystal = bulk("Al", a=lattice_constant, cubic=True)
    try:
        result = run_dynamics(potential, crystal, SETTINGS, folder, overwrite=True, progress=progress)
    except (LammpsError, StructureError) as error:
        return f"The run in LAMMPS has failed: {error}"
    return f"In LAMMPS: {'; '.join(result.lines())} ({folder})"
