"""Distances that are no distances in Å, and labels that are exactly zero."""

from collections import defaultdict

import numpy as np
from ase.data import covalent_radii

from mlip_rs.arrays import Array
from mlip_rs.data import Dataset
from mlip_rs.label_check.findings import Correction, Finding, finding, place
from mlip_rs.label_check.rows import Rows

NOBLE: frozenset[int] = frozenset({2, 10, 18, 36, 54, 86})
"""Atomic numbers of elements that do not bind: their covalent radii say nothing about their distances."""

FAR: float = 1.45
"""Distance of nearest neighbours over the sum of covalent radii, the median of a set: 0.83 to 1.25 in elements and
compounds, 1.6 to 2.3 if in bohr."""

SYMMETRIC: float = 0.02
"""Force rows this small, relative to the pull of the bonds (virial over distance), are zero by symmetry."""

APART: float = 1.6
"""Nearest distance, as in `FAR`, from which on atoms may be free: without forces their stress is zero, too."""

LEAST_ZEROS: int = 3


def distance_ratios(dataset: Dataset) -> Array:
    """(n,) nearest distance over the sum of covalent radii, the median of each frame; NaN where it says nothing."""
    ratios = np.full(len(dataset), np.nan)
    for k, (frame, nearest) in enumerate(zip(dataset, dataset.nearest_distances, strict=True)):
        radii = covalent_radii[frame.numbers]
        known = np.isfinite(nearest) & ~np.isin(frame.numbers, list(NOBLE))
        if known.any():
            mean = float(radii.mean())
            ratios[k] = float(np.median(nearest[known] / (radii[known] + mean)))
    return ratios


def _is_free(dataset: Dataset, k: int) -> bool:
    """Whether no atom of a frame has a neighbour near enough to pull at it, and none is pulled at."""
    frame, nearest = dataset[k], dataset.nearest_distances[k]
    radii = covalent_radii[frame.numbers]
    apart = bool(np.all(nearest > APART * (radii + radii.min())))
    return apart and frame.forces is not None and not frame.forces.any()


def check_zero_stresses(dataset: Dataset, rows: Rows) -> list[Finding]:
    """Find stresses that are exactly zero in all six components."""
    zero = [k for k, f in enumerate(dataset) if f.stress is not None and not f.stress.any() and f.n_atoms > 1]
    with_stress = sum(frame.stress is not None for frame in dataset)
    size = np.linalg.norm(rows.virial_design, axis=(1, 2))
    empty = {int(k) for k, s in zip(rows.indices, size, strict=True) if s < 1e-6 * np.median(size)}
    zero = [k for k in zero if k not in empty and not _is_free(dataset, k)]
    if len(zero) < 2:
        return []
    return [
        finding(
            dataset,
            "stress: zeros",
            len(zero) >= LEAST_ZEROS,
            f"stresses of {len(zero)} of {with_stress} frames are exactly zero in all components "
            f"({place(dataset, zero)}): no calculation gives that, they stand for stresses not computed.",
            "remove the stress of these frames",
            zero,
            {"zeros": len(zero), "stresses": with_stress},
            Correction("stress", remove=True),
        )
    ]


def check_zero_forces(dataset: Dataset, rows: Rows) -> list[Finding]:
    """Find forces that are exactly zero on atoms whose surroundings are not symmetric."""
    nearest = [
        float(np.median(d[np.isfinite(d)], axis=0)) if np.isfinite(d).any() else 3.0
        for d in Dataset(rows.frames).nearest_distances
    ]
    typical = float(np.sqrt(len(rows.scale) * 3.0))
    suspect: dict[bool, list[int]] = defaultdict(list)
    atoms = 0
    for k, frame in enumerate(rows.frames):
        if frame.forces is None:
            continue
        zero = ~frame.forces.any(axis=1)
        size = np.linalg.norm(rows.force_design[k].reshape(frame.n_atoms, -1), axis=1)
        pull = float(np.linalg.norm(rows.virial_design[k])) / nearest[k]
        wrong = zero & (size > SYMMETRIC * (pull if pull > 0.0 else typical))
        if wrong.sum() >= min(LEAST_ZEROS, frame.n_atoms):
            suspect[bool(zero.all())].append(k)
            atoms += int(wrong.sum())
    structures = [*suspect[True], *suspect[False]]
    if len(structures) < 2:
        return []
    whole = len(suspect[True]) >= len(suspect[False])
    names = {rows.names[rows.groups[k]] for k in structures}
    frames = [
        k
        for k, f in enumerate(dataset)
        if (f.file, f.config_type) in names
        and f.forces is not None
        and (not f.forces.any() if whole else (~f.forces.any(axis=1)).sum() >= LEAST_ZEROS)
    ]
    frames = sorted({*frames, *(int(rows.indices[k]) for k in structures)})
    reason = (
        "they stand for forces not computed"
        if whole
        else "as of atoms that were held fixed, whose forces ASE hides when constraints are applied"
    )
    return [
        finding(
            dataset,
            "forces: zeros",
            True,
            f"forces of {place(dataset, frames)} are exactly zero on {'all' if whole else 'some'} atoms, {atoms} of "
            f"which (in the {rows.n} structures looked at) have surroundings without the symmetry for that: {reason}.",
            "remove these forces"
            if whole
            else "write the forces without constraints (apply_constraint=False)",
            frames,
            {"atoms": atoms, "frames": len(frames)},
            Correction("forces", remove=True),
        )
    ]
