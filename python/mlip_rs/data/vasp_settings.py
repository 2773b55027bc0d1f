"""Settings of VASP runs, and in which of them the runs of a data set differ."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlip_rs.data.opening import open_text
from mlip_rs.data.paths import shown_name
from mlip_rs.text import counted

COARSE: float = 1.5
"""Ratio of the k-point spacings of two runs beyond which they are called different."""

SPACING: str = "k-point spacing"
"""Name of the widest spacing of the k-points, 2π/Å, among the settings."""

UNITS: Mapping[str, str] = {"ENCUT": " eV", "SIGMA": " eV", SPACING: " Å⁻¹"}
DEFAULTS: Mapping[str, str] = {"GGA": "--", "METAGGA": "--", "IVDW": "0", "LHFCALC": "F", "LDAU": "F"}
"""What a file means that does not name a setting."""

OF_CRYSTALS: frozenset[str] = frozenset({"ISPIN", "ISMEAR", "SIGMA", SPACING})
"""Settings in which an isolated atom rightly differs from crystals."""

SHOWN: int = 3
"""Files that a notice names."""

_NAMES = "ENCUT|GGA|METAGGA|IVDW|LHFCALC|LDAU|ISPIN|ISMEAR|SIGMA"
# ENMAX is the cutoff energy in a vasprun.xml, but that of each POTCAR in an OUTCAR.
_SETTING = re.compile(rf"""(?:name="(ENMAX|{_NAMES})">|\b({_NAMES})\s*=)\s*([^\s;<]+)""")
_POTCAR = re.compile(r"(?:<rc>(?:<c>[^<]*</c>){4}<c>|TITEL\s*=)\s*([^<\n]*[^<\s])")
_GRID = re.compile(r'(?:name="divisions">|generate k-points for:)\s*(\d+)\s+(\d+)\s+(\d+)')
_SAME: Mapping[str, str] = {"ENMAX": "ENCUT", "PE": "--", "NONE": "--", ".FALSE.": "F", ".TRUE.": "T"}


def settings_of(file: Path, cell: NDArray[np.float64]) -> dict[str, str]:
    """Settings of a vasprun.xml or OUTCAR on which the zero and the precision of its energies depend.

    Parameters
    ----------
    file
        The output, not compressed.
    cell
        (3, 3) lattice vectors in rows, Å, with which the divisions of a regular grid of k-points give a spacing.

    Returns
    -------
    dict
        Values by name, such as "ENCUT", "GGA", "POTCAR Al"; "k-point spacing" in 1/Å, 2π included.
    """
    found: dict[str, str] = {}
    with open_text(file) as lines:
        for line in lines:
            if "<calculation>" in line or "- Iteration" in line:
                break
            for tag, name, value in _SETTING.findall(line):
                name = _SAME.get(tag or name, tag or name)
                found.setdefault(name, "--" if (name, value) == ("METAGGA", "F") else _plain(value))
            if match := _POTCAR.search(line):
                title = match[1]
                element = re.split(r"[\s_.]", title.removeprefix("PAW_PBE ").removeprefix("PAW "))[0]
                found.setdefault(f"POTCAR {element}", title)
            elif (match := _GRID.search(line)) and (spacing := _spacing(cell, match.groups())):
                found[SPACING] = f"{spacing:.2f}"
    return {**DEFAULTS, **found}


def differences(runs: Sequence[tuple[str, Mapping[str, str], bool]]) -> list[str]:
    """Say in which settings the runs of a data set differ, one notice for each.

    Parameters
    ----------
    runs
        File, settings, and whether it is an isolated atom, which may differ in spin, smearing and k-points.

    Examples
    --------
    >>> runs = [(f"runs/{k}/vasprun.xml", {"ENCUT": "520"}, False) for k in range(3)]
    >>> differences([*runs, ("old/OUTCAR", {"ENCUT": "300"}, False)])[0].partition(":")[0]
    'runs of VASP differ in ENCUT (520 eV in 3 files, 300 eV in 1 file'
    """
    names = dict.fromkeys(name for _, settings, _ in runs for name in settings)
    notices = []
    for name in names:
        values: dict[str, list[str]] = {}
        for file, settings, atom in runs:
            if name in settings and not (atom and name in OF_CRYSTALS):
                values.setdefault(settings[name], []).append(file)
        if name == SPACING:
            values = _coarse_apart(values)
        if len(values) > 1:
            ordered = sorted(values.items(), key=lambda own: -len(own[1]))
            few = ordered[-1][1]
            told = ", ".join(
                f"{value}{UNITS.get(name, '')} in {counted(len(files), 'file')}" for value, files in ordered
            )
            shown = ", ".join(shown_name(Path(file)) for file in few[:SHOWN]) + (
                ", …" if len(few) > SHOWN else ""
            )
            notices.append(
                f"runs of VASP differ in {name} ({told}: {shown}): their energies are not on one scale; leave the few "
                "out, or calculate them again with the settings of the others"
            )
    return notices


def _coarse_apart(values: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Files with k-points much wider apart than the usual ones, and the others; by the range of their spacings."""
    if not values:
        return {}
    usual = float(np.median([float(value) for value, files in values.items() for _ in files]))
    parts: dict[str, list[str]] = {}
    for coarse in (False, True):
        own = {value: files for value, files in values.items() if (float(value) > COARSE * usual) is coarse}
        if own:
            ends = sorted({f"{min(map(float, own)):.2f}", f"{max(map(float, own)):.2f}"})
            parts[" to ".join(ends)] = [file for files in own.values() for file in files]
    return parts


def _spacing(cell: NDArray[np.float64], divisions: Sequence[str]) -> float | None:
    """Widest distance of neighbouring k-points, along directions with more than one; None without any."""
    numbers = np.array(divisions, dtype=float)
    lengths = 2.0 * np.pi * np.linalg.norm(np.linalg.inv(cell), axis=0)
    sampled = numbers > 1.0
    return float((lengths / numbers)[sampled].max()) if sampled.any() else None


def _plain(value: str) -> str:
    try:
        return f"{float(value):g}"
    except ValueError:
        return _SAME.get(value.upper(), value)
