"""Errors of the fits of a committee on structures that they have not seen, beside the error bars."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlip_rs import _core
from mlip_rs.arrays import Array, Mask
from mlip_rs.data import Frame, absent_pairs, nearest_neighbor_distance
from mlip_rs.data.core_structures import core_structure
from mlip_rs.fitting.problem import Problem
from mlip_rs.threads import in_order, number_of_threads
from mlip_rs.uncertainty.calibration import LEVELS, normal_quantile
from mlip_rs.uncertainty.committee import NOISES
from mlip_rs.uncertainty.force_error import ForceError
from mlip_rs.uncertainty.index_forms import IndexForms, TrainingAtoms

MOST_ATOMS: int = 4000
"""Training atoms whose features are kept for the index, about."""

MOST_NUMBERS: int = 1 << 25
"""Features of these atoms that are held, at most: there are fewer atoms of a large basis."""

SHIFT: float = 2.0
"""Factor on the draws: errors of classes unlike the data are 0.5 to 3.5 times as large, in units of the spread of the
draws, as those of folds left out (chosen on Al, Mo and Si: benches/README.md, "Error bars and index")."""

VANISHING: float = 1e-3
"""Forces below this, eV/Å, vanish by symmetry as a rule, and say nothing about errors."""

SEED: int = 5
"""Of the choice of these atoms."""


@dataclass(frozen=True)
class Fits:
    """The fits behind the committees of W points.

    Parameters
    ----------
    own
        (W, F) the points.
    without_folds
        (K, W, F) without each fold, the selection repeated.
    without_clusters
        (C, W, F) without each cluster of structures; C may be zero.
    dense
        (F,) the fit to all features.
    draws
        (D, F) from the posterior of all features, of all data.
    draws_of_folds
        (D, F) without each fold.
    factors
        (W,) on the draws, so that they are as wide as the errors on folds left out.
    """

    own: Array
    without_folds: Array
    without_clusters: Array
    dense: Array
    draws: Array
    draws_of_folds: Sequence[Array]
    factors: Array

    def deviations(self, place: int) -> Array:
        """(M, F) deviations of a point whose squares sum to the variance."""
        own, fits = self.own[place], self.without_folds[:, place]
        n = len(fits)
        parts = [np.sqrt((n - 1) / n) * (fits - own)]
        if self.dropped(place):
            parts.append((self.dense - own)[None])
        if self.factors[place] > 0.0:
            parts.append(SHIFT * self.factors[place] * self.draws)
        return np.concatenate(parts)

    def dropped(self, place: int) -> bool:
        """Whether a point is not the fit to all features."""
        return bool((self.dense != self.own[place]).any())

    def unseen(self, fold: int) -> Array:
        """(K W + D, F) deviations that know nothing of a fold.

        Those of the other folds and of the fit to all features, for each point, and the draws without the fold.
        """
        # A fold fewer: the factor of the jackknife becomes 1.
        folds = np.delete(self.without_folds, fold, axis=0) - self.own
        parts = [*folds, self.dense - self.own, self.draws_of_folds[fold]]
        return np.concatenate(parts)

    def variances(self, deviations: Array) -> Array:
        """(n, W) variances of targets by what `unseen` gives for them (n, K W + D)."""
        squares, n_points = deviations**2, len(self.own)
        end = len(self.without_folds) * n_points
        of_fits = squares[:, :end].reshape(len(squares), -1, n_points).sum(axis=1)
        of_draws = squares[:, end:].sum(axis=1)[:, None]
        return np.asarray(of_fits + of_draws * (SHIFT * self.factors) ** 2)


@dataclass(frozen=True)
class UnseenErrors:
    """What is known of a sample of the training structures.

    Parameters
    ----------
    atoms
        Features of their atoms.
    cluster
        (N,) cluster of the structure of each atom; None without clusters.
    of_folds, of_clusters
        (N, W) lengths of the errors of forces, eV/Å, without the fold or the cluster of the atom; NaN without labels.
    coverage
        For each point, part of the labels in intervals of the levels `LEVELS`, by property, without their folds.
    """

    atoms: TrainingAtoms
    cluster: NDArray[np.int64] | None
    of_folds: Array
    of_clusters: Array
    coverage: list[dict[str, tuple[float, ...]]]

    @classmethod
    def of(
        cls,
        problem: Problem,
        sample: NDArray[np.int64],
        labels: NDArray[np.int64] | None,
        fits: Fits,
        noise: Sequence[Mapping[str, float]],
        threads: int | None,
        advance: Callable[[int], None],
    ) -> "UnseenErrors":
        """Evaluate a sample.

        Parameters
        ----------
        sample
            Structures.
        labels
            (S,) cluster of each structure of the data; None without clusters.
        noise
            Of each point, as `Committee` has it.
        threads
            As for `Potential.predict`.
        advance
            Called with the number of structures that are done.
        """
        frames = [problem.dataset[int(k)] for k in sample]
        n_points = len(fits.own)
        inside = _Inside(n_points, noise)
        of_folds: list[Array] = [np.empty((0, n_points))] * len(sample)
        of_clusters: list[Array] = [np.empty((0, n_points))] * len(sample)
        cluster = None if labels is None else labels[sample]
        evaluated = _evaluated(problem, frames, problem.folds[sample], cluster, fits, threads)
        for place, fitted, variances, without_cluster in evaluated:
            inside.add(problem, frames[place], fitted, variances)
            of_folds[place] = _lengths(frames[place], fitted)
            of_clusters[place] = _lengths(frames[place], without_cluster)
            advance(1)
        of_atoms = None
        if cluster is not None:
            of_atoms = np.repeat(cluster, [frame.n_atoms for frame in frames])
        return cls(
            atoms_of(problem, frames),
            of_atoms,
            np.concatenate(of_folds),
            np.concatenate(of_clusters),
            inside.shares(),
        )

    def index(self, place: int, support: Mask) -> tuple[IndexForms, ForceError | None]:
        """Index of one point and curve of errors: of atoms without their fold among all, and without their cluster.

        Parameters
        ----------
        place
            Of the point.
        support
            (E, f) features that it keeps.
        """
        atoms, kept = self.atoms.looked_at(support)
        forms = atoms.forms(kept)
        index, errors = [forms.index(atoms)], [self.of_folds[:, place]]
        if self.cluster is not None and len(np.unique(self.cluster)) > 1:
            index.append(atoms.outside_index(kept, self.cluster))
            errors.append(self.of_clusters[:, place])
        pooled, lengths = np.concatenate(index), np.concatenate(errors)
        known = np.isfinite(lengths)
        return forms, ForceError.fitted(pooled[known], lengths[known])


def _evaluated(
    problem: Problem,
    frames: Sequence[Frame],
    folds: NDArray[np.int64],
    clusters: NDArray[np.int64] | None,
    fits: Fits,
    threads: int | None,
) -> Iterator[tuple[int, Array, Array, Array]]:
    """Place of each structure; (1 + 3N + 6, W) predictions without its fold, their variances, and without its cluster.

    Structures of one fold and cluster need the same coefficients; several such sets are evaluated at once.
    """
    alike: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, fold in enumerate(folds.tolist()):
        alike[fold, 0 if clusters is None else int(clusters[place])].append(place)
    n_threads = number_of_threads(threads)

    def predictions(pair: tuple[int, int]) -> list[Array]:
        fold, cluster = pair
        columns = [fits.without_folds[fold], fits.unseen(fold), np.zeros_like(fits.own[:1])]
        if clusters is not None:
            columns.append(fits.without_clusters[cluster])
        matrix = np.ascontiguousarray(np.concatenate(columns).T)
        structures = [core_structure(frames[place]) for place in alike[pair]]
        return list(_core.predict(problem.basis.core, structures, matrix, n_threads, problem.held_rows))

    n_points = len(fits.own)
    for pair, rows in zip(alike, in_order(predictions, alike, n_threads), strict=True):
        for place, found in zip(alike[pair], rows, strict=True):
            end = found.shape[1] - (0 if clusters is None else n_points)
            # The last of these columns is the repulsion, which predictions have and deviations must not have.
            variances = fits.variances(found[:, n_points : end - 1] - found[:, [end - 1]])
            yield place, found[:, :n_points], variances, found[:, end:]


def atoms_of(problem: Problem, frames: Sequence[Frame]) -> TrainingAtoms:
    """Features of the atoms of some structures, in the basis of a problem and with the shell of its data."""
    numbers = {symbol: k for k, symbol in enumerate(problem.basis.elements)}
    species = [np.array([numbers[symbol] for symbol in frame.symbols]) for frame in frames]
    structures = [core_structure(frame) for frame in frames]
    nearest = nearest_neighbor_distance(problem.dataset)
    return TrainingAtoms.of(problem.basis.core, structures, species, nearest)


def labelled_rows(problem: Problem, frame: Frame) -> dict[str, tuple[slice, Array | None, int]]:
    """Rows of each property in predictions (1 + 3N + 6, P), its labels (n,), and what both are divided by."""
    energy = None if frame.energy is None else np.array([frame.energy - problem.reference.of(frame)])
    return {
        "energy": (slice(0, 1), energy, frame.n_atoms),
        "forces": (slice(1, -6), None if frame.forces is None else frame.forces.ravel(), 1),
        "stress": (slice(-6, None), frame.stress, 1),
    }


def sampled(problem: Problem) -> NDArray[np.int64]:
    """Some structures of a problem, with `MOST_ATOMS` atoms or a few more, and all pairs of elements that occur."""
    dataset, basis = problem.dataset, problem.basis
    order = np.random.default_rng(SEED).permutation(len(dataset))
    sizes = np.array([dataset[int(k)].n_atoms for k in order])
    most = min(MOST_ATOMS, MOST_NUMBERS // basis.core.features_per_center)
    n = int(np.searchsorted(np.cumsum(sizes), most)) + 1
    chosen, cutoff = order[:n], basis.core.cutoff
    known = absent_pairs(dataset, basis.elements, cutoff)
    for k in order[n:]:
        rare = set(absent_pairs(dataset.subset(chosen), basis.elements, cutoff)).difference(known)
        if not rare:
            break
        if rare.difference(absent_pairs(dataset.subset([k]), basis.elements, cutoff)):
            chosen = np.append(chosen, k)
    return np.sort(chosen)


class _Inside:
    """Counts of labels inside the intervals of each point and level."""

    def __init__(self, n_points: int, noise: Sequence[Mapping[str, float]]) -> None:
        self.noise = noise
        self.quantiles = np.array([normal_quantile(level) for level in LEVELS])
        self.counts = {name: np.zeros((n_points, len(LEVELS))) for name in NOISES}
        self.totals = dict.fromkeys(self.counts, 0)

    def add(self, problem: Problem, frame: Frame, fitted: Array, variances: Array) -> None:
        """Count a structure.

        Parameters
        ----------
        fitted
            (1 + 3N + 6, W) predictions without its fold.
        variances
            (1 + 3N + 6, W) of the points, by fits without the fold.
        """
        for name, (rows, label, per) in labelled_rows(problem, frame).items():
            noise = np.array([own.get(name, np.nan) for own in self.noise])
            if label is None or not np.isfinite(noise).all():
                continue
            error = np.abs(fitted[rows] - label[:, None]) / per
            bars = np.sqrt(variances[rows] / per**2 + noise**2)
            within = error[:, :, None] <= bars[:, :, None] * self.quantiles
            self.counts[name] += within.sum(axis=0)
            self.totals[name] += len(error)

    def shares(self) -> list[dict[str, tuple[float, ...]]]:
        """Of each point, parts of the labels at each level, by property."""
        return [
            {
                name: tuple((counts[place] / self.totals[name]).round(4).tolist())
                for name, counts in self.counts.items()
                if self.totals[name]
            }
            for place in range(len(self.noise))
        ]


def _lengths(frame: Frame, values: Array) -> Array:
    """(N, P) lengths of the errors of forces, NaN without labels or where the force vanishes, as by symmetry."""
    forces = np.full((frame.n_atoms, 3), np.nan) if frame.forces is None else frame.forces
    forces = np.where(np.linalg.norm(forces, axis=1, keepdims=True) > VANISHING, forces, np.nan)
    error = values[1:-6].reshape(frame.n_atoms, 3, -1) - forces[:, :, None]
    return np.asarray(np.sqrt((error**2).sum(axis=1)))
