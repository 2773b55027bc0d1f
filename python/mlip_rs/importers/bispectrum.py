"""The bispectrum of SNAP as sums of couplings of ordinary harmonics.

A neighbour at distance r in direction r̂ has the matrices `U^J(θ0, r̂)`, J = 2j = 0 … `twojmax` (A. P. Thompson et al.,
J. Comput. Phys. 285, 316 (2015)). They are hyperspherical harmonics: `U^J = Σ_lm T^J_lm f_Jl(θ0) Y_lm(r̂)`, l ≤ J, with
`f_Jl = sin^l θ0 C^(l+1)_(J−l)(cos θ0)` (Gegenbauer). Of their sums over neighbours, `B_(J1 J2 J)` is the coupling of
U^J1 and U^J2 to U^J in both indices. It does not change under rotation and inversion, and so is a sum of our
couplings of third order, of which there is one for each l1, l2, l with an even sum. The terms with all m = 0 tell its
coefficient, and neighbours along the z axis, which have no others, tell those terms.
"""

from functools import cache
from itertools import product
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import eval_gegenbauer

from mlip_rs.importers.couplings import clebsch_gordan

Triple = tuple[int, ...]


def bispectrum_triples(twojmax: int) -> list[Triple]:
    """(J1, J2, J) of the components, in the order of the coefficients.

    Examples
    --------
    >>> bispectrum_triples(2)
    [(0, 0, 0), (1, 0, 1), (1, 1, 2), (2, 0, 2), (2, 2, 2)]
    """
    return [
        (first, second, third)
        for first in range(twojmax + 1)
        for second in range(first + 1)
        for third in range(first - second, min(twojmax, first + second) + 1, 2)
        if third >= first
    ]


def radial_function(twoj: int, degree: int, angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """`f_Jl(θ0)`."""
    polynomial = eval_gegenbauer(twoj - degree, degree + 1, np.cos(angle))
    return np.asarray(np.sin(angle) ** degree * polynomial, dtype=np.float64)


def self_term(twoj: int) -> float:
    """The sum `Σ_j f_J0 Y_00` at which U^J is the unit matrix: what the atom itself adds to it."""
    return (twoj + 1) / sqrt(4.0 * pi)


@cache
def couplings_of(triple: Triple) -> dict[Triple, float]:
    """Coefficients of B in our couplings of a_(J1 l1), a_(J2 l2) and a_(J l), by their degrees.

    The sums a are of `f_Jl Y_lm` and contain what the atom itself adds.

    Examples
    --------
    >>> {degrees: round(c, 10) for degrees, c in couplings_of((0, 0, 0)).items()}  # (4π)^(3/2)
    {(0, 0, 0): 44.5466239747}
    """
    first, second, third = triple
    weights = np.zeros([twoj + 1 for twoj in triple])
    for a, b in product(range(first + 1), range(second + 1)):
        c = a + b - (first + second - third) // 2
        if 0 <= c <= third:
            weights[a, b, c] = clebsch_gordan(first, 2 * a - first, second, 2 * b - second, third) ** 2
    left, right, out = (_axial_parts(twoj) for twoj in triple)
    values = np.einsum("pa,qb,rc,abc->pqr", left, right, out.conj(), weights, optimize=True)
    found = {}
    for degrees in product(*(range(twoj + 1) for twoj in triple)):
        l1, l2, l3 = degrees
        if sum(degrees) % 2 == 0 and abs(l1 - l2) <= l3 <= l1 + l2:
            low, middle, high = sorted(2 * degree for degree in degrees)
            found[degrees] = float(values[degrees].real) / clebsch_gordan(low, 0, middle, 0, high)
    return found


@cache
def _axial_parts(twoj: int) -> NDArray[np.complex128]:
    """Diagonals of `T^J_l0`, (J + 1 values of l, J + 1): a neighbour along z has `U^J = diag e^(i (J − 2k) θ0)`."""
    angles = np.pi * (np.arange(2 * twoj + 2) + 0.5) / (2 * twoj + 2)
    phases = np.exp(1j * np.outer(angles, twoj - 2 * np.arange(twoj + 1)))
    along_z = np.sqrt((2 * np.arange(twoj + 1) + 1) / (4.0 * np.pi))  # Y_l0
    functions = np.stack([radial_function(twoj, degree, angles) for degree in range(twoj + 1)], axis=1)
    found = np.linalg.lstsq((functions * along_z).astype(complex), phases, rcond=None)[0]
    return np.asarray(found, dtype=np.complex128)
