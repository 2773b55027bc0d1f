"""The interpolation of LAMMPS' `eam` styles: what a table of an EAM file means, to the last bit but rounding."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mlip_rs.arrays import Array


@dataclass(frozen=True, eq=False)
class LammpsSpline:
    """Piecewise cubic through values at 0, h, 2h, …, with slopes from five points (`PairEAM::interpolate`).

    Parameters
    ----------
    values
        (n,) at least 5.
    spacing
        h.

    Examples
    --------
    >>> spline = LammpsSpline(np.arange(6.0) ** 2, 1.0)
    >>> value, slope = spline(np.array([2.5]))
    >>> float(value[0]), float(slope[0])
    (6.25, 5.0)
    """

    values: Array
    spacing: float

    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Values and slopes at x ≥ 0; beyond the last point both are those of the last point."""
        f, slopes = self.values, self._slopes
        p = np.asarray(x) / self.spacing
        m = np.clip(p.astype(np.int64), 0, len(f) - 2)
        p = np.minimum(p - m, 1.0)
        rise = f[m + 1] - f[m]
        cubic = slopes[m] + slopes[m + 1] - 2.0 * rise
        square = 3.0 * rise - 2.0 * slopes[m] - slopes[m + 1]
        value = ((cubic * p + square) * p + slopes[m]) * p + f[m]
        return value, ((3.0 * cubic * p + 2.0 * square) * p + slopes[m]) / self.spacing

    def continued(self, x: Array) -> tuple[Array, Array]:
        """As a call, but values go on along the last slope beyond the last point, as those of an embedding function."""
        value, slope = self(x)
        beyond = np.maximum(np.asarray(x) - (len(self.values) - 1) * self.spacing, 0.0)
        return value + slope * beyond, slope

    @cached_property
    def _slopes(self) -> Array:
        """(n,) slopes at the points times the spacing."""
        f = self.values
        slopes = np.empty_like(f)
        slopes[2:-2] = ((f[:-4] - f[4:]) + 8.0 * (f[3:-1] - f[1:-3])) / 12.0
        slopes[[1, -2]] = 0.5 * (f[2] - f[0]), 0.5 * (f[-1] - f[-3])
        slopes[[0, -1]] = f[1] - f[0], f[-1] - f[-2]
        return slopes


BEYOND: int = 2
"""Points that tables of distances have beyond the cutoff."""


def extended(values: Array) -> Array:
    """Continue tables (…, R) smoothly by `BEYOND` points, so that slopes at the cutoff are those from within.

    Functions end there with zero value and slope, but not always with zero curvature; LAMMPS looks at no pair beyond.

    >>> extended(np.arange(5.0) ** 3).tolist()
    [0.0, 1.0, 8.0, 27.0, 64.0, 125.0, 216.0]
    """
    for _ in range(BEYOND):
        a, b, c, d = (values[..., -k] for k in (4, 3, 2, 1))
        values = np.concatenate([values, (4.0 * (d + b) - 6.0 * c - a)[..., None]], axis=-1)
    return values
