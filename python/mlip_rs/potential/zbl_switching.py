"""The short-range repulsion of the core in NumPy, for dimers and crystals: one fitted energy serves every switching.

The energy of atom i is (`docs/theory.md`, `src/basis/repulsion.rs`)

    E_i = E0 + s(ρ_i) w·φ_i + (1 − s(ρ_i)) E_c + ½ Σ_j V(r_ij) [S + (1 − s(ρ_i)) (1 − S) g(r_ij)]

with V the universal repulsion of J. F. Ziegler, J. P. Biersack and U. Littmark, *The Stopping and Range of Ions in
Solids* (1985), S the switching of a pair by its distance, s that of an atom by its local density
ρ_i = Σ_j (1 − r_ij²/range²)³, and g = (1 − r²/rc²)³. The energy without the switching by density,
E0 + w·φ_i + ½ Σ_j V S, depends on the distances of the pairs alone; the rest follows from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase.data import atomic_numbers

from mlip_rs.arrays import Array
from mlip_rs.potential.compression import Shells

COULOMB: float = 14.399645
"""e² / 4πε₀, eV Å."""

SCREENING: float = 0.8854 * 0.52917721
"""0.8854 a₀, Å: the screening length is this over Z₁^0.23 + Z₂^0.23."""

SCREENING_TERMS: tuple[tuple[float, float], ...] = (
    (0.18175, 3.1998),
    (0.50986, 0.94229),
    (0.28022, 0.4029),
    (0.02817, 0.20162),
)
"""Amplitudes and decays of the screening function."""

DENSITY_POINTS: int = 500
"""Grid of nearest-neighbour distances on which the end of the switching by density is looked up."""


def zbl(first: str, second: str, r: Array | float) -> Array:
    """Universal repulsion V(r) of two elements, eV.

    >>> float(zbl("Si", "Si", 2.0)) < float(zbl("Si", "Si", 1.0))
    True
    """
    z = atomic_numbers[first], atomic_numbers[second]
    x = np.asarray(r) * (z[0] ** 0.23 + z[1] ** 0.23) / SCREENING
    screening = sum(amplitude * np.exp(-decay * x) for amplitude, decay in SCREENING_TERMS)
    return np.asarray(COULOMB * z[0] * z[1] / np.asarray(r) * screening)


def smooth_step(x: Array) -> Array:
    """C² step 6x⁵ − 15x⁴ + 10x³ from 0 at 0 to 1 at 1."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x**3 * (x * (6.0 * x - 15.0) + 10.0))


def density_weight(r: Array, range_: float) -> Array:
    """Contribution of a neighbour at distance r to a local density: (1 − r²/range²)³, zero beyond the range."""
    return np.asarray(np.maximum(1.0 - (r / range_) ** 2, 0.0) ** 3)


@dataclass(frozen=True)
class ZblSwitching:
    """The repulsion of a specification.

    Parameters
    ----------
    elements
        Chemical symbols, in the order of the lists below.
    cutoff
        Of the basis, Å.
    repulsion
        The entry `repulsion` of the specification.
    """

    elements: Sequence[str]
    cutoff: float
    repulsion: Mapping[str, Any]

    def density(self, shells: Shells, distances: Array) -> Array:
        """(K,) local density ρ of an atom at K nearest-neighbour distances."""
        weights = density_weight(np.outer(distances, shells.ratios), self._density_range(shells))
        return np.asarray(weights @ shells.counts)

    def pure_zbl_distance(self, shells: Shells) -> float:
        """Nearest-neighbour distance (Å) below which an atom has the ZBL energy alone; 0 if it never has."""
        if "density" not in self.repulsion:
            return 0.0
        end = self.repulsion["density"]["end"][self.elements.index(shells.center)]
        distances = np.linspace(0.0, self._density_range(shells), DENSITY_POINTS)
        return float(distances[self.density(shells, distances) >= end].max(initial=0.0))

    def energy(self, shells: Shells, distances: Array, without: Array, isolated: float) -> Array:
        """(K,) energy of an atom at K nearest-neighbour distances, eV.

        Parameters
        ----------
        without
            (K,) its energy without the switching by density: E0 + w·φ + ½ Σ_j V S, eV.
        isolated
            E0, eV: reference energy and constant feature of its element.
        """
        density = self.repulsion.get("density")
        if density is None:
            return without
        shells = shells.within(self.cutoff / distances.min())
        i = self.elements.index(shells.center)
        onset, end = density["onset"][i], density["end"][i]
        r = np.outer(distances, shells.ratios)
        pair_switch = self._pair_switch(shells, r)
        v = zbl(shells.center, shells.neighbor, r)
        fitted = without - isolated - 0.5 * (v * pair_switch) @ shells.counts
        level = density.get("level", 0.0) * zbl(shells.center, shells.center, self.repulsion["outer"][i][i])
        rest = 0.5 * (v * (1.0 - pair_switch) * density_weight(r, self.cutoff)) @ shells.counts
        switched = smooth_step((self.density(shells, distances) - onset) / (end - onset))
        return np.asarray(without + switched * (level + rest - fitted))

    def _density_range(self, shells: Shells) -> float:
        """Distance up to which neighbours count in ρ, Å."""
        if "range" not in self.repulsion["density"]:
            return self.cutoff
        return min(self.cutoff, float(self.repulsion["density"]["range"]) * self._of_pair("outer", shells))

    def _pair_switch(self, shells: Shells, r: Array) -> Array:
        """S(r), from 0 at `outer` to 1 at `inner`."""
        inner, outer = (self._of_pair(name, shells) for name in ("inner", "outer"))
        return 1.0 - smooth_step((r - inner) / (outer - inner))

    def _of_pair(self, name: str, shells: Shells) -> float:
        i, j = (self.elements.index(element) for element in (shells.center, shells.neighbor))
        return float(self.repulsion[name][i][j])
