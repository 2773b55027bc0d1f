"""The basis specification: the complete, explicit definition of the features, as the core reads it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from json import dumps, loads
from math import isfinite
from typing import Any

from mlip_rs import _core
from mlip_rs.basis.radial import RadialSet
from mlip_rs.basis.repulsion import Repulsion
from mlip_rs.errors import ConfigError


@dataclass(frozen=True)
class Invariants:
    """The invariants of one order, and the polynomials of them that are features.

    Parameters
    ----------
    order
        ν, the number of order parameters that an invariant couples to a scalar, 1 to 6; the body order is ν + 1.
    max_l, min_l
        Range of the degrees l of the factors; 0 for order 1.
    radial
        "free" (all combinations of radial functions) or "diagonal" (one radial function shared by all factors).
    max_n
        Number of radial functions, the first ones whose set has this order; all if None.
    max_total
        Largest Σ (n + l) over the factors, n counted from 0; no limit if None.
    degree
        Largest power of one invariant, 1 to 3.
    cross_degree
        Largest degree of products of different invariants of this order; 1 for none.
    mixed_degree
        Largest degree of products with invariants of other orders, of which the smaller one counts; 0 for none.
    product_max_l
        Largest l of the invariants that enter products; `max_l` if None.
    product_radial
        Radial coupling of the invariants that enter products; `radial` if None.

    Examples
    --------
    >>> Invariants(3, max_l=2, radial="diagonal").to_dict()
    {'order': 3, 'max_l': 2, 'radial': 'diagonal'}
    """

    order: int
    max_l: int = 0
    min_l: int = 0
    radial: str = "free"
    max_n: int | None = None
    max_total: int | None = None
    degree: int = 1
    cross_degree: int = 1
    mixed_degree: int = 0
    product_max_l: int | None = None
    product_radial: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of the specification: the fields that differ from their defaults."""
        values = {entry.name: (getattr(self, entry.name), entry.default) for entry in fields(self)}
        return {name: value for name, (value, default) in values.items() if value != default}


@dataclass(frozen=True)
class Specification:
    """Complete definition of the features of a potential; `docs/potential-file.md` describes its document.

    Parameters
    ----------
    elements
        Chemical symbols, in the order of the features.
    cutoff
        Å.
    cutoff_function
        "cosine" or "polynomial".
    radial
        Sets of radial functions, numbered in this order.
    invariants
        By ascending order, beginning with order 1.
    constant
        Whether every centre has a constant feature.
    repulsion
        Short-range repulsion outside the data; None for none.
    """

    elements: tuple[str, ...]
    cutoff: float
    cutoff_function: str
    radial: tuple[RadialSet, ...]
    invariants: tuple[Invariants, ...]
    constant: bool = False
    repulsion: Repulsion | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the document that the core reads, of version 2."""
        document: dict[str, Any] = {
            "elements": list(self.elements),
            "cutoff": self.cutoff,
            "cutoff_function": self.cutoff_function,
            "radial": [entry.to_dict() for entry in self.radial],
            "invariants": [entry.to_dict() for entry in self.invariants],
        }
        if self.constant:
            document["constant"] = True
        if self.repulsion is not None:
            document["repulsion"] = self.repulsion.to_dict()
        return document

    @cached_property
    def core(self) -> _core.Basis:
        """Validated basis of the core.

        Raises
        ------
        ConfigError
            An entry out of range, contradicting another one or giving too many features.
        """
        document = self.to_dict()
        for place, value in _leaves(document, "basis"):
            if isinstance(value, float) and not isfinite(value):
                raise ConfigError(f"{place} is {value}; it must be a finite number")
        try:
            return _core.Basis(dumps(document))
        except ConfigError as error:
            text = re.sub(r" at line \d+ column \d+$", "", str(error))  # nobody sees the text that is meant
            text = re.sub(
                r"invalid type: floating point `(.*)`, expected [iu]\w+", r"\1 must be a whole number", text
            )
            raise ConfigError(text) from None


def _leaves(value: object, place: str) -> Iterator[tuple[str, object]]:
    """Places and values of all entries of a document, such as "basis.radial[0].function.beta[0]"."""
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _leaves(one, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for k, one in enumerate(value):
            yield from _leaves(one, f"{place}[{k}]")
    else:
        yield place, value


def with_current_basis(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record of a run with its basis and repulsion as version 2 of the specification has them.

    Version 1, which older runs recorded, called the local density `crowding` and had the key `pair`.

    Raises
    ------
    ConfigError
        The basis of version 1 is not valid.
    """
    current = dict(record)
    if "pair" in record.get("basis", {}):
        current["basis"] = loads(_core.Basis(dumps(record["basis"])).spec)
    if isinstance(record.get("repulsion"), Mapping):
        current["repulsion"] = {
            name.replace("crowding_", "density_"): value for name, value in record["repulsion"].items()
        }
    return current
