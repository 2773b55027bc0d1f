"""How far invariants with angles need to reach: cross-validation of small dense fits says.

Most of the cost of an evaluation grows with the number of neighbours that harmonics are evaluated for. A shorter reach
is therefore cheaper, and since the same number of radial functions resolves it better it may err less, too. The more
functions there are, the less so: what a small basis gains has to be clear.
"""

import os
import tempfile
from dataclasses import replace
from math import ceil, floor
from pathlib import Path

import numpy as np

from mlip_rs._core import __version__
from mlip_rs.basis import Basis
from mlip_rs.basis.sizes import ROWS_PER_FEATURE, SIZES, default_size
from mlip_rs.data import Dataset, nearest_neighbor_distance
from mlip_rs.errors import MlipError
from mlip_rs.fitting.assemble import assemble
from mlip_rs.fitting.problem import build_problem, lay_foundations
from mlip_rs.fitting.resources import check_resources
from mlip_rs.fitting.result_cache import ResultCache
from mlip_rs.fitting.selection import select
from mlip_rs.fitting.settings import RUN_ONLY, FitSettings
from mlip_rs.fitting.weights import Weights
from mlip_rs.progress import Progress, Silent

FACTORS: tuple[float, ...] = (0.9, 0.8, 0.7)
"""Reaches that are tried beside the cutoff, as parts of it, as long as scores do not get much worse."""

MUCH_WORSE: float = 1.1
"""Scores beyond this times the lowest end the search."""

CLEARLY_BETTER: float = 0.97
"""The lowest score is at most this times that of the cutoff, or nothing is shortened: larger bases gain less."""

AS_GOOD: float = 1.02
"""The shortest reach with a score within this times the lowest is taken then."""

SIZE: str = "medium"
"""Largest basis of the fits that are compared."""

MAX_ROWS: int = 40_000
"""Labels that are fitted to; of more data some structures are taken at random."""

STRUCTURES_PER_FOLD: int = 10
"""Structures that are taken at least."""

FILE: str = "angular-cutoff.json"
"""What was found, in the run directory."""


Scores = dict[float, float]
"""Score of the cross-validation by reach, Å."""


def suggest_angular_cutoff(
    dataset: Dataset,
    basis: Basis,
    settings: FitSettings,
    *,
    directory: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> float:
    """Give the reach, Å, at which dense fits of a small basis are best; the cutoff, unless less is clearly better.

    Parameters
    ----------
    dataset
        Training data.
    basis
        With elements, cutoff and shortest distance; how many functions and invariants it has does not matter.
    settings
        Weights and folds.
    directory
        Scores are kept there, so that an interrupted fit need not find them again.
    progress
        Receives the advance.

    Returns
    -------
    The cutoff itself where data are too few to tell, or where the small fits fail.
    """
    cutoff = basis.core.cutoff
    n_labels = dataset.n_labels(settings.weights.of_properties() > 0)
    sizes = {SIZE, default_size(n_labels, len(basis.elements)), basis.size or SIZE}
    size = min(sizes, key=lambda name: SIZES[name])
    if n_labels < ROWS_PER_FEATURE * SIZES[size]:
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
        repulsion=basis.repulsion,
    )
    settings = replace(settings, method="ridge", weights=_usual(settings.weights))
    relevant = {name: value for name, value in settings.to_dict().items() if name not in RUN_ONLY}
    question = [__version__, part.fingerprint(), trial.to_dict(), relevant]
    cache = ResultCache(None if directory is None else Path(directory) / FILE, question)
    nearest = nearest_neighbor_distance(dataset)
    scores: Scores = {}
    for reach in (cutoff, *(floor(100 * factor * cutoff) / 100 for factor in FACTORS)):
        if reach < nearest or (scores and scores[min(scores)] > MUCH_WORSE * min(scores.values())):
            break
        score = cache.get(repr(reach))
        if not isinstance(score, float):
            progress.note(f"invariants with angles up to {reach:g} Å: cross-validation of a {size} basis")
            try:
                score = _score(part, replace(trial, angular_cutoff=reach), settings, progress)
            except MlipError as error:
                progress.note(
                    f"the reach of the angles cannot be chosen, they reach as far as the cutoff: {error}"
                )
                return cutoff
            cache.put(repr(reach), score)
        scores[reach] = score
    chosen = shortest(scores) if scores else cutoff
    progress.note(f"invariants with angles reach {chosen:g} Å")
    return chosen


def _part(dataset: Dataset, n_labels: int, settings: FitSettings) -> Dataset:
    """At most about `MAX_ROWS` labels at random, but a few structures for each fold, and all elements."""
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


def _usual(weights: Weights) -> Weights:
    """The usual precisions of what has a weight: the reach shall not depend on how they are varied."""
    return replace(
        weights,
        **{
            name: getattr(Weights(), name)
            for name in ("energy", "forces", "stress")
            if getattr(weights, name) is not None
        },
    )


def shortest(scores: Scores) -> float:
    """The shortest reach that is as good as any, if that is clearly better than the longest."""
    lowest, longest = min(scores.values()), max(scores)
    if lowest > CLEARLY_BETTER * scores[longest]:
        return longest
    return min(reach for reach, score in scores.items() if score <= AS_GOOD * lowest)


def _score(dataset: Dataset, basis: Basis, settings: FitSettings, progress: Progress) -> float:
    """Score of the dense fit."""
    problem = build_problem(lay_foundations(dataset, basis, settings), settings, kept=False)
    check_resources(problem, settings, None)
    with tempfile.TemporaryDirectory() as place:
        equations = assemble(problem, Path(place), threads=settings.threads or None, progress=progress)
        return float(select(problem, equations, settings, progress).scores[-1])
