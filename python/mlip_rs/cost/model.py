"""What a set of features costs in the compiled evaluator, and what leaving some of them out would save.

The evaluator pays for radial functions, harmonics and sums over neighbours once per neighbour, for the prefixes and
monomials of its merged polynomial once per atom, however many features need them. The cost of a set of features is
therefore a weighted coverage, linear in the unit costs.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.optimize import lsq_linear
from scipy.sparse import block_diag, csr_matrix

from mlip_rs.arrays import Array, Mask
from mlip_rs.basis import Basis
from mlip_rs.cost.timing import measure
from mlip_rs.cost.units import UnitCosts
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

PER_NEIGHBOR: int = 3
"""The first kinds of requirements are paid for each neighbour, the others for each atom."""


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
        (I,) position of the unit cost of each item in `UnitCosts.values`.
    neighbors
        Of an atom, on average.
    units
        Unit costs.
    """

    uses: csr_matrix
    amounts: Array
    kinds: NDArray[np.int64]
    neighbors: float
    units: UnitCosts

    @classmethod
    def of(cls, basis: Basis, atoms: Atoms, units: UnitCosts) -> "CostModel":
        """Requirements of the features of a basis, paid for as often as in a structure.

        Raises
        ------
        ConfigError
            The structure has atoms of elements that are not in the basis.
        """
        core = basis.core
        kinds, amounts, species, reaches, starts, items = core.requirements()
        cutoffs, within = np.unique([*reaches, core.cutoff], return_inverse=True)
        pairs = pair_counts(atoms, basis.elements, cutoffs) / len(atoms)
        symbols = np.array(atoms.get_chemical_symbols())
        uses = csr_matrix((np.ones(len(items)), items, starts), shape=(len(starts) - 1, len(kinds)))
        paid = []
        for element, around in zip(basis.elements, pairs, strict=True):
            share = (symbols == element).mean()
            paid.append(amounts * np.where(kinds < PER_NEIGHBOR, around[species, within[:-1]], share))
        n = len(basis.elements)
        return cls(
            csr_matrix(block_diag([uses] * n)) if n > 1 else uses,
            np.concatenate(paid),
            np.tile(kinds, n) + 2,
            float(pairs[:, :, -1].sum()),
            units,
        )

    @cached_property
    def weights(self) -> Array:
        """(I,) µs per atom that each item costs."""
        return 1e-3 * self.units.values[self.kinds] * self.amounts

    @property
    def per_neighbor(self) -> Mask:
        """(I,) items that are paid for each neighbour."""
        return self.kinds < 2 + PER_NEIGHBOR

    @property
    def base(self) -> float:
        """µs per atom of no feature at all."""
        return float(1e-3 * self.units.values[:2] @ [1.0, self.neighbors])

    def needed(self, support: Mask) -> Mask:
        """(I,) items that some feature of a support needs."""
        return np.asarray(self.uses[support].sum(axis=0)).reshape(-1) > 0

    def cost(self, support: Mask) -> float:
        """µs per atom of a support (F,)."""
        return self.base + float(self.weights[self.needed(support)].sum())

    def counts(self, support: Mask) -> Array:
        """(7,) how often each unit cost is paid for, for one atom on average."""
        needed = self.needed(support)
        by_kind = np.bincount(self.kinds[needed], self.amounts[needed], minlength=7).astype(np.float64)
        by_kind[:2] = 1.0, self.neighbors
        return by_kind

    def shares(self, support: Mask) -> dict[str, float]:
        """µs per atom of a support by what they are paid for."""
        shares = 1e-3 * self.counts(support) * self.units.values
        return {name: float(share) for name, share in zip(asdict(self.units), shares, strict=True)}

    def calibrated(self, supports: Sequence[Mask], times: Sequence[float]) -> "CostModel":
        """The model with unit costs fitted to measured times (µs per atom) of supports; errors count relatively."""
        usual = UnitCosts().values
        rows = (
            1e-3 * np.array([self.counts(support) for support in supports]) * usual / np.array(times)[:, None]
        )
        prior = PRIOR * np.eye(len(usual))  # what the samples do not tell apart stays in its usual proportion
        found = lsq_linear(
            np.vstack([rows, prior]),
            np.concatenate([np.ones(len(times)), np.full(len(usual), PRIOR)]),
            (1.0 / SLACK, SLACK),
        )
        return replace(self, units=UnitCosts(*(float(u) for u in usual * found.x)))


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
    """All features, and random parts: what is left without some sums, functions and degrees, thinned out."""
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
    potential = Potential.from_coefficients(basis.to_dict(), np.where(support, 1e-3, 0.0), reference, {})
    return measure(potential, atoms).us_per_atom
