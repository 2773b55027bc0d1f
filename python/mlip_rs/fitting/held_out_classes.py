"""Classes of structures held out in turn: what the error bars of a fit are worth on data unlike its own.

A class is left out of everything: selection, refits, committee and index are made anew without it, with the same basis
and settings. Errors on it, in units of its error bars, calibrate the bars of the fit to all data.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from sklearn.cluster import AgglomerativeClustering

from mlip_rs import _core
from mlip_rs.arrays import Array, Mask
from mlip_rs.data import Frame, folds
from mlip_rs.data.core_structures import core_structure
from mlip_rs.errors import DataError, FitError
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.committee import residual_noise
from mlip_rs.fitting.committee_fits import CommitteeFits
from mlip_rs.fitting.points import predicted
from mlip_rs.fitting.problem import Problem
from mlip_rs.fitting.result import Point
from mlip_rs.fitting.selection import Selection, selection
from mlip_rs.fitting.settings import FitSettings
from mlip_rs.fitting.structure_clusters import clusters, mean_features
from mlip_rs.fitting.unseen_errors import atoms_of, labelled_rows, sampled
from mlip_rs.progress import Progress, Silent
from mlip_rs.threads import number_of_threads
from mlip_rs.uncertainty.calibration import LEVELS, Calibration, normal_quantile
from mlip_rs.uncertainty.committee import NOISES, Committee

MOST_CLASSES: int = 12
"""More config types are merged, those with the most similar features first."""

LARGEST_SHARE: float = 0.8
"""A class with more of the atoms is not held out: too little would be left."""


@dataclass(frozen=True)
class HeldOut:
    """Predictions for a class by a fit that knows nothing of it.

    Parameters
    ----------
    name
        Of the class.
    n_structures
        In the class.
    n_nonzero
        Coefficients of the potential.
    errors, bars
        (n,) errors and standard errors by property: energy (eV/atom), forces (eV/Å), stress (eV/Å³); properties without
        labels are absent.
    index
        (N,) of the atoms of the structures with forces.
    force_errors, forces
        (N,) lengths of the errors and of the labels of their forces, eV/Å.
    """

    name: str
    n_structures: int
    n_nonzero: int
    errors: dict[str, Array]
    bars: dict[str, Array]
    index: Array
    force_errors: Array
    forces: Array

    def coverage(self, name: str) -> tuple[float, ...]:
        """Part of the labels of a property in the intervals of each of `LEVELS`."""
        ratios = np.abs(self.errors[name]) / self.bars[name]
        return tuple(float((ratios <= normal_quantile(level)).mean().round(4)) for level in LEVELS)


def calibration(
    held_out: Sequence[HeldOut], not_held_out: Mapping[str, str] | None = None
) -> Calibration | None:
    """The factors with which every class is covered, one for each property and level; None without classes.

    They never fall with the level, so that a higher level never has a narrower bar. Classes that are not held out come
    with the reason.
    """
    if not held_out:
        return None
    factors: dict[str, tuple[float, ...]] = {}
    coverage: dict[str, dict[str, tuple[float, ...]]] = {}
    for name in NOISES:
        having = [own for own in held_out if len(own.errors.get(name, ()))]
        if not having:
            continue
        worst = [
            max(float(np.quantile(np.abs(own.errors[name]) / own.bars[name], level)) for own in having)
            for level in LEVELS
        ]
        wide = [max(1.0, q / normal_quantile(level)) for q, level in zip(worst, LEVELS, strict=True)]
        factors[name] = tuple(float(f"{own:.4g}") for own in np.maximum.accumulate(wide))
        coverage[name] = {own.name: own.coverage(name) for own in having}
    return Calibration(tuple(own.name for own in held_out), factors, coverage, not_held_out or {})


def calibrated(
    problem: Problem, settings: FitSettings, points: Sequence[Point], progress: Progress
) -> tuple[Point, ...]:
    """The points with their committees calibrated by the classes of the data.

    Parameters
    ----------
    problem, settings
        Of the fit.
    points
        With committees.
    progress
        Receives the advance, and a notice where nothing can be held out.
    """
    wanted = [k for k, point in enumerate(points) if Committee.of(point.potential) is not None]
    sizes = [points[k].potential.n_nonzero for k in wanted]
    missed: dict[str, str] = {}
    found = list(held_out_classes(problem, settings, sizes, progress, missed=missed))
    if not found:
        progress.note(
            "notice: there are no classes to hold out, so the error bars are not calibrated; data with several "
            "config types, or more structures, have them"
        )
        return tuple(points)
    done = list(points)
    for place, k in enumerate(wanted):
        committee = Committee.required(points[k].potential)
        factors = calibration([of_class[place] for of_class in found], missed)
        potential = committee.with_calibration(factors).attached(points[k].potential)
        done[k] = replace(points[k], potential=potential)
    return tuple(done)


def classes(problem: Problem, threads: int | None = None) -> list[tuple[str, Mask]]:
    """Names and members (S,) of the classes of a data set: its config types, or clusters where it has none.

    Where there are more than `MOST_CLASSES` config types, similar ones are merged.

    Parameters
    ----------
    threads
        As for `Potential.predict`.
    """
    types = np.array([frame.config_type for frame in problem.dataset])
    names = list(dict.fromkeys(types.tolist()))
    if len(names) < 2:
        labels = clusters(mean_features(problem, threads))
        found = [(f"cluster {k + 1}", labels == k) for k in range(int(labels.max()) + 1)]
    elif len(names) <= MOST_CLASSES:
        found = [(name, types == name) for name in names]
    else:
        rows = mean_features(problem, threads)
        means = np.array([rows[types == name].mean(axis=0) for name in names])
        scale = rows.std(axis=0)
        merged = AgglomerativeClustering(MOST_CLASSES).fit_predict(means / np.where(scale > 0.0, scale, 1.0))
        found = []
        for label in dict.fromkeys(merged.tolist()):
            own = [name for name, other in zip(names, merged, strict=True) if other == label]
            name = own[0] if len(own) == 1 else f"{own[0]} and {len(own) - 1} more"
            found.append((name, np.isin(types, own)))
    n_atoms = np.array([frame.n_atoms for frame in problem.dataset])
    return [(name, own) for name, own in found if n_atoms[own].sum() <= LARGEST_SHARE * n_atoms.sum()]


def held_out_classes(
    problem: Problem,
    settings: FitSettings,
    sizes: Sequence[int],
    progress: Progress | None = None,
    chosen: Sequence[tuple[str, Mask]] | None = None,
    missed: dict[str, str] | None = None,
) -> Iterator[list[HeldOut]]:
    """Fit without each class, one after the other.

    A class with the only atoms of an element is not held out: nothing can be known of them without it.

    Parameters
    ----------
    problem
        Of the fit to all data.
    settings
        Of the fit.
    sizes
        Numbers of coefficients of the potentials wanted; of each fit those nearest to them are taken.
    progress
        Receives the advance, and a notice of every class that the rest of the data cannot be fitted without.
    chosen
        Classes; `classes` of the problem by default.
    missed
        Receives the reason of each class that is not held out.

    Yields
    ------
    For each class, one for each of the sizes.
    """
    progress = progress or Silent()
    found = classes(problem, settings.threads or None) if chosen is None else chosen
    for name, own in found:
        only = _only_elements(problem, own)
        try:
            if only:
                raise DataError(f"the data have no {' and no '.join(only)}")
            yield _held_out(problem, settings, name, own, sizes, progress)
        except (DataError, FitError) as error:
            reason = f"without it, {error}"
            progress.note(f"notice: error bars are not calibrated by the class {name!r}: {reason}")
            if missed is not None:
                missed[name] = reason


def without(problem: Problem, own: Mask, settings: FitSettings) -> Problem:
    """The problem without some structures (S,); folds are made anew."""
    dataset = problem.dataset.subset(~own)
    return replace(
        problem,
        dataset=dataset,
        structure_weights=problem.structure_weights[~own],
        folds=folds(dataset, settings.n_folds, settings.seed),
        persistent=False,
    )


def _held_out(
    problem: Problem,
    settings: FitSettings,
    name: str,
    own: Mask,
    sizes: Sequence[int],
    progress: Progress,
) -> list[HeldOut]:
    rest, threads = without(problem, own, settings), settings.threads or None
    with TemporaryDirectory() as place:
        folder = Path(place)
        equations = assemble(rest, folder, threads=threads, progress=progress, scheduler=settings.scheduler)
        with equations.totalled():
            made = selection(rest, equations, settings, progress)
            wanted = [_nearest(made, size) for size in sizes]
            places = sorted(set(wanted))
            fits = CommitteeFits(made, places, progress).fits()
    training = predicted(rest.dataset, rest, fits.own, settings)
    frames = [frame for frame, inside in zip(problem.dataset, own, strict=True) if inside]
    columns = [
        np.concatenate([fits.own[[k]], fits.own[[k]] + fits.deviations(k)]) for k in range(len(places))
    ]
    starts = np.cumsum([0, *(len(part) for part in columns)])
    rows = _rows(problem, frames, np.concatenate(columns), threads)
    known, seen = atoms_of(rest, [rest.dataset[int(k)] for k in sampled(rest)]), atoms_of(rest, frames)
    out = []
    for size in wanted:
        k = places.index(size)
        noise = residual_noise(training.errors(k))
        forms = known.forms((fits.own[k] != 0.0).reshape(len(problem.basis.elements), -1))
        values = [part[:, starts[k] : starts[k + 1]] for part in rows]
        n_nonzero = int(np.count_nonzero(fits.own[k]))
        out.append(_compared(problem, name, frames, values, noise, forms.index(seen), n_nonzero))
    return out


def _only_elements(problem: Problem, own: Mask) -> list[str]:
    """Elements of some structures (S,) that no other structure has."""
    inside, outside = (
        {
            symbol
            for frame, chosen in zip(problem.dataset, own, strict=True)
            if chosen == side
            for symbol in frame.symbols
        }
        for side in (True, False)
    )
    return sorted(inside - outside)


def _nearest(made: Selection, size: int) -> int:
    """The candidate with about as many coefficients."""
    counts = np.count_nonzero(made.candidates.coefficients, axis=1)
    return int(np.argmin(np.abs(np.log(np.maximum(counts, 1)) - np.log(max(size, 1)))))


def _rows(problem: Problem, frames: Sequence[Frame], columns: Array, threads: int | None) -> list[Array]:
    """(1 + 3N + 6, P) predictions for each frame."""
    structures = [core_structure(frame) for frame in frames]
    matrix = np.ascontiguousarray(columns.T)
    return list(_core.predict(problem.basis.core, structures, matrix, number_of_threads(threads)))


def _compared(
    problem: Problem,
    name: str,
    frames: Sequence[Frame],
    rows: Sequence[Array],
    noise: dict[str, float],
    index: Array,
    n_nonzero: int,
) -> HeldOut:
    """Errors and bars of one potential: the first column of the rows is its own, the others those of the members."""
    errors: dict[str, list[Array]] = {}
    bars: dict[str, list[Array]] = {}
    lengths, sizes, kept = [np.empty(0)], [np.empty(0)], [np.empty(0)]
    first = 0
    for frame, values in zip(frames, rows, strict=True):
        for key, (part, label, per) in labelled_rows(problem, frame).items():
            if label is None or key not in noise:
                continue
            spread = (values[part, 1:] - values[part, :1]) / per
            errors.setdefault(key, []).append((values[part, 0] - label) / per)
            bars.setdefault(key, []).append(np.sqrt(noise[key] ** 2 + (spread**2).sum(axis=1)))
        if frame.forces is not None:
            error = values[1:-6, 0].reshape(-1, 3) - frame.forces
            lengths.append(np.linalg.norm(error, axis=1))
            sizes.append(np.linalg.norm(frame.forces, axis=1))
            kept.append(index[first : first + frame.n_atoms])
        first += frame.n_atoms
    return HeldOut(
        name,
        len(frames),
        n_nonzero,
        {key: np.concatenate(own) for key, own in errors.items()},
        {key: np.concatenate(own) for key, own in bars.items()},
        np.concatenate(kept),
        np.concatenate(lengths),
        np.concatenate(sizes),
    )
