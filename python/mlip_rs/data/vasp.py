"""What ASE does not tell about VASP output: ionic steps whose electronic loop stopped unconverged."""

import bz2
import gzip
import lzma
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

_NELM_XML = re.compile(r'name="NELM"[^>]*>\s*(\d+)')
_NELM_OUTCAR = re.compile(r"\bNELM\s*=\s*(\d+)")
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


def is_vasp_output(path: Path) -> bool:
    """Whether the name is that of a vasprun.xml or OUTCAR, compressed or not."""
    return _is_xml(path) or "OUTCAR" in path.name


def unconverged_steps(path: Path) -> tuple[int, ...]:
    """Ionic steps (from 0) whose electronic loop used all NELM iterations: energy and forces are doubtful.

    A single pass over the lines of a vasprun.xml or OUTCAR; the labels themselves are ASE's business.
    """
    with _open_text(path) as lines:
        return tuple(_scan_xml(lines) if _is_xml(path) else _scan_outcar(lines))


def _is_xml(path: Path) -> bool:
    return "vasp" in path.name and ".xml" in path.suffixes


def _open_text(path: Path) -> IO[str]:
    opener = _OPENERS.get(path.suffix)
    if opener is None:
        return path.open(encoding="utf-8", errors="replace")
    text: IO[str] = opener(path, "rt", encoding="utf-8", errors="replace")
    return text


def _scan_xml(lines: IO[str]) -> Iterator[int]:
    limit, step, iterations = 0, -1, 0
    for line in lines:
        if "<calculation>" in line:
            step, iterations = step + 1, 0
        elif "<scstep>" in line:
            iterations += 1
        elif "</calculation>" in line:
            if limit > 1 and iterations >= limit:
                yield step
        elif not limit and (match := _NELM_XML.search(line)):
            limit = int(match[1])


def _scan_outcar(lines: IO[str]) -> Iterator[int]:
    limit, step, iterations = 0, -1, 0
    for line in lines:
        if "- Iteration" in line:
            iterations += 1
        elif "FREE ENERGIE OF THE ION-ELECTRON SYSTEM" in line:
            step += 1
            if limit > 1 and iterations >= limit:
                yield step
            iterations = 0
        elif not limit and (match := _NELM_OUTCAR.search(line)):
            limit = int(match[1])
