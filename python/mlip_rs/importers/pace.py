"""A linear atomic cluster expansion of PACE as a potential of ours: basis and coefficients."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.errors import ConfigError, PotentialFileError
from mlip_rs.importers.compiled import Compiled
from mlip_rs.importers.couplings import Degrees, coefficients_of_tensor, real_harmonics
from mlip_rs.importers.pace_file import CoreRepulsion, PaceFunction, PaceModel, RadialBasis
from mlip_rs.importers.pace_radial import Pieces, base_pieces, core_pieces

_Factor = tuple[int, int, int]
"""l, element of the neighbours, number of the radial function: as factors ascend in labels."""

_Labelled = dict[str, float]


def compile_pace(model: PaceModel) -> Compiled:
    """Return a cluster expansion as basis and coefficients.

    Raises
    ------
    PotentialFileError
        Functions that are no invariants or do not end at their cutoff, or more of them than our basis can hold.
    """
    radial = _Radial(model)
    pairwise = [_pairwise(model, radial, center) for center in range(len(model.elements))]
    factors: dict[int, dict[str, None]] = defaultdict(dict)
    coupled = [_coupled(model, radial, center, factors) for center in range(len(model.elements))]
    specification = {
        "elements": list(model.elements),
        "cutoff": max(bond.basis.cutoff for bond in model.bonds.values()),
        "cutoff_function": "cosine",
        "radial": radial.sets(sorted(factors)),
        "invariants": [
            {"order": 1},
            *(
                {"order": order, "max_l": radial.max_degree, "factors": list(factors[order])}
                for order in sorted(factors)
            ),
        ],
    }
    try:
        basis = _core.Basis(json.dumps(specification))
    except ConfigError as error:
        raise PotentialFileError(f"does not fit our basis: {error}") from None
    columns = {label: k for k, label in enumerate(basis.labels())}
    coefficients = np.zeros((len(model.elements), len(columns)))
    for row, parts in zip(coefficients, zip(pairwise, coupled, strict=True), strict=True):
        for label, value in (entry for part in parts for entry in part.items()):
            row[columns[label]] += value
    details = {"n_functions": sum(map(len, model.functions))}
    references = dict(zip(model.elements, model.energies, strict=True))
    return Compiled(basis, coefficients.ravel(), references, are_isolated=False, details=details)


class _Radial:
    """Radial functions of all pairs of elements, and their numbers; equal ones are one set."""

    def __init__(self, model: PaceModel) -> None:
        self.model = model
        functions = [function for own in model.functions for function in own if len(function.radials) > 1]
        self.max_degree = max((max(f.degrees) for f in functions), default=0)
        self.n_contracted = max((max(f.radials) + 1 for f in functions), default=0)
        self.bases: dict[RadialBasis, int] = {}
        self.cores: dict[tuple[CoreRepulsion, RadialBasis], int] = {}
        self.tables: dict[tuple[RadialBasis, bytes], int] = {}
        count = 0
        for bond in model.bonds.values():
            if bond.basis not in self.bases:
                self.bases[bond.basis] = count
                count += bond.basis.n_functions
        for bond in model.bonds.values():
            if bond.core is not None and (bond.core, bond.basis) not in self.cores:
                self.cores[bond.core, bond.basis] = count
                count += 1
        for pair in model.bonds:
            if functions and self._table(pair) not in self.tables:
                self.tables[self._table(pair)] = count
                count += self.n_contracted

    def _used(self, pair: tuple[int, int]) -> NDArray[np.float64]:
        """(l, n, k) coefficients of the radial functions in use."""
        own = self.model.bonds[pair].coefficients[: self.n_contracted, : self.max_degree + 1]
        return np.ascontiguousarray(own.transpose(1, 0, 2))

    def _table(self, pair: tuple[int, int]) -> tuple[RadialBasis, bytes]:
        return self.model.bonds[pair].basis, self._used(pair).tobytes()

    def base(self, pair: tuple[int, int], number: int) -> int:
        """Number of `g_k`."""
        return self.bases[self.model.bonds[pair].basis] + number

    def core(self, pair: tuple[int, int]) -> int | None:
        """Number of the core repulsion, if there is one."""
        bond = self.model.bonds[pair]
        return None if bond.core is None else self.cores[bond.core, bond.basis]

    def contracted(self, pair: tuple[int, int], number: int, degree: int) -> int | None:
        """Number of `R_nl`, none if it is zero."""
        if not self.model.bonds[pair].coefficients[number, degree].any():
            return None
        return self.tables[self._table(pair)] + number

    def sets(self, orders: Sequence[int]) -> list[dict[str, Any]]:
        """The sets of the specification, in the order of the numbers."""
        made = {basis: base_pieces(basis) for basis in self.bases}
        found = [_set(made[basis], basis, [1]) for basis in self.bases]
        found += [_set(core_pieces(core, basis), basis, [1]) for core, basis in self.cores]
        for basis, table in self.tables:
            shape = (self.max_degree + 1, self.n_contracted, basis.n_functions)
            contraction = np.frombuffer(table).reshape(shape).tolist()
            found.append(_set(made[basis], basis, list(orders)) | {"contraction": contraction})
        return found


def _set(pieces: Pieces, basis: RadialBasis, orders: list[int]) -> dict[str, Any]:
    function = {"family": "piecewise", "knots": pieces.knots, "coefficients": pieces.coefficients}
    return {"function": function, "cutoff": basis.cutoff, "orders": orders}


def _pairwise(model: PaceModel, radial: _Radial, center: int) -> _Labelled:
    """Coefficients of `d[S,n]`: the functions of rank 1, and core repulsions."""
    found: _Labelled = defaultdict(float)
    for function in model.functions[center]:
        if len(function.radials) == 1:
            ((neighbor,), (number,)) = function.neighbors, function.radials
            label = f"d[{model.elements[neighbor]},{radial.base((center, neighbor), number)}]"
            found[label] += float(function.coefficients.sum())
    for neighbor, symbol in enumerate(model.elements):
        number_of_core = radial.core((center, neighbor))
        if number_of_core is not None:
            found[f"d[{symbol},{number_of_core}]"] += 1.0
    return found


def _coupled(
    model: PaceModel, radial: _Radial, center: int, listed: Mapping[int, dict[str, None]]
) -> _Labelled:
    """Coefficients of the invariants of order 2 and higher; their factors are added to `listed`, by order."""
    found: _Labelled = defaultdict(float)
    for number, function in sorted(enumerate(model.functions[center]), key=_by_degrees):
        order = len(function.radials)
        if order == 1 or not function.coefficients.any():
            continue
        named = _named(radial, center, function)
        if named is None:
            continue
        positions = sorted(range(order), key=named.__getitem__)
        factors = [named[position] for position in positions]
        degrees = tuple(factor[0] for factor in factors)
        runs = tuple(len(list(same)) for _, same in groupby(factors))
        tensor = _real_tensor(degrees, function.projections[:, positions], function.coefficients)
        try:
            values = coefficients_of_tensor(degrees, runs, tensor)
        except ArithmeticError:
            raise PotentialFileError(
                f"has ctildes that are no invariant in functions {center}: {number}; it is edited"
            ) from None
        channels = ",".join(f"{model.elements[element]}.{n}" for _, element, n in factors)
        if order == 2:
            name, values = f"{channels},l={degrees[0]}", values * (2 * degrees[0] + 1) / (4.0 * np.pi)
        else:
            name = f"{channels},l={'.'.join(map(str, degrees))}"
        listed[order][name] = None
        for k, value in enumerate(values):
            found[f"p[{name}]" if order == 2 else f"b[{name},k={k}]"] += float(value)
    return found


def _by_degrees(entry: tuple[int, PaceFunction]) -> tuple[int, list[int]]:
    """Where functions of the same degrees, which share their couplings, come after each other."""
    return len(entry[1].degrees), sorted(entry[1].degrees)


def _named(radial: _Radial, center: int, function: PaceFunction) -> list[_Factor] | None:
    """The factors of a function, none if one of them is zero."""
    found: list[_Factor] = []
    for element, n, degree in zip(function.neighbors, function.radials, function.degrees, strict=True):
        number = radial.contracted((center, element), n, degree)
        if number is None:
            return None
        found.append((degree, element, number))
    return found


def _real_tensor(
    degrees: Degrees, projections: NDArray[np.int64], coefficients: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The sum `Σ_m c_m Re Π A_(l_t m_t)` as coefficients of products of real order parameters.

    The harmonics of PACE have no factor 1/√4π. The real part is half of the sum of a term and of that with opposite m.
    """
    tensor = np.zeros([2 * degree + 1 for degree in degrees], dtype=complex)
    for sign in (1, -1):
        np.add.at(tensor, tuple((sign * projections + np.array(degrees)).T), 0.5 * coefficients)
    for degree in degrees:  # the first index becomes the last one
        tensor = np.tensordot(tensor, _from_real(degree), axes=(0, 0))
    return cast(NDArray[np.float64], (4.0 * np.pi) ** (len(degrees) / 2) * tensor.real)


@cache
def _from_real(degree: int) -> NDArray[np.complex128]:
    """Complex harmonics of real ones: `Y_m = Σ_k V_mk R_k`."""
    return real_harmonics(degree).conj().T
