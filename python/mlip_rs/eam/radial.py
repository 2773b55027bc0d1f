"""Radial functions and close-range repulsion of a potential at any distance, taken from the core by means of dimers."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from mlip_rs import _core
from mlip_rs.arrays import Array
from mlip_rs.basis.radial import n_functions
from mlip_rs.potential.compression import Compression

SHORTEST: float = 0.01
"""Å; what is asked for below is taken there."""


@dataclass(frozen=True, eq=False)
class PairFunctions:
    """Functions of the distance of two atoms in a basis specification: pairwise radial functions, ZBL of close pairs.

    The switching of whole atoms by their local density, which is no function of a distance, is left out.

    Parameters
    ----------
    spec
        Basis specification.

    Examples
    --------
    >>> from mlip_rs import Basis
    >>> functions = PairFunctions(Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=3).to_dict())
    >>> functions.numbers("Al"), functions.radial("Al", "Al", np.array([2.0, 5.0])).shape
    ((0, 1, 2), (3, 2))
    """

    spec: Mapping[str, Any]

    @property
    def elements(self) -> tuple[str, ...]:
        """Chemical symbols."""
        return tuple(self.spec["elements"])

    def numbers(self, neighbor: str) -> tuple[int, ...]:
        """Numbers of the radial functions in the labels `d[neighbor,n]`, in the order of `radial`."""
        return tuple(n for symbol, n in self._labels if symbol == neighbor)

    def radial(self, center: str, neighbor: str, distances: Array) -> Array:
        """(n, K) values at K distances (Å) of the functions that a centre sums over neighbours; order of `numbers`."""
        columns = [k for k, (symbol, _) in enumerate(self._labels) if symbol == neighbor]
        if center == neighbor:
            scale, offset = 0.5, self.elements.index(center) * len(self._labels)  # both atoms are centres
        else:
            scale, offset = 1.0, self.elements.index(center) * len(self._labels)
        rows = [self._basis.design(dimer)[0] for dimer in _dimers(center, neighbor, distances)]
        return scale * np.array(rows).reshape(len(distances), -1)[:, [offset + k for k in columns]].T

    def repulsion(self, first: str, second: str, distances: Array) -> Array:
        """(K,) ZBL energy of a pair at K distances (Å), switched off beyond `outer`, eV."""
        found = self._repulsive.evaluate_many(_dimers(first, second, distances), 1)
        return np.array([energies.sum() for energies, _, _ in found]).reshape(len(distances))

    @cached_property
    def _basis(self) -> _core.Basis:
        return _core.Basis(json.dumps(self._pairwise))

    @cached_property
    def _labels(self) -> tuple[tuple[str, int], ...]:
        """Element and number of the columns of one centre."""
        numbers = self._kept_numbers
        found = [re.fullmatch(r"d\[(\w+),(\d+)\]", label) for label in self._basis.labels()]
        return tuple((match[1], numbers[int(match[2])]) for match in found if match is not None)

    @cached_property
    def _repulsive(self) -> _core.Potential:
        zeros = np.zeros(self._basis.n_features)
        return _core.Potential.from_coefficients(self._basis, zeros, [0.0] * len(self.elements), "{}")

    @cached_property
    def _pairwise(self) -> dict[str, Any]:
        """The specification with the pairwise sums as only features."""
        spec: dict[str, Any] = {key: self.spec[key] for key in ("elements", "cutoff", "cutoff_function")}
        spec["radial"] = [
            {key: value for key, value in entry.items() if key in ("function", "cutoff")}
            for entry in self.spec["radial"]
            if _is_pairwise(entry)
        ]
        first = {key: value for key, value in self.spec["invariants"][0].items() if key in ("order", "max_n")}
        spec["invariants"] = [first]
        repulsion = self.spec.get("repulsion")
        if repulsion is not None:
            spec["repulsion"] = {key: repulsion[key] for key in ("inner", "outer")}
        return spec

    @cached_property
    def _kept_numbers(self) -> list[int]:
        """Number, in the specification, of each radial function of `_pairwise`."""
        numbers, count = [], 0
        for entry in self.spec["radial"]:
            size = n_functions(entry)
            numbers += list(range(count, count + size)) if _is_pairwise(entry) else []
            count += size
        return numbers


def _is_pairwise(entry: Mapping[str, Any]) -> bool:
    return entry.get("contraction") is None and (entry.get("orders") is None or 1 in entry["orders"])


def _dimers(first: str, second: str, distances: Array) -> list[_core.Structure]:
    return Compression.dimer(first, second).structures(np.maximum(distances, SHORTEST))
