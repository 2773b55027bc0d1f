"""How many densities the embedding energy needs: the spectrum of its second derivatives on data."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.data.frames import Frame
from mlip_rs.eam.exact import ExactForm
from mlip_rs.eam.polynomial import DensityPolynomial
from mlip_rs.eam.splines import LammpsSpline
from mlip_rs.eam.tables import PairList, arrays_of
from mlip_rs.potential import Potential

MOST_DENSITIES: int = 8
"""Densities up to which the share of the embedding energy is followed."""

SHARES: tuple[float, ...] = (0.9, 0.99)

MOST_ATOMS: int = 4000
"""Atoms of an element from which shares are computed, evenly over the data."""


@dataclass(frozen=True, eq=False)
class EmbeddingSpectrum:
    """Densities of one element of the centre, the most important first.

    Parameters
    ----------
    element
        Chemical symbol.
    shares
        (K,) share of the mean square embedding energy that any cubic function of the first 1, 2, … densities has.
    strengths
        (V,) half the second derivative along each density, in units of its standard deviation on the data, eV.
    rms
        Root mean square of the embedding energy, eV.
    distances
        (R,) Å.
    densities
        (K, E, R) what a neighbour of each element adds to the first densities, in their standard deviations.

    Examples
    --------
    >>> spectrum = EmbeddingSpectrum("Al", np.array([0.8, 0.95]), np.ones(2), 0.3, np.ones(1), np.ones((2, 1, 1)))
    >>> spectrum.count(0.9), spectrum.count(0.99)
    (2, None)
    """

    element: str
    shares: Array
    strengths: Array
    rms: float
    distances: Array
    densities: Array

    def count(self, share: float) -> int | None:
        """Number of densities that carry a share; None if more than were looked at."""
        enough = np.flatnonzero(self.shares >= share)
        return int(enough[0]) + 1 if len(enough) else None

    def to_dict(self) -> dict[str, Any]:
        """Record of the fields, the unit in each key."""
        return {
            "element": self.element,
            "embedding_rms_ev": self.rms,
            "shares": self.shares.tolist(),
            "densities_for": {f"{share:g}": self.count(share) for share in SHARES},
            "strengths_ev": self.strengths.tolist(),
        }


def embedding_spectra(potential: Potential, frames: Sequence[Frame]) -> tuple[EmbeddingSpectrum, ...]:
    """Spectrum of each element of a potential of pairwise sums, on the atoms of structures.

    The embedding energy of an atom is U = P(d) − P(m) − P'(m)·(d − m), with m the mean of d: what the effective pair
    gauge leaves to embedding. Densities are the eigenvectors of P''(m) in the metric of the covariance of d.

    Raises
    ------
    ConfigError
        A feature that depends on angles.
    """
    form = ExactForm(potential, spacing=0.005)
    lists = [PairList.of(arrays_of(frame), potential.elements, potential.cutoff) for frame in frames]
    return tuple(
        _spectrum(form, polynomial, _densities(form, polynomial, element, lists))
        for element, polynomial in enumerate(own.embedding for own in form.polynomials)
    )


def _densities(
    form: ExactForm, polynomial: DensityPolynomial, element: int, lists: Sequence[PairList]
) -> Array:
    """(M, V) variables of the centres of one element."""
    spacing, found = float(form.distances[1]), []
    tables = [form.values(polynomial, neighbor) for neighbor in form.potential.elements]
    for pairs in lists:
        own = np.zeros((len(pairs.species), len(polynomial.variables)))
        for neighbor, values in enumerate(tables):
            chosen = pairs.of_elements(element, neighbor)
            for v in np.flatnonzero(values.any(axis=1)):
                shares = LammpsSpline(values[v], spacing)(pairs.distances[chosen])[0]
                own[:, v] += np.bincount(pairs.centers[chosen], shares, len(own))
        found.append(own[pairs.species == element])
    densities = np.concatenate(found)
    return densities[:: max(1, len(densities) // MOST_ATOMS)]


def _spectrum(form: ExactForm, polynomial: DensityPolynomial, densities: Array) -> EmbeddingSpectrum:
    mean = densities.mean(axis=0) if len(densities) else np.zeros(densities.shape[1])
    shifted = densities - mean
    covariance = shifted.T @ shifted / max(len(shifted), 1)
    values, axes = np.linalg.eigh(covariance) if len(mean) else (np.zeros(0), np.zeros((0, 0)))
    kept = values > 1e-12 * values.max(initial=0.0)
    root = axes[:, kept] * np.sqrt(values[kept])
    inverse = axes[:, kept] / np.sqrt(values[kept])
    strengths, rotation = np.linalg.eigh(0.5 * root.T @ polynomial.hessian(mean) @ root)
    order = np.argsort(-np.abs(strengths), kind="stable")
    vectors = (inverse @ rotation[:, order]).T
    base, slope = polynomial.value(mean[None]), polynomial.gradient(mean[None])[0]
    energy = polynomial.value(densities) - base - shifted @ slope
    most = min(MOST_DENSITIES, len(vectors))
    shares = _shares(energy, shifted @ vectors[:most].T)
    functions = [
        [vector @ form.values(polynomial, neighbor) for neighbor in form.potential.elements]
        for vector in vectors[:most]
    ]
    shape = (most, len(form.potential.elements), len(form.distances))
    rms = float(np.sqrt((energy**2).mean())) if len(energy) else 0.0
    return EmbeddingSpectrum(
        polynomial.element, shares, strengths[order], rms, form.distances, np.array(functions).reshape(shape)
    )


def _shares(energy: Array, coordinates: Array) -> Array:
    """(K,) shares of the mean square that cubic polynomials of the first 1, 2, … coordinates have."""
    whole = float((energy**2).sum())
    found = []
    for k in range(1, coordinates.shape[1] + 1 if whole > 0.0 else 1):
        y = coordinates[:, :k]
        columns = [
            y[:, list(own)].prod(axis=1)
            for degree in range(4)
            for own in combinations_with_replacement(range(k), degree)
        ]
        design = np.column_stack(columns)
        rest = energy - design @ np.linalg.lstsq(design, energy, rcond=None)[0]
        found.append(1.0 - float((rest**2).sum()) / whole)
    return np.array(found)
