"""Forces of single frames, files and config types that do not follow those of the others."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mlip_rs.arrays import Array, Mask
from mlip_rs.data import Dataset
from mlip_rs.label_check.findings import Correction, Finding, finding, place
from mlip_rs.label_check.force_fit import PREDICTABLE, RELATED, SCALED, ForceFit
from mlip_rs.label_check.rows import Rows, concerned
from mlip_rs.label_check.units import FORCE_FACTORS, Factor, nearest_factor, neighbouring
from mlip_rs.text import with_error

SMALL_FORCES: float = 0.05
"""eV/Å; smaller forces of all structures, root mean square, may be noise of the calculation."""

WHOLE_GROUP: float = 0.7
"""Share of the judged structures of a source file and config type that makes it one of the group."""

FEW_ATOMS: int = 4
"""Structures with fewer atoms have too few forces to be judged alone."""

REORDERED: float = 0.35
"""Part of the squared deviation that must be left after the best order, relative to that order against noise."""

SINGLE: float = 0.25
"""Relative distance of the slope of a structure from a factor that it stands for."""

NEIGHBOURING: tuple[tuple[float, ...], ...] = tuple(neighbouring(one.value for one in FORCE_FACTORS))
"""Factors between which a single structure does not decide."""

BASIS_ERROR: float = 0.01
"""Typical relative error of the median slope of structures of one origin, from a small basis."""

ALLOWED: float = 3.0
"""Errors of the median slope up to which it may be a factor; a slope further from all has an error of that size."""

_CURE_UNIT = "convert the forces to eV/Å"
_CURE_SIGN = "multiply the forces by -1, or export forces instead of gradients"
_CURE_ORDER = "write positions and forces from one and the same list of atoms, or drop these frames"


def check_forces(dataset: Dataset, rows: Rows, fit: ForceFit, overall: float) -> list[Finding]:
    """Compare the forces of each structure with the fit to those of the others.

    Parameters
    ----------
    overall
        Factor of the forces of the majority, from energies and stresses; 1 if they are right.
    """
    if fit.explained < PREDICTABLE:
        return _unpredictable(dataset, rows, fit)
    right = _right(fit, overall)
    slope = fit.slope / (np.median(fit.slope[right]) if right.any() else 1.0 / overall)
    classes: dict[int, tuple[float, ...] | None] = {}
    for k in np.flatnonzero(fit.clear):
        named = None
        if fit.correlation[k] ** 2 > SCALED and not 0.4 < slope[k] < 2.5:
            named = nearest_factor(slope[k], FORCE_FACTORS, SINGLE)
        if named is not None:
            classes[int(k)] = next(own for own in NEIGHBOURING if named.value in own)
        elif fit.correlation[k] ** 2 < RELATED and np.sign(fit.slope[k]) * fit.correlation[k] < RELATED**0.5:
            classes[int(k)] = None
    unrelated = [k for k, kind in classes.items() if kind is None]
    return [*_scaled(dataset, rows, fit, slope, classes), *_unrelated(dataset, rows, fit, unrelated)]


def _right(fit: ForceFit, overall: float) -> Mask:
    """(n,) structures with forces without the factor of the majority."""
    judged = fit.clear & (fit.correlation**2 > SCALED)
    return np.asarray(judged & (abs(fit.slope * overall - 1.0) < 0.5))


def some_are_right(fit: ForceFit, overall: float) -> bool:
    """Whether some structures have forces without the factor that those of the majority have."""
    judged = fit.clear & (fit.correlation**2 > SCALED)
    right = _right(fit, overall)
    return bool(right.sum() >= 2 and right.sum() >= 0.05 * judged.sum())


def _scaled(
    dataset: Dataset, rows: Rows, fit: ForceFit, slope: Array, classes: dict[int, tuple[float, ...] | None]
) -> list[Finding]:
    """Group the structures with a named factor; of neighbouring factors all that the slope allows."""
    members: dict[tuple[Factor, ...], list[int]] = defaultdict(list)
    for kind in dict.fromkeys(own for own in classes.values() if own is not None):
        those = np.array([k for k, own in classes.items() if own == kind])
        for group in dict.fromkeys(rows.groups[those]) if len(kind) > 1 else (None,):
            own = those if group is None else those[rows.groups[those] == group]
            members[_told_apart(kind, slope[own])].extend(int(k) for k in own)
    found = []
    for factors, structures in members.items():
        large = [k for k in structures if rows.frames[k].n_atoms >= FEW_ATOMS]
        frames, whole = _spread(dataset, rows, fit, structures)
        if not large and not whole:
            continue
        value, error = _typical(slope[structures])
        where = place(dataset, frames)
        found.append(
            finding(
                dataset,
                "forces: sign" if factors[0].value == -1.0 else "forces: unit",
                True,
                f"forces of {where} look like {' or '.join(one.name for one in factors)}: their slope against the "
                f"forces of all other structures is {with_error(value, error)}"
                f"{'' if len(factors) == 1 else ', and these units cannot be told apart'}.",
                _cure(factors),
                frames,
                {"slope": value, "error": error, "structures": len(structures)},
                Correction("forces", 1.0 / factors[0].value) if len(factors) == 1 else None,
            )
        )
    return found


def _typical(slopes: Array) -> tuple[float, float]:
    """Median and its error, from the scatter."""
    return float(np.median(slopes)), float(np.std(slopes)) / len(slopes) ** 0.5


def _told_apart(values: tuple[float, ...], slopes: Array) -> tuple[Factor, ...]:
    """Of neighbouring factors those that the slopes of the structures of one origin allow, the usual ones first."""
    near = sorted((one for one in FORCE_FACTORS if one.value in values), key=lambda one: one.unusual)
    value, error = _typical(slopes)
    distances = [abs(np.log(value / one.value)) for one in near]
    allowed = max(ALLOWED * np.hypot(BASIS_ERROR, error / abs(value)), 2.0 * min(distances))
    return tuple(one for one, distance in zip(near, distances, strict=True) if distance < allowed)


def _cure(factors: Sequence[Factor]) -> str:
    if len(factors) > 1:
        each = ", ".join(f"from {one.name} by {1 / one.value:.6g}" for one in factors)
        return f"find out which it is, and multiply {each}"
    cure = _CURE_SIGN if factors[0].value == -1.0 else _CURE_UNIT
    return f"{cure} (multiply by {1 / factors[0].value:.6g})"


def _spread(dataset: Dataset, rows: Rows, fit: ForceFit, structures: list[int]) -> tuple[list[int], bool]:
    """Frames of the dataset that are concerned: whole groups where most judged structures are, and single ones."""
    frames: set[int] = set()
    whole = False
    for group in {int(rows.groups[k]) for k in structures}:
        own = [k for k in structures if rows.groups[k] == group]
        judged = int((fit.clear & (rows.groups == group)).sum())
        if len(own) >= WHOLE_GROUP * judged and judged >= 3:
            whole = True
            name = rows.names[group]
            frames |= {k for k, f in enumerate(dataset) if (f.file, f.config_type) == name}
        else:
            frames |= {int(rows.indices[k]) for k in own}
    return sorted(frames), whole


def _unrelated(dataset: Dataset, rows: Rows, fit: ForceFit, unrelated: list[int]) -> list[Finding]:
    """Structures whose forces have nothing to do with their surroundings, in the order given."""
    structures = [k for k in unrelated if rows.frames[k].n_atoms >= FEW_ATOMS]
    ordered = [k for k in structures if reordered(rows, k, fit.predicted(rows, k) * fit.factors[k])]
    others = [k for k in structures if k not in ordered]
    found = []
    if ordered:
        frames, _ = _spread(dataset, rows, fit, ordered)
        found.append(
            finding(
                dataset,
                "forces: order",
                True,
                f"forces of {place(dataset, frames)} are not in the order of the atoms: in the order given they have "
                f"nothing to do with the surroundings of the atoms (correlation "
                f"{float(np.median(fit.correlation[ordered])):.2f}), in another one they fit.",
                _CURE_ORDER,
                frames,
                {"structures": len(ordered), "correlation": float(np.median(fit.correlation[ordered]))},
                Correction("forces", remove=True),
            )
        )
    if len(others) >= 3:
        frames, _ = _spread(dataset, rows, fit, others)
        found.append(
            finding(
                dataset,
                "forces: unrelated",
                False,
                f"forces of {place(dataset, frames)} have nothing to do with the surroundings of the atoms "
                f"(correlation {float(np.median(fit.correlation[others])):.2f} with the prediction from all other "
                f"structures, which explains {100 * fit.explained:.0f} % elsewhere).",
                "check whether these forces belong to these structures, or drop the frames",
                frames,
                {"structures": len(others), "explained": fit.explained},
            )
        )
    return found


def reordered(rows: Rows, k: int, predicted: Array) -> bool:
    """Whether the forces of a structure fit the prediction in some other order of like atoms, better than by chance."""
    forces = rows.forces[k]
    if forces is None:
        return False
    given, expected = forces.reshape(-1, 3), predicted.reshape(-1, 3)
    best = _left(given, _assigned(rows, k, given, expected), expected)
    chance = np.mean(
        [_left(given, _assigned(rows, k, given, -expected), -expected)]
        + [
            _left(given, _assigned(rows, k, given, expected[:, order]), expected[:, order])
            for order in ([1, 2, 0], [2, 0, 1])
        ]
    )
    return bool(best < REORDERED * chance and best < 0.5 * _left(given, np.arange(len(given)), expected))


def _assigned(rows: Rows, k: int, given: Array, expected: Array) -> NDArray[np.intp]:
    """(N,) row of the forces for each atom, by the best assignment among like atoms."""
    numbers = rows.frames[k].numbers
    order = np.zeros(len(numbers), dtype=np.intp)
    for number in np.unique(numbers):
        own = np.flatnonzero(numbers == number)
        atoms, taken = linear_sum_assignment(-(expected[own] @ given[own].T))
        order[own[atoms]] = own[taken]
    return order


def _left(given: Array, order: NDArray[np.intp], expected: Array) -> float:
    """Mean squared deviation of the forces in some order from the prediction."""
    return float(((given[order] - expected) ** 2).mean())


def _unpredictable(dataset: Dataset, rows: Rows, fit: ForceFit) -> list[Finding]:
    """All forces unrelated to the surroundings."""
    squares = [float(f @ f) for f in rows.forces if f is not None]
    size = (sum(squares) / max(1.0, 3.0 * float(rows.n_atoms.sum()))) ** 0.5
    if size < SMALL_FORCES:
        return []
    frames = concerned(dataset, rows, "forces")
    return [
        finding(
            dataset,
            "forces: order",
            True,
            f"forces of {place(dataset, frames)} have nothing to do with the surroundings of the atoms: a fit explains "
            f"{100 * max(fit.explained, 0.0):.0f} % of their squares in structures left out, above 90 % in sets that "
            f"are right; their rows are not in the order of the atoms, or they belong to other structures.",
            _CURE_ORDER,
            frames,
            {"explained": fit.explained, "force_rms": size},
        )
    ]
