"""A SNAP potential as a potential of ours: the basis that spans its radial functions, and the coefficients in it."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.errors import ConfigError, PotentialFileError
from mlip_rs.importers.bispectrum import bispectrum_triples, couplings_of, radial_function, self_term
from mlip_rs.importers.compiled import Compiled
from mlip_rs.importers.snap_file import SnapModel

MAX_CHEBYSHEV: int = 90
"""Degree up to which radial functions are expanded; their coefficients fall to rounding errors long before."""

_Polynomial = dict[tuple["_Factor", ...], float]


@dataclass(frozen=True, order=True)
class _Factor:
    """The order parameters of one degree, neighbours' element and 2j."""

    degree: int
    element: int
    twoj: int


def compile_snap(model: SnapModel) -> Compiled:
    """Return a SNAP potential as basis and coefficients.

    Raises
    ------
    PotentialFileError
        More features than our basis can hold, or parameters out of its range.
    """
    expansions = _expansions(model)
    try:
        basis = _core.Basis(json.dumps(_specification(model, expansions)))
    except ConfigError as error:
        raise PotentialFileError(f"its bispectrum does not fit our basis: {error}") from None
    names = _Names(model, expansions)
    columns = {label: k for k, label in enumerate(basis.labels())}
    coefficients = np.zeros((len(model.elements), len(columns)))
    references = {}
    for center, element in enumerate(model.elements):
        polynomial = _polynomial(model, element.coefficients)
        isolated = polynomial.pop((), 0.0)
        references[element.symbol] = element.constant + (0.0 if model.from_isolated else isolated)
        for factors, value in polynomial.items():
            for label, factor in names.features(factors):
                coefficients[center, columns[label]] += value * factor
    details = {
        "n_coefficients": sum(1 + len(e.coefficients) for e in model.elements),
        "twojmax": model.twojmax,
    }
    return Compiled(basis, coefficients.ravel(), references, are_isolated=False, details=details)


def _expansions(model: SnapModel) -> list[NDArray[np.float64]]:
    """For each 2j, (l, n): `f_Jl = Σ_n c_ln T_n(x)`, with x falling from 1 at r = 0 to −1 at the cutoff."""
    nodes = chebyshev.chebpts1(MAX_CHEBYSHEV + 1)
    angles = model.rfac0 * np.pi * (1.0 - nodes) / 2.0
    found = [
        np.array(
            [
                chebyshev.chebfit(nodes, radial_function(twoj, degree, angles), MAX_CHEBYSHEV)
                for degree in range(twoj + 1)
            ]
        )
        for twoj in range(model.twojmax + 1)
    ]
    largest = np.max([np.abs(rows).max(axis=0) / np.abs(rows).max() for rows in found], axis=0)
    kept = int(np.flatnonzero(largest > 1e-14)[-1]) + 1
    return [rows[:, :kept] for rows in found]


def _specification(model: SnapModel, expansions: list[NDArray[np.float64]]) -> dict[str, Any]:
    """Chebyshev polynomials for order 1, and a contraction of them for each 2j for orders 2 and 3."""
    function = {"family": "chebyshev", "n": list(range(expansions[0].shape[1])), "r_min": 0.0}
    contracted = [
        {"function": function, "orders": [2, 3], "contraction": [[row.tolist()] for row in rows]}
        for rows in expansions
    ]
    return {
        "elements": [element.symbol for element in model.elements],
        "cutoff": model.cutoff,
        "cutoff_function": "cosine",
        "radial": [{"function": function, "orders": [1]}, *contracted],
        "invariants": [
            {"order": 1},
            {"order": 2, "max_l": model.twojmax},
            {"order": 3, "max_l": model.twojmax},
        ],
    }


class _Names:
    """Features of our basis."""

    def __init__(self, model: SnapModel, expansions: list[NDArray[np.float64]]) -> None:
        self.symbols = [element.symbol for element in model.elements]
        self.expansions = expansions

    def features(self, factors: tuple[_Factor, ...]) -> Iterator[tuple[str, float]]:
        """Yield labels and coefficients of a coupling of up to three order parameters."""
        n = self.expansions[0].shape[1]
        if len(factors) == 1:
            (factor,) = factors
            for k, value in enumerate(self.expansions[factor.twoj][0]):
                yield f"d[{self.symbols[factor.element]},{k}]", float(value) / np.sqrt(4.0 * np.pi)
            return
        channels = ",".join(f"{self.symbols[factor.element]}.{n + factor.twoj}" for factor in factors)
        degrees = [factor.degree for factor in factors]
        if len(factors) == 2:
            yield f"p[{channels},l={degrees[0]}]", (2 * degrees[0] + 1) / (4.0 * np.pi)
        else:
            yield f"b[{channels},l={'.'.join(map(str, degrees))},k=0]", 1.0


def _polynomial(model: SnapModel, coefficients: tuple[float, ...]) -> _Polynomial:
    """The energy as sum of couplings of ascending factors.

    Those of two factors are `Σ_m a_m a_m`; the empty one is the energy of an atom without neighbours.
    """
    found: _Polynomial = defaultdict(float)
    for value, twojs in zip(coefficients, bispectrum_triples(model.twojmax), strict=True):
        if value == 0.0:
            continue
        for degrees, coupling in couplings_of(twojs).items():
            options = [_options(model, twoj, degree) for twoj, degree in zip(twojs, degrees, strict=True)]
            for chosen in product(*options):
                weight = value * coupling * prod(own for _, own in chosen)
                found[tuple(sorted(entry for entry, _ in chosen if entry is not None))] += weight
    return found


def _options(model: SnapModel, twoj: int, degree: int) -> list[tuple[_Factor | None, float]]:
    """Sums over neighbours of each element with their weights, and the atom itself."""
    found: list[tuple[_Factor | None, float]] = [
        (_Factor(degree, k, twoj), element.weight) for k, element in enumerate(model.elements)
    ]
    return [*found, (None, self_term(twoj))] if degree == 0 else found
