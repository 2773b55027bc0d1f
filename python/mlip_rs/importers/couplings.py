"""The couplings of order parameters behind the labels `b[…,k=…]`, as `src/basis/coupling.rs` has them.

Of factors with degrees l_1 … l_ν, the chains of real Clebsch-Gordan couplings span all invariants of even parity. Where
all factors differ they are the couplings k themselves; where some are equal, the first linearly independent ones are.
"""

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import pairwise
from math import factorial, prod

import numpy as np
from numpy.typing import NDArray

NEGLIGIBLE: float = 1e-12
"""Coefficients of monomials below this are rounding errors."""

DEPENDENT: float = 1e-6
"""A chain whose part outside the span of the earlier ones is below this fraction of its norm is dependent."""

LARGE: int = 5000
"""Entries of a tensor above which its chains take too much memory to be remembered by the hundred."""

Degrees = tuple[int, ...]


@lru_cache
def chains(degrees: Degrees) -> tuple[Degrees, ...]:
    """Intermediate degrees `(L_1 = l_1, L_2 … L_{ν−1} = l_ν)` of every chain, ascending.

    Examples
    --------
    >>> chains((1, 1, 2, 2))
    ((1, 0, 2), (1, 1, 2), (1, 2, 2))
    """
    partial: list[Degrees] = [degrees[:1]]
    for degree in degrees[1:-1]:
        partial = [
            (*chain, following)
            for chain in partial
            for following in range(abs(chain[-1] - degree), chain[-1] + degree + 1)
        ]
    return tuple(chain for chain in partial if chain[-1] == degrees[-1])


@lru_cache(maxsize=512)
def chain_tensor(degrees: Degrees, chain: Degrees) -> NDArray[np.float64]:
    """Coupling tensor of one chain, (2 l_1 + 1, …, 2 l_ν + 1), in real harmonics; its squared norm is 2 l_ν + 1."""
    tensor = np.eye(2 * degrees[0] + 1)
    for degree, (before, after) in zip(degrees[1:-1], pairwise(chain), strict=True):
        tensor = np.tensordot(tensor, real_clebsch_gordan(before, degree, after), axes=1)
    return tensor


def coefficients_of_couplings(
    degrees: Degrees, runs: Degrees, of_chains: Sequence[float] | NDArray[np.float64]
) -> NDArray[np.float64]:
    """Coefficients of the couplings k = 0, 1, … in an invariant that is given by coefficients of all chains.

    Parameters
    ----------
    degrees
        l of the factors, ascending.
    runs
        Lengths of the runs of equal factors (same element, radial function and l); their sum is ν.
    of_chains
        One coefficient for each of `chains(degrees)`.

    Raises
    ------
    ArithmeticError
        The couplings do not span the invariant to 1e-10 of its norm.

    Examples
    --------
    >>> coefficients_of_couplings((1, 1, 2, 2), (1, 1, 1, 1), [0.5, 0.25, 0.0]).tolist()
    [0.5, 0.25, 0.0]
    >>> coefficients_of_couplings((1, 1, 2, 2), (2, 2), [0.0, 1.0, 0.0]).tolist()  # antisymmetric: it vanishes
    [0.0, 0.0]
    """
    given = np.asarray(of_chains, dtype=float)
    if len(given) == 1 or max(runs) == 1:
        return given
    collapsed, _, _ = _collapsed_chains(degrees, runs)
    return _solved(degrees, runs, given @ collapsed, float(np.linalg.norm(given)))


def coefficients_of_tensor(
    degrees: Degrees, runs: Degrees, tensor: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Coefficients of the couplings k = 0, 1, … in an invariant `Σ_m t_m Π a_lm` of real order parameters.

    Parameters
    ----------
    degrees, runs
        As for `coefficients_of_couplings`.
    tensor
        (2 l_1 + 1, …, 2 l_ν + 1), m from −l; it need not be symmetric where factors are equal.

    Raises
    ------
    ArithmeticError
        The couplings do not span it to 1e-10 of its norm: it is no invariant.

    Examples
    --------
    >>> coefficients_of_tensor((1, 1), (2,), 3.0 * np.eye(3)).round(12).tolist()
    [3.0]
    """
    _, _, monomial = _collapsed_chains(degrees, runs)
    target = np.bincount(monomial, tensor.ravel()).astype(np.float64)
    norm = float(np.linalg.norm(tensor)) / np.sqrt(2 * degrees[-1] + 1)
    return _solved(degrees, runs, target, norm)


def _solved(degrees: Degrees, runs: Degrees, target: NDArray[np.float64], norm: float) -> NDArray[np.float64]:
    """Coefficients of the kept chains in coefficients of monomials; `norm` is the size of those of the chains."""
    collapsed, kept, _ = _collapsed_chains(degrees, runs)
    if max(runs) == 1:  # chains are orthogonal
        solution = np.asarray(collapsed[kept] @ target / (2 * degrees[-1] + 1), dtype=np.float64)
    else:
        solution = np.asarray(np.linalg.lstsq(collapsed[kept].T, target, rcond=None)[0], dtype=np.float64)
    rest = float(np.linalg.norm(solution @ collapsed[kept] - target))
    if not rest <= 1e-10 * norm * np.sqrt(2 * degrees[-1] + 1):
        raise ArithmeticError(f"the couplings of degrees {degrees} do not span an invariant")
    solution[np.abs(solution) < 1e-14 * norm] = 0.0
    return solution


def independent_chains(degrees: Degrees, runs: Degrees) -> list[int]:
    """Numbers of the chains that are the couplings k = 0, 1, … of factors with runs of equal ones.

    Examples
    --------
    >>> independent_chains((1, 1, 2, 2), (2, 2)), independent_chains((1, 1, 1, 1), (4,))
    ([0, 2], [0])
    """
    return list(_collapsed_chains(degrees, runs)[1])


def real_harmonics(degree: int) -> NDArray[np.complex128]:
    """Real harmonics from complex ones (with the Condon-Shortley phase): U of `R_m = Σ_k U_mk Y_k`, m and k from −l."""
    matrix = np.zeros((2 * degree + 1,) * 2, dtype=complex)
    matrix[degree, degree] = 1.0
    for m in range(1, degree + 1):
        sign = (-1) ** m
        matrix[degree + m, [degree + m, degree - m]] = np.array([sign, 1.0]) * np.sqrt(0.5)
        matrix[degree - m, [degree + m, degree - m]] = np.array([-sign, 1.0]) * 1j * np.sqrt(0.5)
    return matrix


_Collapsed = tuple[NDArray[np.float64], list[int], NDArray[np.intp]]
"""Coefficients of monomials, (chains, monomials); numbers of the kept chains; monomial of each entry of a tensor."""


def _collapsed_chains(degrees: Degrees, runs: Degrees) -> _Collapsed:
    """The chains as polynomials of the order parameters; of the largest, few are remembered."""
    is_large = prod(2 * degree + 1 for degree in degrees) > LARGE
    return (_last_collapsed if is_large else _all_collapsed)(degrees, runs)


def _collapse(degrees: Degrees, runs: Degrees) -> _Collapsed:
    components = np.indices([2 * degree + 1 for degree in degrees]).reshape(len(degrees), -1)
    first = 0
    for length in runs:
        components[first : first + length].sort(axis=0)
        first += length
    keys = np.ravel_multi_index(tuple(components), [2 * degree + 1 for degree in degrees])
    _, monomial = np.unique(keys, return_inverse=True)
    collapsed = np.array(
        [np.bincount(monomial, chain_tensor(degrees, chain).ravel()) for chain in chains(degrees)]
    )
    collapsed[np.abs(collapsed) < NEGLIGIBLE] = 0.0  # antisymmetric chains vanish
    kept: list[int] = []
    orthonormal: list[NDArray[np.float64]] = []
    for number, terms in enumerate(collapsed):
        rest = terms.copy()
        for basis in orthonormal:
            rest -= (basis @ rest) * basis
        left = float(np.linalg.norm(rest))
        if left > DEPENDENT * np.linalg.norm(terms):
            orthonormal.append(rest / left)
            kept.append(number)
    return collapsed, kept, monomial.ravel()


_all_collapsed = lru_cache(maxsize=512)(_collapse)
_last_collapsed = lru_cache(maxsize=2)(_collapse)


@cache
def real_clebsch_gordan(l1: int, l2: int, l3: int) -> NDArray[np.float64]:
    """Coupling of two real degrees to a third, (2 l1 + 1, 2 l2 + 1, 2 l3 + 1); for odd sums a factor i is dropped."""
    table = np.zeros((2 * l1 + 1, 2 * l2 + 1, 2 * l3 + 1))
    for m1 in range(-l1, l1 + 1):
        for m2 in range(max(-l2, -l3 - m1), min(l2, l3 - m1) + 1):
            table[l1 + m1, l2 + m2, l3 + m1 + m2] = clebsch_gordan(2 * l1, 2 * m1, 2 * l2, 2 * m2, 2 * l3)
    u1, u2, u3 = (real_harmonics(degree) for degree in (l1, l2, l3))
    turned = np.einsum("ax,by,cz,xyz->abc", u1.conj(), u2.conj(), u3, table, optimize=True)
    return np.ascontiguousarray(turned.real if (l1 + l2 + l3) % 2 == 0 else turned.imag)


def clebsch_gordan(j1: int, m1: int, j2: int, m2: int, j3: int) -> float:
    """`⟨j1 m1 j2 m2 | j3 m1+m2⟩` of doubled, and so whole, numbers by Racah's formula; the triangle condition holds.

    Examples
    --------
    >>> round(clebsch_gordan(1, 1, 1, -1, 0) ** 2, 12)  # two spins ½
    0.5
    """
    m3 = m1 + m2

    def f(doubled: int) -> int:
        return factorial(doubled // 2)

    triangle = f(j1 + j2 - j3) * f(j1 - j2 + j3) * f(-j1 + j2 + j3) / f(j1 + j2 + j3 + 2)
    projections = (j3 + 1) * prod(f(j + m) * f(j - m) for j, m in ((j1, m1), (j2, m2), (j3, m3)))
    total = 0.0
    for k in range(max(0, j2 - j3 - m1, j1 - j3 + m2), min(j1 + j2 - j3, j1 - m1, j2 + m2) + 1, 2):
        denominator = f(k) * f(j1 + j2 - j3 - k) * f(j1 - m1 - k) * f(j2 + m2 - k)
        denominator *= f(j3 - j2 + m1 + k) * f(j3 - j1 - m2 + k)
        total += (-1) ** (k // 2) / denominator
    return float((triangle * projections) ** 0.5 * total)
