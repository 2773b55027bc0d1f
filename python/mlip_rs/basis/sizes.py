"""Sizes of the hierarchy "invariants": series of growing bases, from which a number of features chooses one."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

SIZES: dict[str, int] = {
    "small": 100,
    "medium": 1_000,
    "standard": 3_000,
    "large": 10_000,
    "huge": 30_000,
}
"""Candidate features aimed at, over all elements; for "standard" see `target`."""

DEFAULT_SIZE: str = "standard"
"""Where more gains little on most data, and a fit takes minutes."""

ROWS_PER_FEATURE: int = 5
"""Labels for each candidate feature that a size taken by default leaves; more features are taken only on request."""


def target(size: str | int, n_elements: int) -> int:
    """Candidate features aimed at; "standard" means twice as many for several elements, which have more pairs."""
    if not isinstance(size, str):
        return size
    return SIZES[size] * (2 if size == "standard" and n_elements > 1 else 1)


def default_size(n_rows: int, n_elements: int) -> str | int:
    """The default size; where it has not enough labels, the number of features that has, in two digits.

    Examples
    --------
    >>> default_size(40_000, 1), default_size(9_034, 1), default_size(22_860, 3), default_size(90, 1)
    ('standard', 1800, 4500, 'small')
    """
    carried = n_rows // ROWS_PER_FEATURE
    if carried >= target(DEFAULT_SIZE, n_elements):
        return DEFAULT_SIZE
    if carried <= SIZES["small"]:
        return "small"
    digit: int = 10 ** (len(str(carried)) - 2)
    return carried // digit * digit


@dataclass(frozen=True)
class OrderLimits:
    """Limits of the invariants of one order from 2: largest l, and radial coupling."""

    max_l: int
    coupling: str = "free"


@dataclass(frozen=True)
class BasisSize:
    """One basis of a series of growing ones.

    Parameters
    ----------
    pair
        Number of radial functions of the pairwise invariants d.
    degree, cross
        Largest power of a d, and largest degree of products of different d.
    n
        Number of radial functions of all invariants from order 2: one set for all of them, because the evaluator pays
        for each function and each of its sums over neighbours once, however many orders use them.
    second, third, fourth, fifth, sixth
        Invariants of these orders; None leaves them out.
    mixed_l
        Largest l of the angular invariants p of one radial function that are multiplied by d; None for no products d·p.
    second_degree
        2: these p are also multiplied with each other.
    """

    pair: int
    degree: int = 1
    cross: int = 1
    n: int = 1
    second: OrderLimits | None = None
    third: OrderLimits | None = None
    fourth: OrderLimits | None = None
    fifth: OrderLimits | None = None
    sixth: OrderLimits | None = None
    mixed_l: int | None = None
    second_degree: int = 1

    @property
    def higher(self) -> dict[int, OrderLimits]:
        """The invariants of order 3 to 6 that are present."""
        limits = (self.third, self.fourth, self.fifth, self.sixth)
        return {order: own for order, own in enumerate(limits, start=3) if own is not None}


def _d(max_l: int) -> OrderLimits:
    return OrderLimits(max_l, "diagonal")


def _f(max_l: int) -> OrderLimits:
    return OrderLimits(max_l, "free")


# pair, degree, cross, n, orders 2, 3, 4, 5, 6, mixed_l, second_degree. Every entry is at least that of the size before.
ONE_ELEMENT: tuple[BasisSize, ...] = (
    BasisSize(4),
    BasisSize(8, 2, 1, 2, _f(2)),
    BasisSize(8, 2, 1, 3, _f(3), _d(1)),
    BasisSize(12, 3, 1, 3, _f(4), _f(2)),
    BasisSize(12, 3, 1, 4, _f(4), _f(2), None, None, None, 1),
    BasisSize(12, 3, 2, 4, _f(5), _f(3), _d(2), None, None, 1, 2),
    BasisSize(12, 3, 2, 5, _f(5), _f(3), _d(2), None, None, 1, 2),
    BasisSize(16, 3, 2, 5, _f(6), _f(4), _d(3), None, None, 2, 2),
    BasisSize(16, 3, 2, 6, _f(6), _f(4), _d(3), None, None, 3, 2),
    BasisSize(16, 3, 2, 6, _f(7), _f(4), _d(3), _d(2), None, 4, 2),
    BasisSize(16, 3, 2, 7, _f(7), _f(5), _d(4), _d(2), None, 4, 2),
    BasisSize(18, 3, 2, 8, _f(8), _f(5), _d(4), _d(3), None, 4, 2),
    BasisSize(20, 3, 2, 8, _f(8), _f(6), _d(5), _d(3), _d(2), 4, 2),
    BasisSize(20, 3, 2, 9, _f(8), _f(6), _d(5), _d(3), _d(2), 4, 2),
    BasisSize(20, 3, 2, 10, _f(8), _f(7), _d(6), _d(3), _d(2), 5, 2),
    BasisSize(20, 3, 2, 12, _f(8), _f(7), _d(6), _d(3), _d(2), 5, 2),
)
"""For one element."""

SEVERAL_ELEMENTS: tuple[BasisSize, ...] = (
    BasisSize(1),
    BasisSize(4),
    BasisSize(6, 2, 1, 1, _d(2)),
    BasisSize(8, 2, 1, 2, _d(2)),
    BasisSize(8, 3, 1, 3, _d(3)),
    BasisSize(10, 3, 1, 3, _d(4), _d(1)),
    BasisSize(10, 3, 1, 3, _f(4), _d(2)),
    BasisSize(10, 3, 1, 3, _f(4), _d(3)),
    BasisSize(12, 3, 1, 3, _f(4), _d(3), _d(1)),
    BasisSize(12, 3, 2, 3, _f(5), _d(3), _d(1)),
    BasisSize(12, 3, 2, 3, _f(5), _d(3), _d(2)),
    BasisSize(12, 3, 2, 3, _f(5), _d(3), _d(2), None, None, 4, 2),
    BasisSize(12, 3, 2, 3, _f(5), _d(4), _d(2), None, None, 4, 2),
    BasisSize(12, 3, 2, 4, _f(6), _d(4), _d(2), None, None, 4, 2),
    BasisSize(14, 3, 2, 5, _f(6), _d(5), _d(2), None, None, 4, 2),
    BasisSize(14, 3, 2, 5, _f(7), _f(4), _d(3), None, None, 4, 2),
    BasisSize(16, 3, 2, 6, _f(8), _f(4), _d(3), _d(1), None, 4, 2),
    BasisSize(16, 3, 2, 8, _f(8), _f(5), _d(4), _d(2), None, 4, 2),
)
"""For several elements: fewer functions, lower l, orders 3 and 4 diagonal first; products d·p and p·p up to l = 4 come
before more of anything."""


def choose(sizes: Sequence[BasisSize], target: int, count: Callable[[BasisSize], float]) -> BasisSize:
    """Return the largest basis with at most `target` features, grown towards the next one as far as it fits.

    The smallest one is returned if even that has more features.
    """
    low, high = 0, len(sizes) - 1
    while low < high:  # the number of features grows along the series
        middle = (low + high + 1) // 2
        if count(sizes[middle]) <= target:
            low = middle
        else:
            high = middle - 1
    chosen = sizes[low]
    if low + 1 < len(sizes):
        for candidate in _grow_towards(chosen, sizes[low + 1], lambda size: count(size) <= target):
            chosen = candidate
    return chosen


def _grow_towards(size: BasisSize, goal: BasisSize, fits: Callable[[BasisSize], bool]) -> Iterator[BasisSize]:
    """Yield bases with more and more entries of the goal, higher orders first, each of which fits."""
    for entry in reversed(fields(BasisSize)):
        value, wanted = getattr(size, entry.name), getattr(goal, entry.name)
        for step in _steps(value, wanted):
            change: dict[str, Any] = {entry.name: step}
            further = replace(size, **change)
            if not fits(further):
                break
            size = further
            yield size


def _steps(value: int | OrderLimits | None, wanted: int | OrderLimits | None) -> Iterator[int | OrderLimits]:
    """Yield values between two entries: numbers one by one, l one by one, then the coupling."""
    if isinstance(wanted, OrderLimits):
        start = replace(wanted, max_l=0) if value is None else value
        assert isinstance(start, OrderLimits)
        for max_l in range(start.max_l + 1, wanted.max_l + 1):
            yield replace(start, max_l=max_l)
        if start.coupling != wanted.coupling:
            yield wanted
    elif isinstance(wanted, int):
        assert not isinstance(value, OrderLimits)
        yield from range(0 if value is None else value + 1, wanted + 1)
