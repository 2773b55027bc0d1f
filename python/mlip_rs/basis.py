"""The basis: from a few settings to the explicit document that the core validates and enumerates."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from mlip_rs import _core
from mlip_rs.errors import ConfigError
from mlip_rs.plain import check_integer, check_number, make_plain
from mlip_rs.repulsion import Repulsion

HIERARCHIES: tuple[str, ...] = ("pair", "pair-poly", "angular", "angular-poly")
"""From pair potentials to polynomials of pairwise and angular invariants."""

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

MIN_CUTOFF: float = 0.1
"""Å; atoms this close are on one spot."""

CUTOFF_FUNCTIONS: tuple[str, ...] = ("cosine", "polynomial")
"""C¹ and C² at the cutoff."""


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
        Orders ν of the invariants that use the set (1 pairwise, 2 angular); all if None.
    max_l
        Largest degree of the angular invariants that use the set; that of the basis if None.
    products
        Whether invariants of the set enter products of degree 2 and 3; yes if None.
    """

    family: str
    parameters: Mapping[str, Any]
    cutoff: float | None = None
    orders: tuple[int, ...] | None = None
    max_l: int | None = None
    products: bool | None = None

    def __post_init__(self) -> None:
        make_plain(self)

    def to_dict(self) -> dict[str, Any]:
        """The entry of the specification."""
        entry: dict[str, Any] = {"function": {"family": self.family, **self.parameters}}
        optional = {
            "cutoff": self.cutoff,
            "orders": None if self.orders is None else list(self.orders),
            "max_l": self.max_l,
            "products": self.products,
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


@dataclass(frozen=True)
class _Defaults:
    """Sizes of a hierarchy for one element, and for several."""

    n_radial: tuple[int, int]
    n_angular: tuple[int, int] = (0, 0)
    max_l: tuple[int, int] = (0, 0)
    pair_degree: int = 1
    pair_cross_degree: tuple[int, int] = (1, 1)
    angular_degree: int = 1
    mixed_degree: int = 0
    radial_coupling: tuple[str, str] = ("free", "free")
    product_coupling: tuple[str | None, str | None] = (None, None)
    n_linear: tuple[int, int] = (0, 0)
    linear_max_l: int = 0


_DEFAULTS: dict[str, _Defaults] = {
    "pair": _Defaults(n_radial=(20, 20)),
    "pair-poly": _Defaults(n_radial=(16, 12), pair_degree=3, pair_cross_degree=(3, 2)),
    "angular": _Defaults(n_radial=(16, 12), n_angular=(10, 6), max_l=(6, 6)),
    "angular-poly": _Defaults(
        n_radial=(6, 4),
        n_angular=(6, 4),
        max_l=(4, 4),
        n_linear=(10, 6),
        linear_max_l=6,
        pair_degree=3,
        pair_cross_degree=(2, 2),
        angular_degree=2,
        mixed_degree=2,
        product_coupling=(None, "diagonal"),
    ),
}


_INTEGERS: tuple[str, ...] = (
    "n_radial",
    "n_angular",
    "n_linear",
    "max_l",
    "linear_max_l",
    "pair_degree",
    "pair_cross_degree",
    "angular_degree",
    "angular_cross_degree",
    "mixed_degree",
    "product_max_l",
)
"""Settings of a basis that count something."""


@dataclass(frozen=True)
class Basis:
    """The candidate features of a potential.

    Settings left at None take defaults that depend on the hierarchy and the number of elements.

    Parameters
    ----------
    elements
        Chemical symbols.
    cutoff
        Å.
    hierarchy
        One of `HIERARCHIES`.
    radial
        A family of `FAMILIES`, covered evenly up to the cutoff, or explicit sets, freely mixed.
    n_radial, n_angular
        Functions of that family in the pairwise and in the angular invariants.
    n_linear, linear_max_l
        In `angular-poly`: a second, finer set of that many functions, and its largest l, whose invariants enter
        linearly only; 0 for none.
    r_min
        Shortest distance that the radial functions resolve, Å.
    cutoff_function
        "cosine" (C¹) or "polynomial" (C²).
    max_l
        Largest degree l of the angular invariants.
    radial_coupling
        "free" (all pairs of radial functions in p) or "diagonal" (one shared radial function).
    pair_degree, angular_degree
        Largest power of one pairwise, one angular invariant, 1 to 3.
    pair_cross_degree, angular_cross_degree
        Largest degree at which products of different invariants of one kind are taken.
    mixed_degree
        Largest degree of products of both kinds, 0 for none, 2 or 3.
    product_max_l
        Largest l of the angular invariants that enter products; all if None.
    product_coupling
        Radial pairs of the angular invariants that enter products, "free" or "diagonal".
    constant
        A constant per element, fitted with the rest: for reference energies that are fitted, too.
    repulsion
        "zbl": a fit hands over to the ZBL repulsion where its data end. None for no repulsion. Or explicit distances.

    Raises
    ------
    ConfigError
        From the first use of anything that needs the core: settings out of range, contradicting each other or
        giving too many features.
    """

    elements: Sequence[str]
    cutoff: float = 6.0
    hierarchy: str = "angular-poly"
    radial: str | Sequence[RadialSet] = "gaussian"
    n_radial: int | None = None
    n_angular: int | None = None
    n_linear: int | None = None
    r_min: float = 1.5
    cutoff_function: str = "cosine"
    max_l: int | None = None
    linear_max_l: int | None = None
    radial_coupling: str | None = None
    pair_degree: int | None = None
    pair_cross_degree: int | None = None
    angular_degree: int | None = None
    angular_cross_degree: int | None = None
    mixed_degree: int | None = None
    product_max_l: int | None = None
    product_coupling: str | None = None
    constant: bool = False
    repulsion: str | Repulsion | None = "zbl"

    def __post_init__(self) -> None:
        if isinstance(self.elements, str):
            raise ConfigError(f"elements must be a list of symbols, such as [{self.elements!r}]")
        make_plain(self)
        object.__setattr__(self, "elements", tuple(self.elements))
        if not isinstance(self.radial, str):
            if not isinstance(self.radial, Sequence) or not all(
                isinstance(r, RadialSet) for r in self.radial
            ):
                raise ConfigError("radial must be the name of a family, or a list of RadialSet")
            object.__setattr__(self, "radial", tuple(self.radial))
        if not (self.repulsion in ("zbl", None) or isinstance(self.repulsion, Repulsion)):
            raise ConfigError(f'repulsion is {self.repulsion!r}; it must be "zbl", None or a Repulsion')
        self._check_numbers()
        for name in ("n_radial", "n_angular"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise ConfigError(f"{name} is {count}; at least one radial function is needed")
        if self.hierarchy not in HIERARCHIES:
            raise ConfigError(
                f"hierarchy {self.hierarchy!r} does not exist; choose one of {', '.join(HIERARCHIES)}"
            )
        if self.cutoff_function not in CUTOFF_FUNCTIONS:
            raise ConfigError(
                f"cutoff function {self.cutoff_function!r} does not exist; choose {' or '.join(CUTOFF_FUNCTIONS)}"
            )

    def _check_numbers(self) -> None:
        if not isinstance(self.cutoff, int | float) or not (np.isfinite(self.cutoff) and self.cutoff > 0):
            raise ConfigError(f"cutoff is {self.cutoff!r} Å; it must be a positive number")
        if self.cutoff < MIN_CUTOFF:
            raise ConfigError(f"cutoff is {self.cutoff!r} Å; no two atoms are that close; raise it")
        check_number("r_min", self.r_min)
        if self.r_min < 0:
            raise ConfigError(f"r_min is {self.r_min} Å; it must not be negative")
        for name in _INTEGERS:
            if getattr(self, name) is not None:
                check_integer(name, getattr(self, name), 0)

    def to_dict(self) -> dict[str, Any]:
        """The explicit specification: every radial function with its numbers, every degree.

        A repulsion that is still to be taken from data ("zbl") is not part of it.
        """
        defaults = _DEFAULTS[self.hierarchy]
        several = int(len(self.elements) > 1)
        chosen: dict[str, Any] = {
            "pair_degree": defaults.pair_degree,
            "pair_cross_degree": defaults.pair_cross_degree[several],
            "angular_degree": defaults.angular_degree,
            "angular_cross_degree": defaults.angular_degree,
            "mixed_degree": defaults.mixed_degree,
            "max_l": defaults.max_l[several],
            "radial_coupling": defaults.radial_coupling[several],
        }
        for name in chosen:
            if getattr(self, name) is not None:
                chosen[name] = getattr(self, name)
        for kind in ("pair", "angular"):  # a lowered degree lowers what follows from it
            if getattr(self, f"{kind}_cross_degree") is None:
                chosen[f"{kind}_cross_degree"] = min(chosen[f"{kind}_cross_degree"], chosen[f"{kind}_degree"])
        radial = self._radial_sets(defaults, several, chosen["max_l"])
        document: dict[str, Any] = {
            "elements": list(self.elements),
            "cutoff": float(self.cutoff),
            "cutoff_function": self.cutoff_function,
            "radial": [entry.to_dict() for entry in radial],
            "pair": {"degree": chosen["pair_degree"], "cross_degree": chosen["pair_cross_degree"]},
            "constant": self.constant,
        }
        if isinstance(self.repulsion, Repulsion):
            document["repulsion"] = self.repulsion.to_dict()
        if self.hierarchy.startswith("angular"):
            document["angular"] = {
                "max_l": max([chosen["max_l"], *(entry.max_l or 0 for entry in radial)]),
                "radial": chosen["radial_coupling"],
                "degree": chosen["angular_degree"],
                "cross_degree": chosen["angular_cross_degree"],
            } | {
                key: value
                for key, value in self._product_limits(defaults, several).items()
                if value is not None
            }
            document["mixed_degree"] = chosen["mixed_degree"]
        return document

    def _product_limits(self, defaults: _Defaults, several: int) -> dict[str, Any]:
        coupling = (
            defaults.product_coupling[several] if self.product_coupling is None else self.product_coupling
        )
        return {"product_max_l": self.product_max_l, "product_radial": coupling}

    def _radial_sets(self, defaults: _Defaults, several: int, max_l: int) -> Sequence[RadialSet]:
        if not isinstance(self.radial, str):
            # A set may go beyond `max_l`; the others must not follow it there.
            if max_l < max((entry.max_l or 0 for entry in self.radial), default=0):
                return [replace(e, max_l=max_l if e.max_l is None else e.max_l) for e in self.radial]
            return self.radial
        family = self.radial
        n_radial = self.n_radial or defaults.n_radial[several]
        n_angular = self.n_angular or self.n_radial or defaults.n_angular[several]

        def grid(count: int, orders: tuple[int, ...] | None = None) -> RadialSet:
            return radial_grid(family, count, self.cutoff, r_min=self.r_min, orders=orders)

        if not self.hierarchy.startswith("angular"):
            return [grid(n_radial)]
        sets = [grid(n_radial)] if n_radial == n_angular else [grid(n_radial, (1,)), grid(n_angular, (2,))]
        n_linear = defaults.n_linear[several] if self.n_linear is None else self.n_linear
        if n_linear == 0 or self.hierarchy != "angular-poly":
            return sets
        linear_max_l = defaults.linear_max_l if self.linear_max_l is None else self.linear_max_l
        return [
            *(replace(entry, max_l=max_l) for entry in sets),
            replace(grid(n_linear), max_l=linear_max_l, products=False),
        ]

    @cached_property
    def core(self) -> _core.Basis:
        """The validated basis of the core."""
        return _core.Basis(json.dumps(self.to_dict()))

    @property
    def n_features(self) -> int:
        """Columns of a design matrix: features per centre × elements."""
        return self.core.n_features

    def labels(self) -> list[str]:
        """Labels of the features of one centre, in their stable order."""
        return self.core.labels()
