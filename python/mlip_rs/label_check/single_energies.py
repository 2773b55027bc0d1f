"""Single energies that contradict forces and all other energies: what is said of them, and those beyond the sample."""

import json
from collections.abc import Sequence

import numpy as np

from mlip_rs import _core
from mlip_rs.arrays import Array, Mask
from mlip_rs.data import Dataset, Frame
from mlip_rs.data.core_structures import core_structure
from mlip_rs.label_check.energies import Energies
from mlip_rs.label_check.findings import Correction, Finding, finding
from mlip_rs.label_check.left_open import LEAST_ENERGY, SURE_DEVIATIONS, Single
from mlip_rs.label_check.posterior import Posterior
from mlip_rs.label_check.rows import Rows, design

LARGE: float = 0.5
"""eV/atom; no small basis is wrong by that much on one kind of structures."""

DEVIATIONS: float = 15.0
"""Robust standard deviations."""

SHARE_OUTSIDE: float = 0.04
"""Of the frames beyond the sample; more are not single."""

LEAST_ALIKE: int = 5
"""Frames of the same config type without which a wrong energy may be the small basis that does not know the kind."""


def check_single_energies(
    dataset: Dataset, rows: Rows, combined: Posterior, energies: Energies, singles: Sequence[Single]
) -> list[Finding]:
    """Name the frames whose energy is off, those outside the sample by the potential of the sample.

    Parameters
    ----------
    combined
        Coefficients from forces, stresses and energies without those of `singles`.
    singles
        Of the sample.
    """
    residuals = np.full(len(dataset), np.nan)
    residuals[rows.indices] = _fitted(rows, combined, energies)
    rest = [k for k in rows.compared if dataset[k].energy is not None]
    rest = sorted(set(rest) - set(rows.indices.tolist()))
    if rest and not energies.offsets:
        residuals[rest] = _evaluated(dataset, rows, combined, energies, rest)
    scatter = _scale(residuals)
    certain = {}
    for single in singles:
        k = int(rows.indices[single.row])
        residuals[k] = single.per_atom
        large = abs(single.per_atom) > LARGE or _alike(dataset, residuals, k) >= LEAST_ALIKE
        certain[k] = single.clear and large
    for k in _outside(dataset, rows, combined, energies, residuals, rest):
        certain[k] = _alike(dataset, residuals, k) >= LEAST_ALIKE
    return [_named(dataset, k, float(residuals[k]), scatter, sure) for k, sure in certain.items()]


def _named(dataset: Dataset, k: int, per_atom: float, scatter: float, certain: bool) -> Finding:
    size = per_atom * dataset[k].n_atoms
    return finding(
        dataset,
        "energy: single frame",
        certain,
        f"energy of {dataset[k].location} ({dataset[k].config_type}) is {size:+.2f} eV "
        f"({1e3 * per_atom:+.0f} meV/atom) off what forces and all other energies say, which scatter by "
        f"{1e3 * scatter:.1f} meV/atom.",
        "compute the frame again (unconverged, other spin or charge?), or drop it",
        [k],
        {"deviation": size, "per_atom": per_atom, "scatter": scatter},
        Correction("energy", remove=True),
    )


def _alike(dataset: Dataset, residuals: Array, k: int) -> int:
    """Frames with known energies of the same config type, the frame itself not counted."""
    kind = dataset[k].config_type
    return (
        sum(f.config_type == kind and bool(np.isfinite(r)) for f, r in zip(dataset, residuals, strict=True))
        - 1
    )


def _fitted(rows: Rows, combined: Posterior, energies: Energies) -> Array:
    """(n,) energy per atom minus that of the fit to all labels; NaN without."""
    used = energies.slope.used
    rest = energies.labels - rows.energy_design @ combined.mean
    constants = np.linalg.lstsq(energies.columns[used], rest[used], rcond=None)[0]
    return np.asarray(rest - energies.columns @ constants)


def _evaluated(
    dataset: Dataset, rows: Rows, combined: Posterior, energies: Energies, indices: list[int]
) -> Array:
    """Energy per atom minus that of the potential of the sample, for other frames."""
    coefficients = np.zeros(rows.basis.n_features)
    coefficients[rows.columns] = combined.mean / rows.scale
    potential = _core.Potential.from_coefficients(
        json.dumps(rows.basis.to_dict()), coefficients, [0.0] * len(rows.basis.elements), "{}"
    )
    structures = [core_structure(dataset[k]) for k in indices]
    predicted = np.array([values[0].sum() for values in potential.evaluate_many(structures, 1)])
    used = energies.slope.used
    fractions = _fractions(dataset)
    rest = energies.labels - rows.energy_design @ combined.mean
    constants = np.linalg.lstsq(fractions[rows.indices[used]], rest[used], rcond=None)[0]
    sizes = np.array([dataset[k].n_atoms for k in indices])
    labels = np.array([dataset[k].energy or 0.0 for k in indices])
    return np.asarray((labels - predicted) / sizes - fractions[indices] @ constants)


def _fractions(dataset: Dataset) -> Array:
    counts = dataset.compositions()
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def _outside(
    dataset: Dataset, rows: Rows, combined: Posterior, energies: Energies, residuals: Array, rest: list[int]
) -> list[int]:
    """Frames beyond the sample, far off what the sample and the frames of their own kind say."""
    if not rest or energies.offsets:
        return []
    scatter = _scale(residuals)
    allowed = max(1, int(SHARE_OUTSIDE * len(rest)))
    ranked = sorted(rest, key=lambda k: -abs(residuals[k]))[: allowed + 1]
    suspects = [
        k
        for k in ranked
        if abs(residuals[k]) > DEVIATIONS * scatter and abs(residuals[k]) * dataset[k].n_atoms > LEAST_ENERGY
    ]
    if len(suspects) > allowed:
        return []
    kinds = np.array([frame.config_type for frame in dataset], dtype=object)
    doubts = [_doubt(dataset[k], rows, combined, energies) for k in suspects]
    return [
        k
        for k, doubt in zip(suspects, doubts, strict=True)
        if abs(residuals[k]) > 1.5 * SURE_DEVIATIONS * doubt and _beyond_kind(residuals, kinds == kinds[k], k)
    ]


def _doubt(frame: Frame, rows: Rows, combined: Posterior, energies: Energies) -> float:
    """Standard deviation of the predicted energy per atom of a frame, constants of the elements left open."""
    row = design(rows.basis, frame)[0, rows.columns] / rows.scale / frame.n_atoms
    used = energies.slope.used
    level = np.linalg.lstsq(energies.columns[used], rows.energy_design[used], rcond=None)[0]
    nearest = energies.columns[used][np.argmin(((rows.energy_design[used] - row) ** 2).sum(axis=1))]
    return float(
        np.hypot(np.linalg.norm((row - nearest @ level) @ combined.root), energies.slope.comparison.sigma)
    )


def _beyond_kind(residuals: Array, kind: Mask, k: int) -> bool:
    own = kind & np.isfinite(residuals)
    own[k] = False
    if own.sum() < 5:
        return True
    centre = float(np.median(residuals[own]))
    return bool(abs(residuals[k] - centre) > 0.5 * DEVIATIONS * max(_scale(residuals[own] - centre), 1e-6))


def _scale(residuals: Array) -> float:
    return float(1.4826 * np.nanmedian(abs(residuals)))
