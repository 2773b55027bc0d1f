"""What the compiled evaluator does with a potential, and what that should cost."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from mlip_rs.cost.units import UnitCosts
from mlip_rs.data.core_structures import pair_counts
from mlip_rs.errors import ConfigError
from mlip_rs.generate.prototypes import crystal
from mlip_rs.potential import Potential


@dataclass(frozen=True)
class Plan:
    """The evaluation of one centre element.

    Parameters
    ----------
    element
        Centre.
    columns, sums, max_l
        By element of the neighbours: radial functions in the table, sums over neighbours, largest l.
    near, far_columns
        By element: how far the harmonics reach, Å, and the radial functions of neighbours beyond.
    table_bytes
        Of the radial tables.
    rows, terms
        Of the merged polynomial of the sums: prefixes and monomials.
    neighbors, near_neighbors
        By element, within the cutoff of what has coefficients and within reach of the harmonics, mean over the
        centres in the structure on which the rest is counted.
    multiply_adds
        Of one atom: energy, forces and virial.
    us_per_atom
        Predicted for one core, by `UnitCosts`.
    """

    element: str
    columns: tuple[int, ...]
    sums: tuple[int, ...]
    max_l: tuple[int, ...]
    near: tuple[float, ...]
    far_columns: tuple[int, ...]
    table_bytes: int
    rows: int
    terms: int
    neighbors: tuple[float, ...]
    near_neighbors: tuple[float, ...]
    multiply_adds: float
    us_per_atom: float

    def to_dict(self) -> dict[str, Any]:
        """Plain record."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def __str__(self) -> str:
        def by_species(values: tuple[int, ...]) -> str:
            return "+".join(map(str, values))

        around = f"{sum(self.neighbors):.0f} neighbours"
        if max(self.max_l) > 0 and sum(self.near_neighbors) < sum(self.neighbors):
            around += f", angles to {sum(self.near_neighbors):.0f} of them"
        return (
            f"{self.element}: {by_species(self.columns)} radial functions, l up to {max(self.max_l)}, "
            f"{by_species(self.sums)} sums, {self.terms} monomials; with {around}, "
            f"{self.multiply_adds:.2g} multiply-adds, about {self.us_per_atom:.2g} µs/atom on one core"
        )


def evaluation_plans(potential: Potential, atoms: Atoms | None = None) -> tuple[Plan, ...]:
    """Give the plan of every centre element, with its predicted cost.

    Parameters
    ----------
    potential
        What is evaluated.
    atoms
        Structure in which neighbours are counted; the crystal of the first element if None.

    Raises
    ------
    ConfigError
        No atoms, or some of elements that the potential does not know.
    """
    atoms = crystal(potential.elements) if atoms is None else atoms
    if len(atoms) == 0:
        raise ConfigError("a structure without atoms has no neighbours to count")
    symbols = np.array(atoms.get_chemical_symbols())
    entries = json.loads(potential.core.plans())
    cutoffs = [[*entry["near"], entry["cutoff"]] for entry in entries]
    pairs = pair_counts(atoms, potential.elements, np.concatenate(cutoffs))
    plans = []
    for k, entry in enumerate(entries):
        own = int((symbols == entry["element"]).sum())
        counts = pairs[:, :, k * len(cutoffs[0]) : (k + 1) * len(cutoffs[0])]
        around = (
            counts[potential.elements.index(entry["element"])] / own if own else counts.sum(0) / len(atoms)
        )
        near, total = np.diagonal(around), around[:, -1]
        plans.append(
            Plan(
                entry["element"],
                tuple(entry["columns"]),
                tuple(entry["sums"]),
                tuple(entry["max_l"]),
                tuple(entry["near"]),
                tuple(entry["far_columns"]),
                entry["table_bytes"],
                entry["rows"],
                entry["terms"],
                tuple(total.tolist()),
                tuple(near.tolist()),
                sum(multiply_adds(entry, near, total).values()),
                _us_per_atom(entry, near, total),
            )
        )
    return tuple(plans)


def multiply_adds(
    entry: dict[str, Any], near: NDArray[np.float64], total: NDArray[np.float64]
) -> dict[str, float]:
    """Of one atom, by kernel, from an entry of the plans of the core and the numbers of neighbours by element."""
    each = entry["multiply_adds"]
    return {
        "radial tables": float(near @ each["tables"] + (total - near) @ each["beyond"]),
        "harmonics": float(near @ each["harmonics"]),
        "products": float(near @ each["products"]),
        "polynomial": each["graph"],
    }


def _us_per_atom(entry: dict[str, Any], near: NDArray[np.float64], total: NDArray[np.float64]) -> float:
    """Cost of one centre: what is paid for each neighbour, by element, and for the atom."""
    costs = UnitCosts()
    columns, further, sums = (np.array(entry[key]) for key in ("columns", "far_columns", "sums"))
    harmonics = (np.array(entry["max_l"]) + 1) ** 2 - 1
    per_neighbors = costs.neighbor * total.sum() + costs.column * (near @ columns + (total - near) @ further)
    per_neighbors += near @ (costs.harmonic * harmonics + costs.sum * sums)
    per_atom = costs.atom + costs.row * entry["rows"] + costs.term * entry["terms"]
    return float(1e-3 * (per_neighbors + per_atom))
