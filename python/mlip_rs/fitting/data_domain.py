"""Which distances and local densities the training data contain, and where the repulsion may begin beyond them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.basis.repulsion import Matrix, Repulsion
from mlip_rs.data.core_structures import structure_from_arrays
from mlip_rs.data.dataset import Dataset
from mlip_rs.data.frames import Frame
from mlip_rs.potential.data_range import DataRange, surroundings
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA

UNSAMPLED_FRACTION: float = 0.7
"""Shortest distance of a pair that never occurs in the data, in sums of covalent radii, unless others tell more."""


MARGIN: float = 0.03
"""Relative distance between the data and where the repulsion begins: a little beyond them the fit still holds."""


@dataclass(frozen=True)
class Switching:
    """How far beyond the data the switching to ZBL ends, in units of where the data end.

    Parameters
    ----------
    inner
        Distance below which a pair repels as ZBL in full, in shortest distances.
    onset, end
        Local densities between which an atom is switched to ZBL, in largest densities of the data.
    level
        Constant energy of an atom beside its ZBL energy, see `Repulsion`. It lifts the switched energy above the fitted
        one of dense environments, which may else be higher than ZBL.
    close
        Whether the density is that of the nearest neighbours, within `CLOSE_RANGE`. An open crystal such as diamond,
        strange to data of dense ones, leaves them by its shells, long before its density does.
    """

    inner: float
    onset: float
    end: float
    level: float = 0.0
    close: bool = False


CLOSE_RANGE: float = 1.6
"""How far the nearest neighbours count, in distances at which the repulsion of their pair begins."""


INNER: tuple[float, ...] = (0.45, 0.6)
"""Inner distances that are tried before that of a switching: the slower ZBL takes over, the better for close pairs."""

_SWITCHINGS: tuple[Switching, ...] = (
    Switching(0.8, 1.1, 2.2),
    Switching(0.8, 1.05, 1.7),
    Switching(0.85, 1.02, 1.4),
    Switching(0.9, 1.0, 1.25),
    Switching(0.8, 1.1, 2.2, level=5.0),
    Switching(0.85, 1.02, 1.4, level=5.0),
    Switching(0.8, 1.1, 2.2, level=10.0),
    Switching(0.85, 1.02, 1.4, level=10.0),
    Switching(0.8, 1.15, 2.2, close=True),
    Switching(0.8, 1.15, 2.2, level=5.0, close=True),
    Switching(0.8, 1.15, 2.2, level=10.0, close=True),
    Switching(0.8, 1.05, 1.4, close=True),
    Switching(0.8, 1.05, 1.4, level=5.0, close=True),
    Switching(0.85, 1.03, 1.2, level=10.0, close=True),
)

SWITCHINGS: tuple[Switching, ...] = tuple(
    replace(own, inner=inner) for own in _SWITCHINGS for inner in (*INNER, own.inner)
)
"""From wide to narrow: the first one whose curves rise is taken."""


@dataclass(frozen=True)
class Domain:
    """Shortest distances and largest local densities of the data.

    Parameters
    ----------
    closest
        (E, E) shortest distance of each pair of elements, Å; estimated for pairs that never occur.
    density
        (E,) largest local density ρ = Σ (1 − r²/rc²)³ of an atom of each element.
    close_density
        (E,) largest density of the nearest neighbours: with `CLOSE_RANGE` times `outer` of each pair in place of rc.
    """

    closest: Matrix
    density: tuple[float, ...]
    close_density: tuple[float, ...]

    @property
    def outer(self) -> Matrix:
        """(E, E) distances at which the repulsion begins, Å: a little below the shortest."""
        return tuple(tuple((1.0 - MARGIN) * r for r in row) for row in self.closest)

    def repulsion(self, switching: Switching = SWITCHINGS[0]) -> Repulsion:
        """The repulsion that begins where the data end."""
        outer = self.outer
        density = self.close_density if switching.close else self.density
        return Repulsion(
            inner=tuple(tuple(switching.inner * r for r in row) for row in outer),
            outer=outer,
            density_onset=tuple((1.0 + MARGIN) * switching.onset * rho for rho in density),
            density_end=tuple((1.0 + MARGIN) * switching.end * rho for rho in density),
            density_level=switching.level,
            density_range=CLOSE_RANGE if switching.close else None,
        )


def domain(dataset: "Dataset", elements: Sequence[str], cutoff: float) -> Domain:
    """Measure the shortest distances and the largest local densities of a dataset.

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
    density = np.zeros(len(numbers))
    for frame in dataset:
        first, second, distances = _pairs(frame, cutoff)
        species = order[frame.numbers]
        _raise(density, species, first, distances / cutoff)
        np.minimum.at(closest, (species[first], species[second]), distances)
    matrix = _completed(closest, elements, cutoff)
    ranges = np.minimum(CLOSE_RANGE * (1.0 - MARGIN) * np.array(matrix), cutoff)
    close_density = np.zeros(len(numbers))
    for frame in dataset:
        first, second, distances = _pairs(frame, cutoff)
        species = order[frame.numbers]
        _raise(close_density, species, first, distances / ranges[species[first], species[second]])
    # Elements without any neighbour: as dense as the others; alone, as if one pair were at its closest.
    for rho in (density, close_density):
        rho[rho == 0.0] = rho.max() or 1.0
    return Domain(matrix, tuple(density.tolist()), tuple(close_density.tolist()))


def data_range(dataset: "Dataset", cutoff: float) -> DataRange:
    """Range of the surroundings of the atoms of a dataset, and of its pressures, where it has stresses.

    Parameters
    ----------
    cutoff
        Å; that of the basis.
    """
    found = DataRange(cutoff, {}, {})
    for frame in dataset:
        structure = structure_from_arrays(frame.numbers, frame.positions, frame.cell, frame.pbc)
        found = found | surroundings(structure, frame.symbols, cutoff)
        if frame.stress is not None:
            pressure = -float(np.mean(frame.stress[:3])) * EV_PER_ANGSTROM3_IN_GPA
            found = found | DataRange(cutoff, {}, {}, (pressure, pressure))
    return found


def _pairs(frame: "Frame", cutoff: float) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Both atoms and the distance of each pair within the cutoff."""
    structure = structure_from_arrays(frame.numbers, frame.positions, frame.cell, frame.pbc)
    first, second, _, vectors = _core.neighbor_list(structure, cutoff, 1)
    return first, second, np.linalg.norm(vectors, axis=1)


def _raise(
    largest: NDArray[np.float64],
    species: NDArray[np.int64],
    first: NDArray[np.int64],
    scaled: NDArray[np.float64],
) -> None:
    """Raise the largest density of each element (E,) to that of the atoms of one frame, in place."""
    weights = np.maximum(1.0 - scaled**2, 0.0) ** 3
    np.maximum.at(largest, species, np.bincount(first, weights, minlength=len(species)))


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
