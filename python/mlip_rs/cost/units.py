"""Unit costs: how long the single operations of the compiled evaluator take."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs.errors import ConfigError

INFO_KEY: str = "unit_costs"
"""Entry of `Potential.info` for the unit costs, ns by name, that the fit of the potential was calibrated with."""


def _per(unit: str, nanoseconds: float) -> float:
    value: float = field(default=nanoseconds, metadata={"per": unit})
    return value


@dataclass(frozen=True)
class UnitCosts:
    """Single-core times in ns: fixed costs of an atom and of a neighbour, then one entry per operation.

    Parameters
    ----------
    atom, neighbor
        Neighbour list, forces, repulsion.
    column, harmonic, sum
        For each neighbour: one radial function, one spherical harmonic, one sum over neighbours.
    row, term
        For each atom: one prefix and one monomial of the polynomial.

    Examples
    --------
    >>> round(UnitCosts().us_per_atom({"atom": 1.0, "neighbor": 50.0, "column": 400.0}), 3)
    1.61
    """

    atom: float = _per("atom", 60.0)
    neighbor: float = _per("neighbor", 15.0)
    column: float = _per("neighbor", 2.0)
    harmonic: float = _per("neighbor", 1.3)
    sum: float = _per("neighbor", 0.2)
    row: float = _per("atom", 0.8)
    term: float = _per("atom", 0.12)

    @property
    def values(self) -> NDArray[np.float64]:
        """(7,) in the order of `NAMES`."""
        return np.array(list(asdict(self).values()))

    def us_per_atom(self, counts: Mapping[str, float]) -> float:
        """Time in µs of operations that are done so often, by name."""
        return float(1e-3 * sum(getattr(self, name) * count for name, count in counts.items()))


NAMES: tuple[str, ...] = tuple(entry.name for entry in fields(UnitCosts))
"""Names of the unit costs."""

PER_NEIGHBOR: frozenset[str] = frozenset(
    entry.name for entry in fields(UnitCosts) if entry.metadata["per"] == "neighbor"
)
"""Names of the unit costs that are paid once per neighbour; the others are paid once per atom."""


def unit_costs_of(info: Mapping[str, Any]) -> UnitCosts:
    """Return the unit costs that a potential was fitted with.

    Parameters
    ----------
    info
        Metadata of the potential, `Potential.info`.

    Returns
    -------
    UnitCosts
        Those of the entry `unit_costs`; the usual ones where there is none.

    Raises
    ------
    ConfigError
        The entry is not a mapping of the names of `UnitCosts` to positive times.

    Examples
    --------
    >>> unit_costs_of({"unit_costs": asdict(UnitCosts(term=0.2))}).term
    0.2
    """
    costs = info.get(INFO_KEY)
    if costs is None:
        return UnitCosts()
    if not isinstance(costs, Mapping) or costs.keys() != set(NAMES):
        raise ConfigError(f"info.{INFO_KEY} of the potential must give {', '.join(NAMES)} in ns; remove it")
    for name, value in costs.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 < value < np.inf:
            raise ConfigError(
                f"info.{INFO_KEY}.{name} of the potential is {value!r}; it must be a positive time"
            )
    return UnitCosts(**{name: float(value) for name, value in costs.items()})
