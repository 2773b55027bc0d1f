"""The index of anomaly: how far the features of an atom are from those of the training atoms.

With z the standardised features that a potential keeps (S of them, those of the lowest orders) and C their covariance
over the training atoms of an element, the squared Mahalanobis distance per feature `γ² = zᵀ (C + λ)⁻¹ z / S` is
estimated by m linear forms `q = Q L⁻¹ z` with `L Lᵀ = C + λ` and random orthonormal rows Q, so that `γ² ≈ Σ q² / m`
(P. C. Mahalanobis, Proc. Natl. Inst. Sci. India 2, 49 (1936)). The core evaluates the forms with the energy,
and averages γ² over the neighbourhood; the scale is such that 1 is the 99 % quantile of the training atoms.

Neighbours that no training atom of an element has give nothing to the features that a potential keeps. Their pairwise
features are added, which no training atom has: of these the ridge λ alone is the variance. All features are frozen
where the repulsion acts; the core adds a term of the distances there, which no training atom has as a rule.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from scipy.sparse import block_diag, csr_matrix

from mlip_rs import _core
from mlip_rs.arrays import Array, Mask

N_FORMS: int = 8
"""m: linear forms of each element."""

RIDGE: float = 1e-3
"""λ: variance that is added to every standardised feature."""

FLOOR: float = 1e-3
"""Smallest standard deviation of a feature, in its largest value among the training atoms."""

QUANTILE: float = 0.99
"""Part of the training atoms with an index below 1."""

SHELL: float = 2.0
"""Radius of the average, in distances of nearest neighbours: half of the weight of an atom goes to each of them."""

MOST_FEATURES: int = 200
"""Kept features of an element that are looked at, those of the lowest orders: more tell nothing more."""

SEED: int = 17
"""Of the random rows."""

PAIRWISE = re.compile(r"d\[[^\]]*\]")
"""Labels of features that are one pairwise invariant; the core takes forms of them with and without a coefficient."""


@dataclass(frozen=True, eq=False)
class TrainingAtoms:
    """Features of the atoms of some training structures.

    Parameters
    ----------
    elements, labels
        Of the basis; labels of the features of one centre.
    species
        (N,) position of the element of each atom among the elements.
    features
        (N, f) of each atom, those of its element.
    smoothing
        (N, N) weights of the average over the neighbourhood of each atom; rows sum to one.
    shell
        Its radius, Å.
    """

    elements: tuple[str, ...]
    labels: tuple[str, ...]
    species: NDArray[np.int64]
    features: Array
    smoothing: csr_matrix
    shell: float

    @classmethod
    def of(
        cls,
        basis: _core.Basis,
        structures: Sequence[_core.Structure],
        species: Sequence[NDArray[np.int64]],
        nearest: float,
    ) -> "TrainingAtoms":
        """Compute the features.

        Parameters
        ----------
        basis
            Of the core.
        structures
            At least one.
        species
            (N_s,) of each structure.
        nearest
            Distance of nearest neighbours in the data, Å.
        """
        shell = min(SHELL * nearest, basis.cutoff)
        return cls(
            tuple(basis.elements),
            tuple(basis.labels()),
            np.concatenate(list(species)),
            np.concatenate([basis.features(structure) for structure in structures]),
            csr_matrix(block_diag([_smoothing(structure, shell) for structure in structures])),
            shell,
        )

    def forms(self, supports: Mask, known: Mask | None = None) -> "IndexForms":
        """The forms of a potential that keeps some features.

        Parameters
        ----------
        supports
            (E, f) features of each element that it keeps.
        known
            (N,) atoms that count as training atoms; all by default.
        """
        known = np.ones(len(self.species), dtype=bool) if known is None else known
        rng = np.random.default_rng(SEED)
        constant = np.array([label == "1" for label in self.labels])
        pairwise = np.array([PAIRWISE.fullmatch(label) is not None for label in self.labels])
        columns, weights, offsets = [], [], []
        for k, support in enumerate(supports):
            here = np.flatnonzero(known & (self.species == k))
            kept = np.flatnonzero(support & ~constant)[:MOST_FEATURES]
            others = np.flatnonzero(pairwise & ~support)
            unseen = others[~self.features[np.ix_(here, others)].any(axis=0)]
            own = np.union1d(kept, unseen)
            matrix, offset = _element_forms(self.features[np.ix_(here, own)], rng)
            columns.append(own)
            weights.append(matrix)
            offsets.append(offset)
        found = IndexForms(self.elements, self.labels, columns, weights, np.array(offsets), self.shell)
        return found._scaled(self, known)


@dataclass(frozen=True, eq=False)
class IndexForms:
    """Linear forms of the features of each element.

    Parameters
    ----------
    elements, labels
        As of `TrainingAtoms`.
    columns
        Features of each element.
    weights
        (m, S) of each element, per unit of the feature.
    offsets
        (E, m).
    shell
        Å.
    """

    elements: tuple[str, ...]
    labels: tuple[str, ...]
    columns: list[NDArray[np.int64]]
    weights: list[Array]
    offsets: Array
    shell: float

    def index(self, atoms: TrainingAtoms) -> Array:
        """(N,) index of atoms whose features are known; the core gives the same where no atoms repel each other."""
        return np.asarray(np.sqrt(atoms.smoothing @ self._squares(atoms)))

    def to_dict(self) -> dict[str, Any]:
        """As the potential file has it, in seven digits."""
        centers = []
        for k, symbol in enumerate(self.elements):
            rows = zip(self.columns[k].tolist(), self.weights[k].T, strict=True)
            forms = {self.labels[column]: _digits(row) for column, row in rows}
            centers.append({"element": symbol, "offsets": _digits(self.offsets[k]), "forms": forms})
        return {"shell": float(f"{self.shell:.6g}"), "centers": centers}

    def _squares(self, atoms: TrainingAtoms) -> Array:
        """(N,) γ² of each atom."""
        squares = np.zeros(len(atoms.species))
        for k, (own, weights) in enumerate(zip(self.columns, self.weights, strict=True)):
            here = np.flatnonzero(atoms.species == k)
            values = atoms.features[np.ix_(here, own)] @ weights.T - self.offsets[k]
            squares[here] = (values**2).mean(axis=1)
        return squares

    def _scaled(self, atoms: TrainingAtoms, known: Mask) -> "IndexForms":
        """First the quantile of each element is scaled to 1, so that all count alike in averages, then that of all."""
        squares = self._squares(atoms)
        factors = np.ones(len(self.elements))
        for k in range(len(factors)):
            own = known & (atoms.species == k)
            if own.any():
                factors[k] = _inverse(np.sqrt(np.quantile(squares[own], QUANTILE)))
        smooth = np.sqrt(atoms.smoothing @ (squares * factors[atoms.species] ** 2))
        factors *= _inverse(np.quantile(smooth[known], QUANTILE))
        weights = [factor * own for factor, own in zip(factors, self.weights, strict=True)]
        offsets = factors[:, None] * self.offsets
        return IndexForms(self.elements, self.labels, self.columns, weights, offsets, self.shell)


def _element_forms(values: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """(m, S) weights and (m,) offsets for the features (N, S) of the training atoms of one element.

    An element without training atoms is as far away as a feature of size 1 that no training atom has.
    """
    n_atoms, n_features = values.shape
    if not n_atoms or not n_features:
        return np.zeros((N_FORMS, n_features)), np.full(N_FORMS, 0.0 if n_atoms else RIDGE**-0.5)
    mean = values.mean(axis=0)
    scale = np.maximum(values.std(axis=0), FLOOR * np.abs(values).max(axis=0))
    scale[scale == 0.0] = 1.0
    z = (values - mean) / scale
    covariance = z.T @ z / n_atoms
    covariance[np.diag_indices(n_features)] += RIDGE
    factor = cholesky(covariance, lower=True, overwrite_a=True)
    rows = np.zeros((N_FORMS, n_features))
    if n_features <= N_FORMS:
        rows[:n_features] = np.sqrt(N_FORMS / n_features) * np.eye(n_features)
    else:
        rows[:] = np.linalg.qr(rng.standard_normal((n_features, N_FORMS)))[0].T
    weights = solve_triangular(factor, rows.T, lower=True, trans=1).T / scale
    return weights, weights @ mean


def _smoothing(structure: _core.Structure, shell: float) -> csr_matrix:
    """(N, N) weights `(δ_ij + Σ s(r_ij)) / (1 + Σ_j s(r_ij))` with `s(r) = ½ (1 + cos(π r / shell))`."""
    n_atoms = len(structure)
    first, second, _, vectors = _core.neighbor_list(structure, shell, 1)
    weights = 0.5 * (1.0 + np.cos(np.pi * np.linalg.norm(vectors, axis=1) / shell))
    everyone = np.arange(n_atoms)
    rows, columns = np.append(first, everyone), np.append(second, everyone)
    matrix = csr_matrix((np.append(weights, np.ones(n_atoms)), (rows, columns)), shape=(n_atoms, n_atoms))
    sums = np.asarray(matrix.sum(axis=1)).ravel()
    return csr_matrix(matrix.multiply(1.0 / sums[:, None]))


def _digits(values: Array) -> list[float]:
    return [float(f"{value:.7g}") for value in values]


def _inverse(value: float) -> float:
    return 1.0 / value if value > 0.0 else 1.0
