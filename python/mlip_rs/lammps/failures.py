"""What went wrong in a run of LAMMPS, in words that say what helps."""

import math
import re
from collections.abc import Sequence

from mlip_rs.lammps.settings import RunSettings
from mlip_rs.lammps.thermo import Row

HOTTEST: float = 5.0
"""Temperature, in the highest that was asked for, above which a run counts as run away."""

RAN_AWAY: str = (
    "the potential does not hold there, or the timestep is too long: try a shorter --timestep, a lower --temperature, "
    "relax the structure first (--ensemble minimize), and see what mlip-rs verify says of the potential"
)

CAUSES: tuple[tuple[str, str], ...] = (
    (r"Lost atoms: original (\d+) current (\d+)", "atoms have left the box, {0} are now {1}; " + RAN_AWAY),
    (
        r"Out of range atoms|Non-numeric (?:atom coords|box dimensions|pressure|positions)",
        "positions exploded; " + RAN_AWAY,
    ),
    (r"Non-numeric", "positions exploded; " + RAN_AWAY),
    (r"Unrecognized pair style", "LAMMPS has no pair style mlip/rs: pip install mlip-rs-lammps"),
    (
        r"tilt|Fix npt.* has tilted box too far",
        "the cell has become too oblique: it is not stable in this form",
    ),
    (
        r"Invalid run command upto value: (\d+)\. Must be >= (\d+)",
        "the run is already at step {1}, beyond {0}; ask for more --steps, or begin anew with --overwrite",
    ),
    (
        r"box size << cutoff|Too many .*bins",
        "the cell is far too large or too flat for its atoms; check its cell vectors",
    ),
    (
        r"Cannot open|Unexpected end of|corrupted LAMMPS restart",
        "a file is missing or cut short; begin anew with --overwrite",
    ),
)
"""What messages of LAMMPS mean, by pattern."""


def explained(output: Sequence[str], code: int) -> str:
    """Say why a run has failed.

    Parameters
    ----------
    output
        Last lines of LAMMPS.
    code
        Its exit code.

    Examples
    --------
    >>> explained(["ERROR: Lost atoms: original 32 current 31 (src/thermo.cpp:494)"], 1)[:49]
    'LAMMPS: atoms have left the box, 32 are now 31; t'
    """
    errors = [line.strip() for line in output if re.match(r"\s*ERROR|.*libmpi", line)]
    message = re.sub(r"^ERROR(?: on proc \d+)?: ", "", errors[0]) if errors else ""
    message = re.sub(r" \((?:[\w./-]+/)?[\w-]+\.cpp:\d+\)", "", message)
    for pattern, meaning in CAUSES:
        if found := re.search(pattern, message):
            return f"LAMMPS: {meaning.format(*found.groups())}"
    if message:
        return f"LAMMPS: {message}"
    last = next((line.strip() for line in reversed(output) if line.strip()), "no output")
    if code < 0:
        return f"LAMMPS was ended by signal {-code}; its last line: {last}"
    return f"LAMMPS has stopped with exit code {code}; its last line: {last}"


def runaway(row: Row, settings: RunSettings) -> str:
    """Say that a run has run away, by a row of its output; empty if it has not.

    >>> runaway({"step": 100.0, "temp": 9000.0}, RunSettings("nvt", temperature=300.0))[:58]
    'after 0.1 ps the temperature is 9000 K, and 300 K were ask'
    """
    if settings.ensemble == "minimize" or "temp" not in row:
        return ""
    temperature = row["temp"]
    if math.isfinite(temperature) and temperature <= HOTTEST * settings.hottest:
        return ""
    time = row["step"] * settings.timestep / 1000
    asked = f"{settings.hottest:g} K were asked for"
    return f"after {time:g} ps the temperature is {temperature:.4g} K, and {asked}; {RAN_AWAY}"
