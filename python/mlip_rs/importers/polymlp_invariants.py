"""The invariants of pypolymlp as combinations of those of our basis."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import pi
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mlip_rs.importers.couplings import Degrees, chains, coefficients_of_couplings

MAX_DEGREES: dict[int, int] = {1: 0, 2: 12, 3: 12, 4: 7, 5: 4, 6: 2}
"""Largest l of our basis, by order."""

TABLE: Path = Path(__file__).with_name("polymlp_couplings.npz")
"""Coefficients of chains in each of its invariants of two and more factors; `tests/python/importers` has the script."""


@dataclass(frozen=True)
class PolymlpInvariant:
    """One coupling of order parameters that pypolymlp knows.

    Parameters
    ----------
    degrees
        l of the factors, ascending.
    of_chains
        Coefficients of `couplings.chains(degrees)`.
    """

    degrees: Degrees
    of_chains: tuple[float, ...]

    @property
    def order(self) -> int:
        """Number of factors."""
        return len(self.degrees)

    def in_our_invariants(self, runs: Degrees) -> NDArray[np.float64]:
        """Coefficients of `d` (order 1), `p` (order 2) or of `b` by k, for runs of equal factors of these lengths."""
        if self.order == 1:
            return np.array([1.0 / np.sqrt(4.0 * pi)])  # a_00 = d Y_00
        if self.order == 2:
            return np.array(self.of_chains) * (2 * self.degrees[0] + 1) / (4.0 * pi)  # the addition theorem
        return coefficients_of_couplings(self.degrees, runs, self.of_chains)


def polymlp_invariants(max_degrees: tuple[int, ...], version: int) -> list[PolymlpInvariant]:
    """Return the invariants of a model in their order: order 1, then the others up to their largest degree.

    Parameters
    ----------
    max_degrees
        Largest l of order 2, 3, …, at most `MAX_DEGREES`.
    version
        1 or 2, as in `gtinv_version`.

    Examples
    --------
    >>> [invariant.degrees for invariant in polymlp_invariants((1, 2), 2)]
    [(0,), (0, 0), (1, 1), (0, 0, 0), (0, 1, 1), (0, 2, 2), (1, 1, 2), (2, 2, 2)]
    """
    found = [PolymlpInvariant((0,), (1.0,))]
    for order, max_degree in enumerate(max_degrees, start=2):
        found += [entry for entry in _of_order(order, version) if entry.degrees[-1] <= max_degree]
    return found


@lru_cache
def _of_order(order: int, version: int) -> list[PolymlpInvariant]:
    with np.load(TABLE, allow_pickle=False) as table:
        degrees = table[f"v{version}_{order}_degrees"]
        values = table[f"v{version}_{order}_chains"]
    return list(_entries([tuple(map(int, row)) for row in degrees], values))


def _entries(degrees: list[Degrees], values: NDArray[np.float64]) -> Iterator[PolymlpInvariant]:
    start = 0
    for row in degrees:
        stop = start + len(chains(row))
        yield PolymlpInvariant(row, tuple(values[start:stop].tolist()))
        start = stop
