"""From the index of anomaly of an atom to the error of its force that is to be expected."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlip_rs.arrays import Array

N_BINS: int = 24
"""Groups of atoms with similar indices, equally many in each, of which the errors are averaged."""

LEAST_ATOMS: int = 20
"""Atoms of a group, at least."""


@dataclass(frozen=True)
class ForceError:
    """A curve that never falls: root mean squared error of the force vector by index.

    Below the first index it is constant, beyond the last it goes on in proportion to the index.

    Parameters
    ----------
    index
        (n,) ascending.
    error
        (n,) eV/Å.

    Examples
    --------
    >>> curve = ForceError((0.5, 1.0, 2.0), (0.05, 0.1, 0.4))
    >>> curve(np.array([0.1, 1.0, 4.0])).tolist()
    [0.05, 0.1, 0.8]
    """

    index: tuple[float, ...]
    error: tuple[float, ...]

    def __call__(self, index: Array) -> Array:
        """Expected error, eV/Å, of atoms with these indices (N,)."""
        inside = np.interp(index, self.index, self.error)
        return np.asarray(inside * np.maximum(index / max(self.index[-1], 1e-12), 1.0))

    @classmethod
    def fitted(cls, index: Array, error: Array) -> "ForceError | None":
        """The curve of atoms that a fit has not seen, by isotonic regression; None for too few atoms.

        Parameters
        ----------
        index
            (N,) of the atoms, among the atoms of the data without them.
        error
            (N,) lengths of the errors of their forces, eV/Å.
        """
        from sklearn.isotonic import (
            IsotonicRegression,
        )  # takes long to import; those who use a potential need it not

        n_bins = min(N_BINS, len(index) // LEAST_ATOMS)
        if n_bins < 1:
            return None
        groups = np.array_split(np.argsort(index, kind="stable"), n_bins)
        centers = np.array([index[own].mean() for own in groups])
        squares = np.array([np.mean(error[own] ** 2) for own in groups])
        rising = IsotonicRegression().fit_transform(centers, squares)
        kept = np.append(True, np.diff(centers) > 1e-9 * centers[-1])
        rounded = [np.array([float(f"{own:.5g}") for own in part]) for part in (centers, np.sqrt(rising))]
        return cls(tuple(rounded[0][kept].tolist()), tuple(rounded[1][kept].tolist()))

    def to_dict(self) -> dict[str, Any]:
        """As it stands in a potential file."""
        return {"index": list(self.index), "error": list(self.error)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "ForceError":
        """The inverse of `to_dict`; raises ValueError, LookupError or TypeError for anything else."""
        index, error = (tuple(float(own) for own in document[name]) for name in ("index", "error"))
        if not index or len(index) != len(error) or not np.isfinite([*index, *error]).all():
            raise ValueError("the curve of force errors")
        if (np.diff(index) <= 0.0).any() or min(error) < 0.0:
            raise ValueError("the curve of force errors is not in order")
        return cls(index, error)
