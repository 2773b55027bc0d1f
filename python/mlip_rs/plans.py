"""What the compiled evaluator does with a potential, and what that should cost."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from mlip_rs.errors import ConfigError
from mlip_rs.potential import Potential
from mlip_rs.structures import pair_counts
from mlip_rs.timing import crystal
from mlip_rs.unit_costs import UnitCosts


@dataclass(frozen=True)
class Plan:
    """The evaluation of one centre element.

    Parameters
    ----------
    element
        Centre.
    columns, sums, max_l
        By element of the neighbours: radial functions in the table, sums over neighbours, largest l.
    table_bytes
        Of the radial tables.
    rows, terms
        Of the merged polynomial of the sums: prefixes and monomials.
    neighbors
        By element, within the cutoff, mean over the centres in the structure on which the rest is counted.
    multiply_adds
        Of one atom: energy, forces and virial.
    us_per_atom
        Predicted for one core, by `UnitCosts`.
    """

    element: str
    columns: tuple[int, ...]
    sums: tuple[int, ...]
    max_l: tuple[int, ...]
    table_bytes: int
    rows: int
    terms: int
    neighbors: tuple[float, ...]
    multiply_adds: float
    us_per_atom: float

    def to_dict(self) -> dict[str, Any]:
        """Plain record."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    def __str__(self) -> str:
        def by_species(values: tuple[int, ...]) -> str:
            return "+".join(map(str, values))

        return (
            f"{self.element}: {by_species(self.columns)} radial functions, l up to {max(self.max_l)}, "
            f"{by_species(self.sums)} sums, {self.terms} monomials; with {sum(self.neighbors):.0f} neighbours "
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
    counts = pair_counts(atoms, potential.elements, potential.cutoff)
    symbols = np.array(atoms.get_chemical_symbols())
    plans = []
    for entry in json.loads(potential.core.plans()):
        own = int((symbols == entry["element"]).sum())
        around = (
            counts[potential.elements.index(entry["element"])] / own if own else counts.sum(0) / len(atoms)
        )
        work = np.array([entry["multiply_adds_per_neighbor"], entry["multiply_adds_per_atom"]])
        plans.append(
            Plan(
                entry["element"],
                tuple(entry["columns"]),
                tuple(entry["sums"]),
                tuple(entry["max_l"]),
                entry["table_bytes"],
                entry["rows"],
                entry["terms"],
                tuple(around.tolist()),
                float(work @ [around.sum(), 1.0]),
                _us_per_atom(entry, around),
            )
        )
    return tuple(plans)


def _us_per_atom(entry: dict[str, Any], neighbors: NDArray[np.float64]) -> float:
    """Cost of one centre: what is paid for each neighbour, by element, and for the atom."""
    costs = UnitCosts()
    columns, sums = np.array(entry["columns"]), np.array(entry["sums"])
    harmonics = (np.array(entry["max_l"]) + 1) ** 2 - 1
    each = costs.neighbor + costs.column * columns + costs.harmonic * harmonics + costs.sum * sums
    per_atom = costs.atom + costs.row * entry["rows"] + costs.term * entry["terms"]
    return float(1e-3 * (neighbors @ each + per_atom))
