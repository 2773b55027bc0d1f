"""Training and validation parts that do not share neighbouring snapshots, groups or duplicates.

Frames are first collected in units that stay together: explicit groups, exact duplicates, and otherwise short runs of
consecutive frames of one config type and file, since snapshots of one trajectory resemble each other (block
cross-validation). Then the units of each config type are distributed.
"""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlip_rs.data.dataset import Dataset
from mlip_rs.data.duplicates import duplicate_labels
from mlip_rs.errors import DataError
from mlip_rs.text import counted

LONGEST_RUN: int = 8
"""Largest number of consecutive frames that stay together."""


@dataclass(frozen=True)
class _Unit:
    """Frames that stay together: their indices, the config type of the first, the number of atoms."""

    frames: tuple[int, ...]
    config_type: str
    n_atoms: int


def folds(dataset: Dataset, k: int, seed: int = 0) -> NDArray[np.int64]:
    """Assign each frame to one of k cross-validation folds.

    Parameters
    ----------
    dataset
        Frames in file order.
    k
        Number of folds, at least 2.
    seed
        Seed of the choice among equivalent assignments; the same seed gives the same folds.

    Returns
    -------
    (n,) fold of each frame, 0 … k − 1; no fold is empty. Within each config type, and in total, folds have
    about the same number of atoms.

    Raises
    ------
    DataError
        Fewer independent units of frames than folds.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> dataset = read_dataset(DATA_PATH, index="::8")
    >>> np.bincount(folds(dataset, 3)).tolist()  # structures of each fold
    [13, 14, 13]
    """
    if k < 2:
        raise DataError(f"cross-validation needs at least 2 folds, not {k}")
    units = _units(dataset, k)
    _require_units(dataset, units, k, f"{counted(k, 'fold')}")
    rng = np.random.default_rng(seed)
    assigned = np.empty(len(dataset), dtype=np.int64)
    total = np.zeros(k)
    for members in _by_config_type(units):
        order = rng.permutation(len(members))
        own = np.zeros(k)
        for unit in sorted((members[position] for position in order), key=lambda unit: -unit.n_atoms):
            preference = rng.permutation(k)
            fold = int(min(preference, key=lambda f: (own[f], total[f])))
            assigned[list(unit.frames)] = fold
            own[fold] += unit.n_atoms
            total[fold] += unit.n_atoms
    return assigned


def holdout(dataset: Dataset, fraction: float, seed: int = 0) -> NDArray[np.bool_]:
    """Choose frames to hold out, about `fraction` of the atoms of each config type.

    Parameters
    ----------
    dataset
        Frames in file order.
    fraction
        Part of the atoms to hold out, between 0 and 1.
    seed
        Decides which; the same seed gives the same frames.

    Returns
    -------
    (n,) mask, True for the frames held out; at least one frame on either side.

    Raises
    ------
    DataError
        `fraction` not between 0 and 1, or fewer than two independent units of frames.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> dataset = read_dataset(DATA_PATH, index="::8")
    >>> mask = holdout(dataset, 0.2)
    >>> len(dataset.subset(~mask)), len(dataset.subset(mask))
    (32, 8)
    """
    if not 0.0 < fraction < 1.0:
        raise DataError(f"the fraction to hold out must lie between 0 and 1, not {fraction}")
    units = _units(dataset, max(2, round(1.0 / min(fraction, 1.0 - fraction))))
    _require_units(dataset, units, 2, "a held-out part")
    rng = np.random.default_rng(seed)
    mask = np.zeros(len(dataset), dtype=np.bool_)
    wanted = 0.0
    shuffled: list[_Unit] = []
    for members in _by_config_type(units):
        wanted += fraction * sum(
            unit.n_atoms for unit in members
        )  # what one config type leaves, the next takes over
        for position in rng.permutation(len(members)):
            unit = members[position]
            shuffled.append(unit)
            if unit.n_atoms <= 2.0 * wanted:
                mask[list(unit.frames)] = True
                wanted -= unit.n_atoms
    if not mask.any():
        mask[list(min(shuffled, key=lambda unit: unit.n_atoms).frames)] = True
    if mask.all():
        mask[list(min(shuffled, key=lambda unit: unit.n_atoms).frames)] = False
    return mask


def _require_units(dataset: Dataset, units: list[_Unit], needed: int, purpose: str) -> None:
    if len(units) >= needed:
        return
    if len(dataset) < 2:
        found = "only one structure" if len(dataset) else "no structures"
        raise DataError(f"{found}: {purpose} cannot be made; add data")
    raise DataError(
        f"{counted(len(dataset), 'structure')} in {len(units)} independent groups are not enough for {purpose} "
        "(groups and duplicates stay together); use fewer folds, or add data"
    )


def _units(dataset: Dataset, k: int) -> list[_Unit]:
    """Merge frames by explicit group and by duplicate, then cut the rest into runs.

    Runs avoid frames that are merged already: a structure that recurs everywhere would chain all runs.
    """
    parent = duplicate_labels(dataset)
    first_of_group: dict[str, int] = {}
    for index, frame in enumerate(dataset):
        if frame.group is not None:
            _join(parent, first_of_group.setdefault(frame.group, index), index)
    roots = np.array([_root(parent, index) for index in range(len(dataset))], dtype=np.int64)
    alone = np.bincount(roots, minlength=len(dataset))[roots] == 1
    for run in _runs(dataset, alone, k):
        for index in run[1:]:
            _join(parent, run[0], index)
    members: dict[int, list[int]] = defaultdict(list)
    for index in range(len(dataset)):
        members[_root(parent, index)].append(index)
    return [
        _Unit(tuple(frames), dataset[frames[0]].config_type, sum(dataset[index].n_atoms for index in frames))
        for frames in members.values()
    ]


def _runs(dataset: Dataset, alone: NDArray[np.bool_], k: int) -> list[list[int]]:
    """Consecutive frames without group or duplicate, in equally many runs per fold, two at least.

    A config type of one file with fewer than 2 k such frames is not bundled.
    """
    series: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, frame in enumerate(dataset):
        if alone[index] and frame.group is None:
            series[frame.config_type, frame.file].append(index)
    runs: list[list[int]] = []
    for indices in series.values():
        per_fold = max(2, -(-len(indices) // (k * LONGEST_RUN)))
        n_runs = min(len(indices), k * per_fold)
        runs.extend(part.tolist() for part in np.array_split(np.array(indices), n_runs))
    return runs


def _by_config_type(units: list[_Unit]) -> list[list[_Unit]]:
    """Units of each config type, the one with most atoms first."""
    kinds: dict[str, list[_Unit]] = defaultdict(list)
    for unit in units:
        kinds[unit.config_type].append(unit)
    return sorted(
        kinds.values(), key=lambda members: (-sum(unit.n_atoms for unit in members), members[0].config_type)
    )


def _root(parent: NDArray[np.int64], index: int) -> int:
    while parent[index] != index:
        parent[index] = parent[parent[index]]
        index = int(parent[index])
    return index


def _join(parent: NDArray[np.int64], first: int, second: int) -> None:
    roots = sorted((_root(parent, first), _root(parent, second)))
    parent[roots[1]] = roots[0]
