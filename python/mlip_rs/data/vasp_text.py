"""Output of VASP beyond what ASE reads: van-der-Waals columns, steps of a force field, the charge of the cell."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from mlip_rs.data.opening import open_text
from mlip_rs.data.vasp import vasp_format

_VDW = re.compile(r"(?:\s*eV)?\s+w/o vdW\s*=\s*\S+(?:\s*eV)?")
_END_OF_STEP = "FREE ENERGIE OF THE ION-ELECTRON SYSTEM"
_NELECT = re.compile(r"""NELECT(?:"[^>]*>|\s*=)\s*([\d.]+)""")
_ZVAL = re.compile(r"\bZVAL\s*=\s*([\d.]+)\s+mass")
_IONS = re.compile(r"ions per type\s*=\s*([\d ]+)")
_TYPE_XML = re.compile(r"<rc><c>\s*(\d+)\s*</c><c>[^<]*</c><c>[^<]*</c><c>\s*([\d.]+)\s*</c>")


def steps_of_force_field(file: Path) -> frozenset[int]:
    """List the ionic steps (from 0) that the machine-learned force field of VASP predicted, without ab initio."""
    with open_text(file) as lines:
        return frozenset(
            _predicted_xml(lines) if vasp_format(file) == "vasp-xml" else _predicted_outcar(lines)
        )


def plain_outcar(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of an OUTCAR without columns of van-der-Waals functionals, and without steps of a force field."""
    step: list[str] = []
    left = -1  # lines until the energies of a step are complete
    in_header = True
    for line in lines:
        step.append(
            _VDW.sub("", line).replace(",                                   FORCE-w/o vdW (eV/Angst)", "")
        )
        if in_header and "Iteration" in line:
            yield from step
            step, in_header = [], False
        if _END_OF_STEP in line:
            predicted = "ML FREE" in line
            left = 4
        elif left > 0:
            left -= 1
        if left == 0:
            if not predicted:
                yield from step
            step, left = [], -1
    yield from step


def needs_plain_outcar(file: Path) -> bool:
    """Tell whether an OUTCAR has something in it that `plain_outcar` removes."""
    with open_text(file) as lines:
        return any("w/o vdW" in line or "ML FREE ENERGIE" in line for line in lines)


def cell_charge(file: Path) -> float | None:
    """Return the charge (e) of the cell of a VASP run: valence electrons of the atoms minus NELECT; None if unknown."""
    electrons, valences, ions = None, [], []
    with open_text(file) as lines:
        for line in lines:
            if "Iteration" in line or "<calculation>" in line:
                break
            if electrons is None and (found := _NELECT.search(line)):
                electrons = float(found[1])
            elif found := _TYPE_XML.search(line):
                ions.append(int(found[1]))
                valences.append(float(found[2]))
            elif found := _ZVAL.search(line):
                valences.append(float(found[1]))
            elif found := _IONS.search(line):
                ions = [int(number) for number in found[1].split()]
    if electrons is None or not ions or len(ions) != len(valences):
        return None
    charge = sum(n * z for n, z in zip(ions, valences, strict=True)) - electrons
    return round(charge, 3) + 0.0


def _predicted_outcar(lines: Iterable[str]) -> Iterator[int]:
    step = -1
    for line in lines:
        if _END_OF_STEP in line:
            step += 1
            if "ML FREE" in line:
                yield step


def _predicted_xml(lines: Iterable[str]) -> Iterator[int]:
    """In a run with a force field, the steps without any electronic iteration."""
    learning, step, iterations = False, -1, 0
    for line in lines:
        if not learning and 'name="ML_LMLFF"' in line and re.search(r">\s*T", line):
            learning = True
        elif "<calculation>" in line:
            step, iterations = step + 1, 0
        elif "<scstep>" in line:
            iterations += 1
        elif "</calculation>" in line and learning and not iterations:
            yield step
