"""Summary of a basis order by order, and of the features of it that a fit selected."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mlip_rs import _core
from mlip_rs.basis.radial import n_functions
from mlip_rs.text import counted

MAX_DEGREE: int = 3
"""Largest number of invariants that are multiplied."""


@dataclass(frozen=True)
class OrderPart:
    """The invariants of one order.

    Parameters
    ----------
    order
        ν; 0 for the constant.
    n_radial
        Radial functions.
    min_l, max_l
        Range of the degrees l.
    radial_coupling
        "free" or "diagonal"; None for order 1.
    cutoffs
        Å, largest first.
    n_invariants
        Of one centre element.
    n_features
        Of one centre element: linear, in products of two, in products of three; a product counts with its highest
        order.
    n_kept
        Coefficients over all centre elements that are not zero; None for a basis without a potential.
    """

    order: int
    n_radial: int
    min_l: int
    max_l: int
    radial_coupling: str | None
    cutoffs: tuple[float, ...]
    n_invariants: int
    n_features: tuple[int, int, int]
    n_kept: int | None = None


@dataclass(frozen=True)
class Composition:
    """Counts of the invariants and features of a basis.

    Parameters
    ----------
    elements, cutoff, hierarchy
        Those of the basis; Å.
    orders
        One part for each order, the constant first if there is one.
    per_center
        Features of one centre element.
    total
        Features over all centre elements: unknown coefficients.
    """

    elements: tuple[str, ...]
    cutoff: float
    hierarchy: str
    orders: tuple[OrderPart, ...]
    per_center: int
    total: int

    def to_dict(self) -> dict[str, Any]:
        """Nested dictionaries and lists that `json.dumps` accepts; Å."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return document

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows of a table."""
        kept = any(part.n_kept is not None for part in self.orders)
        header = ["order", "radial", "l", "coupling", "cutoff Å", "invariants", "linear", "×2", "×3"]
        rows = []
        for part in self.orders:
            counts = [str(n) if n else "–" for n in part.n_features]
            if part.order == 0:
                row = ["constant", "–", "–", "–", "–", "–", *counts]
            else:
                row = [
                    str(part.order),
                    str(part.n_radial),
                    str(part.max_l) if part.min_l == part.max_l else f"{part.min_l}–{part.max_l}",
                    part.radial_coupling or "–",
                    _cutoffs(part.cutoffs),
                    str(part.n_invariants),
                    *counts,
                ]
            rows.append([*row, str(part.n_kept or 0)] if kept else row)
        return ([*header, "kept"] if kept else header), rows

    def lines(self) -> list[str]:
        """Text for a terminal, one line each."""
        header, rows = self.table()
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        lines = [
            "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in [header, *rows]
        ]
        n_elements = len(self.elements)
        centers = f" × {n_elements} elements" if n_elements > 1 else ""
        features = counted(self.per_center, "feature")
        return [*lines, f"{features}{centers} = {counted(self.total, 'unknown coefficient')}"]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def _cutoffs(cutoffs: Sequence[float]) -> str:
    """All of a few cutoffs, or the range of many."""
    if len(cutoffs) > 2:
        return f"{min(cutoffs):.3g}–{max(cutoffs):g}"
    return ", ".join(f"{cutoff:g}" for cutoff in cutoffs)


def composition(basis: _core.Basis, kept: Mapping[str, Iterable[str]] | None = None) -> Composition:
    """Count a basis.

    Parameters
    ----------
    basis
        Of the core.
    kept
        Labels of the features with a coefficient, by centre element.
    """
    spec = json.loads(basis.spec)
    degrees = basis.feature_degrees()
    degree, max_order = degrees[:, 0], degrees[:, 3]
    n_kept = None if kept is None else _kept_by_order(basis.labels(), max_order, kept)
    orders = []
    for order in np.unique(max_order).tolist():
        of_order = degree[max_order == order]
        counts = tuple(int(np.count_nonzero(of_order == k)) for k in range(1, MAX_DEGREE + 1))
        part = _part(spec, order)
        if order == 0:
            part = replace(part, n_features=(len(of_order), 0, 0))
        else:
            part = replace(part, n_invariants=counts[0], n_features=(counts[0], counts[1], counts[2]))
        orders.append(part if n_kept is None else replace(part, n_kept=n_kept[order]))
    return Composition(
        tuple(basis.elements),
        basis.cutoff,
        basis.hierarchy,
        tuple(orders),
        basis.features_per_center,
        basis.n_features,
    )


def _kept_by_order(
    labels: Sequence[str], max_order: "np.ndarray[Any, Any]", kept: Mapping[str, Iterable[str]]
) -> dict[int, int]:
    order_of = dict(zip(labels, max_order.tolist(), strict=True))
    counts = dict.fromkeys(order_of.values(), 0)
    for center in kept.values():
        for label in center:
            counts[order_of[label]] += 1
    return counts


def _part(spec: Mapping[str, Any], order: int) -> OrderPart:
    """Radial functions, range of l and coupling of one order, as specified; nothing for order 0."""
    own: Mapping[str, Any] = next((entry for entry in spec["invariants"] if entry["order"] == order), {})
    sets = [entry for entry in spec["radial"] if order in (entry.get("orders") or [order])]
    if order == 1:
        sets = [entry for entry in sets if not entry.get("contraction")]
    max_l = own.get("max_l", 0)
    n_radial = sum(n_functions(entry) for entry in sets)
    return OrderPart(
        order,
        min(n_radial, own.get("max_n", n_radial)),
        own.get("min_l", 0),
        min(max_l, max((entry.get("max_l", max_l) for entry in sets), default=0)),
        own.get("radial", "free") if order > 1 else None,
        tuple(sorted({entry.get("cutoff") or spec["cutoff"] for entry in sets}, reverse=True)),
        n_invariants=0,
        n_features=(0, 0, 0),
    )
