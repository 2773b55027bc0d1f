"""A potential as a polynomial of sums of radial functions over neighbours: what the pair hierarchies are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.errors import ConfigError
from mlip_rs.potential import Potential

_FACTOR = re.compile(r"d\[(\w+),(\d+)\](?:\^([123]))?")

Exponents = tuple[int, ...]
"""Variables of a monomial, ascending, repeated by their powers."""


@dataclass(frozen=True, eq=False)
class DensityPolynomial:
    """Energy of a centre of one element as a polynomial of the variables d_v.

    Parameters
    ----------
    element
        Chemical symbol of the centre.
    variables
        Element of the neighbours and number of the radial function of each variable.
    terms
        Coefficients by monomial, eV per unit; () is the constant, without the reference energy.

    Examples
    --------
    >>> polynomial = DensityPolynomial("Al", (("Al", 0), ("Al", 1)), {(0,): 1.0, (0, 1): 2.0})
    >>> polynomial.quadratic.tolist(), polynomial.degree
    ([[0.0, 1.0], [1.0, 0.0]], 2)
    """

    element: str
    variables: tuple[tuple[str, int], ...]
    terms: Mapping[Exponents, float]

    @property
    def degree(self) -> int:
        """Largest degree of a monomial."""
        return max(map(len, self.terms), default=0)

    @property
    def constant(self) -> float:
        """Coefficient of 1, eV."""
        return self.terms.get((), 0.0)

    @property
    def linear(self) -> Array:
        """(V,) coefficients of the variables."""
        out = np.zeros(len(self.variables))
        for own, value in self.terms.items():
            if len(own) == 1:
                out[own[0]] = value
        return out

    @property
    def quadratic(self) -> Array:
        """(V, V) symmetric matrix Q of the form d·Q·d."""
        out = np.zeros((len(self.variables),) * 2)
        for own, value in self.terms.items():
            if len(own) == 2:
                out[own[0], own[1]] += 0.5 * value
                out[own[1], own[0]] += 0.5 * value
        return out

    @property
    def embedding(self) -> "DensityPolynomial":
        """The terms of second and higher degree, in the variables that they have."""
        terms = {own: value for own, value in self.terms.items() if len(own) > 1}
        used = sorted({v for own in terms for v in own})
        number = {v: k for k, v in enumerate(used)}
        renamed = {tuple(number[v] for v in own): value for own, value in terms.items()}
        return DensityPolynomial(self.element, tuple(self.variables[v] for v in used), renamed)

    def value(self, densities: Array) -> Array:
        """(M,) polynomial at (M, V) values of the variables, the constant included."""
        return np.asarray(
            sum(
                (c * densities[:, list(own)].prod(axis=1) for own, c in self.terms.items()),
                np.zeros(len(densities)),
            )
        )

    def gradient(self, densities: Array) -> Array:
        """(M, V) derivatives at (M, V) values of the variables."""
        out = np.zeros_like(densities)
        for own, c in self.terms.items():
            for place, v in enumerate(own):
                rest = [*own[:place], *own[place + 1 :]]
                out[:, v] += c * densities[:, rest].prod(axis=1)
        return out

    def hessian(self, density: Array) -> Array:
        """(V, V) second derivatives at one point (V,)."""
        out = np.zeros((len(density),) * 2)
        for own, c in self.terms.items():
            for i, v in enumerate(own):
                for j, w in enumerate(own):
                    if i != j:
                        rest = [u for k, u in enumerate(own) if k not in (i, j)]
                        out[v, w] += c * density[rest].prod()
        return out


def density_polynomials(potential: Potential) -> tuple[DensityPolynomial, ...]:
    """Read a potential of pairwise features as polynomials, one for each element of the centre.

    Raises
    ------
    ConfigError
        A feature with a coefficient is no product of pairwise sums; the message names it.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair-poly", n_radial=2, pair_degree=2)
    >>> potential = Potential.from_coefficients(basis, [1.0, 0.0, 3.0, 4.0, 0.0], {"Al": 0.0})
    >>> density_polynomials(potential)[0].quadratic.tolist()
    [[3.0, 2.0], [2.0, 0.0]]
    """
    return tuple(_polynomial(element, potential.coefficients(element)) for element in potential.elements)


def is_density_polynomial(potential: Potential) -> bool:
    """Whether all features with a coefficient are products of pairwise sums.

    >>> from mlip_rs import Basis
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=1)
    >>> is_density_polynomial(Potential.from_coefficients(basis, [1.0], {"Al": 0.0}))
    True
    """
    return all(
        _factors(label) is not None
        for element in potential.elements
        for label in potential.coefficients(element)
    )


def _polynomial(element: str, coefficients: Mapping[str, float]) -> DensityPolynomial:
    found: dict[tuple[tuple[str, int], ...], float] = {}
    for label, value in coefficients.items():
        factors = _factors(label)
        if factors is None:
            raise ConfigError(
                f"the feature {label} of {element} depends on angles: no embedded-atom potential has it exactly; "
                "give data (--data) on which the potential is projected"
            )
        found[factors] = found.get(factors, 0.0) + value
    variables = tuple(sorted({factor for own in found for factor in own}))
    numbers = {variable: k for k, variable in enumerate(variables)}
    terms = {tuple(sorted(numbers[factor] for factor in own)): value for own, value in found.items()}
    return DensityPolynomial(element, variables, terms)


def _factors(label: str) -> tuple[tuple[str, int], ...] | None:
    """Element and radial function of each factor; None if one is no pairwise sum."""
    if label == "1":
        return ()
    factors: list[tuple[str, int]] = []
    for part in label.split("*"):
        match = _FACTOR.fullmatch(part)
        if match is None:
            return None
        factors += [(match[1], int(match[2]))] * int(match[3] or 1)
    return tuple(factors)
