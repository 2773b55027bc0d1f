"""The basis: from a few settings to the explicit specification that the core validates and enumerates."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any

from ase.data import chemical_symbols

from mlip_rs import _core
from mlip_rs.basis.checks import CHECKS
from mlip_rs.basis.orders import HigherOrder
from mlip_rs.basis.presets import PRESETS, Preset, limited_sets, polynomial_model
from mlip_rs.basis.radial import EvenGrids, RadialSet, with_own_cutoffs
from mlip_rs.basis.repulsion import Repulsion
from mlip_rs.basis.sizes import (
    DEFAULT_SIZE,
    ONE_ELEMENT,
    SEVERAL_ELEMENTS,
    BasisSize,
    OrderLimits,
    choose,
    default_size,
    target,
)
from mlip_rs.basis.specification import Invariants, Specification
from mlip_rs.basis.summary import Composition, composition
from mlip_rs.data import Dataset, suggest_cutoff, suggest_r_min
from mlip_rs.errors import ConfigError, DataError
from mlip_rs.settings import check_types

DEFAULT_CUTOFF: float = 6.0
"""Cutoff where neither settings nor data give one, Å."""

DEFAULT_R_MIN: float = 1.5
"""Shortest distance resolved where neither settings nor data give one, Å."""


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
        3·10⁴ candidate features, or a number that they do not exceed (the smallest basis may). About 10², 10³, 3·10³,
        10⁴, 3·10⁴ over all elements, "standard" 6·10³ for several elements; with None, a fit to few data takes as many
        as their labels carry. It chooses every setting below that is left at None.
    radial
        Family of radial functions, such as "gaussian" or "bessel", evenly spaced up to the cutoff. One of `FAMILIES`,
        or explicit sets, freely mixed.
    n_radial
        Number of radial functions of the pairwise invariants.
    n_angular
        Number of radial functions of the angular invariants.
    n_linear, linear_max_l
        Number of functions and largest l of a second, finer set in "angular-poly", whose invariants enter linearly
        only; 0 for none.
    r_min
        Shortest distance that the radial functions resolve, Å. None: `fit` takes it from the data (`suggest_r_min`);
        without data, 1.5 Å.
    angular_cutoff
        Cutoff radius of the invariants of order 2 and higher, Å; chosen by cross-validation by default. At most the
        cutoff. The evaluator computes harmonics and their sums over neighbours only within it. In hierarchies other
        than "invariants" the default is the cutoff (docs/adr/0009).
    radial_cutoffs
        "common": all functions end at the cutoff of their order. "own": each Gaussian of the hierarchy "invariants"
        ends where it is small, at a multiple of a tenth of that, so that sparse potentials without the last ones
        evaluate fewer neighbours.
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
        Invariants of order 3 to 6 in the hierarchy "invariants"; empty for none, None for those of the size.
    constant
        A constant per element, fitted with the rest: for reference energies that are fitted, too.
    repulsion
        "zbl": a fit hands over to the ZBL repulsion where its data end. None for no repulsion. Or explicit distances.

    Raises
    ------
    ConfigError
        From the first use of anything that needs the core: settings out of range, contradicting each other or
        giving too many features.

    Examples
    --------
    >>> basis = Basis(["Al"], cutoff=6.0, hierarchy="pair", n_radial=3)
    >>> basis.labels()
    ['d[Al,0]', 'd[Al,1]', 'd[Al,2]']
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
    size: str | int | None = None
    angular_cutoff: float | None = None
    higher: Sequence[HigherOrder] | None = None
    radial_cutoffs: str = "common"
    repulsion: str | Repulsion | None = "zbl"

    def __post_init__(self) -> None:
        if isinstance(self.elements, str):
            raise ConfigError(f"elements must be a list of symbols, such as [{self.elements!r}]")
        check_types(self)
        object.__setattr__(self, "elements", tuple(self.elements))
        if not isinstance(self.radial, str):
            object.__setattr__(self, "radial", tuple(self.radial))
        if self.higher is not None:
            object.__setattr__(self, "higher", tuple(sorted(self.higher, key=lambda entry: entry.order)))
        for name, check in CHECKS.items():
            value = getattr(self, name)
            if value is not None:
                check(name, value)
        self._check_together()

    def _check_together(self) -> None:
        """Refuse settings that contradict each other."""
        if self.angular_cutoff is not None:
            if not self.has_angles:
                raise ConfigError(
                    f"angular_cutoff: the hierarchy {self.hierarchy!r} has no angles; leave it out"
                )
            if not isinstance(self.radial, str):
                raise ConfigError(
                    "angular_cutoff belongs to a family of radial functions; give explicit sets their cutoff"
                )
            if self.cutoff is not None and self.angular_cutoff > self.cutoff:
                raise ConfigError(
                    f"angular_cutoff {self.angular_cutoff} Å exceeds the cutoff {self.cutoff} Å"
                )
        if self.hierarchy != "invariants":
            for name, value in (("size", self.size), ("higher", self.higher)):
                if value is not None:
                    raise ConfigError(
                        f"{name} belongs to the hierarchy 'invariants', not to {self.hierarchy!r}; leave it out"
                    )
        if self.radial_cutoffs == "own" and (self.hierarchy != "invariants" or self.radial != "gaussian"):
            raise ConfigError(
                "radial_cutoffs 'own' is for the family 'gaussian' in the hierarchy 'invariants'; leave it out, or "
                "give explicit sets their cutoff"
            )
        orders = [entry.order for entry in self.higher or ()]
        if len(set(orders)) < len(orders):
            raise ConfigError("higher: each order may be given once")

    # ---- the specification -----------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """Return the explicit specification: every radial function with its numbers, every degree.

        A repulsion that is still to be taken from data ("zbl") is not part of it.
        """
        return self._specification.to_dict()

    @property
    def core(self) -> _core.Basis:
        """Validated basis of the core."""
        return self._specification.core

    @property
    def n_features(self) -> int:
        """Columns of a design matrix: features per centre × elements."""
        return self.core.n_features

    def labels(self) -> list[str]:
        """Labels of the features of one centre, in their stable order."""
        return self.core.labels()

    def describe(self) -> Composition:
        """Count the features order by order; `print` it, or take its `to_dict()`."""
        return composition(self.core)

    @cached_property
    def _specification(self) -> Specification:
        if self.hierarchy == "invariants":
            return self.of_size(self._size)
        given = {entry.name: getattr(self, entry.name) for entry in fields(Preset)}
        preset = PRESETS[self.hierarchy](several_elements=len(self.elements) > 1)
        preset = preset.with_settings({name: value for name, value in given.items() if value is not None})
        if isinstance(self.radial, str):
            radial = preset.radial_sets(self._grids)
        else:
            radial = limited_sets(self.radial, preset.max_l or 0)
        return self._specify(radial, preset.invariants(radial))

    def _specify(self, radial: Sequence[RadialSet], invariants: Sequence[Invariants]) -> Specification:
        repulsion = self.repulsion if isinstance(self.repulsion, Repulsion) else None
        return Specification(
            tuple(self.elements),
            self._grids.cutoff,
            self.cutoff_function,
            tuple(radial),
            tuple(invariants),
            self.constant,
            repulsion,
        )

    @property
    def _grids(self) -> EvenGrids:
        """Even grids of the family of the basis up to its cutoffs."""
        cutoff = float(DEFAULT_CUTOFF if self.cutoff is None else self.cutoff)
        near = cutoff if self.angular_cutoff is None else float(self.angular_cutoff)
        return EvenGrids(str(self.radial), cutoff, near, DEFAULT_R_MIN if self.r_min is None else self.r_min)

    @property
    def angular_cutoff_is_open(self) -> bool:
        """Whether `fit` is to choose the cutoff of the invariants with angles."""
        is_free = self.angular_cutoff is None and isinstance(self.radial, str)
        return is_free and self.hierarchy == "invariants"

    @property
    def has_angles(self) -> bool:
        """Whether the hierarchy has invariants of order 2 and higher."""
        return not self.hierarchy.startswith("pair")

    # ---- the hierarchy "invariants" --------------------------------------------------------------------------

    @property
    def _size(self) -> BasisSize:
        """Entries of the size asked for."""
        size, n_elements = self.size or DEFAULT_SIZE, len(self.elements)
        if isinstance(self.radial, str):
            return _standard_size(n_elements, size)
        # The number of features, by which entries are chosen, follows from the explicit radial functions.
        return choose(_sizes(n_elements), target(size, n_elements), lambda entries: _count(self, entries))

    def of_size(self, size: BasisSize) -> Specification:
        """Return the specification in the hierarchy "invariants", with settings left at None taken from a size."""
        second = size.second
        if second is None and (self.n_angular is not None or self.max_l is not None):
            second = OrderLimits(2, "diagonal")  # asked for, though the size has none
        n_second = self.n_angular or size.n
        if second is not None:
            max_l = second.max_l if self.max_l is None else self.max_l
            second = OrderLimits(max_l, self.radial_coupling or second.coupling)
        higher = self._higher(size, n_second)
        radial: Sequence[RadialSet]
        if isinstance(self.radial, str):
            wanted = [(1, self.n_radial or size.pair)]
            wanted += [] if second is None else [(2, n_second)]
            wanted += [(entry.order, entry.max_n or n_second) for entry in higher]
            radial = self._grids.by_order(wanted)
            if self.radial_cutoffs == "own":
                radial = [part for grid in radial for part in with_own_cutoffs(grid, self._grids.cutoff)]
            higher = [replace(entry, max_n=None) for entry in higher]  # every order has a grid of its own
        else:
            radial = self.radial if second is None else limited_sets(self.radial, second.max_l)
        degree = size.degree if self.pair_degree is None else self.pair_degree
        cross = min(size.cross, degree) if self.pair_cross_degree is None else self.pair_cross_degree
        pair = Invariants(1, degree=degree, cross_degree=cross)
        if second is None:
            return self._specify(radial, [pair, *higher])
        angular = self._second_order(second, radial, size)
        return self._specify(radial, [replace(pair, mixed_degree=angular.mixed_degree), angular, *higher])

    def _higher(self, size: BasisSize, n_radial: int) -> list[Invariants]:
        """Invariants of order 3 to 6."""
        if self.higher is not None:
            return [entry.invariants() for entry in self.higher]
        max_n = n_radial if isinstance(self.radial, str) else None
        return [
            Invariants(order, limits.max_l, radial=limits.coupling, max_n=max_n)
            for order, limits in size.higher.items()
        ]

    def _second_order(self, second: OrderLimits, radial: Sequence[RadialSet], size: BasisSize) -> Invariants:
        """Angular invariants and their products."""
        by_size = self.mixed_degree is None and size.mixed_l is not None
        degree = self.angular_degree or (size.second_degree if by_size else 1)
        max_l = max([second.max_l, *(entry.max_l or 0 for entry in radial)])
        product_max_l, product_radial = self.product_max_l, self.product_coupling
        if by_size:
            product_max_l = min(size.mixed_l or 0, max_l) if product_max_l is None else product_max_l
            product_radial = product_radial or "diagonal"
        return Invariants(
            2,
            max_l,
            radial=second.coupling,
            degree=degree,
            cross_degree=degree if self.angular_cross_degree is None else self.angular_cross_degree,
            mixed_degree=self.mixed_degree or (2 if by_size else 0),
            product_max_l=product_max_l,
            product_radial=product_radial,
        )

    def resolved(self, dataset: Dataset) -> "Basis":
        """Return the basis with elements, cutoff, shortest distance and size that are left open taken from data.

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
        """Return a polynomial model of A. Seko, A. Togo and I. Tanaka, PRB 99, 214108 (2019): diagonal radial indices.

        Parameters
        ----------
        elements, cutoff, radial, r_min
            Settings of `Basis`; the angular cutoff is the cutoff if that is given.
        model_type, degree, n_radial, max_l
            Settings of `mlip_rs.basis.presets.polynomial_model`.

        Raises
        ------
        ConfigError
            A model or a degree that does not exist.
        """
        model = polynomial_model(model_type, degree, n_radial, max_l)
        return cls(elements, cutoff, "invariants", radial, r_min=r_min, angular_cutoff=cutoff, **model)


def _sizes(n_elements: int) -> tuple[BasisSize, ...]:
    return ONE_ELEMENT if n_elements == 1 else SEVERAL_ELEMENTS


@lru_cache
def _standard_size(n_elements: int, size: str | int) -> BasisSize:
    """Entries of a size for a number of elements, whichever they are."""
    n_elements = min(max(n_elements, 1), len(chemical_symbols) - 1)
    stand_in = Basis(chemical_symbols[1 : n_elements + 1])
    return choose(_sizes(n_elements), target(size, n_elements), lambda entries: _count(stand_in, entries))


def _count(basis: Basis, size: BasisSize) -> float:
    """Features of a basis with the entries of a size; infinite beyond the limit of the core."""
    try:
        return basis.of_size(size).core.n_features
    except ConfigError as error:
        if "limit" not in str(error):
            raise
        return float("inf")
