"""The basis: from a few settings to the explicit document that the core validates and enumerates."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from ase.data import chemical_symbols

from mlip_rs import _core
from mlip_rs.basis.orders import COUPLINGS, HigherOrder
from mlip_rs.basis.radial import RadialSet, radial_grid
from mlip_rs.basis.repulsion import Repulsion
from mlip_rs.basis.sizes import (
    DEFAULT_SIZE,
    ONE_ELEMENT,
    SEVERAL_ELEMENTS,
    SIZES,
    Level,
    Rung,
    choose,
    default_size,
    target,
)
from mlip_rs.basis.summary import Composition, composition
from mlip_rs.data import Dataset, suggest_cutoff, suggest_r_min
from mlip_rs.errors import ConfigError, DataError
from mlip_rs.settings import check_integer, check_least, check_types

HIERARCHIES: tuple[str, ...] = ("pair", "pair-poly", "angular", "angular-poly", "invariants")
"""From pair potentials to polynomials of invariants up to order 6."""

DEFAULT_CUTOFF: float = 6.0
"""Å, where neither settings nor data say another."""

DEFAULT_R_MIN: float = 1.5
"""Å, likewise."""

MIN_CUTOFF: float = 0.1
"""Å; atoms this close are on one spot."""

CUTOFF_FUNCTIONS: tuple[str, ...] = ("cosine", "polynomial")
"""C¹ and C² at the cutoff."""


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
        Chemical symbols; those of the data by default.
    cutoff
        Cutoff radius, Å; taken from the data by default. See `suggest_cutoff`; 6 Å without data.
    hierarchy
        Kind of features: "pair", "pair-poly", "angular", "angular-poly" or "invariants".
    size
        Size of an "invariants" basis: "small", "medium", "standard" (the default), "large" or "huge", from 10² to
        3·10⁴ candidate features. About 10², 10³, 3·10³, 10⁴, 3·10⁴ over all elements, "standard" 6·10³ for several
        elements; with None, a fit to few data takes a smaller basis than "standard". It chooses every setting below
        that is left at None.
    radial
        Family of radial functions, such as "gaussian" or "bessel", evenly spaced up to the cutoff. One of `FAMILIES`,
        or explicit sets, freely mixed.
    n_radial
        Number of radial functions of the pairwise invariants.
    n_angular
        Number of radial functions of the angular invariants.
    n_linear, linear_max_l
        In `angular-poly`: a second, finer set of that many functions, and its largest l, whose invariants enter
        linearly only; 0 for none.
    r_min
        Shortest distance that the radial functions resolve, Å. None: `fit` takes it from the data (`suggest_r_min`);
        without data, 1.5 Å.
    angular_cutoff
        Cutoff radius of the invariants of order 2 and higher, Å; chosen by cross-validation by default. At most the
        cutoff. The evaluator computes harmonics and their sums over neighbours only within it. In hierarchies other
        than "invariants" the default is the cutoff (docs/adr/0009).
    cutoff_function
        Function that ends the radial functions at the cutoff: "cosine" (C¹) or "polynomial" (C²).
    max_l
        Largest degree l of the angular invariants.
    radial_coupling
        "free" (all pairs of radial functions in p) or "diagonal" (one shared radial function).
    pair_degree
        Largest power of a pairwise invariant, 1 to 3.
    angular_degree
        Largest power of an angular invariant, 1 to 3.
    pair_cross_degree, angular_cross_degree
        Largest degree at which products of different invariants of one kind are taken.
    mixed_degree
        Largest degree of products of pairwise and angular invariants: 2, 3, or 0 for none.
    product_max_l
        Largest l of the angular invariants that enter products; all if None.
    product_coupling
        Radial pairs of the angular invariants that enter products, "free" or "diagonal".
    higher
        In `invariants`: the invariants of order 3 to 6; empty for none, None for what the size says.
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

    elements: Sequence[str] = ()
    cutoff: float | None = None
    hierarchy: str = "invariants"
    radial: str | Sequence[RadialSet] = "gaussian"
    n_radial: int | None = None
    n_angular: int | None = None
    n_linear: int | None = None
    r_min: float | None = None
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
    size: str | None = None
    angular_cutoff: float | None = None
    higher: Sequence[HigherOrder] | None = None
    repulsion: str | Repulsion | None = "zbl"

    def __post_init__(self) -> None:
        if isinstance(self.elements, str):
            raise ConfigError(f"elements must be a list of symbols, such as [{self.elements!r}]")
        check_types(self)
        object.__setattr__(self, "elements", tuple(self.elements))
        if not isinstance(self.radial, str):
            object.__setattr__(self, "radial", tuple(self.radial))
        if isinstance(self.repulsion, str) and self.repulsion != "zbl":
            raise ConfigError(f'repulsion is {self.repulsion!r}; it must be "zbl", None or a Repulsion')
        self._check_numbers()
        for name in ("n_radial", "n_angular"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise ConfigError(f"{name} is {count}; at least one radial function is needed")
        self._check_choices()

    def _check_choices(self) -> None:
        if self.hierarchy not in HIERARCHIES:
            raise ConfigError(
                f"hierarchy {self.hierarchy!r} does not exist; choose one of {', '.join(HIERARCHIES)}"
            )
        if self.cutoff_function not in CUTOFF_FUNCTIONS:
            raise ConfigError(
                f"cutoff_function {self.cutoff_function!r} does not exist; choose {' or '.join(CUTOFF_FUNCTIONS)}"
            )
        for name in ("radial_coupling", "product_coupling"):
            coupling = getattr(self, name)
            if coupling is not None and coupling not in COUPLINGS:
                raise ConfigError(f"{name} {coupling!r} does not exist; choose {' or '.join(COUPLINGS)}")
        if self.size is not None and self.size not in SIZES:
            raise ConfigError(f"size {self.size!r} does not exist; choose one of {', '.join(SIZES)}")
        if self.angular_cutoff is not None:
            if not self.has_angles:
                raise ConfigError(
                    f"angular_cutoff: the hierarchy {self.hierarchy!r} has no angles; leave it out"
                )
            if not isinstance(self.radial, str):
                raise ConfigError(
                    "angular_cutoff belongs to a family of radial functions; give explicit sets their cutoff"
                )
        if self.hierarchy != "invariants":
            for name in ("size", "higher"):
                if getattr(self, name) is not None:
                    raise ConfigError(
                        f"{name} belongs to the hierarchy 'invariants', not to {self.hierarchy!r}; leave it out"
                    )
        if self.higher is not None:
            orders = [entry.order for entry in self.higher]
            if len(set(orders)) < len(orders):
                raise ConfigError("higher: each order may be given once")
            object.__setattr__(self, "higher", tuple(sorted(self.higher, key=lambda entry: entry.order)))

    def _check_numbers(self) -> None:
        for name in ("cutoff", "angular_cutoff"):
            value = getattr(self, name)
            if value is None:
                continue
            if value <= 0:
                raise ConfigError(f"{name} is {value!r} Å; it must be a positive number")
            if value < MIN_CUTOFF:
                raise ConfigError(f"{name} is {value!r} Å; no two atoms are that close; raise it")
        if self.cutoff is not None and self.angular_cutoff is not None and self.angular_cutoff > self.cutoff:
            raise ConfigError(f"angular_cutoff {self.angular_cutoff} Å exceeds the cutoff {self.cutoff} Å")
        if self.r_min is not None and self.r_min < 0:
            raise ConfigError(f"r_min is {self.r_min} Å; it must not be negative")
        for name in _INTEGERS:
            check_least(name, getattr(self, name), 0)

    def to_dict(self) -> dict[str, Any]:
        """The explicit specification: every radial function with its numbers, every degree.

        A repulsion that is still to be taken from data ("zbl") is not part of it.
        """
        if self.hierarchy == "invariants":
            return self._invariants(self._rung)
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
        document = self._document(radial, chosen["pair_degree"], chosen["pair_cross_degree"])
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

    def _document(self, radial: Sequence[RadialSet], degree: int, cross_degree: int) -> dict[str, Any]:
        """What every specification has."""
        repulsion = {"repulsion": self.repulsion.to_dict()} if isinstance(self.repulsion, Repulsion) else {}
        return {
            "elements": list(self.elements),
            "cutoff": self._cutoff,
            "cutoff_function": self.cutoff_function,
            "radial": [entry.to_dict() for entry in radial],
            "pair": {"degree": degree, "cross_degree": cross_degree},
            "constant": self.constant,
            **repulsion,
        }

    @property
    def _cutoff(self) -> float:
        return float(DEFAULT_CUTOFF if self.cutoff is None else self.cutoff)

    @property
    def _angular_cutoff(self) -> float:
        return self._cutoff if self.angular_cutoff is None else float(self.angular_cutoff)

    @property
    def reach_is_open(self) -> bool:
        """Whether `fit` is to choose how far the invariants with angles reach."""
        is_free = self.angular_cutoff is None and isinstance(self.radial, str)
        return is_free and self.hierarchy == "invariants"

    @property
    def has_angles(self) -> bool:
        """Whether the hierarchy has invariants of order 2 and higher."""
        return not self.hierarchy.startswith("pair")

    def _grid(self, count: int, cutoff: float, orders: tuple[int, ...] | None = None) -> RadialSet:
        """Functions of the family of the basis, up to a cutoff that may be shorter than that of the basis."""
        r_min = DEFAULT_R_MIN if self.r_min is None else self.r_min
        grid = radial_grid(str(self.radial), count, cutoff, r_min=r_min, orders=orders)
        return grid if cutoff == self._cutoff else replace(grid, cutoff=cutoff)

    # ---- the hierarchy "invariants" --------------------------------------------------------------------------

    @property
    def _rung(self) -> Rung:
        """The rung of the ladder that the size asks for."""
        size, n_elements = self.size or DEFAULT_SIZE, len(self.elements)
        if isinstance(self.radial, str):
            return _standard_rung(n_elements, size)
        # Explicit radial functions: what to do with them follows from how many features they then give.
        return choose(_ladder(n_elements), target(size, n_elements), lambda rung: _count(self, rung))

    def _invariants(self, rung: Rung) -> dict[str, Any]:
        """The specification with what is not set taken from a rung."""
        second = rung.second
        if second is None and (self.n_angular is not None or self.max_l is not None):
            second = Level(2, "diagonal")  # asked for, though the size has none
        n_second = self.n_angular or rung.n
        if second is not None:
            second = Level(
                second.max_l if self.max_l is None else self.max_l,
                self.radial_coupling or second.coupling,
            )
        higher = self.higher
        if higher is None:
            higher = tuple(
                HigherOrder(order, level.max_l, radial_coupling=level.coupling, max_n=n_second)
                for order, level in rung.higher.items()
            )
        degree = rung.degree if self.pair_degree is None else self.pair_degree
        cross = min(rung.cross, degree) if self.pair_cross_degree is None else self.pair_cross_degree
        radial: Sequence[RadialSet]
        if isinstance(self.radial, str):
            radial = self._sets_by_order(self.n_radial or rung.pair, n_second, second, higher)
            higher = tuple(replace(entry, max_n=None) for entry in higher)  # every order has sets of its own
        else:
            radial = self._explicit_sets(second)
            if self.higher is None:
                higher = tuple(replace(entry, max_n=None) for entry in higher)
        document = self._document(radial, degree, cross)
        if second is not None:
            document |= self._second_order(second, radial, rung)
        if higher:
            document["higher"] = [entry.to_dict() for entry in higher]
        return document

    def _second_order(self, second: Level, radial: Sequence[RadialSet], rung: Rung) -> dict[str, Any]:
        """The angular invariants and their products."""
        by_rung = self.mixed_degree is None and rung.mixed_l is not None
        degree = self.angular_degree or (rung.second_degree if by_rung else 1)
        cross = degree if self.angular_cross_degree is None else self.angular_cross_degree
        mixed = self.mixed_degree or (2 if by_rung else 0)
        angular: dict[str, Any] = {
            "max_l": max([second.max_l, *(entry.max_l or 0 for entry in radial)]),
            "radial": second.coupling,
            "degree": degree,
            "cross_degree": cross,
        }
        limit, coupling = self.product_max_l, self.product_coupling
        if by_rung:
            limit = min(rung.mixed_l or 0, angular["max_l"]) if limit is None else limit
            coupling = coupling or "diagonal"
        if limit is not None:
            angular["product_max_l"] = limit
        if coupling is not None:
            angular["product_radial"] = coupling
        return {"angular": angular, "mixed_degree": mixed}

    def _sets_by_order(
        self, n_pair: int, n: int, second: Level | None, higher: Sequence[HigherOrder]
    ) -> list[RadialSet]:
        """An even grid for each order; orders with as many functions and the same cutoff share one."""
        near = self._angular_cutoff
        wanted: list[tuple[int, float, int]] = [(n_pair, self._cutoff, 1)]
        if second is not None:
            wanted.append((n, near, 2))
        wanted += [(entry.max_n or n, near, entry.order) for entry in higher]
        orders: dict[tuple[int, float], list[int]] = {}
        for count, cutoff, order in wanted:
            orders.setdefault((count, cutoff), []).append(order)
        return [self._grid(*key, tuple(found)) for key, found in orders.items()]

    def _explicit_sets(self, second: Level | None) -> Sequence[RadialSet]:
        """The sets given; those that name no largest l keep to that of the basis when another set goes beyond."""
        assert not isinstance(self.radial, str)
        highest = max((entry.max_l or 0 for entry in self.radial), default=0)
        if second is None or highest <= second.max_l:
            return self.radial
        return [replace(e, max_l=second.max_l if e.max_l is None else e.max_l) for e in self.radial]

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
        n_radial = self.n_radial or defaults.n_radial[several]
        n_angular = self.n_angular or self.n_radial or defaults.n_angular[several]

        if not self.has_angles:
            return [self._grid(n_radial, self._cutoff)]

        def grids(n_pair: int, n: int) -> list[RadialSet]:
            """One set for both orders if it would be the same."""
            if (n_pair, self._cutoff) == (n, self._angular_cutoff):
                return [self._grid(n, self._cutoff)]
            return [self._grid(n_pair, self._cutoff, (1,)), self._grid(n, self._angular_cutoff, (2,))]

        sets = grids(n_radial, n_angular)
        n_linear = defaults.n_linear[several] if self.n_linear is None else self.n_linear
        if n_linear == 0 or self.hierarchy != "angular-poly":
            return sets
        linear_max_l = defaults.linear_max_l if self.linear_max_l is None else self.linear_max_l
        return [
            *(replace(entry, max_l=max_l) for entry in sets),
            *(replace(entry, max_l=linear_max_l, products=False) for entry in grids(n_linear, n_linear)),
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

    def describe(self) -> Composition:
        """Count what the basis is made of, order by order; `print` it, or take its `to_dict()`."""
        return composition(self.core)

    def resolved(self, dataset: Dataset) -> "Basis":
        """The basis with the elements, the cutoff, the shortest distance and the size left open taken from data.

        Raises
        ------
        DataError
            No two atoms of the data are close enough for a suggestion.
        """
        basis = self if self.elements else replace(self, elements=dataset.elements)
        if basis.cutoff is None:
            cutoff = suggest_cutoff(dataset)
            basis = replace(basis, cutoff=max(cutoff, basis.angular_cutoff or 0.0))
        if basis.r_min is None and isinstance(basis.radial, str):
            with suppress(DataError):  # nothing to resolve; whether that will do is for the fit to say
                basis = replace(basis, r_min=suggest_r_min(dataset))
        if basis.size is None and basis.hierarchy == "invariants":
            basis = replace(basis, size=default_size(dataset.n_labels(), len(basis.elements)))
        return basis

    @classmethod
    def polynomial_model(
        cls,
        elements: Sequence[str] = (),
        cutoff: float | None = None,
        *,
        model_type: int = 4,
        degree: int = 2,
        n_radial: int = 6,
        max_l: Sequence[int] = (4, 4),
        radial: str = "gaussian",
        r_min: float | None = None,
    ) -> "Basis":
        """The polynomial models of A. Seko, A. Togo and I. Tanaka, PRB 99, 214108 (2019), with diagonal radial indices.

        Parameters
        ----------
        elements, cutoff, radial, r_min
            As in `Basis`; all invariants reach as far as a cutoff that is given.
        model_type
            1: powers of single invariants; 2: polynomials of all invariants; 3: polynomials of the pairwise invariants,
            the others linear; 4: polynomials of the pairwise and second-order invariants, the others linear.
        degree
            Of the powers or polynomials, 1 to 3.
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
            raise ConfigError(
                "max_l must be a list of the largest l of order 2, 3, … up to 6, such as [4, 4]"
            )
        powers = {1: 6, 2: 6, 3: 1, 4: 2}[model_type]  # highest order with powers
        crossed = 1 if model_type == 1 else degree

        def polynomial(order: int) -> tuple[int, int, int]:
            """Degree, cross degree, degree of products with other orders."""
            if order > powers:
                return 1, 1, 0
            return degree, crossed, degree if degree > 1 and model_type in (2, 4) else 0

        return cls(
            elements,
            cutoff,
            "invariants",
            radial,
            r_min=r_min,
            n_radial=n_radial,
            n_angular=n_radial,
            angular_cutoff=cutoff,
            max_l=max_l[0],
            radial_coupling="diagonal",
            pair_degree=degree,
            pair_cross_degree=crossed,
            angular_degree=polynomial(2)[0],
            angular_cross_degree=polynomial(2)[1],
            mixed_degree=polynomial(2)[2],
            product_max_l=max_l[0],
            product_coupling="diagonal",
            higher=[
                HigherOrder(order, largest, 0, "diagonal", n_radial, None, *polynomial(order))
                for order, largest in enumerate(max_l[1:], start=3)
            ],
        )


def _ladder(n_elements: int) -> tuple[Rung, ...]:
    return ONE_ELEMENT if n_elements == 1 else SEVERAL_ELEMENTS


@lru_cache
def _standard_rung(n_elements: int, size: str) -> Rung:
    """What a size means for a number of elements, whichever they are."""
    n_elements = min(max(n_elements, 1), len(chemical_symbols) - 1)
    stand_in = Basis(chemical_symbols[1 : n_elements + 1])
    return choose(_ladder(n_elements), target(size, n_elements), lambda rung: _count(stand_in, rung))


def _count(basis: Basis, rung: Rung) -> float:
    """Features of a basis with the entries of a rung; infinite beyond the limit of the core."""
    try:
        return _core.Basis(json.dumps(basis._invariants(rung))).n_features
    except ConfigError as error:
        if "limit" not in str(error) and "more than" not in str(error):
            raise
        return float("inf")
