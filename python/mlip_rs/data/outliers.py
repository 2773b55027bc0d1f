"""Detection of outliers, with a reason for each; `cleaned` removes them on request."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import covalent_radii
from numpy.typing import NDArray

from mlip_rs.data.dataset import Dataset
from mlip_rs.data.distances import completed_cell, pairs_within
from mlip_rs.data.frames import Frame
from mlip_rs.text import told_apart
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA


@dataclass(frozen=True)
class OutlierLimits:
    """Limits beyond which a frame is an outlier.

    Parameters
    ----------
    energy_window
        Energy per atom above the lowest of the same composition, eV.
    max_force
        Largest force, eV/Å.
    min_distance_ratio
        Smallest distance of two atoms over the sum of their covalent radii.
    max_stress
        Largest component of the stress, eV/Å³.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset, summarize
    >>> from mlip_rs.demo import DATA_PATH
    >>> summary = summarize(read_dataset(DATA_PATH, index="::8"), max_force=20.0)
    >>> summary.limits.max_force, summary.limits.energy_window
    (20.0, 5.0)
    """

    energy_window: float = 5.0
    max_force: float = 30.0
    min_distance_ratio: float = 0.5
    max_stress: float = 200.0 / EV_PER_ANGSTROM3_IN_GPA


@dataclass(frozen=True)
class Outlier:
    """A frame that is an outlier.

    Parameters
    ----------
    frame
        Index in the dataset.
    location
        File and index, such as "frame 17 of slab.xyz".
    kind
        "energy", "force", "distance", "stress" or "stress sign".
    reason
        A sentence with the number and the limit.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset, summarize
    >>> from mlip_rs.demo import DATA_PATH
    >>> outlier = summarize(read_dataset(DATA_PATH, index="::8"), max_force=7.0).outliers[0]
    >>> outlier.kind, outlier.frame
    ('force', 35)
    """

    frame: int
    location: str
    kind: str
    reason: str


def find_outliers(
    dataset: Dataset, binding: NDArray[np.float64], isolated: frozenset[int], limits: OutlierLimits
) -> tuple[Outlier, ...]:
    """Find all outliers, in order.

    Parameters
    ----------
    dataset
        The frames.
    binding
        (n,) energy per atom above the reference energies, eV; nan where there is no energy.
    isolated
        Indices of isolated atoms, whose energy is no outlier.
    limits
        Limits of what is normal.
    """
    found = [*_energies(dataset, binding, isolated, limits.energy_window), *_stress_signs(dataset)]
    for index, frame in enumerate(dataset):
        found.extend(
            Outlier(index, frame.location, kind, reason) for kind, reason in _single_frame(frame, limits)
        )
    return tuple(sorted(found, key=lambda outlier: (outlier.frame, outlier.kind)))


def _single_frame(frame: Frame, limits: OutlierLimits) -> Iterator[tuple[str, str]]:
    if frame.forces is not None:
        lengths = np.linalg.norm(frame.forces, axis=1)
        atom = int(np.argmax(lengths))
        if lengths[atom] > limits.max_force:
            force, limit = told_apart(lengths[atom], limits.max_force, 1)
            yield "force", f"force on atom {atom} is {force} eV/Å (limit {limit})"
    if frame.stress is not None and np.abs(frame.stress).max() > limits.max_stress:
        worst, limit = told_apart(
            np.abs(frame.stress).max() * EV_PER_ANGSTROM3_IN_GPA,
            limits.max_stress * EV_PER_ANGSTROM3_IN_GPA,
            digits=0,
        )
        yield "stress", f"stress reaches {worst} GPa (limit {limit}); are its units right?"
    radii = covalent_radii[frame.numbers]
    reach = float(limits.min_distance_ratio * 2.0 * radii.max())
    i, j, distances = pairs_within(frame.positions, frame.cell, frame.pbc, reach)
    if len(distances):
        ratios = distances / (radii[i] + radii[j])
        worst_pair = int(np.argmin(ratios))
        if ratios[worst_pair] < limits.min_distance_ratio:
            ratio, limit = told_apart(ratios[worst_pair], limits.min_distance_ratio, 2, "g")
            yield (
                "distance",
                f"atoms {i[worst_pair]} and {j[worst_pair]} are {distances[worst_pair]:.2f} Å apart, "
                f"{ratio} of the sum of their covalent radii (limit {limit})",
            )


def _energies(
    dataset: Dataset, binding: NDArray[np.float64], isolated: frozenset[int], window: float
) -> Iterator[Outlier]:
    """Find energies far above the lowest of the same composition, or absurdly far below the median."""
    by_composition: dict[bytes, list[int]] = defaultdict(list)
    for index, composition in enumerate(dataset.compositions()):
        if np.isfinite(binding[index]) and index not in isolated:
            by_composition[np.round(composition / composition.sum(), 6).tobytes()].append(index)
    for members in by_composition.values():
        values = binding[members]
        median = float(np.median(values))
        sane = values[values >= median - window]
        ground = float(sane.min())
        for index, value in zip(members, values, strict=True):
            if value < median - window:
                reason = f"energy is {median - value:.2f} eV/atom below the median of this composition"
            elif value > ground + window:
                reason = f"energy is {value - ground:.2f} eV/atom above the lowest of this composition"
            else:
                continue
            yield Outlier(index, dataset[index].location, "energy", f"{reason} (window {window:g} eV/atom)")


def _stress_signs(dataset: Dataset) -> Iterator[Outlier]:
    """Find stresses that contradict dE/dV between the same structure at three or more volumes.

    Under uniform scaling the mean of the diagonal stress is dE/dV; a wrong sign is the usual mistake. Only
    slopes that are clear (0.01 eV/Å³, 1.6 GPa) count, and only when the stress is of similar size with the
    opposite sign.
    """
    clear = 0.01
    for members in _volume_series(dataset):
        volumes = np.array([dataset[index].volume or 0.0 for index in members])
        order = np.argsort(volumes, kind="stable")
        if len(order) < 3 or np.diff(volumes[order]).min() < 1e-4 * volumes.max():
            continue
        energies = np.array([dataset[index].energy or 0.0 for index in members])[order]
        slopes = np.gradient(energies, volumes[order])
        for position, slope in zip(order[1:-1], slopes[1:-1], strict=True):
            frame = dataset[members[position]]
            assert frame.stress is not None  # members of a series have one
            mean = float(frame.stress[:3].mean())
            if abs(slope) > clear and -2.0 < mean / slope < -0.5:
                yield Outlier(
                    members[position],
                    frame.location,
                    "stress sign",
                    f"mean stress {mean * EV_PER_ANGSTROM3_IN_GPA:.1f} GPa, but the energies of this "
                    f"structure at other volumes give {slope * EV_PER_ANGSTROM3_IN_GPA:.1f} GPa; "
                    "is its sign right?",
                )


def _volume_series(dataset: Dataset) -> Iterator[Sequence[int]]:
    """Group frames that are uniformly scaled copies of one structure, with energy and stress."""
    series: dict[bytes, list[int]] = defaultdict(list)
    for index, frame in enumerate(dataset):
        volume = frame.volume
        if volume is None or frame.energy is None or frame.stress is None:
            continue
        shape = frame.cell / np.cbrt(volume)
        cell = completed_cell(frame.cell, frame.pbc)
        relative = np.linalg.solve(cell.T, (frame.positions - frame.positions[0]).T).T
        rounded = (np.round(np.concatenate([shape, relative - np.floor(relative + 5e-4)]), 3) + 0.0).tobytes()
        series[frame.numbers.tobytes() + rounded].append(index)
    yield from series.values()
