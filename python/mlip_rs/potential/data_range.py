"""Which surroundings of atoms the training data contain, recorded in the potential, and what lies outside of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlip_rs import _core

RANGE_KEY: str = "data_range"
"""Entry of `Potential.info` with the range of the training data."""

CLOSER: float = 0.03
"""Fraction of the shortest distance, and of the largest density, by which the data may be left: a fit holds a little
beyond them."""

OPENER: float = 0.1
"""The same for the smallest density and for pressures, which atoms leave more gently."""

CLEARLY_OUTSIDE: float = 1.5
"""Index beyond which nobody should go on without a word; of many atoms inside the domain, 1 in 100 has more than 1.

Of 250 atoms of Al for 0.6 ps, crystals that the data know stay below 0.7 and one with a vacancy below 1.2; large slabs,
diamond, and melts of another density than in the data pass 2.
"""


def shown(index: float) -> str:
    """An index of anomaly as sentences and tables have it.

    >>> shown(3.25), shown(123.4), shown(2.5e7)
    ('3.2', '123', '2.5e+07')
    """
    return f"{index:.2g}" if not 99.0 < index < 1e4 else f"{index:.0f}"


@dataclass(frozen=True)
class DataRange:
    """Extent of the surroundings of atoms in structures.

    Parameters
    ----------
    cutoff
        Distance up to which atoms count, Å.
    closest
        Shortest distance in Å by pair of elements, in alphabetical order: "Al-Ni".
    density
        Smallest and largest local density of an atom by element, ρ = Σ (1 − r²/rc²)³ over the neighbours within the
        cutoff rc.
    pressure
        Lowest and highest pressure in GPa; None if it is not known.
    index
        Largest index of anomaly of the atoms; None if it is not known.

    Examples
    --------
    >>> data = DataRange(5.0, {"Al-Al": 2.6}, {"Al": (2.0, 6.0)}, pressure=(-5.0, 30.0))
    >>> seen = DataRange(5.0, {"Al-Al": 2.3}, {"Al": (3.0, 6.1)})
    >>> seen.outside(data)
    ('Al-Al 2.30 Å apart (data: 2.60 Å)',)
    """

    cutoff: float
    closest: Mapping[str, float]
    density: Mapping[str, tuple[float, float]]
    pressure: tuple[float, float] | None = None
    index: float | None = None

    def __or__(self, other: "DataRange") -> "DataRange":
        """The range of both together."""
        closest = dict(self.closest)
        for pair, distance in other.closest.items():
            closest[pair] = min(distance, closest.get(pair, distance))
        density = dict(self.density)
        for symbol, (low, high) in other.density.items():
            least, most = density.get(symbol, (low, high))
            density[symbol] = (min(low, least), max(high, most))
        known = [found for found in (self.pressure, other.pressure) if found is not None]
        pressure = (min(low for low, _ in known), max(high for _, high in known)) if known else None
        index = max((own for own in (self.index, other.index) if own is not None), default=None)
        return DataRange(self.cutoff, closest, density, pressure, index)

    def outside(self, data: "DataRange") -> tuple[str, ...]:
        """What lies outside the range of the data; empty if all is inside."""
        found = []
        for pair, distance in sorted(self.closest.items()):
            known = data.closest.get(pair)
            if known is None:
                found.append(f"{pair} neighbours, which the data do not have")
            elif distance < (1 - CLOSER) * known:
                found.append(f"{pair} {distance:.2f} Å apart (data: {known:.2f} Å)")
        for symbol, (low, high) in sorted(self.density.items()):
            least, most = data.density.get(symbol, (0.0, np.inf))
            if high > (1 + CLOSER) * most:
                found.append(f"{symbol} {high / most:.2f} times as crowded as the most crowded of the data")
            if low < (1 - OPENER) * least:
                found.append(f"{symbol} {low / least:.2f} times as crowded as the least crowded of the data")
        if self.pressure is not None and data.pressure is not None:
            (low, high), (least, most) = self.pressure, data.pressure
            room = OPENER * (most - least)
            if high > most + room:
                found.append(f"{high:.3g} GPa (data: up to {most:.3g} GPa)")
            if low < least - room:
                found.append(f"{low:.3g} GPa (data: from {least:.3g} GPa)")
        if self.index is not None and self.index > CLEARLY_OUTSIDE:
            found.append(f"an atom unlike those of the data (index of anomaly {shown(self.index)})")
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Convert to a JSON document; the inverse of `from_dict`."""
        document = {
            "cutoff_angstrom": self.cutoff,
            "closest_angstrom": dict(self.closest),
            "density": {symbol: list(values) for symbol, values in self.density.items()},
            "pressure_gpa": None if self.pressure is None else list(self.pressure),
        }
        return document if self.index is None else document | {"index": self.index}

    @classmethod
    def from_dict(cls, document: object) -> "DataRange | None":
        """Convert from a JSON document; None if there is none, or it is not understood."""
        try:
            if not isinstance(document, Mapping):
                return None
            pressure, index = document["pressure_gpa"], document.get("index")
            return cls(
                float(document["cutoff_angstrom"]),
                {str(pair): float(value) for pair, value in document["closest_angstrom"].items()},
                {str(s): (float(low), float(high)) for s, (low, high) in document["density"].items()},
                None if pressure is None else (float(pressure[0]), float(pressure[1])),
                None if index is None else float(index),
            )
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            return None


def surroundings(structure: _core.Structure, symbols: Sequence[str], cutoff: float) -> DataRange:
    """Range of the surroundings of the atoms of one structure.

    Parameters
    ----------
    structure, symbols
        The structure and its chemical symbols.
    cutoff
        Å.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs.data.core_structures import structure_from_atoms
    >>> found = surroundings(structure_from_atoms(bulk("Al", a=4.0)), ["Al"], 5.0)
    >>> f"{found.closest['Al-Al']:.2f} Å"
    '2.83 Å'
    """
    first, second, _, vectors = _core.neighbor_list(structure, cutoff, 1)
    distances = np.linalg.norm(vectors, axis=1)
    weights = np.maximum(1.0 - (distances / cutoff) ** 2, 0.0) ** 3
    densities = np.bincount(first, weights, minlength=len(symbols))
    names, kinds = np.unique(np.array(symbols, dtype=str), return_inverse=True)
    pairs = kinds[first] * len(names) + kinds[second]
    shortest = np.full(len(names) ** 2, np.inf)
    np.minimum.at(shortest, pairs, distances)
    closest = {
        f"{a}-{b}": float(shortest[i * len(names) + j])
        for i, a in enumerate(names.tolist())
        for j, b in enumerate(names.tolist())
        if i <= j and np.isfinite(shortest[i * len(names) + j])
    }
    density = {
        symbol: (float(densities[kinds == k].min()), float(densities[kinds == k].max()))
        for k, symbol in enumerate(names.tolist())
    }
    return DataRange(cutoff, closest, density)
