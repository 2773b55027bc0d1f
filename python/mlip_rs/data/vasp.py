"""Detection of ionic steps of VASP with unconverged electronic loops, which ASE does not report."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from mlip_rs.data.opening import open_text

_NELM_XML = re.compile(r'name="NELM"[^>]*>\s*(\d+)')
_NELM_OUTCAR = re.compile(r"\bNELM\s*=\s*(\d+)")


def vasp_format(path: Path) -> str | None:
    """Return ASE's format of a vasprun.xml or OUTCAR by its name; also numbered (vasprun.xml-001) or compressed."""
    name = path.name.lower()
    if "vasprun" in name and ".xml" in name:
        return "vasp-xml"
    return "vasp-out" if "outcar" in name else None


def unconverged_steps(path: Path) -> tuple[int, ...]:
    """List ionic steps (from 0) whose electronic loop used all NELM iterations, so that their labels are doubtful.

    An OUTCAR shows whether the last allowed iteration reached convergence; a vasprun.xml does not, and the step is
    listed.
    """
    with open_text(path) as lines:
        return tuple(_scan_xml(lines) if vasp_format(path) == "vasp-xml" else _scan_outcar(lines))


def _scan_xml(lines: IO[str]) -> Iterator[int]:
    limit, step, iterations = 0, -1, 0
    for line in lines:
        if "<calculation>" in line:
            step, iterations = step + 1, 0
        elif "<scstep>" in line:
            iterations += 1
        elif "</calculation>" in line:
            if limit > 1 and iterations == limit:
                yield step
        elif not limit and (match := _NELM_XML.search(line)):
            limit = int(match[1])


def _scan_outcar(lines: IO[str]) -> Iterator[int]:
    limit, step, iterations = 0, -1, 0
    for line in lines:
        if "- Iteration" in line:
            iterations += 1
        elif "aborting loop because EDIFF is reached" in line:
            iterations = 0
        elif "FREE ENERGIE OF THE ION-ELECTRON SYSTEM" in line:
            step += 1
            if limit > 1 and iterations == limit:
                yield step
            iterations = 0
        elif not limit and (match := _NELM_OUTCAR.search(line)):
            limit = int(match[1])
