"""Presets: hierarchies from pair potentials to polynomials of angular invariants, and published polynomial models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlip_rs.basis.orders import HigherOrder
from mlip_rs.basis.radial import EvenGrids, RadialSet
from mlip_rs.basis.specification import Invariants
from mlip_rs.errors import ConfigError
from mlip_rs.settings import check_integer


@dataclass(frozen=True)
class Preset:
    """Sizes and degrees of a hierarchy with invariants of order 1 and 2; the fields are those of `Basis`.

    Parameters
    ----------
    n_radial, n_angular
        Radial functions of the pairwise and of the angular invariants.
    n_linear, linear_max_l
        A second, finer set whose invariants enter linearly only, and its largest l; none if 0.
    max_l
        Largest l of the angular invariants; None if there are none.
    radial_coupling, product_coupling, product_max_l
        Radial pairs of the angular invariants, radial pairs and largest l of those that enter products.
    pair_degree, pair_cross_degree, angular_degree, angular_cross_degree, mixed_degree
        Degrees of the polynomials of each kind, and of products of both.
    """

    n_radial: int
    n_angular: int = 0
    n_linear: int = 0
    linear_max_l: int = 0
    max_l: int | None = None
    radial_coupling: str = "free"
    product_coupling: str | None = None
    product_max_l: int | None = None
    pair_degree: int = 1
    pair_cross_degree: int = 1
    angular_degree: int = 1
    angular_cross_degree: int = 1
    mixed_degree: int = 0

    def with_settings(self, given: Mapping[str, Any]) -> "Preset":
        """Return the preset with the settings of a user, of which those without meaning for it are ignored.

        A degree that is lowered lowers the cross degree that is not given.
        """
        absent = set() if self.max_l is not None else {"max_l"}
        absent |= set() if self.n_linear else {"n_linear", "linear_max_l"}
        known = {name: value for name, value in given.items() if name not in absent}
        if known.get("n_radial") and not known.get("n_angular"):
            known["n_angular"] = known["n_radial"]
        changed = replace(self, **known)
        pair, angular = changed.pair_cross_degree, changed.angular_cross_degree
        if "pair_cross_degree" not in known:
            pair = min(pair, changed.pair_degree)
        if "angular_cross_degree" not in known:
            angular = min(angular, changed.angular_degree)
        return replace(changed, pair_cross_degree=pair, angular_cross_degree=angular)

    def radial_sets(self, grids: EvenGrids) -> list[RadialSet]:
        """Cover the range of each order evenly; the finer set, if any, follows."""
        if self.max_l is None:
            return [grids.outer(self.n_radial)]
        sets = _both_orders(grids, self.n_radial, self.n_angular)
        if self.n_linear == 0:
            return sets
        finer = _both_orders(grids, self.n_linear, self.n_linear)
        return [
            *(replace(entry, max_l=self.max_l) for entry in sets),
            *(replace(entry, max_l=self.linear_max_l, products=False) for entry in finer),
        ]

    def invariants(self, radial: Sequence[RadialSet]) -> list[Invariants]:
        """Invariants of order 1, and of order 2 if there are any."""
        pair = Invariants(1, degree=self.pair_degree, cross_degree=self.pair_cross_degree)
        if self.max_l is None:
            return [pair]
        angular = Invariants(
            2,
            max([self.max_l, *(entry.max_l or 0 for entry in radial)]),
            radial=self.radial_coupling,
            degree=self.angular_degree,
            cross_degree=self.angular_cross_degree,
            mixed_degree=self.mixed_degree,
            product_max_l=self.product_max_l,
            product_radial=self.product_coupling,
        )
        return [replace(pair, mixed_degree=self.mixed_degree), angular]


def _both_orders(grids: EvenGrids, n_pair: int, n_angular: int) -> list[RadialSet]:
    """One grid for orders 1 and 2 if they want the same, else one for each."""
    sets = grids.by_order([(1, n_pair), (2, n_angular)])
    return [replace(sets[0], orders=None)] if len(sets) == 1 else sets


def limited_sets(sets: Sequence[RadialSet], max_l: int) -> list[RadialSet]:
    """Give `max_l` to sets without a largest l if another set goes beyond it."""
    if max((entry.max_l or 0 for entry in sets), default=0) <= max_l:
        return list(sets)
    return [replace(entry, max_l=max_l if entry.max_l is None else entry.max_l) for entry in sets]


def pair(*, several_elements: bool) -> Preset:
    """Pair potential: pairwise invariants, linear."""
    return Preset(n_radial=20)


def pair_poly(*, several_elements: bool) -> Preset:
    """Embedded-atom-like: polynomials of the pairwise invariants."""
    if several_elements:
        return Preset(n_radial=12, pair_degree=3, pair_cross_degree=2)
    return Preset(n_radial=16, pair_degree=3, pair_cross_degree=3)


def angular(*, several_elements: bool) -> Preset:
    """Pairwise and angular invariants, linear."""
    if several_elements:
        return Preset(n_radial=12, n_angular=6, max_l=6)
    return Preset(n_radial=16, n_angular=10, max_l=6)


def angular_poly(*, several_elements: bool) -> Preset:
    """Polynomials of pairwise and angular invariants of a coarse set, and a finer set that enters linearly."""
    degrees = Preset(
        n_radial=6,
        n_angular=6,
        n_linear=10,
        linear_max_l=6,
        max_l=4,
        pair_degree=3,
        pair_cross_degree=2,
        angular_degree=2,
        angular_cross_degree=2,
        mixed_degree=2,
    )
    if several_elements:
        return replace(degrees, n_radial=4, n_angular=4, n_linear=6, product_coupling="diagonal")
    return degrees


PRESETS: dict[str, Callable[..., Preset]] = {
    "pair": pair,
    "pair-poly": pair_poly,
    "angular": angular,
    "angular-poly": angular_poly,
}
"""Preset of each hierarchy but "invariants", whose sizes are in `mlip_rs.basis.sizes`."""


def polynomial_model(
    model_type: int = 4, degree: int = 2, n_radial: int = 6, max_l: Sequence[int] = (4, 4)
) -> dict[str, Any]:
    """Return the settings of `Basis` for a polynomial model of A. Seko, A. Togo and I. Tanaka, PRB 99, 214108 (2019).

    Parameters
    ----------
    model_type
        1: powers of single invariants; 2: polynomials of all invariants; 3: polynomials of the pairwise invariants,
        the others linear; 4: polynomials of the pairwise and second-order invariants, the others linear.
    degree
        Degree of the powers or polynomials, 1 to 3.
    n_radial
        Radial functions, shared by all orders.
    max_l
        Largest l of the invariants of order 2, 3, … up to 6.

    Raises
    ------
    ConfigError
        A model or a degree that does not exist.
    """
    check_integer("degree", degree, 1)
    if model_type not in (1, 2, 3, 4):
        raise ConfigError(f"model_type {model_type!r} does not exist; choose 1, 2, 3 or 4")
    if not isinstance(max_l, Sequence) or not 1 <= len(max_l) <= 5:
        raise ConfigError("max_l must be a list of the largest l of order 2, 3, … up to 6, such as [4, 4]")
    highest = {1: 6, 2: 6, 3: 1, 4: 2}[model_type]  # highest order with powers
    crossed = 1 if model_type == 1 else degree
    mixed = degree if degree > 1 and model_type in (2, 4) else 0

    def degrees(order: int) -> tuple[int, int, int]:
        """Degree, cross degree and mixed degree of the invariants of one order."""
        return (degree, crossed, mixed) if order <= highest else (1, 1, 0)

    def higher(order: int, largest: int) -> HigherOrder:
        own, cross, with_others = degrees(order)
        return HigherOrder(
            order, largest, max_n=n_radial, degree=own, cross_degree=cross, mixed_degree=with_others
        )

    return {
        "n_radial": n_radial,
        "n_angular": n_radial,
        "max_l": max_l[0],
        "radial_coupling": "diagonal",
        "pair_degree": degree,
        "pair_cross_degree": crossed,
        "angular_degree": degrees(2)[0],
        "angular_cross_degree": degrees(2)[1],
        "mixed_degree": degrees(2)[2],
        "product_max_l": max_l[0],
        "product_coupling": "diagonal",
        "higher": [higher(order, largest) for order, largest in enumerate(max_l[1:], start=3)],
    }
