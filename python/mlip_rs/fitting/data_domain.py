"""Which distances and local densities the training data contain, and where the repulsion may begin beyond them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers, covalent_radii
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.basis.repulsion import Matrix, Repulsion
from mlip_rs.data.core_structures import structure_from_arrays
from mlip_rs.data.dataset import Dataset
from mlip_rs.data.frames import Frame

UNSAMPLED_FRACTION: float = 0.7
"""Shortest distance of a pair that never occurs in the data, in sums of covalent radii, unless others tell more."""


MARGIN: float = 0.03
"""Relative distance between the data and where the repulsion begins: a little beyond them what is learnt holds."""


@dataclass(frozen=True)
class Handover:
    """How far beyond the data the repulsion takes over, in units of where the data end.

    Parameters
    ----------
    inner
        Distance of full repulsion, in shortest distances.
    onset, end
        Crowding between which an atom is handed over, in largest crowdings of the data.
    level
        Energy that atoms handed over keep, see `Repulsion`. It lifts what follows above the energies learnt of
        crowded atoms, which else may be higher than ZBL alone.
    close
        Whether crowding is that of the nearest neighbours, within `CLOSE_RANGE`. An open crystal such as diamond,
        strange to data of dense ones, leaves them by its shells, long before its density does.
    """

    inner: float
    onset: float
    end: float
    level: float = 0.0
    close: bool = False


CLOSE_RANGE: float = 1.6
"""How far the nearest neighbours count, in distances at which the repulsion of their pair begins."""


HANDOVERS: tuple[Handover, ...] = (
    Handover(0.8, 1.1, 2.2),
    Handover(0.8, 1.05, 1.7),
    Handover(0.85, 1.02, 1.4),
    Handover(0.9, 1.0, 1.25),
    Handover(0.8, 1.1, 2.2, level=5.0),
    Handover(0.85, 1.02, 1.4, level=5.0),
    Handover(0.8, 1.1, 2.2, level=10.0),
    Handover(0.85, 1.02, 1.4, level=10.0),
    Handover(0.8, 1.15, 2.2, close=True),
    Handover(0.8, 1.15, 2.2, level=5.0, close=True),
    Handover(0.8, 1.15, 2.2, level=10.0, close=True),
    Handover(0.8, 1.05, 1.4, close=True),
    Handover(0.8, 1.05, 1.4, level=5.0, close=True),
    Handover(0.85, 1.03, 1.2, level=10.0, close=True),
)
"""From wide and plain to narrow: the first one whose curves rise is taken."""


@dataclass(frozen=True)
class Domain:
    """What distances and densities the data contain.

    Parameters
    ----------
    closest
        (E, E) shortest distance of each pair of elements, Å; estimated for pairs that never occur.
    crowding
        (E,) largest crowding ρ = Σ (1 − r²/rc²)³ of an atom of each element.
    close_crowding
        (E,) the same with `CLOSE_RANGE` times `outer` of each pair instead of the cutoff.
    """

    closest: Matrix
    crowding: tuple[float, ...]
    close_crowding: tuple[float, ...]

    @property
    def outer(self) -> Matrix:
        """(E, E) distances at which the repulsion begins, Å: a little below the shortest."""
        return tuple(tuple((1.0 - MARGIN) * r for r in row) for row in self.closest)

    def repulsion(self, handover: Handover = HANDOVERS[0]) -> Repulsion:
        """The repulsion that begins where the data end."""
        outer = self.outer
        crowding = self.close_crowding if handover.close else self.crowding
        return Repulsion(
            inner=tuple(tuple(handover.inner * r for r in row) for row in outer),
            outer=outer,
            density_onset=tuple((1.0 + MARGIN) * handover.onset * rho for rho in crowding),
            density_end=tuple((1.0 + MARGIN) * handover.end * rho for rho in crowding),
            density_level=handover.level,
            density_range=CLOSE_RANGE if handover.close else None,
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
        first, second, distances = _pairs(frame, cutoff)
        species = order[frame.numbers]
        _raise(crowding, species, first, distances / cutoff)
        np.minimum.at(closest, (species[first], species[second]), distances)
    matrix = _completed(closest, elements, cutoff)
    ranges = np.minimum(CLOSE_RANGE * (1.0 - MARGIN) * np.array(matrix), cutoff)
    close_crowding = np.zeros(len(numbers))
    for frame in dataset:
        first, second, distances = _pairs(frame, cutoff)
        species = order[frame.numbers]
        _raise(close_crowding, species, first, distances / ranges[species[first], species[second]])
    # Elements without any neighbour: as crowded as the others; alone, as if one pair were at its closest.
    for rho in (crowding, close_crowding):
        rho[rho == 0.0] = rho.max() or 1.0
    return Domain(matrix, tuple(crowding.tolist()), tuple(close_crowding.tolist()))


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
    """Raise the largest crowding of each element (E,) to that of the atoms of one frame, in place."""
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
