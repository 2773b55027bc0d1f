"""Models of pypolymlp as potentials of ours: the basis that holds their features, and the coefficients in it."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import groupby
from typing import Any

import numpy as np

from mlip_rs import _core
from mlip_rs.errors import ConfigError, PotentialFileError
from mlip_rs.importers.compiled import Compiled
from mlip_rs.importers.polymlp_features import (
    LinearFeature,
    TypePairs,
    linear_features,
    multiplied,
    products,
)
from mlip_rs.importers.polymlp_file import PolymlpModel

Expansion = dict[tuple[str, ...], float]
"""Coefficients of products of our invariants, by their labels."""


def compile_models(models: Sequence[PolymlpModel]) -> Compiled:
    """Return a hybrid of models, or a single one, as basis and coefficients.

    Raises
    ------
    PotentialFileError
        Models of different elements; features that our basis cannot hold, or more than it can hold; another number of
        coefficients than of features.
    """
    elements = _elements(models)
    spec = _specification(models, elements)
    try:
        basis = _core.Basis(json.dumps(spec))
    except ConfigError as error:
        raise PotentialFileError(f"its features do not fit our basis: {error}") from None
    labels = basis.labels()
    invariants = {label: k for k, label in enumerate(labels[: basis.n_invariants])}
    columns = {label: k for k, label in enumerate(labels)}
    coefficients = np.zeros((len(elements), len(labels)))
    first_radial = 0
    for model in models:
        names = _Names(model, elements, first_radial)
        first_radial = names.next_radial
        for center, label, value in _terms(model, names, invariants):
            if label not in columns:
                raise PotentialFileError(f"its feature {label} is not in our basis; it cannot be imported")
            coefficients[center, columns[label]] += value
    energies = {
        symbol: energy
        for model in models
        for symbol, energy in zip(model.elements, model.atomic_energies or (), strict=False)
    }
    are_isolated = set(energies) == set(elements) and any(energies.values())
    details = {
        "n_coefficients": sum(len(m.coefficients) for m in models),
        "atomic_energies": energies or None,
    }
    references = dict.fromkeys(elements, 0.0)  # energies are relative to those of isolated atoms
    return Compiled(basis, coefficients.ravel(), references, are_isolated, details)


def _elements(models: Sequence[PolymlpModel]) -> tuple[str, ...]:
    """Elements of the whole: those of the models that take part in all atoms."""
    whole = next((model.elements for model in models if model.sees_all_elements), None)
    if whole is None:
        raise PotentialFileError(
            "is a part of a hybrid model, of some of its elements only (type_full: 0); give the files of all parts"
        )
    for model in models:
        strange = (
            set(model.elements) ^ set(whole) if model.sees_all_elements else set(model.elements) - set(whole)
        )
        if strange:
            raise PotentialFileError(
                f"the parts of a hybrid model have different elements ({', '.join(sorted(strange))}); "
                "give parts of one model"
            )
    return whole


def _specification(models: Sequence[PolymlpModel], elements: tuple[str, ...]) -> dict[str, Any]:
    """A basis that has all features of the models, and others of the same orders."""
    orders = max(1 + len(model.max_degrees) for model in models)
    invariants: list[dict[str, Any]] = []
    for order in range(1, orders + 1):
        degree = max(_degree_of_products(model, order) for model in models)
        mixed = max((_degree_of_products(model, order) for model in models if _mixes(model)), default=1)
        own: dict[str, Any] = {
            "order": order,
            "degree": degree,
            "cross_degree": degree,
            "mixed_degree": 0 if mixed == 1 else mixed,
        }
        if order > 1:
            degrees = [model.max_degrees[order - 2] for model in models if len(model.max_degrees) > order - 2]
            own |= {"max_l": max(degrees), "radial": "diagonal"}
        invariants.append(own)
    return {
        "elements": list(elements),
        "cutoff": max(model.cutoff for model in models),
        "cutoff_function": "cosine",
        "radial": [entry for model in models for entry in _radial_sets(model)],
        "invariants": invariants,
    }


def _degree_of_products(model: PolymlpModel, order: int) -> int:
    """Largest degree of products with invariants of an order."""
    has_order = order <= 1 + len(model.max_degrees)
    return model.max_power if has_order and multiplied(model, order) else 1


def _mixes(model: PolymlpModel) -> bool:
    """Whether products of invariants of different orders are features."""
    return bool(model.max_degrees) and model.model_type in (2, 4)


def _has_sets_apart(model: PolymlpModel) -> bool:
    """Whether order 1 has radial functions of its own, so that p with l = 0 is an invariant and no product of two d.

    Only then can it enter products, which are of up to sixth degree in the d.
    """
    return _mixes(model) and model.max_power > 1


def _radial_sets(model: PolymlpModel) -> list[dict[str, Any]]:
    """Sets of radial functions, for all orders, or for order 1 and once more for the others."""
    higher = list(range(2, 2 + len(model.max_degrees)))
    found = []
    for orders in ([1], higher) if _has_sets_apart(model) else ([1, *higher],):
        multiplied = any(_degree_of_products(model, order) > 1 for order in orders)
        limits = {"max_l": max(model.max_degrees)} if model.max_degrees else {}
        for beta, group in groupby(model.gaussians, key=lambda gaussian: gaussian[0]):
            centers = [mu for _, mu in group]
            functions: list[dict[str, Any]] = [{"family": "gaussian", "beta": [beta], "mu": centers}]
            if beta == 0.0:  # exp(0) = 1 is no Gaussian of ours
                functions = [{"family": "polynomial", "p": [0]} for _ in centers]
            common = {"cutoff": model.cutoff, "orders": orders, "products": multiplied} | limits
            found += [{"function": function} | common for function in functions]
    return found


class _Names:
    """Labels of our invariants for the features of one model."""

    def __init__(self, model: PolymlpModel, elements: tuple[str, ...], first_radial: int) -> None:
        self.model = model
        self.elements = elements
        self.first_pairwise = first_radial
        self.first_coupled = first_radial + (len(model.gaussians) if _has_sets_apart(model) else 0)
        self.next_radial = self.first_coupled + len(model.gaussians)
        self.has_pair_products = model.max_power > 1 and not _has_sets_apart(model)
        self.types = TypePairs(len(model.elements))

    def expansion(self, feature: LinearFeature, center: int) -> Expansion:
        """A linear feature of a centre, by its type, in our invariants."""
        neighbors = self.types.of_center(center)
        symbols = [self.model.elements[neighbors.index(pair)] for pair in feature.pairs]
        if feature.order == 1:
            own = 1.0 if feature.invariant is None else feature.invariant.in_our_invariants((1,))[0]
            return {(self._pairwise(symbols[0], feature.radial),): float(own)}
        assert feature.invariant is not None  # only sums over neighbours have none
        degrees = feature.invariant.degrees
        factors = sorted(zip(degrees, map(self.elements.index, symbols), strict=True))
        if [factor[1] for factor in factors] != [self.elements.index(symbol) for symbol in symbols]:
            raise PotentialFileError("the parts of a hybrid model list their elements in different orders")
        channels = ",".join(f"{symbol}.{self.first_coupled + feature.radial}" for symbol in symbols)
        runs = tuple(len(list(run)) for _, run in groupby(factors))
        values = feature.invariant.in_our_invariants(runs)
        if feature.order == 2 and degrees[0] == 0 and self.has_pair_products:
            first, second = (self._pairwise(symbol, feature.radial) for symbol in symbols)
            return {(first, second): float(values[0])}
        if feature.order == 2:
            return {(f"p[{channels},l={degrees[0]}]",): float(values[0])}
        name = f"b[{channels},l={'.'.join(map(str, degrees))},k="
        return {(f"{name}{k}]",): float(value) for k, value in enumerate(values) if value != 0.0}

    def _pairwise(self, symbol: str, radial: int) -> str:
        return f"d[{symbol},{self.first_pairwise + radial}]"


def _terms(
    model: PolymlpModel, names: _Names, invariants: dict[str, int]
) -> Iterable[tuple[int, str, float]]:
    """Yield centre element, label of our feature and coefficient."""
    features = linear_features(model)
    expansions = [
        {center: names.expansion(feature, center) for center in feature.centers} for feature in features
    ]
    centers = [names.elements.index(symbol) for symbol in model.elements]
    n_terms, rest = 0, products(model, features)
    for value, chosen in zip(model.coefficients, rest, strict=False):
        n_terms += 1
        for center in frozenset.intersection(*(features[k].centers for k in chosen)):
            if value == 0.0:
                continue
            for factors, factor in _product([expansions[k][center] for k in chosen]):
                yield centers[center], _label(factors, invariants), value * factor
    n_features = n_terms + sum(1 for _ in rest)
    if n_features != len(model.coefficients):
        raise PotentialFileError(
            f"has {len(model.coefficients)} coefficients for {n_features} features; it is cut short or edited, or of "
            "another version of pypolymlp"
        )


def _product(expansions: Sequence[Expansion]) -> Iterable[tuple[tuple[str, ...], float]]:
    """Terms of a product of expansions."""
    first: list[tuple[tuple[str, ...], float]] = [((), 1.0)]
    return reduce(
        lambda terms, own: [((*names, *more), a * b) for names, a in terms for more, b in own.items()],
        expansions,
        first,
    )


def _label(factors: tuple[str, ...], invariants: dict[str, int]) -> str:
    """Label of a product of invariants, as the core writes it."""
    if len(factors) == 1:
        return factors[0]
    powers: dict[str, int] = defaultdict(int)
    for name in sorted(factors, key=invariants.__getitem__):
        powers[name] += 1
    return "*".join(name if power == 1 else f"{name}^{power}" for name, power in powers.items())
