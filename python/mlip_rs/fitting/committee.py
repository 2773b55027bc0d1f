"""The committee and the index of anomaly of every potential that matters, from what the fit knows anyway.

Three kinds of fits deviate from a potential: those without each fold, for which the selection was repeated to validate
it; the fit to all features; and draws from the posterior of that fit, as wide as the errors on folds left out ask for,
and twice that. The first know what another selection would have done, the second what was dropped, the third what the
data leave open, whatever is selected (`benches/README.md` compares them with other choices on classes of structures
that no fit has seen). Fits without each of a few clusters of structures show how errors grow with the index.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mlip_rs.evaluate.errors import Errors
from mlip_rs.fitting.committee_fits import CommitteeFits
from mlip_rs.fitting.result import Point, Run
from mlip_rs.fitting.selection import Selection
from mlip_rs.fitting.unseen_errors import UnseenErrors, sampled
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress
from mlip_rs.threads import in_order, number_of_threads
from mlip_rs.uncertainty.committee import Committee
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA, MEV_PER_EV


def with_uncertainty(
    chosen: Selection, points: Sequence[Point], progress: Progress, only: Sequence[int] | None = None
) -> tuple[Point, ...]:
    """The points, those on the front and those with a name with their committee and index.

    Parameters
    ----------
    chosen
        Its candidates are the points; within `FoldEquations.totalled`.
    points
        Final otherwise.
    progress
        Receives the advance.
    only
        Positions of points that get them in place of these.
    """
    wanted = sorted(_shown(Run(tuple(points), {})) if only is None else only)
    problem, settings = chosen.folds.problem, chosen.folds.settings
    fitted = CommitteeFits(
        chosen, wanted, progress, _mended([points[k] for k in wanted], settings.anchor_weight)
    )
    fits = fitted.fits()
    noise = [residual_noise(points[k].training) for k in wanted]
    sample = sampled(problem)
    progress.start("error bars: structures", len(sample))
    labels = fitted.labels if fitted.n_clusters else None
    unseen = UnseenErrors.of(problem, sample, labels, fits, noise, settings.threads or None, progress.advance)
    done = list(points)
    progress.start("index of anomaly: potentials", len(wanted))

    def potential(place: int) -> Potential:
        deviations = fits.deviations(place)
        features = np.flatnonzero((deviations != 0.0).any(axis=0))
        forms, curve = unseen.index(place, (fits.own[place] != 0.0).reshape(len(problem.basis.elements), -1))
        committee = Committee(
            features,
            deviations[:, features],
            noise[place],
            fitted.kind(fits, place),
            coverage=unseen.coverage[place],
            force_error=curve,
        )
        return committee.attached(points[wanted[place]].potential.with_index(forms.to_dict()))

    found = in_order(potential, range(len(wanted)), number_of_threads(settings.threads or None))
    for k, own in zip(wanted, found, strict=True):
        done[k] = replace(points[k], potential=own)
        progress.advance()
    return tuple(done)


def _shown(run: Run) -> set[int]:
    return {*run.front, run.best_index, run.knee_index, run.one_standard_error_index}


def residual_noise(training: Errors) -> dict[str, float]:
    """Residuals on the training data, in the units of `Committee`."""
    units = {
        "energy": (training.energy, MEV_PER_EV),
        "forces": (training.forces, 1.0),
        "stress": (training.stress, EV_PER_ANGSTROM3_IN_GPA),
    }
    return {name: own.rmse / unit for name, (own, unit) in units.items() if own is not None}


def _mended(points: Sequence[Point], weight: float) -> dict[int, float]:
    """Places of the points that were refitted with heavier anchor rows, and the factor on these."""
    found = {place: point.potential.info.get("anchor_weight") for place, point in enumerate(points)}
    return {place: float(own) / weight for place, own in found.items() if own is not None}
