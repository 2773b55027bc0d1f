"""Thermodynamic output of LAMMPS, read while it runs and afterwards."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = Mapping[str, float]

BAR_TO_GPA: float = 1e-4

NAMES: Mapping[str, str] = {
    "Step": "step", "Time": "time", "Temp": "temp", "PotEng": "pe", "KinEng": "ke", "TotEng": "etotal",
    "Econserve": "econserve", "Press": "press", "Volume": "vol", "Fmax": "fmax",
    "Lx": "lx", "Ly": "ly", "Lz": "lz", "Xy": "xy", "Xz": "xz", "Yz": "yz", "c_index[1]": "index",
}  # fmt: skip
"""Keywords of `thermo_style custom` by the headings of their columns."""


class ThermoReader:
    """Reads rows from the output of LAMMPS, line by line.

    Examples
    --------
    >>> reader = ThermoReader()
    >>> [reader.read(line) for line in ("   Step  Temp", "  0  300", "Loop time of 1 on 1 procs")]
    [None, {'step': 0.0, 'temp': 300.0}, None]
    """

    def __init__(self) -> None:
        self._columns: list[str] = []

    def read(self, line: str) -> dict[str, float] | None:
        """Return the row in a line; None if it is none."""
        words = line.split()
        if words[:1] == ["Step"]:
            self._columns = [NAMES.get(word, word) for word in words]
            return None
        if not self._columns or len(words) != len(self._columns):
            if words[:2] == ["Loop", "time"]:
                self._columns = []
            return None
        try:
            return dict(zip(self._columns, map(float, words), strict=True))
        except ValueError:
            return None


@dataclass(frozen=True)
class Thermo:
    """Thermodynamic output of a run.

    Parameters
    ----------
    columns
        (n,) each, by keyword of `thermo_style custom`; ps, K, eV, bar, Å.
    n_atoms
        Number of atoms.
    """

    columns: Mapping[str, NDArray[np.float64]]
    n_atoms: int

    def __len__(self) -> int:
        return len(self.columns.get("step", ()))

    @property
    def second_half(self) -> slice:
        """Rows of the second half, in which a run has settled."""
        return slice(len(self) // 2, None)

    def mean(self, name: str) -> float:
        """Mean of a column over the second half."""
        return float(self.columns[name][self.second_half].mean())

    @property
    def drift(self) -> float | None:
        """Change of the conserved energy in the second half, meV/atom/ps; None if there are too few rows."""
        if "econserve" not in self.columns or len(self) < 8:
            return None
        time, energy = (self.columns[name][self.second_half] for name in ("time", "econserve"))
        if time[-1] <= time[0]:
            return None
        return float(np.polyfit(time, energy, 1)[0]) * 1000 / self.n_atoms

    def to_dict(self) -> dict[str, Any]:
        """Return means of the second half, as JSON holds them."""
        names = [name for name in ("temp", "pe", "etotal", "press", "vol") if name in self.columns]
        return {
            "rows": len(self),
            "n_atoms": self.n_atoms,
            "mean_of_second_half": {name: self.mean(name) for name in names} if len(self) else {},
            "drift_mev_per_atom_per_ps": self.drift,
        }


def thermo_of(rows: Iterable[Row], n_atoms: int) -> Thermo:
    """Join rows to columns; of rows with the same step the last counts, as a run that is resumed repeats some.

    >>> found = thermo_of([{"step": 0.0, "pe": 1.0}, {"step": 0.0, "pe": 2.0}], 1)
    >>> found.columns["pe"]
    array([2.])
    """
    by_step = {row["step"]: row for row in rows}
    ordered = [by_step[step] for step in sorted(by_step)]
    names = ordered[0].keys() if ordered else ()
    return Thermo({name: np.array([row[name] for row in ordered if name in row]) for name in names}, n_atoms)


def read_logs(paths: Iterable[str | os.PathLike[str]], n_atoms: int) -> Thermo:
    """Read the rows of log files, oldest first.

    Raises
    ------
    OSError
        A log cannot be read.
    """
    rows = []
    for path in paths:
        reader = ThermoReader()
        with Path(path).open(encoding="utf-8", errors="replace") as lines:
            rows += [row for line in lines if (row := reader.read(line)) is not None]
    return thermo_of(rows, n_atoms)


def loop_seconds(text: str) -> tuple[float, int] | None:
    """Wall time in s and number of steps of the last run in an output; None if it has not ended.

    >>> loop_seconds("Loop time of 2.5 on 1 procs for 100 steps with 32 atoms")
    (2.5, 100)
    """
    found = re.findall(r"Loop time of (\S+) on \d+ procs for (\d+) steps", text)
    return (float(found[-1][0]), int(found[-1][1])) if found else None
