"""What a set of features costs in the compiled evaluator, and what leaving some of them out would save.

The evaluator pays for radial functions, harmonics and sums over neighbours once per neighbour, for the prefixes and
monomials of its merged polynomial once per atom, however many features need them. The cost of a set of features is
therefore a weighted coverage, linear in the unit costs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.optimize import lsq_linear
from scipy.sparse import block_diag, csr_matrix

from mlip_rs import _core
from mlip_rs.arrays import Array, Mask
from mlip_rs.basis import Basis
from mlip_rs.cost.timing import measure
from mlip_rs.cost.units import NAMES, PER_NEIGHBOR, UnitCosts
from mlip_rs.data import Dataset
from mlip_rs.data.core_structures import pair_counts
from mlip_rs.generate.prototypes import enlarged
from mlip_rs.potential import Potential

N_SAMPLES: int = 40
"""Potentials that are timed for the unit costs."""

TIMED_ATOMS: int = 200
"""Size of the structure that is timed."""

PRIOR: float = 0.05
"""Weight of the usual unit costs beside the measured times."""

SLACK: float = 4.0
"""Unit costs stay within this factor of the usual ones, whatever a noisy machine says."""


@dataclass(frozen=True)
class CostModel:
    """Costs of sets of features on average over the atoms of a structure.

    Parameters
    ----------
    uses
        (F, I), not zero where a feature needs an item.
    amounts
        (I,) how often an item is paid for by an atom, on average.
    kinds
        (I,) name of the unit cost of each item.
    units
        Unit costs.
    neighbors
        Neighbours of an atom within the cutoff of the basis, on average: the repulsion looks at them whatever is left.
    """

    uses: csr_matrix
    amounts: Array
    kinds: NDArray[np.str_]
    units: UnitCosts
    neighbors: float = 0.0

    @classmethod
    def of(cls, basis: Basis, atoms: Atoms, units: UnitCosts) -> "CostModel":
        """Requirements of the features of a basis, paid for as often as in a structure.

        Raises
        ------
        ConfigError
            The structure has atoms of elements that are not in the basis.
        """
        models = center_models(basis.core, atoms, units)
        if len(models) == 1:
            return models[0]
        shares = element_shares(atoms, basis.elements)
        return cls(
            csr_matrix(block_diag([model.uses for model in models])),
            np.concatenate([share * model.amounts for share, model in zip(shares, models, strict=True)]),
            np.concatenate([model.kinds for model in models]),
            units,
            sum(share * model.neighbors for share, model in zip(shares, models, strict=True)),
        )

    @cached_property
    def weights(self) -> Array:
        """(I,) µs per atom that each item costs."""
        names, places = np.unique(self.kinds, return_inverse=True)
        each = np.array([getattr(self.units, name) for name in names])
        return np.asarray(1e-3 * each[places] * self.amounts)

    @property
    def per_neighbor(self) -> Mask:
        """(I,) items that are paid for each neighbour."""
        return np.isin(self.kinds, list(PER_NEIGHBOR))

    @property
    def base(self) -> float:
        """µs per atom of no feature at all."""
        return self.units.us_per_atom({"atom": 1.0, "neighbor": self.neighbors})

    def needed(self, support: Mask) -> Mask:
        """(I,) items that some feature of a support needs."""
        return np.asarray(self.uses[support].sum(axis=0)).reshape(-1) > 0

    def cost(self, support: Mask) -> float:
        """µs per atom of a support (F,)."""
        # Summed exactly, so that no machine has last digits of its own.
        return self.base + math.fsum(self.weights[self.needed(support)])

    def counts(self, support: Mask) -> dict[str, float]:
        """How often each unit cost is paid for, for one atom on average, by name."""
        needed = self.needed(support)
        kinds, amounts = self.kinds[needed], self.amounts[needed]
        counts = {name: float(amounts[kinds == name].sum()) for name in NAMES}
        return counts | {"atom": 1.0, "neighbor": self.neighbors}

    def shares(self, support: Mask) -> dict[str, float]:
        """µs per atom of a support by what they are paid for."""
        return {name: self.units.us_per_atom({name: count}) for name, count in self.counts(support).items()}

    def calibrated(self, supports: Sequence[Mask], times: Sequence[float]) -> "CostModel":
        """The model with unit costs fitted to measured times (µs per atom) of supports; errors count relatively."""
        usual = UnitCosts().values
        counts = np.array([list(self.counts(support).values()) for support in supports])
        rows = 1e-3 * counts * usual / np.array(times)[:, None]
        prior = PRIOR * np.eye(len(usual))  # what the samples do not tell apart stays in its usual proportion
        found = lsq_linear(
            np.vstack([rows, prior]),
            np.concatenate([np.ones(len(times)), np.full(len(usual), PRIOR)]),
            (1.0 / SLACK, SLACK),
        )
        return replace(self, units=UnitCosts(*(float(u) for u in usual * found.x)))


def center_models(basis: _core.Basis, atoms: Atoms, units: UnitCosts) -> list[CostModel]:
    """Costs of the features of each element for one centre of it, in the order of the basis.

    Neighbours are those of the centres of the element in a structure, on average; those of all atoms if it has none.

    Raises
    ------
    ConfigError
        The structure has atoms of elements that are not in the basis.
    """
    kinds, amounts, species, shells, starts, items = basis.requirements()
    names = np.array(kinds, dtype=np.str_)
    by_neighbor = np.isin(names, list(PER_NEIGHBOR))
    distinct, within = np.unique([*shells.reshape(-1), basis.cutoff], return_inverse=True)
    first, last = within[:-1].reshape(-1, 2).T
    pairs = pair_counts(atoms, basis.elements, distinct)
    numbers = [len(atoms) * share for share in element_shares(atoms, basis.elements)]
    uses = csr_matrix((np.ones(len(items)), items, starts), shape=(len(starts) - 1, len(names)))
    models = []
    for own, found in zip(numbers, pairs, strict=True):
        around = found / own if own else pairs.sum(axis=0) / len(atoms)
        paid = amounts * np.where(by_neighbor, around[species, last] - around[species, first], 1.0)
        models.append(CostModel(uses, paid, names, units, float(around[:, -1].sum())))
    return models


def element_shares(atoms: Atoms, elements: Sequence[str]) -> list[float]:
    """Share of each element in the atoms of a structure."""
    symbols = np.array(atoms.get_chemical_symbols())
    return [float((symbols == element).mean()) for element in elements]


def timed_structure(dataset: Dataset) -> Atoms:
    """The largest structure of a data set, repeated: what candidates are timed on."""
    largest = max(dataset, key=lambda frame: frame.n_atoms)
    return enlarged(largest.to_atoms(), TIMED_ATOMS)


def calibrate(basis: Basis, atoms: Atoms, seed: int = 0) -> UnitCosts:
    """Unit costs measured on this machine, by potentials of random parts of a basis."""
    model = CostModel.of(basis, atoms, UnitCosts())
    supports = _samples(model, np.random.default_rng(seed))
    return model.calibrated(supports, [_time(basis, support, atoms) for support in supports]).units


def _samples(model: CostModel, rng: np.random.Generator) -> list[Mask]:
    """Supports to time: all features, and random parts that lack some sums and radial functions."""
    n_features = model.uses.shape[0]
    supports = [np.ones(n_features, dtype=bool)]
    for _ in range(N_SAMPLES - 1):
        kept = rng.random(len(model.kinds)) < rng.uniform(0.3, 1.0)
        kept |= ~model.per_neighbor
        support = np.asarray(model.uses @ ~kept).reshape(-1) == 0
        supports.append(support & (rng.random(n_features) < 10 ** rng.uniform(-1.5, 0.0)))
    return supports


def _time(basis: Basis, support: Mask, atoms: Atoms) -> float:
    """µs per atom of a potential with these features; the size of its coefficients does not matter."""
    reference = dict.fromkeys(basis.elements, 0.0)
    potential = Potential.from_coefficients(basis, np.where(support, 1e-3, 0.0), reference, {})
    return measure(potential, atoms).us_per_atom
