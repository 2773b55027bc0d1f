"""Positions in bohr: distances far beyond covalent radii, and forces that say so."""

import numpy as np
from ase.units import Bohr

from mlip_rs.data import Dataset
from mlip_rs.data.frames import Frame
from mlip_rs.errors import DataError, StructureError
from mlip_rs.label_check import rows as label_rows
from mlip_rs.label_check.energies import Energies
from mlip_rs.label_check.findings import Correction, Finding, finding, place
from mlip_rs.label_check.force_fit import PREDICTABLE, ForceFit, fit_forces
from mlip_rs.label_check.geometry import FAR, distance_ratios
from mlip_rs.label_check.rows import Rows
from mlip_rs.label_check.stresses import Stresses

BOHR_SLOPE: tuple[float, float] = (0.42, 0.64)
"""Slope of energies in eV against forces in eV/Å if the positions are in bohr: 0.529."""

BOHR_STRESS: tuple[float, float] = (2.4, 5.2)
"""Slope of the stresses in eV/Å³ against these forces: 3.57."""

STRUCTURES_TRIED: int = 8
"""Structures of a group whose positions are converted to see whether their forces fit then."""

FITTING: float = 0.5
"""Squared correlation of the forces with the prediction after the conversion."""

_CURE = f"convert positions and cell to Å (multiply by {Bohr:.6f})"


def check_positions(
    dataset: Dataset,
    rows: Rows,
    energies: Energies | None,
    stresses: Stresses | None,
) -> list[Finding]:
    """Find distances in bohr, in the whole set or in some files or config types."""
    ratios = distance_ratios(dataset)
    known = ratios[np.isfinite(ratios)]
    if not known.size:
        return []
    if np.median(known) > FAR:
        return [_whole(dataset, float(np.median(known)), energies, stresses)]
    found = []
    usual = fit_forces(rows, ~(ratios[rows.indices] > FAR)) if (ratios > FAR).any() else None
    if usual is None or usual.explained < PREDICTABLE:
        return []
    for name in dict.fromkeys((f.file, f.config_type) for f in dataset):
        members = [k for k, f in enumerate(dataset) if (f.file, f.config_type) == name]
        ratio = float(np.nanmedian(ratios[members])) if np.isfinite(ratios[members]).any() else 1.0
        if ratio <= FAR:
            continue
        before, after = _correlations(dataset, rows, usual, members)
        if after > FITTING and after > before + 0.3:
            found.append(
                finding(
                    dataset,
                    "positions: bohr",
                    True,
                    f"positions of {place(dataset, members)} look like bohr: nearest neighbours are {ratio:.2f} times "
                    f"the sum of covalent radii apart, and the forces fit those of the other structures only after "
                    f"conversion (squared correlation {max(before, 0):.2f}, then {after:.2f}).",
                    _CURE,
                    members,
                    {"distance_ratio": ratio, "before": before, "after": after},
                    Correction("positions", Bohr),
                )
            )
    return found


def _whole(dataset: Dataset, ratio: float, energies: Energies | None, stresses: Stresses | None) -> Finding:
    slope = energies.slope if energies is not None and energies.slope.sure else None
    stress = stresses.slope if stresses is not None and stresses.slope.sure else None
    by_energy = slope is not None and BOHR_SLOPE[0] < slope.value < BOHR_SLOPE[1]
    by_stress = stress is not None and BOHR_STRESS[0] < stress.value < BOHR_STRESS[1]
    reason = ""
    if by_energy:
        reason = f", and the slope of energies against forces is {slope} (0.529 in bohr, 1 in Å)"
    elif by_stress:
        reason = f", and the slope of stresses against forces is {stress} (3.57 in bohr, 1 in Å)"
    frames = list(range(len(dataset)))
    return finding(
        dataset,
        "positions: bohr",
        by_energy or by_stress,
        f"positions of {place(dataset, frames)} look like bohr: nearest neighbours are {ratio:.2f} times the sum of "
        f"covalent radii apart{reason}.",
        _CURE,
        frames,
        {"distance_ratio": ratio, "slope": slope.value if slope else float("nan")},
        Correction("positions", Bohr),
    )


def _correlations(dataset: Dataset, rows: Rows, fit: ForceFit, members: list[int]) -> tuple[float, float]:
    """Squared correlation of the forces of some frames with the fit, as they are and with positions converted."""
    change = Correction("positions", Bohr)
    sums = np.zeros((2, 3))
    for k in [k for k in members if dataset[k].forces is not None][:STRUCTURES_TRIED]:
        for which, frame in enumerate((dataset[k], change.applied(dataset[k]))):
            sums[which] += _products(rows, fit, frame)
    pf, pp, ff = sums.T
    correlation = pf / np.sqrt(np.maximum(pp * ff, 1e-300))
    return float(correlation[0] * abs(correlation[0])), float(correlation[1] * abs(correlation[1]))


def _products(rows: Rows, fit: ForceFit, frame: Frame) -> tuple[float, float, float]:
    try:
        design = label_rows.design(rows.basis, frame)[1:, rows.columns] / rows.scale
    except (DataError, StructureError):
        return 0.0, 0.0, 0.0
    assert frame.forces is not None
    stress = np.zeros(6) if frame.stress is None or frame.volume is None else frame.stress * frame.volume
    forces = np.concatenate([frame.forces.ravel(), stress])
    predicted = design @ fit.posterior.mean
    predicted[-6:] *= 0.0 if frame.stress is None else frame.volume or 0.0
    return float(predicted @ forces), float(predicted @ predicted), float(forces @ forces)
