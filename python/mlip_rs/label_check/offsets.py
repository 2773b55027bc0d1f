"""Constants on the energies of some of the frames: groups, families of residuals, one constant per structure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.label_check.posterior import Comparison, compare
from mlip_rs.label_check.rows import Rows

GAIN: float = 25.0
"""Logarithm of the ratio of likelihoods that a constant must bring: beyond what trying many of them gives by chance."""

EXACT: tuple[float, float] = (20.0, 12.0)
"""A constant over its error and over the scatter from which a little less gain is enough."""

DISTINCT: float = 3.0
"""A constant of a group over the scatter of the energies around their expectation."""

SEPARATE: float = 8.0
"""The same for two families told apart by their residuals: a split of normal scatter reaches 3."""

LEAST_FAMILY: tuple[float, float] = (0.5, 2.0)
"""eV per atom and eV per structure; smaller constants of families without a name may be physics."""

LEAST_FRAMES: int = 3
"""A constant of fewer frames is a matter of single frames."""

MAX_CONSTANTS: int = 4

REFINED: int = 3
"""Families whose frames are moved to the other one where they fit better."""

REFINEMENTS: int = 6


@dataclass(frozen=True, eq=False)
class Candidate:
    """A constant that some frames may carry.

    Parameters
    ----------
    kind
        "file", "config_type", "charge", "family" (told apart by residuals) or "structure" (each, whatever its size).
    name
        For messages.
    members
        (n,) frames that carry it.
    column
        (n,) its share of the energy per atom: 1 or 1/N for members, 0 for others.
    """

    kind: str
    name: str
    members: Mask
    column: Array


@dataclass(frozen=True, eq=False)
class Offset:
    """A constant found.

    Parameters
    ----------
    candidate
        Which frames carry it.
    value, error
        eV per atom, or per structure for a column of 1/N.
    scatter
        Of the energies around their expectation with the constant, eV/atom.
    """

    candidate: Candidate
    value: float
    error: float
    scatter: float


def find_offsets(
    rows: Rows, labels: Array, table: Array, doubt: Array, used: Mask, known: Sequence[Candidate]
) -> list[Offset]:
    """Add constants one by one as long as each explains much more than chance.

    Parameters
    ----------
    labels
        (n,) energies per atom, eV.
    table
        (n, B) columns that are always there: expectation and constants of the elements.
    doubt
        (n, F) of the expectation.
    used
        (n,) frames to look at.
    known
        Candidates besides the families that residuals suggest.
    """
    chosen: list[Candidate] = []
    current = compare(labels[used], table[used], doubt[used])
    while len(chosen) < MAX_CONSTANTS:
        options = [*known, *_families(rows, labels, table, doubt, current, used)]
        options = [o for o in options if _splits(o, used) and o not in chosen]
        ranked = sorted(options, key=lambda o: -_significance(current, o.column[used]))[:6]
        families = [o for o in ranked if o.kind == "family"][:REFINED]
        ranked += [_refined(rows, labels, table, doubt, used, chosen, o) for o in families]
        ranked = [o for o in ranked if _splits(o, used)]
        trials = [(_with(labels, table, doubt, used, [*chosen, o]), o) for o in ranked]
        accepted = [
            (result.evidence, order, result, o)
            for order, (result, o) in enumerate(trials)
            if _worth(current, result, o, used)
        ]
        if not accepted:
            break
        # A name is worth more than a little likelihood: files before config types before families.
        top = max(entry[0] for entry in accepted)
        near = [entry for entry in accepted if entry[0] > top - 0.2 * (top - current.evidence)]
        rank = {"file": 0, "charge": 1, "config_type": 2, "structure": 3, "family": 4}
        _, _, current, best = min(near, key=lambda entry: (rank[entry[3].kind], -entry[0]))
        chosen.append(best)
    first = table.shape[1]
    scatter = current.scatter
    return [
        Offset(c, float(current.coefficients[first + i]), float(current.errors[first + i]), scatter)
        for i, c in enumerate(chosen)
    ]


def groups(rows: Rows) -> list[Candidate]:
    """Candidates that names in the data suggest."""
    keys = np.array(rows.names, dtype=object)[rows.groups]
    found = []
    for column, kind in ((0, "file"), (1, "config_type")):
        for name in dict.fromkeys(keys[:, column]):
            members = keys[:, column] == name
            found.append(Candidate(kind, str(name), members, members.astype(float)))
    if len({n[0] for n in rows.names}) > 1:
        for index, (file, kind_name) in enumerate(rows.names):
            members = rows.groups == index
            found.append(Candidate("config_type", f"{kind_name} of {file}", members, members.astype(float)))
    charges = np.array([np.nan if frame.charge is None else frame.charge for frame in rows.frames])
    for charge in np.unique(charges[np.isfinite(charges)]):
        members = charges == charge
        found.append(Candidate("charge", f"{charge:g}", members, members / rows.n_atoms))
    everything = np.ones(rows.n, dtype=bool)
    if np.ptp(1.0 / rows.n_atoms) > 0.01 / rows.n_atoms.min():
        found.append(Candidate("structure", "", everything, 1.0 / rows.n_atoms))
    return found


def _families(
    rows: Rows, labels: Array, table: Array, doubt: Array, current: Comparison, used: Mask
) -> list[Candidate]:
    """Two families of frames, told apart by their labels or residuals: at a wide gap, or about two means."""
    constants = table[used, 1:]
    plain = labels[used] - constants @ np.linalg.lstsq(constants, labels[used], rcond=None)[0]
    unscaled = compare(labels[used] - table[used, 0], constants, doubt[used]).residuals  # if the slope is 1
    sizes = rows.n_atoms[used]
    found: dict[tuple[bytes, bool], Candidate] = {}
    for values, per_structure in (
        (plain, False),
        (labels[used], False),
        (current.residuals, False),
        (current.residuals * sizes, True),
        (unscaled * sizes, True),
        (unscaled, False),
    ):
        for inside in _splits_of(values):
            members = np.zeros(rows.n, dtype=bool)
            members[np.flatnonzero(used)[inside]] = True
            column = members / rows.n_atoms if per_structure else members.astype(float)
            found[members.tobytes(), per_structure] = Candidate("family", "", members, column)
    return list(found.values())


def _splits_of(values: Array) -> list[Mask]:
    """Smaller families (n,) above or below the widest gaps, and beyond the middle of two means."""
    ordered = np.sort(values)
    gaps = np.diff(ordered)
    edge = max(LEAST_FRAMES, int(0.03 * len(values)))
    gaps[: edge - 1] = gaps[len(gaps) - edge + 1 :] = 0.0
    limits = [float(ordered[position]) for position in np.argsort(-gaps)[:2]]
    middle = float(ordered.mean())
    for _ in range(10):
        above = ordered > middle
        if above.all() or not above.any():
            break
        middle = 0.5 * float(ordered[above].mean() + ordered[~above].mean())
    masks = [values > limit for limit in (*limits, middle)]
    return [~mask if 2 * mask.sum() > len(mask) else mask for mask in masks]


def _refined(
    rows: Rows,
    labels: Array,
    table: Array,
    doubt: Array,
    used: Mask,
    chosen: Sequence[Candidate],
    family: Candidate,
) -> Candidate:
    """Move frames between the two families as long as their energies are nearer to the other one."""
    per_structure = bool(family.column.max() < 1.0)
    whole = 1.0 / rows.n_atoms if per_structure else np.ones(rows.n)
    for _ in range(REFINEMENTS):
        result = _with(labels, table, doubt, used, [*chosen, family])
        inside, step = family.members[used], float(result.coefficients[-1]) * whole[used]
        moved = abs(result.residuals + np.where(inside, step, -step)) < abs(result.residuals)
        if not moved.any():
            break
        members = np.zeros(rows.n, dtype=bool)
        members[np.flatnonzero(used)[inside ^ moved]] = True
        if 2 * members.sum() > used.sum():
            members = used & ~members
        family = Candidate("family", "", members, members * whole)
        if not _splits(family, used):
            break
    return family


def _with(
    labels: Array, table: Array, doubt: Array, used: Mask, candidates: Sequence[Candidate]
) -> Comparison:
    columns = np.column_stack([table, *(c.column for c in candidates)])
    return compare(labels[used], columns[used], doubt[used])


def _significance(current: Comparison, column: Array) -> float:
    value, error = current.added(column)
    return abs(value) / error


def _splits(candidate: Candidate, used: Mask) -> bool:
    """Whether the candidate can be told from a constant of all."""
    inside = int((candidate.members & used).sum())
    return candidate.kind == "structure" or LEAST_FRAMES <= inside <= int(used.sum()) - LEAST_FRAMES


def _worth(before: Comparison, after: Comparison, candidate: Candidate, used: Mask) -> bool:
    size = abs(float(after.coefficients[-1])) * float(candidate.column[used].max())
    ratio = size / max(after.scatter, 1e-12)
    least = DISTINCT
    if candidate.kind == "family":
        least = SEPARATE
        amount = abs(float(after.coefficients[-1]))
        wide = SEPARATE / 2 * float(np.std(after.residuals))
        if amount < LEAST_FAMILY[int(candidate.column.max() < 1.0)] or size < wide:
            return False
    certainty = abs(float(after.coefficients[-1])) / max(float(after.errors[-1]), 1e-300)
    gain = GAIN if certainty < EXACT[0] or ratio < EXACT[1] else 0.7 * GAIN
    return bool(after.evidence - before.evidence > gain and ratio > least and certainty > 6.0)
