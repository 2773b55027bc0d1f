"""Choose the angular cutoff by cross-validating small dense fits.

Most of the cost of an evaluation grows with the number of neighbours for which harmonics are evaluated. A shorter
angular cutoff is therefore cheaper, and since the same number of radial functions resolves a shorter range better, the
errors may be smaller, too. This gain shrinks as the number of functions grows: a small basis has to show a clear one.
"""

import os
import tempfile
from dataclasses import replace
from math import ceil, floor
from pathlib import Path

import numpy as np

from mlip_rs._core import __version__
from mlip_rs.basis import Basis
from mlip_rs.basis.sizes import ROWS_PER_FEATURE, default_size, target
from mlip_rs.data import Dataset, nearest_neighbor_distance
from mlip_rs.errors import MlipError
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.problem import build_problem, check_data
from mlip_rs.fitting.resources import check_resources, holding_rows
from mlip_rs.fitting.result_cache import ResultCache
from mlip_rs.fitting.selection import select
from mlip_rs.fitting.settings import RUN_ONLY, FitSettings
from mlip_rs.fitting.weights import PROPERTIES, Weights
from mlip_rs.progress import Progress, Silent

FACTORS: tuple[float, ...] = (0.9, 0.8, 0.7)
"""Angular cutoffs that are tried besides the cutoff, as fractions of it, unless the scores get much worse."""

MUCH_WORSE: float = 1.05
"""Scores beyond this times the lowest end the search."""

CLEARLY_BETTER: float = 0.97
"""Largest ratio of the lowest score to that of the cutoff for which a shorter one is chosen: larger bases gain less."""

AS_GOOD: float = 1.02
"""The shortest angular cutoff whose score is within this factor of the lowest one is chosen then."""

SIZE: str = "medium"
"""Largest basis of the fits that are compared."""

MAX_ROWS: int = 40_000
"""Largest number of labels; of more data, some structures are drawn at random."""

STRUCTURES_PER_FOLD: int = 10
"""Least number of structures that are drawn for each fold."""

FILE: str = "angular-cutoff.json"
"""Cache of the scores in the run directory."""


Scores = dict[float, float]
"""Score of the cross-validation by angular cutoff, Å."""


def suggest_angular_cutoff(
    dataset: Dataset,
    basis: Basis,
    settings: FitSettings,
    *,
    directory: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> float:
    """Angular cutoff (Å) of the best dense fits of a small basis; the cutoff unless a shorter one is clearly better.

    Parameters
    ----------
    dataset
        Training data.
    basis
        With elements, cutoff and shortest distance; its numbers of functions and invariants do not matter.
    settings
        Weights and folds.
    directory
        Scores are stored there, so that an interrupted fit resumes.
    progress
        Receives the advance.

    Returns
    -------
    The cutoff itself if the data are too few, or if the small fits fail.
    """
    cutoff = basis.core.cutoff
    n_labels = dataset.n_labels(settings.weights.of_properties() > 0)
    n_elements = len(basis.elements)
    sizes = (SIZE, default_size(n_labels, n_elements), basis.size or SIZE)
    size = min(sizes, key=lambda own: target(own, n_elements))
    if n_labels < ROWS_PER_FEATURE * target(size, n_elements):
        return cutoff
    progress = progress or Silent()
    part = _part(dataset, n_labels, settings)
    trial = Basis(
        basis.elements,
        cutoff,
        size=size,
        radial=basis.radial,
        r_min=basis.r_min,
        cutoff_function=basis.cutoff_function,
        radial_cutoffs=basis.radial_cutoffs,
        repulsion=basis.repulsion,
    )
    settings = replace(
        settings,
        method="ridge",
        anchor_weight=0.0,
        elastic_weight=0.0,
        weights=_default_precisions(settings.weights),
        scheduler=None,  # a small fit, whose outcome must not depend on whether workers are lost
    )
    relevant = {name: value for name, value in settings.to_dict().items() if name not in RUN_ONLY}
    question = [__version__, part.fingerprint(), trial.to_dict(), relevant]
    cache = ResultCache(None if directory is None else Path(directory) / FILE, question)
    nearest = nearest_neighbor_distance(dataset)
    scores: Scores = {}
    for angular_cutoff in (cutoff, *(floor(100 * factor * cutoff) / 100 for factor in FACTORS)):
        if angular_cutoff < nearest or (scores and scores[min(scores)] > MUCH_WORSE * min(scores.values())):
            break
        score = cache.get(repr(angular_cutoff))
        if not isinstance(score, float):
            progress.note(f"angular cutoff {angular_cutoff:g} Å: cross-validation of a {size} basis")
            try:
                score = _score(part, replace(trial, angular_cutoff=angular_cutoff), settings, progress)
            except MlipError as error:
                progress.note(f"the angular cutoff cannot be chosen and equals the cutoff: {error}")
                return cutoff
            cache.put(repr(angular_cutoff), score)
        scores[angular_cutoff] = score
    chosen = shortest(scores) if scores else cutoff
    progress.note(f"angular cutoff {chosen:g} Å")
    return chosen


def _part(dataset: Dataset, n_labels: int, settings: FitSettings) -> Dataset:
    """Structures drawn at random with about `MAX_ROWS` labels, a few for each fold, and all elements."""
    share = max(MAX_ROWS / n_labels, STRUCTURES_PER_FOLD * settings.n_folds / len(dataset))
    if share >= 1.0:
        return dataset
    order = np.random.default_rng(settings.seed).permutation(len(dataset)).tolist()
    n = ceil(share * len(dataset))
    taken = order[:n]
    missing = set(dataset.elements) - set(dataset.subset(taken).elements)
    for k in order[n:]:
        if missing:
            found = missing & set(dataset.subset([k]).elements)
            taken += [k] if found else []
            missing -= found
    return dataset.subset(sorted(taken))


def _default_precisions(weights: Weights) -> Weights:
    """Default precisions for every weighted property, so that the cutoff does not depend on the user's weights."""
    default = Weights()
    names = [name for name in PROPERTIES if getattr(weights, name) is not None]
    return replace(
        weights, static_scale=default.static_scale, **{name: getattr(default, name) for name in names}
    )


def shortest(scores: Scores) -> float:
    """The shortest angular cutoff that is as good as any, if it is clearly better than the longest."""
    lowest, longest = min(scores.values()), max(scores)
    if lowest > CLEARLY_BETTER * scores[longest]:
        return longest
    return min(angular_cutoff for angular_cutoff, score in scores.items() if score <= AS_GOOD * lowest)


def _score(dataset: Dataset, basis: Basis, settings: FitSettings, progress: Progress) -> float:
    """Score of the dense fit."""
    problem = build_problem(check_data(dataset, basis, settings), settings, persistent=False)
    check_resources(problem, settings, None)
    problem = holding_rows(problem, settings)
    with tempfile.TemporaryDirectory() as place:
        equations = assemble(
            problem,
            Path(place),
            threads=settings.threads or None,
            progress=progress,
            scheduler=settings.scheduler,
        )
        return float(select(problem, equations, settings, progress).scores[-1])
