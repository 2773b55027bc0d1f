"""Settings of the invariants of order 3 to 6."""

from dataclasses import dataclass

from mlip_rs.basis.specification import Invariants
from mlip_rs.errors import ConfigError
from mlip_rs.settings import check_least, check_types

COUPLINGS: tuple[str, ...] = ("free", "diagonal")
"""All combinations of radial functions, or one shared by all factors."""

MIN_ORDER: int = 3
MAX_ORDER: int = 6


@dataclass(frozen=True)
class HigherOrder:
    """The invariants of one order ν ≥ 3: products of ν order parameters, coupled to a scalar of even parity.

    Parameters
    ----------
    order
        ν, from 3 to 6; the body order is ν + 1.
    max_l
        Largest degree l of a factor.
    min_l
        Smallest degree l of a factor; 1 leaves out the invariants that products with pairwise ones contain.
    radial_coupling
        "diagonal" (one radial function shared by all factors, cheap) or "free" (all combinations).
    max_n
        Number of radial functions. If `radial` of the basis is a family: a grid of that many for this order; if it is
        a list of sets: the first ones that have this order. None: as the size of the basis says, or all.
    max_total
        Largest Σ (n + l) over the factors, n counted from 0; no limit if None.
    degree
        Largest power of one of these invariants, 1 to 3.
    cross_degree
        Largest degree of products of different ones; 1 for none.
    mixed_degree
        Largest degree of products with invariants of other orders that have a mixed degree, too: 0 for none, 2 or 3.

    Raises
    ------
    ConfigError
        A setting of a wrong kind or out of range.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from mlip_rs import Basis
    >>> second = Basis(["Al"], cutoff=6.0, r_min=2.0, size="small", n_radial=4, n_angular=2, max_l=2, higher=())
    >>> third = replace(second, higher=(HigherOrder(3, max_l=2),))
    >>> second.n_features, third.n_features
    (21, 31)
    """

    order: int
    max_l: int
    min_l: int = 0
    radial_coupling: str = "diagonal"
    max_n: int | None = None
    max_total: int | None = None
    degree: int = 1
    cross_degree: int = 1
    mixed_degree: int = 0

    def __post_init__(self) -> None:
        check_types(self)
        if not MIN_ORDER <= self.order <= MAX_ORDER:
            raise ConfigError(
                f"higher: order {self.order} is not among the higher orders, {MIN_ORDER} to {MAX_ORDER}; "
                "orders 1 and 2 are set by n_radial, n_angular and max_l"
            )
        for name in ("max_l", "min_l", "max_n", "max_total", "degree", "cross_degree", "mixed_degree"):
            check_least(f"order {self.order}: {name}", getattr(self, name), 0)
        if self.max_n == 0:
            raise ConfigError(f"order {self.order}: max_n is 0; leave the order out instead")
        if self.radial_coupling not in COUPLINGS:
            raise ConfigError(
                f"order {self.order}: radial_coupling {self.radial_coupling!r} does not exist; "
                f"choose {' or '.join(COUPLINGS)}"
            )

    def invariants(self) -> Invariants:
        """Return the entry of the specification."""
        return Invariants(
            self.order,
            self.max_l,
            self.min_l,
            radial=self.radial_coupling,
            max_n=self.max_n,
            max_total=self.max_total,
            degree=self.degree,
            cross_degree=self.cross_degree,
            mixed_degree=self.mixed_degree,
        )
