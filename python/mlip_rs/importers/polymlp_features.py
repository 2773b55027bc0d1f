"""The features of a model of pypolymlp, in the order of its coefficients."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement, groupby, product

from mlip_rs.importers.polymlp_file import PolymlpModel
from mlip_rs.importers.polymlp_invariants import PolymlpInvariant, polymlp_invariants


@dataclass(frozen=True)
class LinearFeature:
    """An invariant of certain pairs of elements, which all have one radial function.

    Parameters
    ----------
    radial
        Number of the radial function.
    invariant
        The coupling; None for a plain sum over neighbours (`feature_type: pair`).
    pairs
        Number of the pair of types of each factor, ascending where degrees are equal.
    centers
        Types of atoms that have it: those that occur in all pairs.
    """

    radial: int
    invariant: PolymlpInvariant | None
    pairs: tuple[int, ...]
    centers: frozenset[int]

    @property
    def order(self) -> int:
        """Number of factors."""
        return len(self.pairs)


@dataclass(frozen=True)
class TypePairs:
    """The numbers of the unordered pairs of types, in the order (0, 0), (0, 1), … (1, 1), … of their members."""

    n_types: int

    def number(self, first: int, second: int) -> int:
        """Number of a pair.

        >>> [TypePairs(3).number(1, k) for k in range(3)]
        [1, 3, 4]
        """
        low, high = min(first, second), max(first, second)
        return low * self.n_types - low * (low - 1) // 2 + high - low

    def of_center(self, center: int) -> tuple[int, ...]:
        """Pairs of a centre with neighbours of type 0, 1, …; they ascend."""
        return tuple(self.number(center, neighbor) for neighbor in range(self.n_types))

    def centers(self, pairs: tuple[int, ...]) -> frozenset[int]:
        """Types that occur in all of some pairs."""
        return frozenset(k for k in range(self.n_types) if set(pairs) <= set(self.of_center(k)))


def linear_features(model: PolymlpModel) -> list[LinearFeature]:
    """Return the features of first degree in the order of the coefficients."""
    types = TypePairs(len(model.elements))
    radial_of = {types.number(*pair): numbers for pair, numbers in model.radial_of_pair.items()}
    if model.pair_only:
        return [
            LinearFeature(radial, None, (pair,), types.centers((pair,)))
            for pair in sorted(radial_of)
            for radial in radial_of[pair]
        ]
    by_radial: list[list[LinearFeature]] = [[] for _ in model.gaussians]
    for invariant in polymlp_invariants(model.max_degrees, model.gtinv_version):
        for pairs in _pairs_of_factors(invariant, types):
            centers = types.centers(pairs)
            for radial in sorted(set.intersection(*(set(radial_of[pair]) for pair in pairs))):
                by_radial[radial].append(LinearFeature(radial, invariant, pairs, centers))
    return [feature for features in by_radial for feature in features]


def _pairs_of_factors(invariant: PolymlpInvariant, types: TypePairs) -> list[tuple[int, ...]]:
    """Choices of a pair for each factor that one centre at least has; factors of equal degree are not told apart."""
    runs = [len(list(run)) for _, run in groupby(invariant.degrees)]
    found = set()
    for center in range(types.n_types):
        own = types.of_center(center)
        choices = product(*(combinations_with_replacement(own, length) for length in runs))
        found |= {tuple(pair for run in choice for pair in run) for choice in choices}
    return sorted(found)


def multiplied(model: PolymlpModel, order: int) -> bool:
    """Whether features of an order enter products: all in model type 2, order 1 in type 3, orders 1 and 2 in type 4."""
    largest = {1: 0, 2: order, 3: 1, 4: 2}[model.model_type]
    return model.max_power > 1 and order <= largest


def products(model: PolymlpModel, features: list[LinearFeature]) -> Iterator[tuple[int, ...]]:
    """Yield the numbers of the linear features that each coefficient belongs to, in the order of the coefficients.

    Products that no centre has are not counted.
    """
    yield from ((k,) for k in range(len(features)))
    numbers = [k for k, feature in enumerate(features) if multiplied(model, feature.order)]
    for degree in range(2, model.max_power + 1):
        for chosen in _descending(numbers, degree):
            if frozenset.intersection(*(features[k].centers for k in chosen)):
                yield chosen


def _descending(numbers: list[int], degree: int) -> Iterator[tuple[int, ...]]:
    """Multisets `i ≥ j ≥ k …`, the first index slowest, all ascending."""
    if degree == 1:
        yield from ((k,) for k in numbers)
        return
    for at, first in enumerate(numbers):
        for rest in _descending(numbers[: at + 1], degree - 1):
            yield (first, *rest)
