"""The plan of the compiled evaluator for a potential, and its predicted cost."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from mlip_rs.cost.model import center_models, element_shares
from mlip_rs.cost.units import unit_costs_of
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
        By element: angular cutoff, Å, and the radial functions of the neighbours outside.
    table_bytes
        Of the radial tables.
    rows, terms
        Of the merged polynomial of the sums: prefixes and monomials.
    neighbors, near_neighbors
        By element: neighbours within the largest cutoff and the angular cutoff of the features with coefficients, mean
        over the centres of this element in the structure.
    multiply_adds
        For the energy, forces and virial of one atom.
    us_per_atom
        Predicted for one core by `mlip_rs.cost.model`.
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
    """Describe the evaluation of every centre element, with its predicted cost.

    Parameters
    ----------
    potential
        The potential.
    atoms
        Structure in which neighbours are counted; the crystal of the first element if None.

    Raises
    ------
    ConfigError
        No atoms, or some of elements that the potential does not know.
    """
    atoms = _counted(potential, atoms)
    entries = json.loads(potential.core.plans())
    cutoffs = [[*entry["inner_cutoffs"], entry["cutoff"]] for entry in entries]
    pairs = pair_counts(atoms, potential.elements, np.concatenate(cutoffs))
    shares = element_shares(atoms, potential.elements)
    costs = _center_costs(potential, atoms)
    plans = []
    for k, (entry, share) in enumerate(zip(entries, shares, strict=True)):
        own = slice(k * len(cutoffs[0]), (k + 1) * len(cutoffs[0]))
        around = pairs[k] / (share * len(atoms)) if share else pairs.sum(axis=0) / len(atoms)
        near, total = np.diagonal(around[:, own]), around[:, own][:, -1]
        plans.append(
            Plan(
                entry["element"],
                tuple(entry["columns"]),
                tuple(entry["sums"]),
                tuple(entry["max_l"]),
                tuple(entry["inner_cutoffs"]),
                tuple(entry["outer_columns"]),
                entry["table_bytes"],
                entry["rows"],
                entry["terms"],
                tuple(total.tolist()),
                tuple(near.tolist()),
                sum(multiply_adds(entry, near, total).values()),
                costs[k],
            )
        )
    return tuple(plans)


def predicted_us_per_atom(potential: Potential, atoms: Atoms | None = None) -> float:
    """Predict the time of an evaluation on one core, µs per atom, by the unit costs of the fit of the potential.

    Parameters
    ----------
    potential
        The potential.
    atoms
        The structure, over whose atoms the mean is taken. If None, the mean is over the elements of the potential, in
        the crystal of the first one.

    Raises
    ------
    ConfigError
        No atoms, some of elements that the potential does not know, or unit costs that make no sense.
    """
    n = len(potential.elements)
    counted = _counted(potential, atoms)  # refuses a structure without atoms, which has no shares
    shares = [1.0 / n] * n if atoms is None else element_shares(atoms, potential.elements)
    return float(np.dot(shares, _center_costs(potential, counted)))


def multiply_adds(
    entry: dict[str, Any], near: NDArray[np.float64], total: NDArray[np.float64]
) -> dict[str, float]:
    """Multiply-adds for one atom by kernel, from its plan and numbers of neighbours by element.

    Parameters
    ----------
    entry
        Plan of the centre element, an entry of `_core.Potential.plans`.
    near, total
        (n_elements,) neighbours within the angular cutoff, and all.
    """
    each = entry["multiply_adds"]
    return {
        "radial tables": float(near @ each["tables"] + (total - near) @ each["outer"]),
        "harmonics": float(near @ each["harmonics"]),
        "products": float(near @ each["products"]),
        "polynomial": each["graph"],
    }


def _counted(potential: Potential, atoms: Atoms | None) -> Atoms:
    """The structure in which neighbours are counted."""
    atoms = crystal(potential.elements) if atoms is None else atoms
    if len(atoms) == 0:
        raise ConfigError("a structure without atoms has no neighbours to count")
    return atoms


def _center_costs(potential: Potential, atoms: Atoms) -> list[float]:
    """µs of one centre of each element."""
    basis = potential.core.basis
    labels = basis.labels()
    costs = []
    models = center_models(basis, atoms, unit_costs_of(potential.info))
    for element, model in zip(potential.elements, models, strict=True):
        features = potential.coefficients(element)
        costs.append(model.cost(np.array([label in features for label in labels], dtype=bool)))
    return costs
