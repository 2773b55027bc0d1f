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
from dataclasses import dataclass, replace
from functools import cached_property
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
        columns, weights, offsets = [], [], []
        for k, support in enumerate(supports):
            here = np.flatnonzero(known & (self.species == k))
            kept, others = self._kept(support), np.flatnonzero(self._pairwise & ~support)
            unseen = others[~self.features[np.ix_(here, others)].any(axis=0)]
            own = np.union1d(kept, unseen)
            matrix, offset = _element_forms(_Moments.of(self.features[np.ix_(here, own)]), rng)
            columns.append(own)
            weights.append(matrix)
            offsets.append(offset)
        found = IndexForms(self.elements, self.labels, columns, weights, np.array(offsets), self.shell)
        return found._times(self._scale_factors(found.squares(self), known))

    def looked_at(self, supports: Mask) -> tuple["TrainingAtoms", Mask]:
        """The same atoms with the features alone that forms of a potential look at, and which of these it keeps.

        Parameters
        ----------
        supports
            (E, f) features of each element that the potential keeps.
        """
        kept = [self._kept(support) for support in supports]
        columns = np.unique(np.concatenate([np.flatnonzero(self._pairwise), *kept]))
        labels = tuple(self.labels[column] for column in columns)
        return replace(self, labels=labels, features=self.features[:, columns]), supports[:, columns]

    def outside_index(self, supports: Mask, groups: NDArray[np.int64]) -> Array:
        """(N,) index of each atom if those of its group did not count as training atoms.

        The forms are those of `forms` with the other groups as `known`; the moments of each group are summed once.

        Parameters
        ----------
        supports
            (E, f) features of each element that the potential keeps.
        groups
            (N,) number of the group of each atom; atoms of one structure are in one group.
        """
        numbers = np.unique(groups)
        elements = [_Element.of(self, k, support, groups) for k, support in enumerate(supports)]
        index = np.empty(len(self.species))
        for number in numbers:
            own, rng = groups == number, np.random.default_rng(SEED)
            squares = np.empty(len(own))
            for element in elements:
                squares[element.atoms] = element.squares_without(int(number), rng)
            factors = self._scale_factors(squares, ~own)
            index[own] = np.sqrt(self.smoothing @ (squares * factors[self.species] ** 2))[own]
        return index

    def _kept(self, support: Mask) -> NDArray[np.int64]:
        """Kept features of an element that are looked at."""
        return np.flatnonzero(support & ~self._constant)[:MOST_FEATURES]

    @cached_property
    def _constant(self) -> Mask:
        return np.array([label == "1" for label in self.labels])

    @cached_property
    def _pairwise(self) -> Mask:
        return np.array([PAIRWISE.fullmatch(label) is not None for label in self.labels])

    def _scale_factors(self, squares: Array, known: Mask) -> Array:
        """(E,) first the quantile of each element becomes 1, so that all count alike in averages, then that of all."""
        factors = np.ones(len(self.elements))
        for k in range(len(factors)):
            own = known & (self.species == k)
            if own.any():
                factors[k] = _inverse(np.sqrt(np.quantile(squares[own], QUANTILE)))
        smooth = np.sqrt(self.smoothing @ (squares * factors[self.species] ** 2))
        return np.asarray(factors * _inverse(np.quantile(smooth[known], QUANTILE)))


@dataclass(frozen=True, eq=False)
class _Element:
    """Atoms (n,) of one element, the features that forms may look at, which of these are kept, moments by group."""

    atoms: NDArray[np.int64]
    values: Array
    kept: Mask
    moments: dict[int, "_Moments"]

    @classmethod
    def of(cls, atoms: TrainingAtoms, k: int, support: Mask, groups: NDArray[np.int64]) -> "_Element":
        here, kept = np.flatnonzero(atoms.species == k), atoms._kept(support)
        columns = np.union1d(kept, np.flatnonzero(atoms._pairwise & ~support))
        values = atoms.features[np.ix_(here, columns)]
        moments = {int(own): _Moments.of(values[groups[here] == own]) for own in np.unique(groups)}
        return cls(here, values, np.isin(columns, kept), moments)

    def squares_without(self, group: int, rng: np.random.Generator) -> Array:
        """(n,) γ² of the atoms by the forms of those of the other groups."""
        known = _Moments.pooled([moments for number, moments in self.moments.items() if number != group])
        own = self.kept | (known.largest == 0.0)
        weights, offset = _element_forms(known.columns(own), rng)
        return np.asarray(((self.values[:, own] @ weights.T - offset) ** 2).mean(axis=1))


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
        return np.asarray(np.sqrt(atoms.smoothing @ self.squares(atoms)))

    def to_dict(self) -> dict[str, Any]:
        """As the potential file has it, in seven digits."""
        centers = []
        for k, symbol in enumerate(self.elements):
            rows = zip(self.columns[k].tolist(), self.weights[k].T, strict=True)
            forms = {self.labels[column]: _digits(row) for column, row in rows}
            centers.append({"element": symbol, "offsets": _digits(self.offsets[k]), "forms": forms})
        return {"shell": float(f"{self.shell:.6g}"), "centers": centers}

    def squares(self, atoms: TrainingAtoms) -> Array:
        """(N,) γ² of each atom."""
        squares = np.zeros(len(atoms.species))
        for k, (own, weights) in enumerate(zip(self.columns, self.weights, strict=True)):
            here = np.flatnonzero(atoms.species == k)
            values = atoms.features[np.ix_(here, own)] @ weights.T - self.offsets[k]
            squares[here] = (values**2).mean(axis=1)
        return squares

    def _times(self, factors: Array) -> "IndexForms":
        """With the forms of each element multiplied (E,)."""
        weights = [factor * own for factor, own in zip(factors, self.weights, strict=True)]
        return replace(self, weights=weights, offsets=factors[:, None] * self.offsets)


@dataclass(frozen=True, eq=False)
class _Moments:
    """Of the features (n, S) of some atoms: number, means, largest absolute values, and covariances (S, S)."""

    count: int
    mean: Array
    largest: Array
    covariance: Array

    @classmethod
    def of(cls, values: Array) -> "_Moments":
        if not len(values):
            nothing = np.zeros(values.shape[1])
            return cls(0, nothing, nothing, np.diag(nothing))
        mean = values.mean(axis=0)
        apart = values - mean
        return cls(len(values), mean, np.abs(values).max(axis=0), apart.T @ apart / len(values))

    @classmethod
    def pooled(cls, parts: Sequence["_Moments"]) -> "_Moments":
        """Of the atoms of all parts; no differences of large numbers (T. F. Chan et al., Am. Stat. 37, 242 (1983))."""
        counts = np.array([part.count for part in parts])
        n_atoms, means = int(counts.sum()), np.array([part.mean for part in parts])
        shares = counts / max(n_atoms, 1)
        mean = shares @ means
        between = np.sqrt(shares)[:, None] * (means - mean)
        within = sum(share * part.covariance for share, part in zip(shares, parts, strict=True))
        largest = np.max([part.largest for part in parts], axis=0)
        return cls(n_atoms, mean, largest, within + between.T @ between)

    def columns(self, own: Mask) -> "_Moments":
        """Of some of the features (S,)."""
        return _Moments(self.count, self.mean[own], self.largest[own], self.covariance[np.ix_(own, own)])


def _element_forms(known: _Moments, rng: np.random.Generator) -> tuple[Array, Array]:
    """(m, S) weights and (m,) offsets by the moments of the features of the training atoms of one element.

    An element without training atoms is as far away as a feature of size 1 that no training atom has.
    """
    n_features = len(known.mean)
    if not known.count or not n_features:
        return np.zeros((N_FORMS, n_features)), np.full(N_FORMS, 0.0 if known.count else RIDGE**-0.5)
    scale = np.maximum(np.sqrt(np.diag(known.covariance)), FLOOR * known.largest)
    scale[scale == 0.0] = 1.0
    covariance = known.covariance / (scale[:, None] * scale)
    covariance[np.diag_indices(n_features)] += RIDGE
    factor = cholesky(covariance, lower=True, overwrite_a=True)
    rows = np.zeros((N_FORMS, n_features))
    if n_features <= N_FORMS:
        rows[:n_features] = np.sqrt(N_FORMS / n_features) * np.eye(n_features)
    else:
        rows[:] = np.linalg.qr(rng.standard_normal((n_features, N_FORMS)))[0].T
    weights = solve_triangular(factor, rows.T, lower=True, trans=1).T / scale
    return weights, weights @ known.mean


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
