"""Which energies of the sample, left open, make all other labels much more likely."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mlip_rs.arrays import Array
from mlip_rs.label_check.energies import Energies
from mlip_rs.label_check.posterior import Comparison, Posterior, compare
from mlip_rs.label_check.regression import energy_expectation, regress
from mlip_rs.label_check.rows import Rows

LEAST_ENERGY: float = 1.8
"""eV of the whole structure; less may be a matter of k-points or of the small basis."""

SURE_DEVIATIONS: float = 5.0
"""Standard errors of the deviation."""

SUSPECTS: int = 4
"""Frames tried at a time."""

LEAST_GAIN: float = 6.5
"""Logarithm of the ratio of likelihoods from which an energy is suspect; up to 5 in sets that are right."""

CLEAR_GAIN: float = 15.0
"""The same from which there is no doubt that some energy is off."""

UNIQUE: float = 0.7
"""Gain of the second most suspect frame, relative, below which it is the first that is off."""

CLOSE: tuple[float, float] = (0.8, 1.25)
"""Slopes of the other energies with which less than clear deviations are believed; else the small basis is wrong."""

LEAST_FORCE: float = 1e-3
"""eV/Å; smaller forces are alike."""

AS_HOT: int = 12
"""Frames with forces nearest in size to those of a frame: the larger they are, the less a small basis can say."""

BEYOND_AS_HOT: float = 8.0
"""Robust standard deviations of the energies of these, each left open in turn, that a clear deviation exceeds."""

FAR: float = 3.0
"""Robust standard deviations of the energies of these frames: of a larger deviation they tell whether it is one."""

MAX_SHARE: float = 0.12
"""More frames than that are not single."""

MOST_SINGLE: int = 12

LOOK_AHEAD: int = 3
"""Frames left open on trial though the first of them alone gain little: several wrong energies hide each other."""


@dataclass(frozen=True)
class Single:
    """An energy of the sample that is off.

    Parameters
    ----------
    row
        Index in the sample.
    per_atom
        Deviation from what forces, stresses and the other energies say, eV/atom.
    clear
        Whether there is much evidence, and no other frame could be the one that is off.
    """

    row: int
    per_atom: float
    clear: bool


def without_single_energies(rows: Rows, fit: Posterior, energies: Energies) -> tuple[Energies, list[Single]]:
    """Find frames whose energies are off, and leave them out of the comparison of the others.

    Where they explain the energies better than the constants that were found, there are no constants.
    """
    slope = energies.slope
    if energies.per_atom or (slope.sure and not slope.right):
        return energies, []  # what is off by a factor is looked at again when it is corrected
    used = np.flatnonzero(np.isfinite(energies.labels))
    mean, doubt = energy_expectation(rows, fit)
    decomposed = np.linalg.svd(doubt[used], full_matrices=False)[:2]
    start = energies
    trial = _Trial((energies.labels - mean)[used], energies.columns[used], doubt[used], decomposed)
    singles, worth = _find(trial, used, rows)
    if energies.offsets:
        constants = rows.compositions
        plain = replace(trial, columns=constants[used])
        others, worth_of_others = _find(plain, used, rows)
        if others and worth_of_others > worth - LEAST_GAIN * len(energies.offsets):
            start, singles = replace(energies, offsets=(), columns=constants), others
    if not singles:
        return energies, []
    left = np.isfinite(energies.labels)
    left[[single.row for single in singles]] = False
    again = regress(start.labels, mean, start.columns, doubt, left)
    if again.sure and CLOSE[0] < again.factor < CLOSE[1]:
        return replace(start, slope=again), singles
    return energies, [single for single in singles if single.clear and slope.sure]


def _find(trial: "_Trial", used: NDArray[np.intp], rows: Rows) -> tuple[list[Single], float]:
    """Frames whose energies, left open, make all others much more likely, and the evidence over their number.

    Several wrong energies hide each other: some are left open on trial even if the first of them gains little, and each
    is judged with the others left open.
    """
    chosen = _left_open(trial, max(1, min(MOST_SINGLE, int(MAX_SHARE * len(used)))))
    energies = rows.energies[used]
    levels = energies - trial.columns @ np.linalg.lstsq(trial.columns, energies, rcond=None)[0]
    while chosen:
        final = trial.compared(chosen)
        first = trial.columns.shape[1]
        shifts, errors = final.coefficients[first:], final.errors[first:]
        found, worst = [], (np.inf, -1)
        for position, k in enumerate(chosen):
            others = [j for j in chosen if j != k]
            without = trial.compared(others)
            gain = final.evidence - without.evidence
            shift = float(shifts[position])
            sure = abs(shift) > SURE_DEVIATIONS * float(errors[position])
            enough = sure and abs(shift) * rows.n_atoms[used[k]] > LEAST_ENERGY
            worst = min(worst, (gain if enough else -np.inf, k))
            alone = trial.gain_of_another(others, k, without) < UNIQUE * gain
            found.append(Single(int(used[k]), shift, gain > CLEAR_GAIN and alone))
        if worst[0] > LEAST_GAIN:
            for position, (k, single) in enumerate(zip(chosen, found, strict=True)):
                as_hot = _as_hot(rows, used, chosen, k)
                apart = abs(single.per_atom) > BEYOND_AS_HOT * trial.scatter_of(chosen, as_hot)
                odd = _odd(levels[as_hot], float(levels[k]), single.per_atom)
                found[position] = replace(single, clear=single.clear and apart and odd)
            return found, final.evidence - LEAST_GAIN * len(chosen)
        chosen = [k for k in chosen if k != worst[1]]
    return [], trial.compared([]).evidence


@dataclass(frozen=True, eq=False)
class _Trial:
    """Energies against their expectation, some of them left open."""

    labels: Array
    columns: Array
    doubt: Array
    decomposed: tuple[Array, Array]

    def compared(self, left_open: Sequence[int]) -> Comparison:
        table = np.column_stack([self.columns, np.eye(len(self.labels))[:, list(left_open)]])
        return compare(self.labels, table, self.doubt, self.decomposed)

    def suspects(self, left_open: Sequence[int], current: Comparison) -> list[int]:
        """Frames with the largest deviations among the others."""
        ranked = [int(k) for k in np.argsort(-abs(current.z)) if int(k) not in left_open]
        return ranked[:SUSPECTS]

    def gain_of_another(self, others: Sequence[int], k: int, without: Comparison) -> float:
        """Gain of the best frame to leave open instead of k."""
        suspects = [j for j in self.suspects(others, without) if j != k]
        return (
            max((self.compared([*others, j]).evidence for j in suspects), default=-np.inf) - without.evidence
        )

    def scatter_of(self, left_open: Sequence[int], frames: Sequence[int]) -> float:
        """Robust standard deviation, eV/atom, of the energies of some frames, left open in turn beside others."""
        shifts = [abs(float(self.compared([*left_open, k]).coefficients[-1])) for k in frames]
        return 1.4826 * float(np.median(shifts)) if shifts else 0.0


def _odd(levels: Array, level: float, shift: float) -> bool:
    """Whether an energy lies farther from those of frames like it than it would without a deviation that is large."""
    usual = float(np.median(levels)) if len(levels) else 0.0
    spread = 1.4826 * float(np.median(abs(levels - usual))) if len(levels) else np.inf
    return abs(shift) < FAR * spread or abs(level - usual) > abs(level - shift - usual)


def _as_hot(rows: Rows, used: NDArray[np.intp], apart: Sequence[int], k: int) -> list[int]:
    """Frames whose forces are nearest in size to those of k."""
    forces = [rows.forces[row] for row in used]
    sizes = np.array([np.nan if own is None else np.sqrt(np.mean(own**2)) for own in forces])
    distances = abs(np.log(np.maximum(sizes, LEAST_FORCE) / max(sizes[k], LEAST_FORCE)))
    ranked = np.argsort(np.where(np.isfinite(distances), distances, np.inf), kind="stable")
    return [int(j) for j in ranked if np.isfinite(distances[j]) and j not in apart][:AS_HOT]


def _left_open(trial: _Trial, most: int) -> list[int]:
    """Frames left open one after the other, as many as gain most for their number."""
    chosen: list[int] = []
    current = trial.compared(chosen)
    best, best_number = current.evidence, 0
    while len(chosen) < most and len(chosen) < best_number + LOOK_AHEAD:
        trials = [(trial.compared([*chosen, k]), k) for k in trial.suspects(chosen, current)]
        if not trials:
            break
        current, k = max(trials, key=lambda one: one[0].evidence)
        chosen.append(k)
        if current.evidence - LEAST_GAIN * len(chosen) > best:
            best, best_number = current.evidence - LEAST_GAIN * len(chosen), len(chosen)
    return chosen[:best_number]
