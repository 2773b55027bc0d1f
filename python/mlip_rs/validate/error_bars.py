"""Error bars of the quantities of a property, from its results for the members of a committee."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlip_rs.text import counted, with_error
from mlip_rs.uncertainty import derived_property
from mlip_rs.validate.property import Computation, Property

SHOWN: int = 5
"""Members without a value that are named; the others are counted."""

PLAIN: tuple[float, float] = (1e-3, 1e6)
"""Numbers that are written without an exponent."""


@dataclass(frozen=True)
class ErrorBar:
    """Standard error of one quantity.

    Attributes
    ----------
    sigma
        In the unit of the quantity; None: too few members have a value to tell.
    determined, n_members
        Members that have a value, and members of the committee.

    Examples
    --------
    >>> ErrorBar(2.31, determined=6, n_members=6).shown(118.93)
    '118.9 ± 2.3'
    >>> ErrorBar(2.31, determined=5, n_members=6).shown(118.93)
    '118.9 ± 2.3 (5 of 6 members)'
    """

    sigma: float | None
    determined: int
    n_members: int

    def shown(self, value: float) -> str:
        """A value with this error bar."""
        if self.sigma is None:
            return f"{value:.4g} (± not determined, {self.determined} of {self.n_members} members)"
        if self.sigma == 0.0:
            text = f"{value:.6g} ± 0"
        elif PLAIN[0] <= max(abs(value), self.sigma) < PLAIN[1]:
            text = with_error(value, self.sigma, digits=2, most=6)
        else:
            text = f"{value:.4g} ± {self.sigma:.2g}"
        return (
            text
            if self.determined == self.n_members
            else f"{text} ({self.determined} of {self.n_members} members)"
        )


def error_bars(entry: Property, value: Any, members: Sequence[Computation]) -> dict[str, ErrorBar]:  # noqa: ANN401
    """Error bars of the quantities of a result, by name; those that are not determined have none.

    Parameters
    ----------
    entry, value
        The property, and its result for the potential.
    members
        What each member of the committee has for it; fewer than the members if the potential has no committee.

    Examples
    --------
    >>> from mlip_rs.validate.properties.bain import PROPERTY, BainPath
    >>> paths = [BainPath((1.0, 1.2, 2**0.5), (bcc, 0.02, 0.0), 16.5) for bcc in (0.1, 0.11, 0.09, 0.1)]
    >>> found = error_bars(PROPERTY, paths[0], [Computation(path) for path in paths[1:]])
    >>> found["bcc − fcc, same volume"].shown(100.0)
    '100 ± 14'
    """
    own = {q.name: q.value for q in entry.quantities(value) if q.value is not None}
    if not own or not members:
        return {}
    rows = []
    for computed in members:
        known = _sound(entry, computed, own)
        rows.append([known.get(name, np.nan) for name in own])
    found = derived_property(list(own.values()), rows)
    return {
        name: ErrorBar(None if np.isnan(sigma) else float(sigma), int(determined), found.n_members)
        for name, sigma, determined in zip(own, found.sigma, found.determined, strict=True)
    }


def losses(entry: Property, value: Any, members: Sequence[Computation]) -> tuple[str, ...]:  # noqa: ANN401
    """Which members have no value of which quantities, and why; arguments as of `error_bars`."""
    own = {q.name: q.value for q in entry.quantities(value) if q.value is not None}
    told = []
    for number, computed in enumerate(members, 1):
        if computed.error:
            told.append(f"member {number}: {computed.error}")
            continue
        missing = [name for name in own if name not in _sound(entry, computed, own)]
        if missing:
            reasons = "; ".join(entry.failures(computed.value)[:1])
            told.append(f"member {number}: no {', '.join(missing)}{f' ({reasons})' if reasons else ''}")
    left = len(told) - SHOWN
    return (*told[:SHOWN], *([f"and {counted(left, 'more member')}"] if left > 0 else ()))


def _sound(entry: Property, computed: Computation, own: dict[str, float]) -> dict[str, float]:
    """Finite values of a member, without those of the wrong sign."""
    if computed.error:
        return {}
    return {
        q.name: q.value
        for q in entry.quantities(computed.value)
        if q.name in own
        and q.value is not None
        and np.isfinite(q.value)
        and (q.signed or q.value > 0.0 or own[q.name] <= 0.0)
    }
