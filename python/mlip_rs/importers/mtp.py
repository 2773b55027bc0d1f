"""A moment tensor potential of MLIP as a potential of ours: basis and coefficients."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.errors import ConfigError, PotentialFileError
from mlip_rs.importers.compiled import Compiled
from mlip_rs.importers.couplings import chain_tensor, chains, coefficients_of_tensor, independent_chains
from mlip_rs.importers.mtp_file import MtpModel
from mlip_rs.importers.mtp_invariants import Channels, energy_in_couplings, runs_of

MAX_FEATURES: int = 200_000
"""Most features of one element of the centre, as in our basis."""

CLOSEST_KNOT: float = 1e-3
"""A `min_dist` below this is no knot, Å."""

_Factor = tuple[int, int, int]
"""l, element of the neighbours, number of the radial function: as factors ascend in labels."""

_Couplings = dict[tuple[_Factor, ...], NDArray[np.float64]]


def compile_mtp(model: MtpModel) -> Compiled:
    """Return a moment tensor potential as basis and coefficients.

    Raises
    ------
    PotentialFileError
        Its scalars are none, or it has more features than our basis can hold.
    """
    couplings = _of_elements(energy_in_couplings(model), len(model.elements))
    radial = _Radial(model)
    features = [
        [_feature(model, radial, center, factors, values) for factors, values in couplings.items()]
        for center in range(len(model.elements))
    ]
    listed: dict[int, dict[str, None]] = defaultdict(dict)
    for own in features:
        for order, name, _ in own:
            listed[order][name] = None
    orders = sorted(order for order in listed if order > 1)
    degrees = {order: max(f[0] for own in couplings for f in own if len(own) == order) for order in orders}
    specification = {
        "elements": list(model.elements),
        "cutoff": model.max_dist,
        "cutoff_function": "cosine",
        "radial": radial.sets([1, *orders]),
        "invariants": [
            {"order": 1},
            *({"order": n, "max_l": degrees[n], "factors": list(listed[n])} for n in orders),
        ],
    }
    try:
        basis = _core.Basis(json.dumps(specification))
    except ConfigError as error:
        raise PotentialFileError(f"does not fit our basis: {error}") from None
    columns = {label: k for k, label in enumerate(basis.labels())}
    coefficients = np.zeros((len(model.elements), len(columns)))
    for row, own in zip(coefficients, features, strict=True):
        for order, name, values in own:
            for k, value in enumerate(values):
                row[columns[_label(order, name, k)]] += value
    details = {"n_coefficients": len(model.elements) + len(model.coefficients)}
    references = dict(zip(model.elements, model.energies, strict=True))
    return Compiled(basis, coefficients.ravel(), references, are_isolated=False, details=details)


class _Radial:
    """Radial functions of all pairs of elements; equal ones are one set."""

    def __init__(self, model: MtpModel) -> None:
        self.model = model
        self.tables: dict[bytes, int] = {}
        for center, neighbor in product(range(len(model.elements)), repeat=2):
            self.tables.setdefault(self._table(center, neighbor), len(self.tables))

    def _table(self, center: int, neighbor: int) -> bytes:
        return bytes(self.model.radial_coefficients[center, neighbor].tobytes())

    def number(self, center: int, neighbor: int, mu: int) -> int:
        """Number of `f_μ` of a pair."""
        return (
            self.tables[self._table(center, neighbor)] * len(self.model.radial_coefficients[center, neighbor])
            + mu
        )

    def sets(self, orders: list[int]) -> list[dict[str, Any]]:
        """The sets of the specification, in the order of the numbers."""
        shape = self.model.radial_coefficients.shape[2:]
        found = []
        for table in self.tables:
            pieces = [radial_pieces(self.model, row) for row in np.frombuffer(table).reshape(shape)]
            function = {
                "family": "piecewise",
                "knots": pieces[0][0],
                "coefficients": [series for _, series in pieces],
            }
            found.append({"function": function, "cutoff": self.model.max_dist, "orders": orders})
        return found


def radial_pieces(
    model: MtpModel, coefficients: NDArray[np.float64]
) -> tuple[list[float], list[list[float]]]:
    """Knots (Å) and Chebyshev series of a radial function, a polynomial, from distance 0 to the cutoff.

    Close pairs have a piece of their own, since the polynomial grows there.
    """
    half = 0.5 * (model.max_dist - model.min_dist)
    switch = half**2 * np.array([1.5, -2.0, 0.5])  # (r − max_dist)² = half² (1 − ξ)²
    series = model.scaling * chebyshev.chebmul(switch, coefficients)
    knots = [0.0, model.min_dist, model.max_dist] if model.min_dist >= CLOSEST_KNOT else [0.0, model.max_dist]
    found = []
    for start, end in pairwise(knots):
        x = chebyshev.chebpts1(len(series))
        place = (0.5 * (start + end) + 0.5 * (end - start) * x - model.min_dist) / half - 1.0
        exact = (
            series
            if start == model.min_dist
            else chebyshev.chebfit(x, chebyshev.chebval(place, series), len(series) - 1)
        )
        found.append(exact.tolist())
    return knots, found


def _of_elements(couplings: Mapping[Channels, NDArray[np.float64]], n_elements: int) -> _Couplings:
    """Couplings of order parameters summed over all neighbours as those of the neighbours of each element.

    Numbers of radial functions are those of a pair, from 0.
    """
    if n_elements == 1:
        return {tuple((degree, 0, mu) for degree, mu in own): values for own, values in couplings.items()}
    found: _Couplings = {}
    count = 0
    for channels, values in couplings.items():
        for factors, tensor in _assigned(channels, values, n_elements):
            degrees = tuple(factor[0] for factor in factors)
            own = coefficients_of_tensor(degrees, runs_of(factors), tensor) if len(factors) > 1 else values
            found[factors] = own
            count += len(own) * n_elements
            if count > MAX_FEATURES:
                raise PotentialFileError(
                    f"has more than {MAX_FEATURES:,} features for each of its {n_elements} elements, since ours are "
                    "products of sums over the neighbours of one element; no model of this level and so many elements "
                    "can be imported"
                )
    return found


def _assigned(
    channels: Channels, values: NDArray[np.float64], n_elements: int
) -> Iterator[tuple[tuple[_Factor, ...], NDArray[np.float64]]]:
    """Factors with their elements, ascending, and the tensor of each; equal factors have the sum of their tensors."""
    degrees = tuple(degree for degree, _ in channels)
    tensor = np.zeros([2 * degree + 1 for degree in degrees])
    if len(channels) > 1:
        numbers = independent_chains(degrees, runs_of(channels))
        for number, value in zip(numbers, values, strict=True):
            tensor += value * chain_tensor(degrees, chains(degrees)[number])
    found: dict[tuple[_Factor, ...], NDArray[np.float64]] = {}
    for elements in product(range(n_elements), repeat=len(channels)):
        named = [(degree, element, mu) for (degree, mu), element in zip(channels, elements, strict=True)]
        positions = sorted(range(len(named)), key=named.__getitem__)
        factors = tuple(named[position] for position in positions)
        turned = tensor.transpose(positions)
        found[factors] = found[factors] + turned if factors in found else turned
    yield from found.items()


def _feature(
    model: MtpModel, radial: _Radial, center: int, factors: tuple[_Factor, ...], values: NDArray[np.float64]
) -> tuple[int, str, NDArray[np.float64]]:
    """Order, what stands between the brackets of the label, and coefficients of couplings of an element's centres."""
    named = [(model.elements[element], radial.number(center, element, mu)) for _, element, mu in factors]
    if len(named) == 1:
        return 1, f"{named[0][0]},{named[0][1]}", values / np.sqrt(4.0 * np.pi)
    channels = ",".join(f"{symbol}.{number}" for symbol, number in named)
    degrees = [degree for degree, _, _ in factors]
    if len(named) == 2:
        return 2, f"{channels},l={degrees[0]}", values * (2 * degrees[0] + 1) / (4.0 * np.pi)
    return len(named), f"{channels},l={'.'.join(map(str, degrees))}", values


def _label(order: int, name: str, k: int) -> str:
    return f"b[{name},k={k}]" if order > 2 else f"{'dp'[order - 1]}[{name}]"
