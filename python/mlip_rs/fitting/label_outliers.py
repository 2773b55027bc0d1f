"""Single energies that contradict forces and all other energies."""

import json

import numpy as np

from mlip_rs import _core
from mlip_rs.arrays import Array, Mask
from mlip_rs.data import Dataset
from mlip_rs.data.core_structures import core_structure
from mlip_rs.fitting.label_energy_checks import Energies
from mlip_rs.fitting.label_findings import Finding, finding
from mlip_rs.fitting.label_posterior import Posterior
from mlip_rs.fitting.label_rows import Rows

LEAST_ENERGY: float = 2.0
"""eV of the whole structure; less may be a matter of k-points or of the small basis."""

SURE_DEVIATIONS: float = 6.0
"""Standard deviations of the prediction, its uncertainty included."""

DEVIATIONS: float = 10.0
"""Robust standard deviations."""

LEAST_ALIKE: int = 5
"""Frames of the same config type without which a wrong energy may be the small basis that does not know the kind."""

BEYOND_OTHERS: float = 2.5
"""A single wrong energy stands this far, in ratio, beyond all but the largest of the others."""

MAX_SHARE: float = 0.04
"""More frames than that are not single."""


def check_single_energies(
    dataset: Dataset, rows: Rows, combined: Posterior, energies: Energies, factor: float
) -> list[Finding]:
    """Find frames whose energy is far from leave-one-out prediction; frames outside the sample by its potential."""
    residuals = np.full(len(dataset), np.nan)
    residuals[rows.indices] = _left_out(rows, combined, energies) / factor
    rest = [k for k, frame in enumerate(dataset) if frame.energy is not None]
    rest = sorted(set(rest) - set(rows.indices.tolist()))
    plain = not energies.per_atom and abs(factor - 1.0) < 1e-9
    if rest and plain and not energies.offsets:
        residuals[rest] = _evaluated(dataset, rows, combined, energies, rest)
    found = []
    for k in _outliers(dataset, residuals):
        size = residuals[k] * dataset[k].n_atoms
        scatter = _scale(residuals)
        found.append(
            finding(
                dataset,
                "energy: single frame",
                _alike(dataset, residuals, k) >= LEAST_ALIKE,
                f"energy of {dataset[k].location} ({dataset[k].config_type}) is {size:+.2f} eV "
                f"({1e3 * residuals[k]:+.0f} meV/atom) off what forces and all other energies say, which scatter by "
                f"{1e3 * scatter:.1f} meV/atom.",
                "compute the frame again (unconverged, other spin or charge?), or drop it",
                [k],
                {"deviation": size, "per_atom": residuals[k], "scatter": scatter},
            )
        )
    return found


def _alike(dataset: Dataset, residuals: Array, k: int) -> int:
    """Frames with known energies of the same config type, the frame itself not counted."""
    kind = dataset[k].config_type
    return (
        sum(f.config_type == kind and bool(np.isfinite(r)) for f, r in zip(dataset, residuals, strict=True))
        - 1
    )


def _left_out(rows: Rows, combined: Posterior, energies: Energies) -> Array:
    """(n,) energy per atom minus its prediction from all other labels; zero where that is not sure enough."""
    used, comparison = energies.slope.used, energies.slope.comparison
    out = np.full(rows.n, np.nan)
    out[used] = np.where(
        abs(comparison.z) > SURE_DEVIATIONS, comparison.residuals, 0.1 * comparison.residuals
    )
    others = ~used & np.isfinite(energies.labels)
    rest = energies.labels - rows.energy_design @ combined.mean
    constants = np.linalg.lstsq(energies.columns[used], rest[used], rcond=None)[0]
    level = np.linalg.lstsq(energies.columns[used], rows.energy_design[used], rcond=None)[0]
    open_part = rows.energy_design - energies.columns @ level  # what constants of the elements do not take up
    doubt = ((open_part @ combined.root) ** 2).sum(axis=1) + comparison.sigma**2
    residuals = rest - energies.columns @ constants
    sure = abs(residuals) > SURE_DEVIATIONS * np.sqrt(doubt)
    out[others] = np.where(sure, residuals, 0.1 * residuals)[others]
    return out


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


def _outliers(dataset: Dataset, residuals: Array) -> list[int]:
    """Frames far beyond the scatter of all and of their own kind, and beyond the largest of the others."""
    known = np.isfinite(residuals)
    if known.sum() < 10:
        return []
    size = np.where(known, abs(residuals), 0.0)
    sizes = np.array([frame.n_atoms for frame in dataset])
    allowed = max(1, int(MAX_SHARE * known.sum()))
    order = np.argsort(-size)
    candidates = [
        int(k)
        for k in order[:allowed]
        if size[k] > DEVIATIONS * _scale(residuals) and size[k] * sizes[k] > LEAST_ENERGY
    ]
    kinds = np.array([frame.config_type for frame in dataset], dtype=object)
    found: list[int] = []
    for count in range(len(candidates), 0, -1):
        others = size.copy()
        others[candidates[:count]] = 0.0
        chosen = candidates[:count]
        if size[chosen[-1]] > BEYOND_OTHERS * others.max():
            found = [k for k in chosen if _beyond_kind(residuals, kinds == kinds[k], k, known)]
            break
    return found


def _beyond_kind(residuals: Array, kind: Mask, k: int, known: Mask) -> bool:
    own = kind & known
    own[k] = False
    if own.sum() < 5:
        return True
    centre = float(np.median(residuals[own]))
    return bool(abs(residuals[k] - centre) > 0.5 * DEVIATIONS * max(_scale(residuals[own] - centre), 1e-6))


def _scale(residuals: Array) -> float:
    return float(1.4826 * np.nanmedian(abs(residuals)))
