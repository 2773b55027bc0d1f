"""Pairs by the elements of centre and neighbour: sums over all kinds then cost what one sum over all pairs costs."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from mlip_rs.arrays import Array
from mlip_rs.eam.density_rows import DensityRows


@dataclass(frozen=True, eq=False)
class PairKind:
    """The pairs of one element around another.

    Parameters
    ----------
    number
        E · centre + neighbour.
    centers
        (Q,) atoms around which they are.
    values, slopes
        (Q, n) radial functions and their derivatives, 1/Å.
    counts
        (N, n) sum of the functions over the neighbours of each atom.
    pull
        (3 N, n) sum of their gradients.
    reaction
        (3 N, Q) less the direction of each pair, at its neighbour.
    """

    number: int
    centers: np.ndarray
    values: Array
    slopes: Array
    counts: Array
    pull: Array
    reaction: csr_matrix

    def forces(self, factors: Array) -> Array:
        """(3 N, n) forces, 1/Å, from the sums over the neighbours of each atom times its factor (N,)."""
        own = np.repeat(factors, 3)[:, None] * self.pull
        return np.asarray(own + self.reaction @ (self.slopes * factors[self.centers][:, None]))


@dataclass(frozen=True, eq=False)
class DensityForces:
    """Forces from the densities of atoms.

    Parameters
    ----------
    pull
        (3 N,) gradient of the density of each atom by its own position, 1/Å.
    reaction
        (3 N, N) less those of the other densities.
    """

    pull: Array
    reaction: csr_matrix

    def times(self, slopes: Array) -> Array:
        """(3 N, m) forces from m functions of the densities with given derivatives (N, m)."""
        return np.asarray(self.pull[:, None] * np.repeat(slopes, 3, axis=0) + self.reaction @ slopes)


class PairKinds:
    """All pairs of some structures, by kind.

    Parameters
    ----------
    rows
        The structures.
    """

    def __init__(self, rows: DensityRows) -> None:
        self._rows = rows
        self.kinds = [self._kind(int(number)) for number in np.unique(rows.kinds)]

    @property
    def numbers(self) -> list[int]:
        """Numbers of the kinds that occur."""
        return [kind.number for kind in self.kinds]

    @cached_property
    def _directions(self) -> csr_matrix:
        """(3 N, P) directions at the centres of pairs."""
        return self._at(self._rows.pairs.centers)

    @cached_property
    def _reactions(self) -> csr_matrix:
        """(3 N, P) less the directions, at the neighbours of pairs."""
        return -self._at(self._rows.pairs.neighbors)

    def _at(self, atoms: np.ndarray) -> csr_matrix:
        pairs = self._rows.pairs
        p = np.arange(len(atoms))
        places = np.concatenate([3 * atoms + axis for axis in range(3)])
        entries = (pairs.directions.T.ravel(), (places, np.tile(p, 3)))
        return csr_matrix(entries, shape=(3 * len(pairs.species), len(p)))

    def _kind(self, number: int) -> PairKind:
        rows = self._rows
        own = np.flatnonzero(rows.kinds == number)
        values, slopes = rows.values[own], rows.slopes[own]
        return PairKind(
            number,
            rows.pairs.centers[own],
            values,
            slopes,
            rows.atoms[:, own] @ values,
            self._directions[:, own] @ slopes,
            self._reactions[:, own],
        )

    def density(self, weights: Array) -> tuple[Array, DensityForces]:
        """Densities (N,) with weights (E², n) of the radial functions, and their forces."""
        rows = self._rows
        rho, slopes = np.zeros(len(rows.pairs.species)), np.zeros(len(rows.kinds))
        for kind in self.kinds:
            rho += kind.counts @ weights[kind.number]
            slopes[rows.kinds == kind.number] = kind.slopes @ weights[kind.number]
        old = self._reactions
        reaction = csr_matrix(
            (old.data * slopes[old.indices], rows.pairs.centers[old.indices], old.indptr),
            shape=(len(old.indptr) - 1, len(rho)),
        )
        return rho, DensityForces(self._directions @ slopes, reaction)
