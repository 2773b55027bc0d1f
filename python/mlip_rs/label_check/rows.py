"""Design rows of a small basis for a sample of a dataset: the linear algebra behind the check of the labels."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mlip_rs.arrays import Array
from mlip_rs.basis import Basis
from mlip_rs.data import Dataset, Frame
from mlip_rs.data.core_structures import core_structure

CUTOFF_RATIO: float = 2.1
"""Cutoff over the median distance of nearest neighbours: two to three shells, as far as a small basis can use."""

LEAST_CUTOFF: float = 4.5
"""Å; where hydrogen makes the nearest neighbours short, the others still need theirs."""

MAX_FEATURES: int = 240
"""More make the check slower than a tenth of a fit."""

SAMPLE_ATOMS: int = 6_000
"""Atoms whose design rows are computed, about 2 s on one core."""

SAMPLE_STRUCTURES: int = 300
"""Structures of the sample at most: energies are compared by matrices of this size."""

DEAD_COLUMN: float = 1e-10
"""Features smaller than this, relative to the largest, are left out: their pairs do not occur."""

Group = tuple[str, str]
"""Source file and config type."""


@dataclass(frozen=True)
class Rows:
    """Labels and design rows of n structures; energies and virials per atom in eV, forces in eV/Å.

    Parameters
    ----------
    frames
        The structures.
    indices
        (n,) their positions in the dataset.
    groups
        (n,) index of their source file and config type in `names`.
    names
        Source file and config type of each group.
    compared
        Indices in the dataset of all structures of the kind that is compared, the sample and those beyond it.
    basis
        The small basis.
    columns
        Features in use, of all of the basis.
    scale
        (F,) root mean square of the force rows of each feature; the design below is divided by it.
    energy_design
        (n, F).
    force_design
        For each structure (3N, F).
    virial_design
        (n, 6, F) of stress · V/N; zero without volume.
    """

    frames: tuple[Frame, ...]
    indices: NDArray[np.intp]
    groups: NDArray[np.intp]
    names: tuple[Group, ...]
    compared: tuple[int, ...]
    basis: Basis
    columns: NDArray[np.intp]
    scale: Array
    energy_design: Array
    force_design: tuple[Array, ...]
    virial_design: Array

    @property
    def n(self) -> int:
        """Number of structures."""
        return len(self.frames)

    @cached_property
    def n_atoms(self) -> Array:
        """(n,) atoms of each structure."""
        return np.array([float(frame.n_atoms) for frame in self.frames])

    @cached_property
    def volumes(self) -> Array:
        """(n,) Å³; NaN without volume."""
        return np.array([np.nan if frame.volume is None else frame.volume for frame in self.frames])

    @cached_property
    def compositions(self) -> Array:
        """(n, k) fractions of the elements, combined to independent columns."""
        return independent(Dataset(self.frames).compositions() / self.n_atoms[:, None])

    @cached_property
    def energies(self) -> Array:
        """(n,) energy per atom, eV; NaN without label."""
        return np.array([np.nan if f.energy is None else f.energy / f.n_atoms for f in self.frames])

    @cached_property
    def virials(self) -> Array:
        """(n, 6) stress · V/N, eV; NaN without label."""
        missing = np.full(6, np.nan)
        stresses = np.array([missing if f.stress is None else f.stress for f in self.frames])
        return np.asarray(stresses * (self.volumes / self.n_atoms)[:, None])

    @cached_property
    def forces(self) -> tuple[Array | None, ...]:
        """For each structure (3N,) eV/Å, or None without label."""
        return tuple(None if f.forces is None else f.forces.ravel() for f in self.frames)

    @cached_property
    def force_grams(self) -> Array:
        """(n, F, F) XᵀX of the force rows of each structure."""
        return np.array([x.T @ x for x in self.force_design])

    def relabelled(self, frames: Sequence[Frame]) -> "Rows":
        """Copy with other labels on the same structures, which become the whole dataset."""
        everything = np.arange(self.n, dtype=np.intp)
        copy = replace(self, frames=tuple(frames), indices=everything, compared=tuple(everything.tolist()))
        copy.__dict__["force_grams"] = self.force_grams
        return copy


def independent(columns: Array) -> Array:
    """Orthonormal columns that span the same space (n, rank)."""
    left, values, _ = np.linalg.svd(columns, full_matrices=False)
    return np.asarray(left[:, values > 1e-8 * max(float(values[0]), 1e-300)])


def group_names(dataset: Dataset) -> list[Group]:
    """Source file and config type of each frame."""
    return [(frame.file, frame.config_type) for frame in dataset]


def make_rows(
    dataset: Dataset, chosen: Sequence[int], compared: Sequence[int], *, second: bool = False
) -> Rows:
    """Compute the design rows of the chosen frames, some or all of those compared.

    Parameters
    ----------
    second
        By another small basis, whose errors are others: each Gaussian has a cutoff of its own.

    Raises
    ------
    DataError
        No two atoms are within 8 Å of each other.
    StructureError
        A structure that the core refuses.
    """
    whole = len(compared) == len(dataset)
    basis = small_basis(dataset if whole else dataset.subset(compared))
    if second:
        basis = replace(basis, radial_cutoffs="own")
    frames = tuple(dataset[k] for k in chosen)
    designs = [design(basis, frame) for frame in frames]
    ratio = [0.0 if f.volume is None else f.volume / f.n_atoms for f in frames]
    squares = sum((x[1:-6] ** 2).sum(axis=0) for x in designs)
    scale = np.sqrt(squares / max(1, 3 * sum(f.n_atoms for f in frames)))
    columns = np.flatnonzero(scale > DEAD_COLUMN * scale.max(initial=1e-300))
    scale = scale[columns]
    keys = group_names(dataset)
    names = tuple(dict.fromkeys(keys[k] for k in chosen))
    return Rows(
        frames,
        np.asarray(chosen, dtype=np.intp),
        np.array([names.index(keys[k]) for k in chosen], dtype=np.intp),
        names,
        tuple(compared),
        basis,
        columns,
        scale,
        np.array([x[0, columns] / f.n_atoms for x, f in zip(designs, frames, strict=True)]) / scale,
        tuple(x[1:-6, columns] / scale for x in designs),
        np.array([x[-6:, columns] * r for x, r in zip(designs, ratio, strict=True)]) / scale,
    )


def design(basis: Basis, frame: Frame) -> Array:
    """(1 + 3N + 6, F) unweighted rows of one structure."""
    return basis.core.design(core_structure(frame))


def reach(dataset: Dataset) -> float:
    """Cutoff of the small basis, in the unit of the positions."""
    nearest = np.concatenate(dataset.nearest_distances)
    nearest = nearest[np.isfinite(nearest)]
    return max(CUTOFF_RATIO * (float(np.median(nearest)) if nearest.size else 3.0), LEAST_CUTOFF)


def small_basis(dataset: Dataset) -> Basis:
    """Choose about a hundred features that follow the scale of the distances, whatever their unit."""
    nearest = np.concatenate(dataset.nearest_distances)
    nearest = nearest[np.isfinite(nearest)]
    typical = float(np.median(nearest)) if nearest.size else 3.0
    shortest = float(nearest.min()) if nearest.size else 2.0
    cutoff = reach(dataset)
    r_min = max(shortest - 0.1, 0.4 * typical)
    plain = Basis(dataset.elements, cutoff, r_min=r_min, repulsion=None)
    if len(dataset.elements) == 1:
        return replace(plain, size="small")
    for n_radial, n_angular, max_l in ((8, 3, 3), (6, 2, 3), (6, 1, 3), (5, 1, 2), (4, 1, 1)):
        basis = replace(
            plain,
            size="medium",
            n_radial=n_radial,
            n_angular=n_angular,
            max_l=max_l,
            radial_coupling="diagonal",
            pair_degree=2,
            pair_cross_degree=1,
            higher=(),
        )
        if basis.n_features <= MAX_FEATURES:
            return basis
    return replace(plain, hierarchy="pair", n_radial=8)


def concerned(dataset: Dataset, rows: Rows, label: str) -> list[int]:
    """Frames that a finding about all labels of one kind is about: those of the files that were compared."""
    files = {name[0] for name in rows.names}
    return [k for k, frame in enumerate(dataset) if frame.file in files and getattr(frame, label) is not None]


def choose_sample(dataset: Dataset, compared: Sequence[int], seed: int = 0) -> list[int]:
    """Take structures of every source file and config type in turn until the limits are reached; in order."""
    random = np.random.default_rng(seed)
    members: dict[Group, list[int]] = defaultdict(list)
    for index in compared:
        members[dataset[index].file, dataset[index].config_type].append(index)
    queues = [list(random.permutation(indices)) for indices in members.values()]
    chosen: list[int] = []
    atoms = 0
    while any(queues):
        for queue in queues:
            if not queue:
                continue
            index = int(queue.pop())
            if chosen and (atoms + dataset[index].n_atoms > SAMPLE_ATOMS or len(chosen) >= SAMPLE_STRUCTURES):
                return sorted(chosen)
            chosen.append(index)
            atoms += dataset[index].n_atoms
    return sorted(chosen)
