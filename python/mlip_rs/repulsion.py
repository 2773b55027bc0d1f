"""Where the data end: the settings of the short-range repulsion, from what the training structures sample."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.errors import ConfigError
from mlip_rs.plain import make_plain
from mlip_rs.structures import structure_from_arrays

if TYPE_CHECKING:
    from mlip_rs.basis import Basis
    from mlip_rs.data import Dataset

UNSAMPLED_FRACTION: float = 0.7
"""Shortest distance of a pair that never occurs in the data, in sums of covalent radii, unless others tell more."""

MARGIN: float = 0.03
"""Relative distance between the data and where the repulsion begins: a little beyond them what is learnt holds."""

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Repulsion:
    """Where close pairs and crowded atoms are handed over from what is learnt to the ZBL repulsion.

    Parameters
    ----------
    inner, outer
        (E, E) distances of each pair of elements, Å: nothing changes beyond `outer`, ZBL in full below `inner`.
    crowding_onset, crowding_end
        (E,) crowding ρ = Σ (1 − r²/rc²)³ of an atom between which it is handed over as a whole; never if None.
    """

    inner: Matrix
    outer: Matrix
    crowding_onset: tuple[float, ...] | None = None
    crowding_end: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        make_plain(self)
        for name in ("inner", "outer"):
            object.__setattr__(self, name, tuple(tuple(row) for row in getattr(self, name)))
        for name in ("crowding_onset", "crowding_end"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))
        if (self.crowding_onset is None) != (self.crowding_end is None):
            raise ConfigError("repulsion: give both crowding_onset and crowding_end, or none of them")

    def to_dict(self) -> dict[str, Any]:
        """The entry of the specification."""
        entry: dict[str, Any] = {
            "inner": [list(row) for row in self.inner],
            "outer": [list(row) for row in self.outer],
        }
        if self.crowding_onset is not None and self.crowding_end is not None:
            entry["crowding"] = {"onset": list(self.crowding_onset), "end": list(self.crowding_end)}
        return entry


@dataclass(frozen=True)
class Handover:
    """How far beyond the data the repulsion takes over, in units of where the data end.

    Parameters
    ----------
    inner
        Distance of full repulsion, in shortest distances.
    onset, end
        Crowding between which an atom is handed over, in largest crowdings of the data.
    """

    inner: float
    onset: float
    end: float


HANDOVERS: tuple[Handover, ...] = (
    Handover(0.8, 1.1, 2.2),
    Handover(0.8, 1.05, 1.7),
    Handover(0.85, 1.02, 1.4),
    Handover(0.9, 1.0, 1.25),
    Handover(0.9, 1.0, 1.6),
    Handover(0.95, 1.0, 1.12),
)
"""From wide to narrow: the first one whose curves rise is taken."""


@dataclass(frozen=True)
class Domain:
    """What distances and densities the data contain.

    Parameters
    ----------
    closest
        (E, E) shortest distance of each pair of elements, Å; estimated for pairs that never occur.
    crowding
        (E,) largest crowding ρ = Σ (1 − r²/rc²)³ of an atom of each element.
    """

    closest: Matrix
    crowding: tuple[float, ...]

    def repulsion(self, handover: Handover = HANDOVERS[0]) -> Repulsion:
        """The repulsion that begins where the data end."""
        outer = tuple(tuple((1.0 - MARGIN) * r for r in row) for row in self.closest)
        return Repulsion(
            inner=tuple(tuple(handover.inner * r for r in row) for row in outer),
            outer=outer,
            crowding_onset=tuple((1.0 + MARGIN) * handover.onset * rho for rho in self.crowding),
            crowding_end=tuple((1.0 + MARGIN) * handover.end * rho for rho in self.crowding),
        )


def domain(dataset: "Dataset", elements: Sequence[str], cutoff: float) -> Domain:
    """Measure the shortest distances and the largest crowding of some data.

    Parameters
    ----------
    elements
        Chemical symbols, in the order of the result.
    cutoff
        Å; that of the basis.
    """
    numbers = [atomic_numbers[symbol] for symbol in elements]
    order = np.full(max(numbers) + 1, -1)
    order[numbers] = np.arange(len(numbers))
    closest = np.full((len(numbers), len(numbers)), np.inf)
    crowding = np.zeros(len(numbers))
    for frame in dataset:
        structure = structure_from_arrays(frame.numbers, frame.positions, frame.cell, frame.pbc)
        first, second, _, vectors = _core.neighbor_list(structure, cutoff, 1)
        squared = (vectors**2).sum(axis=1)
        weights = (1.0 - squared / cutoff**2) ** 3
        species = order[frame.numbers]
        rho = np.bincount(first, weights, minlength=len(species))
        np.maximum.at(crowding, species, rho)
        np.minimum.at(closest, (species[first], species[second]), np.sqrt(squared))
    # Elements without any neighbour: as crowded as the others; alone, as if one pair were at its closest.
    crowding[crowding == 0.0] = crowding.max() or 1.0
    return Domain(_completed(closest, elements, cutoff), tuple(crowding.tolist()))


def _completed(closest: NDArray[np.float64], elements: Sequence[str], cutoff: float) -> Matrix:
    """Estimate the pairs that never occur: covalent radii, scaled as in the pairs that do."""
    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in elements])
    sums = radii[:, None] + radii[None, :]
    closest = np.minimum(closest, closest.T)
    known = np.isfinite(closest)
    fraction = float(np.min((closest / sums)[known])) if known.any() else UNSAMPLED_FRACTION
    estimate = min(fraction, UNSAMPLED_FRACTION) * sums
    matrix = np.minimum(np.where(known, closest, estimate), cutoff)
    return tuple(tuple(row) for row in matrix.tolist())


def repulsion_setting(basis: "Basis") -> str | dict[str, Any] | None:
    """The setting as a record of a run keeps it: "zbl", None, or the fields of explicit distances."""
    setting = basis.repulsion
    return asdict(setting) if isinstance(setting, Repulsion) else setting


def short_range_failures(info: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the energy falls at short range, as a fit noted it in the `info` of a potential; empty if nowhere."""
    noted = info.get("short_range")
    failures = noted.get("failures") if isinstance(noted, Mapping) else None
    return tuple(map(str, failures)) if isinstance(failures, list | tuple) else ()


def repulsion_lines(spec: Mapping[str, Any]) -> list[str]:
    """The repulsion of a specification as text, one line for each pair and element."""
    entry = spec.get("repulsion")
    if entry is None:
        return ["none: nothing guards close atoms"]
    elements = spec["elements"]
    lines = [
        f"{first}–{second}: ZBL from {entry['outer'][i][j]:.3f} Å, in full below {entry['inner'][i][j]:.3f} Å"
        for i, first in enumerate(elements)
        for j, second in enumerate(elements[i:], start=i)
    ]
    crowding = entry.get("crowding")
    if crowding:
        lines += [
            f"{symbol}: crowding from {onset:.2f}, ZBL alone beyond {end:.2f}"
            for symbol, onset, end in zip(elements, crowding["onset"], crowding["end"], strict=True)
        ]
    return lines
