"""How far the predictions for some structures can be trusted, by config type."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.uncertainty.domain import shown
from mlip_rs.uncertainty.half_widths import HalfWidths
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA, MEV_PER_EV


@dataclass
class GroupTrust:
    """Index and error bars of the structures of one config type; None where the potential has none.

    Attributes
    ----------
    n_structures, n_atoms
        Numbers of them.
    largest_index
        Of all atoms.
    n_above
        Atoms with an index above 1.
    """

    n_structures: int = 0
    n_atoms: int = 0
    largest_index: float | None = None
    n_above: int = 0
    _sums: dict[str, list[float]] = field(default_factory=dict)

    def add(self, n_atoms: int, index: Array | None, bars: HalfWidths | None, with_energy: bool) -> None:
        """Add a structure; its energy counts only if it is determined."""
        self.n_structures += 1
        self.n_atoms += n_atoms
        if index is not None:
            self.largest_index = max(self.largest_index or 0.0, float(index.max(initial=0.0)))
            self.n_above += int((index > 1.0).sum())
        if bars is None:
            return
        parts: dict[str, Array | None] = {
            "energy": MEV_PER_EV * np.array([bars.energy] if with_energy else []),
            "forces": bars.forces,
            "stress": None if bars.stress is None else EV_PER_ANGSTROM3_IN_GPA * bars.stress,
        }
        for name, values in parts.items():
            sums = self._sums.setdefault(name, [0.0, 0.0])
            if values is not None:
                sums[0] += float(values.sum())
                sums[1] += values.size

    @property
    def share_above(self) -> float | None:
        """Part of the atoms with an index above 1; one in a hundred where all is as in the training data."""
        return None if self.largest_index is None else self.n_above / max(self.n_atoms, 1)

    def mean_half_width(self, name: str) -> float | None:
        """Mean half-width: of "energy" in meV/atom, of components of "forces" in eV/Å and of the "stress" in GPa."""
        total, count = self._sums.get(name, (0.0, 0.0))
        return total / count if count else None

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON; each key names its unit."""
        return {
            "n_structures": self.n_structures,
            "n_atoms": self.n_atoms,
            "largest_index": self.largest_index,
            "share_of_atoms_above_1": self.share_above,
            "mean_energy_uncertainty_mev_per_atom": self.mean_half_width("energy"),
            "mean_force_uncertainty_ev_per_angstrom": self.mean_half_width("forces"),
            "mean_stress_uncertainty_gpa": self.mean_half_width("stress"),
        }


@dataclass
class TrustSummary:
    """Index and error bars of structures.

    Attributes
    ----------
    level
        Coverage of the error bars.
    total, groups
        Of all structures, and by config type.
    structures
        Of each structure: its place, config type, number of atoms, largest index, and energy with half-width in eV.
    outlier
        Where the atom with the largest index of all is, in words; empty without an index.

    Examples
    --------
    >>> summary = TrustSummary(0.9)
    >>> summary.add("frame 0 of a.xyz", "slab", ["Al", "Al"], np.array([0.5, 1.5]), None, -3.0)
    >>> summary.table()[1], summary.outlier
    ([['all', '1', '2', '1.5', '50.0 %']], 'frame 0 of a.xyz, atom 1 (Al)')
    """

    level: float
    total: GroupTrust = field(default_factory=GroupTrust)
    groups: dict[str, GroupTrust] = field(default_factory=dict)
    structures: list[dict[str, Any]] = field(default_factory=list)
    outlier: str = ""

    def add(
        self,
        location: str,
        config_type: str,
        symbols: list[str],
        index: Array | None,
        bars: HalfWidths | None,
        energy: float | None,
    ) -> None:
        """Add a structure: its place, kind, atoms, their index, its error bars, and its energy if it is determined."""
        with_energy = energy is not None
        largest = None if index is None else float(index.max(initial=0.0))
        if index is not None and len(index) and float(index.max()) > (self.total.largest_index or 0.0):
            atom = int(np.argmax(index))
            self.outlier = f"{location}, atom {atom} ({symbols[atom]})"
        for group in (self.total, self.groups.setdefault(config_type, GroupTrust())):
            group.add(len(symbols), index, bars, with_energy)
        width = bars.energy * len(symbols) if bars is not None and with_energy else None
        self.structures.append(
            {
                "structure": location,
                "config_type": config_type,
                "n_atoms": len(symbols),
                "largest_index": largest,
                "energy_ev": energy,
                "energy_uncertainty_ev": width,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """What `mlip-rs uncertainty --json` prints."""
        return {
            "level": self.level,
            **self.total.to_dict(),
            "outlier": self.outlier or None,
            "by_config_type": {name: group.to_dict() for name, group in sorted(self.groups.items())},
            "structures": self.structures,
        }

    def lines(self) -> list[str]:
        """What to know of the table, in sentences."""
        found = []
        if self.outlier:
            largest = self.total.largest_index or 0.0
            found.append(
                f"Largest index {shown(largest)}: {self.outlier}. 99 % of the training atoms have less than 1."
            )
        if self.total.mean_half_width("forces") is not None:
            found.append(f"Error bars ± are half-widths that cover {100.0 * self.level:g} % of the labels.")
        return found

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows, the total first; columns of what the potential has."""
        rows: Mapping[str, GroupTrust] = {"all": self.total}
        if len(self.groups) > 1:
            rows = {**rows, **{name: self.groups[name] for name in sorted(self.groups)}}
        header, columns = ["structures", "number", "atoms"], [list(rows)]
        columns += [[str(g.n_structures) for g in rows.values()], [str(g.n_atoms) for g in rows.values()]]
        if self.total.largest_index is not None:
            header += ["largest index", "atoms above 1"]
            columns.append([shown(g.largest_index or 0.0) for g in rows.values()])
            columns.append([f"{100.0 * (g.share_above or 0.0):.1f} %" for g in rows.values()])
        titles = {"energy": "± energy (meV/atom)", "forces": "± force (eV/Å)", "stress": "± stress (GPa)"}
        for name, title in titles.items():
            if self.total.mean_half_width(name) is not None:
                header.append(title)
                means = [g.mean_half_width(name) for g in rows.values()]
                columns.append(["–" if mean is None else f"{mean:.3g}" for mean in means])
        return header, [list(row) for row in zip(*columns, strict=True)]
