"""Radial functions of PACE as Chebyshev series between knots.

PACE evaluates them by cubic splines on bins of 0.001 Å. These equal the functions but for rounding, except where
functions change within a few bins, as before the cutoff, where ChebExpCos are switched off within `dcut`. There
the pieces are the splines.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import floor

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from mlip_rs.errors import PotentialFileError
from mlip_rs.importers.pace_file import CLOSEST, CoreRepulsion, RadialBasis

MAX_PIECES: int = 300
"""Most pieces of a set of functions."""

N_NODES: int = 96
"""Chebyshev nodes of a piece."""

CONVERGED: float = 1e-13
"""Coefficients below this, relative to the largest, are left out."""

CORE_START: float = 0.25
"""Distance at which the core repulsion, which diverges, begins to be linear, Å."""

Array = NDArray[np.float64]
Evaluate = Callable[[Array], tuple[Array, Array]]


@dataclass(frozen=True)
class Pieces:
    """Functions of a `piecewise` set: knots (Å), and Chebyshev coefficients by function and piece."""

    knots: tuple[float, ...]
    coefficients: tuple[tuple[tuple[float, ...], ...], ...]


def base_functions(basis: RadialBasis, r: Array) -> tuple[Array, Array]:
    """(K, R) values and slopes (1/Å) of `g_k` at R distances (Å)."""
    if basis.name == "ChebExpCos":
        values, slopes = _exponential(basis, r)
    elif basis.name == "ChebPow":
        y = np.maximum(1.0 - r / basis.cutoff, 0.0)
        x = 1.0 - 2.0 * y**basis.parameter
        dx = 2.0 * basis.parameter / basis.cutoff * y ** (basis.parameter - 1.0)
        t, dt = _chebyshev(basis.n_functions, x)
        values, slopes = 0.5 - 0.5 * t[1:], -0.5 * dt[1:] * dx
    elif basis.name == "ChebLinear":
        t, dt = _chebyshev(basis.n_functions, 1.0 - r / basis.cutoff)
        values, slopes = 0.5 - 0.5 * t[1:], 0.5 * dt[1:] / basis.cutoff
    else:
        values, slopes = _bessel(basis, r)
    if basis.inner_cutoff > 0.0:
        switch, slope = _polynomial_switch(r, basis.inner_cutoff, basis.inner_width)
        values, slopes = values * (1.0 - switch), slopes * (1.0 - switch) - values * slope
    return values * (r < basis.cutoff), slopes * (r < basis.cutoff)


def core_function(core: CoreRepulsion, basis: RadialBasis, r: Array) -> tuple[Array, Array]:
    """(1, R) values (eV) and slopes (eV/Å) of the core repulsion of a pair at R distances (Å)."""
    value = core.prefactor * np.exp(-core.exponent * r * r) / r
    slope = -value * (2.0 * core.exponent * r * r + 1.0) / r
    value, slope = _times(value, slope, *_cosine_switch(r, 0.0, basis.cutoff))
    if core.is_inner:
        value, slope = _times(value, slope, *_polynomial_switch(r, basis.inner_cutoff, basis.inner_width))
    inside = (r < basis.cutoff) & (core.exponent * r * r < 50.0)
    return (value * inside)[None], (slope * inside)[None]


def base_pieces(basis: RadialBasis) -> Pieces:
    """The functions `g_k` of a pair of elements.

    Raises
    ------
    PotentialFileError
        They do not end with zero value and slope.
    """
    return _pieces(lambda r: base_functions(basis, r), basis, 0.0)


def core_pieces(core: CoreRepulsion, basis: RadialBasis) -> Pieces:
    """The core repulsion of a pair of elements."""
    return _pieces(lambda r: core_function(core, basis, r), basis, CORE_START)


def _exponential(basis: RadialBasis, r: Array) -> tuple[Array, Array]:
    scale, end = basis.parameter / basis.cutoff, float(np.exp(-basis.parameter))
    decay = np.exp(-scale * r)
    t, dt = _chebyshev(basis.n_functions, 1.0 - 2.0 * (decay - end) / (1.0 - end))
    dt *= 2.0 * scale * decay / (1.0 - end)
    values, slopes = 0.5 - 0.5 * t[:-1], -0.5 * dt[:-1]
    values[0], slopes[0] = 1.0, 0.0
    values, slopes = _times(values, slopes, *_cosine_switch(r, 0.0, basis.cutoff))
    if basis.width == 0.0:
        return values, slopes
    return _times(values, slopes, *_cosine_switch(r, basis.cutoff - basis.width, basis.width))


def _bessel(basis: RadialBasis, r: Array) -> tuple[Array, Array]:
    """Simplified spherical Bessel functions (E. Kocer et al., J. Chem. Phys. 150, 154102 (2019)); λ has no effect."""

    def wave(k: int) -> tuple[Array, Array]:
        x = np.maximum(r * k * np.pi / basis.cutoff, 1e-8)
        return np.sin(x) / x, (np.cos(x) - np.sin(x) / x) / x * (k * np.pi / basis.cutoff)

    values, slopes = np.zeros((2, basis.n_functions, len(r)))
    before = 1.0
    for n in range(basis.n_functions):
        first, second = wave(n + 1), wave(n + 2)
        factor = (-1) ** n * np.sqrt(2.0) * np.pi / basis.cutoff**1.5
        factor *= (n + 1) * (n + 2) / np.hypot(n + 1, n + 2)
        values[n], slopes[n] = factor * (first[0] + second[0]), factor * (first[1] + second[1])
        if n == 0:
            continue
        overlap = n**2 * (n + 2) ** 2 / (4.0 * (n + 1) ** 4 + 1.0)
        rest = 1.0 - overlap / before
        for own in (values, slopes):
            own[n] = (own[n] + np.sqrt(overlap / before) * own[n - 1]) / np.sqrt(rest)
        before = rest
    return values, slopes


def _chebyshev(n: int, x: Array) -> tuple[Array, Array]:
    """(n + 1, R) `T_0 … T_n` and their derivatives."""
    t = [np.ones_like(x), x]
    u = [np.ones_like(x), 2.0 * x]
    for _ in range(1, n):
        t.append(2.0 * x * t[-1] - t[-2])
        u.append(2.0 * x * u[-1] - u[-2])
    slopes = [np.zeros_like(x), *((k + 1) * u[k] for k in range(n))]
    return np.array(t[: n + 1]), np.array(slopes)


def _times(values: Array, slopes: Array, factor: Array, slope: Array) -> tuple[Array, Array]:
    return values * factor, slopes * factor + values * slope


def _cosine_switch(r: Array, start: float, width: float) -> tuple[Array, Array]:
    """From 1 at `start` to 0."""
    angle = np.pi * np.clip((r - start) / width, 0.0, 1.0)
    return 0.5 * (1.0 + np.cos(angle)), -0.5 * np.pi / width * np.sin(angle)


def _polynomial_switch(r: Array, end: float, width: float) -> tuple[Array, Array]:
    """From 1 at `end` − `width` to 0 at `end`."""
    x = np.clip(1.0 - 2.0 * (1.0 + (r - end) / width), -1.0, 1.0)
    value = 0.5 + 3.75 * (x / 4.0 - x**3 / 6.0 + x**5 / 20.0)
    return value, -7.5 / width * (0.25 - x**2 / 2.0 + x**4 / 4.0)


_SERIES_OF_POWERS = np.array(
    [[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.375, 0.5, 0.125, 0.0], [0.3125, 0.46875, 0.1875, 0.03125]]
)
"""Chebyshev coefficients of the powers of (1 + x) / 2."""


class _Splines:
    """The cubic splines of PACE: value and slope at the nodes between bins."""

    def __init__(self, evaluate: Evaluate, basis: RadialBasis) -> None:
        self.n_bins = int(basis.cutoff / basis.bin)
        self.bin = 1.0 / (self.n_bins / basis.cutoff)
        self.cutoff = basis.cutoff
        self.values, self.slopes = evaluate(self.bin * np.arange(1.0, self.n_bins + 1))

    def node(self, k: int) -> float:
        """Distance of a node; the last one is the cutoff."""
        return self.cutoff if k == self.n_bins else self.bin * k

    def cubic(self, bins: NDArray[np.int64]) -> Array:
        """(4, K, B) coefficients, in powers of the position in the bin, of B bins from 1."""
        f0, f1 = self.values[:, bins - 1], self.values[:, bins]
        d0, d1 = self.slopes[:, bins - 1] * self.bin, self.slopes[:, bins] * self.bin
        return np.stack([f0, d0, 3.0 * (f1 - f0) - d1 - 2.0 * d0, 2.0 * (f0 - f1) + d1 + d0])

    def at(self, bins: NDArray[np.int64], t: Array) -> tuple[Array, Array]:
        """(K, B) values and slopes in bins from 1."""
        a, b, c, d = self.cubic(bins)
        return a + t * (b + t * (c + t * d)), (b + t * (2.0 * c + 3.0 * t * d)) / self.bin


def _pieces(evaluate: Evaluate, basis: RadialBasis, start: float) -> Pieces:
    splines = _Splines(evaluate, basis)
    usual = np.linspace(0.15 * basis.cutoff, basis.cutoff, 500, endpoint=False)
    scales = tuple(np.maximum(np.abs(own).max(axis=1), 1e-3) for own in evaluate(usual))
    first = floor(start / splines.bin)
    places = (basis.inner_cutoff - basis.inner_width, basis.inner_cutoff, basis.cutoff - basis.width)
    bins = {first, splines.n_bins, *(floor(place / splines.bin + 1e-9) for place in places if place > start)}
    ends = sorted(k for k in bins if k >= first)
    tolerance = 3e-9
    while True:
        fit = _Fit(evaluate, splines, scales, tolerance)
        found = [piece for pair in pairwise(ends) for piece in fit.cover(*pair)]
        if len(found) <= MAX_PIECES or tolerance > 1e-5:
            break
        tolerance *= 4.0
    series = [piece for _, piece in found]
    knots = (*(splines.node(k) for k, _ in found), basis.cutoff)
    final = np.array([np.abs(chebyshev.chebval(1.0, row)) for row in series[-1]])
    if (final > 1e-6 * scales[0]).any() or len(found) > MAX_PIECES:
        raise PotentialFileError(f"has functions {basis.name} that do not end smoothly at their cutoff")
    columns = range(len(series[0]))
    return Pieces(knots, tuple(tuple(_trimmed(piece[k]) for piece in series) for k in columns))


def _trimmed(row: Array) -> tuple[float, ...]:
    largest = np.abs(row).max()
    kept = np.flatnonzero(np.abs(row) > CONVERGED * largest)
    return tuple(row[: kept[-1] + 1].tolist()) if len(kept) else (0.0,)


@dataclass(frozen=True)
class _Fit:
    """Pieces that are functions or, where these differ from the splines, the splines."""

    evaluate: Evaluate
    splines: _Splines
    scales: tuple[Array, ...]
    tolerance: float

    def cover(self, first: int, last: int) -> list[tuple[int, Array]]:
        """First bin and series of the pieces from one node to another."""
        series = self._series(first, last)
        if series is not None:
            return [(first, series)]
        if last - first > 1:
            middle = (first + last) // 2
            return [*self.cover(first, middle), *self.cover(middle, last)]
        powers = self.splines.cubic(np.array([max(first, 1)]))[..., 0]  # of t = (1 + x) / 2
        return [(first, powers.T @ _SERIES_OF_POWERS)]

    def _series(self, first: int, last: int) -> Array | None:
        """Chebyshev coefficients of the functions, if these converge and agree with the splines."""
        start, end = self.splines.node(first), self.splines.node(last)
        x = chebyshev.chebpts1(N_NODES)
        values, _ = self.evaluate(np.maximum(0.5 * (start + end) + 0.5 * (end - start) * x, 1e-9))
        found = (2.0 / N_NODES * chebyshev.chebvander(x, N_NODES - 1).T @ values.T).T
        found[:, 0] *= 0.5
        size = np.maximum(self.scales[0], np.abs(values).max(axis=1))
        if (np.abs(found[:, -4:]).max(axis=1) > CONVERGED * size).any():
            return None
        nearest = max(1, first, floor(CLOSEST / self.splines.bin))
        if nearest < last:
            bins = np.unique(np.linspace(nearest, last - 1, 300).astype(int))
            t = np.linspace(0.2, 0.8, len(bins))
            position = (self.splines.bin * (bins + t) - start) / (end - start) * 2.0 - 1.0
            expected = self.splines.at(bins, t)
            derivative = np.array([chebyshev.chebder(row) for row in found]) * 2.0 / (end - start)
            for rows, target, scale in zip((found, derivative), expected, self.scales, strict=True):
                error = np.abs(chebyshev.chebval(position, rows.T) - target).max(axis=1)
                if (error > self.tolerance * scale).any():
                    return None
        return found
