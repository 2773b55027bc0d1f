"""Energies of one model, functional or setting beside forces of another."""

import numpy as np

from mlip_rs.arrays import Array
from mlip_rs.data import Dataset
from mlip_rs.label_check.energies import Energies
from mlip_rs.label_check.findings import Finding, finding, place
from mlip_rs.label_check.posterior import SIGMAS, Comparison, compare
from mlip_rs.label_check.rows import Rows, concerned

GOOD_FORCES: float = 0.95
"""Share of the squared forces explained, above which a small basis describes the structures well."""

LEAST_SCATTER: float = 0.006
"""eV/atom; smaller scatter of the energies around what the forces say may be that of the small basis."""

LEAST_SHARE: float = 0.06
"""The same relative to the spread of the energies; 0.03 at most in sets that are right."""

WORSE: float = 4.5
"""Scatter around what forces and energies say over that of the energies among themselves; 3.5 at most in right sets."""

LESS_LIKELY: float = 10.0
"""Logarithm of the ratio of likelihoods of the energies without the forces and with them; with them is likelier."""

WIDTHS: Array = np.logspace(-2.5, 2.0, 10)
"""Widths of the coefficients tried, when energies are described among themselves."""

LEAST_SIGMA: float = 1e-3
"""eV/atom; no smaller scatter of energies among themselves is believed."""


def check_two_models(dataset: Dataset, rows: Rows, energies: Energies, explained: float) -> list[Finding]:
    """Find energies that follow the forces only roughly, as those of another model or functional do.

    Either their scatter is a large part of their spread, or they follow each other much better than the forces:
    forces that belong to the energies would help to describe them.

    Parameters
    ----------
    explained
        Share of the squared forces that a fit to other forces explains.
    """
    comparison, used = energies.slope.comparison, energies.slope.used
    compared = energies.slope.sure and energies.slope.right
    if not compared or explained < GOOD_FORCES or comparison.sigma < LEAST_SCATTER:
        return []
    columns = energies.columns[used]
    rest = energies.labels[used] - columns @ np.linalg.lstsq(columns, energies.labels[used], rcond=None)[0]
    share = comparison.sigma / max(float(np.std(rest)), 1e-12)
    alone = _among_themselves(rows, energies)
    beside, own = comparison.scatter, alone.scatter
    better_alone = beside > WORSE * own and alone.evidence - comparison.evidence > LESS_LIKELY
    if share < LEAST_SHARE and not better_alone:
        return []
    frames = concerned(dataset, rows, "energy")
    among = f" (among themselves by {1e3 * own:.0f} meV/atom)" if better_alone else ""
    return [
        finding(
            dataset,
            "energy: another model",
            False,
            f"energies of {place(dataset, frames)} scatter by {1e3 * comparison.sigma:.0f} meV/atom around what the "
            f"forces say, {100 * share:.0f} % of their spread{among}, although the forces agree with each other to "
            f"{100 * explained:.1f} %: energies and forces may be of two models, functionals or settings.",
            "take energies and forces from one and the same calculation",
            frames,
            {"scatter": comparison.sigma, "share": share, "alone": own, "explained": explained},
        )
    ]


def _among_themselves(rows: Rows, energies: Energies) -> Comparison:
    """The likeliest description of the energies that knows nothing of the forces."""
    used = energies.slope.used
    labels, columns = energies.labels[used], energies.columns[used]
    vectors, values = np.linalg.svd(rows.energy_design[used], full_matrices=False)[:2]
    sigmas = SIGMAS[SIGMAS >= LEAST_SIGMA]
    found = [compare(labels, columns, vectors, (vectors, width * values), sigmas) for width in WIDTHS]
    return max(found, key=lambda one: one.evidence)
