"""Constants on the energies of some of the frames: groups, families of residuals, one constant per structure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.fitting.label_posterior import Comparison, compare
from mlip_rs.fitting.label_rows import Rows

GAIN: float = 25.0
"""Logarithm of the ratio of likelihoods that a constant must bring: beyond what trying many of them gives by chance."""

DISTINCT: float = 3.0
"""A constant of a group over the scatter of the energies around their expectation."""

SEPARATE: float = 8.0
"""The same for two families told apart by their residuals: a split of normal scatter reaches 3."""

LEAST_FAMILY: tuple[float, float] = (0.5, 2.0)
"""eV per atom and eV per structure; smaller constants of families without a name may be physics."""

LEAST_FRAMES: int = 3
"""A constant of fewer frames is a matter of single frames."""

MAX_CONSTANTS: int = 4


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
        options = [*known, *_families(rows, labels, table, current, used)]
        options = [o for o in options if _splits(o, used) and o not in chosen]
        ranked = sorted(options, key=lambda o: -_significance(current, o.column[used]))[:6]
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
    scatter = _scatter(current)
    return [
        Offset(c, float(current.coefficients[first + i]), float(current.errors[first + i]), scatter)
        for i, c in enumerate(chosen)
    ]


def groups(rows: Rows, charges: Sequence[float | None] | None) -> list[Candidate]:
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
    if charges is not None:
        own = np.array([np.nan if charges[k] is None else charges[k] for k in rows.indices], dtype=float)
        for charge in np.unique(own[np.isfinite(own)]):
            members = own == charge
            found.append(Candidate("charge", f"{charge:g}", members, members / rows.n_atoms))
    everything = np.ones(rows.n, dtype=bool)
    if np.ptp(1.0 / rows.n_atoms) > 0.01 / rows.n_atoms.min():
        found.append(Candidate("structure", "", everything, 1.0 / rows.n_atoms))
    return found


def _families(rows: Rows, labels: Array, table: Array, current: Comparison, used: Mask) -> list[Candidate]:
    """Two families of frames with a wide gap between their labels or residuals."""
    found = []
    plain = labels[used] - table[used, 1:] @ np.linalg.lstsq(table[used, 1:], labels[used], rcond=None)[0]
    sizes = rows.n_atoms[used]
    for values, per_structure in (
        (plain, False),
        (labels[used], False),
        (current.residuals, False),
        (current.residuals * sizes, True),
        (current.residuals * sizes, False),
    ):
        ordered = np.sort(values)
        gaps = np.diff(ordered)
        edge = max(LEAST_FRAMES, int(0.03 * len(values)))
        gaps[: edge - 1] = gaps[len(gaps) - edge + 1 :] = 0.0
        for position in np.argsort(-gaps)[:2]:
            inside = values > ordered[position]
            if inside.sum() * 2 > len(inside):
                inside = ~inside
            members = np.zeros(rows.n, dtype=bool)
            members[np.flatnonzero(used)[inside]] = True
            column = members / rows.n_atoms if per_structure else members.astype(float)
            found.append(Candidate("family", "", members, column))
    return found


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
    ratio = size / max(_scatter(after), 1e-12)
    least = DISTINCT
    if candidate.kind == "family":
        least = SEPARATE
        amount = abs(float(after.coefficients[-1]))
        wide = SEPARATE / 2 * float(np.std(after.residuals))
        if amount < LEAST_FAMILY[int(candidate.column.max() < 1.0)] or size < wide:
            return False
    sure = abs(after.coefficients[-1]) > 6.0 * after.errors[-1]
    return bool(after.evidence - before.evidence > GAIN and ratio > least and sure)


def _scatter(result: Comparison) -> float:
    return float(1.4826 * np.median(abs(result.residuals)))
