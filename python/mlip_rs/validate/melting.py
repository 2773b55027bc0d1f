"""Whether a run has melted: atoms diffuse, and the long-range order of the crystal is gone."""

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

MOBILE = 0.4
"""RMS displacement over the second half of a melt, in nearest-neighbour distances, above which atoms diffuse.

In a crystal atoms stay within 0.25 of their sites (Lindemann's rule has them melt at 0.15), whatever the time."""

ORDER = 0.3
"""Long-range order below which there is no crystal; it is 1 at rest and about 0.7 just below melting."""

SHORTEST_WAVE = 0.45
"""Shortest wavelength looked at, in nearest-neighbour distances."""


class MeltingWatch:
    """Displacements and long-range order of atoms in a run.

    Parameters
    ----------
    atoms
        The moving atoms, on the sites of the crystal; positions must not be wrapped during the run.

    Examples
    --------
    >>> from ase.build import bulk
    >>> atoms = bulk("Cu", cubic=True).repeat(3)
    >>> watch = MeltingWatch(atoms)
    >>> atoms.rattle(0.1, seed=0)
    >>> solid = watch.order()
    >>> atoms.rattle(2.0, seed=1)
    >>> print(f"{solid:.1f} {watch.order():.1f} {watch.mean_square_displacement(watch.start) > 1}")
    0.9 0.0 True
    """

    def __init__(self, atoms: Atoms) -> None:
        self._atoms, self.start = atoms, atoms.positions.copy()
        spacing = (float(atoms.get_volume()) / len(atoms)) ** (1 / 3)
        self.nearest = float(neighbor_list("d", atoms, 2 * spacing).min())
        self._waves = _order_vectors(atoms, 2 * np.pi / (SHORTEST_WAVE * self.nearest))
        self._perfect = self._amplitudes()

    def mean_square_displacement(self, since: NDArray[np.float64]) -> float:
        """Mean square displacement in Å² from positions (n, 3), without the drift of all atoms together."""
        moved = self._atoms.positions - since
        return float(((moved - moved.mean(axis=0)) ** 2).sum(axis=1).mean())

    def order(self) -> float:
        """|Σ exp(iG·r)|² of the strongest reflections of the crystal, relative to the crystal at rest."""
        return float((self._amplitudes() / self._perfect).mean())

    def _amplitudes(self) -> NDArray[np.float64]:
        phases = np.exp(1j * self._atoms.positions @ self._waves.T)
        return np.asarray(np.abs(phases.mean(axis=0)) ** 2)


def _order_vectors(atoms: Atoms, longest: float) -> NDArray[np.float64]:
    """Reciprocal vectors (n, 3) of the cell, in 1/Å, of the strongest reflections up to a length."""
    reciprocal = 2 * np.pi * np.asarray(atoms.cell.reciprocal()[:])
    counts = np.ceil(longest * np.asarray(atoms.cell.lengths()) / (2 * np.pi)).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in counts), indexing="ij"), -1).reshape(-1, 3)
    half = grid[len(grid) // 2 + 1 :]  # one of each pair ±G
    waves = half @ reciprocal
    waves = waves[np.linalg.norm(waves, axis=1) <= longest]
    strength = np.abs(np.exp(1j * atoms.positions @ waves.T).mean(axis=0))
    strongest = waves[strength > 0.9 * strength.max()]
    lengths = np.linalg.norm(strongest, axis=1)
    return np.asarray(strongest[lengths < 1.05 * lengths.min()])
