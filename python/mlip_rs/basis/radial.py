"""Radial functions as settings: explicit sets, and grids that cover a range evenly."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mlip_rs.errors import ConfigError
from mlip_rs.settings import check_types

FAMILIES: tuple[str, ...] = (
    "gaussian",
    "cosine",
    "polynomial",
    "exponential",
    "yukawa",
    "mexican_hat",
    "morlet",
    "sto",
    "gto",
    "bessel",
    "chebyshev",
)
"""Families of radial functions."""

MAX_RADIAL: int = 1000
"""Most radial functions of a basis."""

WIDTHS_OF_PAIRS: float = 4.0
"""Standard deviations beyond its centre at which a Gaussian of order 1 alone ends, if it has a cutoff of its own."""

WIDTHS_OF_ANGLES: float = 3.0
"""The same for Gaussians of higher orders, which are few and wide."""


@dataclass(frozen=True)
class RadialSet:
    """A grid of radial functions of one family.

    Parameters
    ----------
    family
        One of `FAMILIES`.
    parameters
        The lists of the family, for example {"beta": [...], "mu": [...]}; lists span a product grid.
    cutoff
        Å; that of the basis if None.
    orders
        Orders ν of the invariants that use the set (1 pairwise, 2 angular, up to 6); all if None.
    max_l
        Largest degree of the angular invariants that use the set; that of the basis if None.
    products
        Whether invariants of the set enter products of degree 2 and 3; yes if None.
    contraction
        [l][k][n], coefficients that combine the functions n of the grid to radial functions k, which depend on l:
        lists or an array. Not contracted if None. A contracted set enters no pairwise invariants.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> gaussians = RadialSet("gaussian", {"beta": [2.0], "mu": [2.5, 3.5, 4.5]})
    >>> Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", radial=[gaussians]).n_features
    3
    """

    family: str
    parameters: Mapping[str, Any]
    cutoff: float | None = None
    orders: tuple[int, ...] | None = None
    max_l: int | None = None
    products: bool | None = None
    contraction: Sequence[Sequence[Sequence[float]]] | None = None

    def __post_init__(self) -> None:
        check_types(self)

    def to_dict(self) -> dict[str, Any]:
        """The entry of the specification."""
        entry: dict[str, Any] = {"function": {"family": self.family, **self.parameters}}
        optional = {
            "cutoff": self.cutoff,
            "orders": None if self.orders is None else list(self.orders),
            "max_l": self.max_l,
            "products": self.products,
            "contraction": self.contraction,
        }
        return entry | {key: value for key, value in optional.items() if value is not None}


def radial_grid(
    family: str, count: int, cutoff: float, *, r_min: float = 1.5, orders: tuple[int, ...] | None = None
) -> RadialSet:
    """Cover the range up to the cutoff with `count` functions of a family.

    Parameters
    ----------
    family
        One of `FAMILIES`.
    count
        Number of functions, at least 1.
    cutoff
        Å.
    r_min
        Shortest distance that must be resolved, Å.
    orders
        Orders of the invariants that use the set.

    Raises
    ------
    ConfigError
        Unknown family or a count out of range.

    Examples
    --------
    >>> radial_grid("gaussian", 4, cutoff=6.0, r_min=2.0).parameters["mu"]
    [2.0, 3.0, 4.0, 5.0]
    """
    if family not in FAMILIES:
        raise ConfigError(f"radial family {family!r} does not exist; choose one of {', '.join(FAMILIES)}")
    if not 1 <= count <= MAX_RADIAL:
        raise ConfigError(f"{count} radial functions; there must be at least one, and at most {MAX_RADIAL}")
    r_min = min(r_min, 0.5 * cutoff)
    centers = np.linspace(r_min, cutoff, count, endpoint=False)
    spacing = (cutoff - r_min) / count
    width = 1.0 / spacing
    decays = np.geomspace(0.3, 4.0, count)
    powers = np.arange(count)
    parameters: dict[str, Any] = {
        "gaussian": {"beta": [0.5 * width**2], "mu": centers.tolist()},
        "cosine": {"p": (np.pi / cutoff * np.arange(count)).tolist()},
        "polynomial": {"p": (powers - count // 2).tolist()},
        "exponential": {"p": decays.tolist()},
        "yukawa": {"p": decays.tolist()},
        "mexican_hat": {"p": [width], "mu": centers.tolist()},
        "morlet": {"p": [2.0 * width], "mu": centers.tolist()},
        "sto": {"p": powers.tolist(), "q": [1.5]},
        "gto": {"p": powers.tolist(), "q": [0.3]},
        "bessel": {"n": (powers + 1).tolist()},
        "chebyshev": {"n": powers.tolist(), "r_min": r_min},
    }[family]
    return RadialSet(family, parameters, orders=orders)


def with_own_cutoffs(grid: RadialSet, cutoff: float) -> list[RadialSet]:
    """Let each Gaussian of a grid end where it is small: sets by cutoff, multiples of a tenth of that of the grid.

    A potential that keeps the first functions only then has few neighbours, though the basis reaches far.

    Parameters
    ----------
    grid
        Gaussians of one width with ascending centres.
    cutoff
        Of the basis, Å.

    Examples
    --------
    >>> grid = radial_grid("gaussian", 8, cutoff=6.0, r_min=2.0, orders=(1,))
    >>> [(part.cutoff, part.parameters["mu"]) for part in with_own_cutoffs(grid, 6.0)]
    [(4.2, [2.0]), (4.8, [2.5]), (5.4, [3.0]), (None, [3.5, 4.0, 4.5, 5.0, 5.5])]
    """
    furthest = cutoff if grid.cutoff is None else grid.cutoff
    (beta,) = grid.parameters["beta"]
    width = (2.0 * beta) ** -0.5
    parts: dict[float, list[float]] = {}
    for center in grid.parameters["mu"]:
        end = center + (WIDTHS_OF_PAIRS if grid.orders == (1,) else WIDTHS_OF_ANGLES) * width
        tenths = min(math.ceil(10.0 * end / furthest - 1e-9), 10)
        parts.setdefault(furthest if tenths == 10 else round(0.1 * tenths * furthest, 4), []).append(center)
    return [
        replace(
            grid,
            parameters={**grid.parameters, "mu": centers},
            cutoff=None if end == cutoff else end,
        )
        for end, centers in parts.items()
    ]


@dataclass(frozen=True)
class EvenGrids:
    """Even grids of one family, up to the cutoff for order 1 and up to the angular cutoff for higher orders.

    Parameters
    ----------
    family
        One of `FAMILIES`.
    cutoff, angular_cutoff
        Å.
    r_min
        Shortest distance that must be resolved, Å.
    """

    family: str
    cutoff: float
    angular_cutoff: float
    r_min: float

    def outer(self, count: int) -> RadialSet:
        """Cover the range up to the cutoff with `count` functions for all orders."""
        return radial_grid(self.family, count, self.cutoff, r_min=self.r_min)

    def by_order(self, wanted: Sequence[tuple[int, int]]) -> list[RadialSet]:
        """Return a grid for each (order, count); orders with as many functions and the same cutoff share one."""
        shared: dict[tuple[int, float], list[int]] = {}
        for order, count in wanted:
            cutoff = self.cutoff if order == 1 else self.angular_cutoff
            shared.setdefault((count, cutoff), []).append(order)
        return [self._grid(count, cutoff, tuple(orders)) for (count, cutoff), orders in shared.items()]

    def _grid(self, count: int, cutoff: float, orders: tuple[int, ...]) -> RadialSet:
        grid = radial_grid(self.family, count, cutoff, r_min=self.r_min, orders=orders)
        return grid if cutoff == self.cutoff else replace(grid, cutoff=cutoff)


def n_functions(entry: Mapping[str, Any]) -> int:
    """Number of radial functions of a set of a specification: those of its grid, or of its contraction.

    Examples
    --------
    >>> n_functions({"function": {"family": "gaussian", "beta": [1.0, 2.0], "mu": [2.0, 3.0, 4.0]}})
    6
    """
    if entry.get("contraction"):
        return len(entry["contraction"][0])
    if entry["function"]["family"] == "piecewise":
        return len(entry["function"]["coefficients"])
    return math.prod(len(values) for values in entry["function"].values() if isinstance(values, list))
