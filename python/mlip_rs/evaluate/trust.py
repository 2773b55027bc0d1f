"""Whether error bars cover the labels, and whether the index of anomaly tells where errors are large."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs.arrays import Array
from mlip_rs.evaluate.errors import (
    ENERGY_KEY,
    FORCE_KEY,
    STRESS_KEY,
    Labels,
    PairedValues,
    paired_values,
)
from mlip_rs.evaluate.uncertain_frames import UncertainPrediction
from mlip_rs.uncertainty import Committee
from mlip_rs.uncertainty.calibration import LEVELS, normal_quantile
from mlip_rs.uncertainty.half_widths import LEVEL

PROPERTIES: dict[str, tuple[str, str]] = {
    ENERGY_KEY: ("energy", "energy per atom"),
    FORCE_KEY: ("forces", "force"),
    STRESS_KEY: ("stress", "stress"),
}
"""Name in a committee, and name for people, of each property."""

INDEX_EDGES: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0, np.inf)
"""Ranges of the index whose force errors are shown."""

WORST: float = 0.05
"""Part of the forces, those with the largest errors, that the index should find."""

WIDEST: float = 1000.0
"""Half-widths of so many mean errors say only that the labels are zero by symmetry; the ratio is not shown."""


@dataclass(frozen=True)
class Coverage:
    """Error bars of one property of some structures beside their errors.

    Parameters
    ----------
    group, key
        Config type ("" for all) and property, as a key of `PROPERTIES`.
    n
        Number of labels.
    reached
        Part of them within the error bars, at each of `mlip_rs.uncertainty.calibration.LEVELS`.
    half_width
        Mean half-width of the bars that should cover 90 %, in the unit of the property.
    width_ratio
        The same, in mean absolute errors; 2.06 where errors are normal and bars are ideal. None if errors are zero.
    """

    group: str
    key: str
    n: int
    reached: tuple[float, ...]
    half_width: float
    width_ratio: float | None

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "n": self.n,
            "coverage": {f"{level:g}": value for level, value in zip(LEVELS, self.reached, strict=True)},
            "half_width_90": self.half_width,
            "half_width_90_over_mean_error": self.width_ratio,
        }


@dataclass(frozen=True)
class IndexRange:
    """Force errors of the atoms whose index is in a range: number of atoms, and RMS length of the error in eV/Å."""

    low: float
    high: float
    n_atoms: int
    rms_error: float | None

    @property
    def name(self) -> str:
        """The range in words."""
        return f"above {self.low:g}" if np.isinf(self.high) else f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True, eq=False)
class Trust:
    """Error bars and index beside the errors of predictions.

    Parameters
    ----------
    pairs
        Labels and predictions by property.
    config_types
        Of each structure.
    committee
        That of the potential; None without error bars.
    standard_errors
        Of each prediction in `pairs`, in the same unit; empty without a committee.
    index
        (n,) of each atom with a force label; None if the potential has no index.
    """

    pairs: Mapping[str, PairedValues]
    config_types: tuple[str, ...]
    committee: Committee | None
    standard_errors: Mapping[str, Array]
    index: Array | None

    @classmethod
    def of(
        cls,
        labels: Labels,
        pairs: Mapping[str, PairedValues],
        found: Sequence[UncertainPrediction],
        n_atoms: Sequence[int],
        config_types: tuple[str, ...],
    ) -> "Trust | None":
        """Collect what a potential says of its predictions; None if it says nothing."""
        bars = [own.uncertainty for own in found]
        first = bars[0] if bars else None
        index = None
        if found and found[0].index is not None:
            chosen = [own.index for own, known in zip(found, labels.forces, strict=True) if known is not None]
            index = np.concatenate([np.empty(0), *(own for own in chosen if own is not None)])
        if first is None and index is None:
            return None
        errors: dict[str, Array] = {}
        if first is not None:
            known = [own for own in bars if own is not None]
            energies = [own.energy * n for own, n in zip(known, n_atoms, strict=True)]
            sigma = Labels(energies, [own.forces for own in known], [own.stress for own in known])
            errors = {key: pair.predicted for key, pair in paired_values(labels, sigma, n_atoms).items()}
        return cls(pairs, config_types, None if first is None else first.committee, errors, index)

    def half_widths(self, key: str, level: float) -> Array:
        """Half-widths of the error bars of a property, one for each pair."""
        calibration = None if self.committee is None else self.committee.calibration
        factor = 1.0 if calibration is None else calibration.factor(PROPERTIES[key][0], level)
        return np.asarray(factor * normal_quantile(level) * self.standard_errors[key])

    def reached(self, key: str, level: float, chosen: NDArray[np.bool_] | None = None) -> float:
        """Part of the labels, or of some of them, within the error bars of a level."""
        inside = self._errors(key) <= self.half_widths(key, level)
        return float(np.mean(inside if chosen is None else inside[chosen]))

    def coverages(self) -> list[Coverage]:
        """Coverage of each property, of all structures first, then by config type where there are several."""
        names = np.array(self.config_types, dtype=str)
        groups = sorted(set(self.config_types)) if len(set(self.config_types)) > 1 else []
        found = []
        for group in ("", *groups):
            for key in PROPERTIES:
                chosen = None if not group else names[self.pairs[key].structure] == group
                n = len(self._errors(key)) if chosen is None else int(chosen.sum())
                if n and self.committee is not None:
                    found.append(self._coverage(group, key, n, chosen))
        return found

    def index_ranges(self) -> list[IndexRange]:
        """Force errors by index; empty without an index or without forces."""
        if self.index is None or not len(self.index):
            return []
        errors = self.force_errors()
        found = []
        for low, high in pairwise(INDEX_EDGES):
            own = errors[(self.index >= low) & (self.index < high)]
            found.append(
                IndexRange(low, high, len(own), float(np.sqrt(np.mean(own**2))) if len(own) else None)
            )
        return found

    def force_errors(self) -> Array:
        """(n,) lengths of the errors of the force vectors, eV/Å."""
        pair = self.pairs[FORCE_KEY]
        return np.asarray(np.linalg.norm((pair.predicted - pair.reference).reshape(-1, 3), axis=1))

    def worst_found(self) -> float | None:
        """Area under the ROC curve of the index for the worst `WORST` of the forces: 1 finds all, 0.5 is chance.

        None without an index, or with fewer than 20 atoms, or if all errors are the same.
        """
        if self.index is None or len(self.index) < round(1.0 / WORST):
            return None
        errors = self.force_errors()
        worst = errors > np.quantile(errors, 1.0 - WORST)
        if not worst.any() or worst.all():
            return None
        from sklearn.metrics import roc_auc_score

        return float(roc_auc_score(worst, self.index))

    def to_dict(self) -> dict[str, Any]:
        """What `mlip-rs evaluate --json` prints of it."""
        document: dict[str, Any] = {}
        if self.committee is not None:
            groups: dict[str, dict[str, Any]] = {}
            for row in self.coverages():
                groups.setdefault(row.group, {})[row.key] = row.to_dict()
            document["error_bars"] = groups.pop("", {}) | {"by_config_type": groups}
        if self.index is not None:
            ranges = {
                own.name: {"n_atoms": own.n_atoms, "rms_force_error_ev_per_angstrom": own.rms_error}
                for own in self.index_ranges()
            }
            document["index"] = {"ranges": ranges, "auroc_of_worst_forces": self.worst_found()}
        return document

    def _errors(self, key: str) -> Array:
        return np.abs(self.pairs[key].predicted - self.pairs[key].reference)

    def _coverage(self, group: str, key: str, n: int, chosen: NDArray[np.bool_] | None) -> Coverage:
        some = slice(None) if chosen is None else chosen
        mean_error = float(self._errors(key)[some].mean())
        width = float(self.half_widths(key, LEVEL)[some].mean())
        ratio = width / mean_error if mean_error * WIDEST > width else None
        reached = tuple(self.reached(key, level, chosen) for level in LEVELS)
        return Coverage(group, key, n, reached, width, ratio)
