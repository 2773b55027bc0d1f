"""Positions in bohr: distances far beyond covalent radii, and forces that say so."""

import numpy as np
from ase.units import Bohr

from mlip_rs.arrays import Array
from mlip_rs.data import Dataset
from mlip_rs.data.frames import Frame
from mlip_rs.errors import DataError, StructureError
from mlip_rs.label_check import rows as label_rows
from mlip_rs.label_check.comparable import DENSE, neighbor_counts
from mlip_rs.label_check.energies import Energies
from mlip_rs.label_check.findings import Correction, Finding, finding, place
from mlip_rs.label_check.force_fit import PREDICTABLE, ForceFit, fit_forces
from mlip_rs.label_check.forces import SMALL_FORCES
from mlip_rs.label_check.geometry import FAR, distance_ratios
from mlip_rs.label_check.rows import Rows
from mlip_rs.label_check.stresses import Stresses

BOHR_SLOPE: tuple[float, float] = (0.42, 0.64)
"""Slope of energies in eV against forces in eV/Å if the positions are in bohr: 0.529."""

BOHR_STRESS: tuple[float, float] = (2.4, 5.2)
"""Slope of the stresses in eV/Å³ against these forces: 3.57."""

STRUCTURES_TRIED: int = 8
"""Structures of a group whose positions are converted to see whether their forces fit then."""

SEVERAL: int = 3
"""Structures of a group without which their forces may fit by chance after the conversion."""

FITTING: float = 0.5
"""Share of the squared forces explained after the conversion."""

ONE_DENSITY: float = 0.25
"""Relative spread of the distances within which structures that are all wide are one condensed phase, not a gas."""

FARTHEST: float = 2.4
"""Distances over covalent radii beyond which they are those of no solid, not even in bohr."""

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
    if np.median(known) > FAR and not _some_file_is_right(dataset, ratios):
        return _whole(dataset, known, energies, stresses)
    found = []
    usual = fit_forces(rows, ~(ratios[rows.indices] > FAR)) if (ratios > FAR).any() else None
    if usual is None or usual.explained < PREDICTABLE:
        return []
    done: set[int] = set()
    for members in _files_and_types(dataset):
        if done.issuperset(members):
            continue
        own = ratios[members][np.isfinite(ratios[members])]
        ratio = float(np.median(own)) if own.size else 1.0
        if ratio <= FAR:
            continue
        before, after = _shares(dataset, rows, usual, members)
        if after > FITTING and after > before + 0.3:
            done.update(members)
            found.append(
                finding(
                    dataset,
                    "positions: bohr",
                    len(members) >= SEVERAL,
                    f"positions of {place(dataset, members)} look like bohr: nearest neighbours are {ratio:.2f} times "
                    f"the sum of covalent radii apart, and the forces follow those of the other structures only "
                    f"after conversion ({100 * max(before, 0):.0f} % of their squares, then {100 * after:.0f} %).",
                    _CURE,
                    members,
                    {"distance_ratio": ratio, "before": before, "after": after},
                    Correction("positions", Bohr),
                )
            )
    return found


def _some_file_is_right(dataset: Dataset, ratios: Array) -> bool:
    """Whether the distances of one of several files are usual: what is wrong is not wrong everywhere then."""
    names = np.array([frame.file for frame in dataset], dtype=object)
    own = [ratios[(names == name) & np.isfinite(ratios)] for name in dataset.files]
    return any(file.size > 0 and float(np.median(file)) <= FAR for file in own)


def _files_and_types(dataset: Dataset) -> list[list[int]]:
    """Frames of each file, if there are several, then of each config type of a file."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for k, frame in enumerate(dataset):
        groups.setdefault((frame.file,), []).append(k)
    for k, frame in enumerate(dataset):
        groups.setdefault((frame.file, frame.config_type), []).append(k)
    return list(groups.values())


def _whole(
    dataset: Dataset, ratios: Array, energies: Energies | None, stresses: Stresses | None
) -> list[Finding]:
    slope = energies.slope if energies is not None and energies.slope.sure else None
    stress = stresses.slope if stresses is not None and stresses.slope.sure else None
    by_energy = slope is not None and BOHR_SLOPE[0] < slope.value < BOHR_SLOPE[1]
    by_stress = stress is not None and BOHR_STRESS[0] < stress.value < BOHR_STRESS[1]
    ratio, spread = float(np.median(ratios)), float(np.ptp(np.quantile(ratios, [0.05, 0.95])))
    refuted = (slope is not None and slope.right) or (stress is not None and stress.right)
    one_density = spread < ONE_DENSITY * ratio and FAR < float(np.quantile(ratios, 0.05)) < FARTHEST
    if not (by_energy or by_stress) and (refuted or not one_density):
        return []  # a gas, molecules pulled apart, an expanded crystal
    reason = ""
    if by_energy:
        reason = f", and the slope of energies against forces is {slope} (0.529 in bohr, 1 in Å)"
    elif by_stress:
        reason = f", and the slope of stresses against forces is {stress} (3.57 in bohr, 1 in Å)"
    frames = list(range(len(dataset)))
    return [
        finding(
            dataset,
            "positions: bohr",
            by_energy or by_stress,
            f"positions of {place(dataset, frames)} look like bohr: nearest neighbours are {ratio:.2f} times the sum "
            f"of covalent radii apart{reason}.",
            _CURE,
            frames,
            {"distance_ratio": ratio, "slope": slope.value if slope else float("nan")},
            Correction("positions", Bohr),
        )
    ]


def _shares(dataset: Dataset, rows: Rows, fit: ForceFit, members: list[int]) -> tuple[float, float]:
    """Share of the squared forces that a fit explains as positions are and with positions converted; medians."""
    change = Correction("positions", Bohr)
    crowded = neighbor_counts(
        Dataset(tuple(change.applied(dataset[k]) for k in members)), rows.basis.cutoff or 0.0
    )
    judged = [k for k, count in zip(members, crowded, strict=True) if count >= DENSE and _pulled(dataset[k])]
    found = [
        [_share(rows, fit, frame) for frame in (dataset[k], change.applied(dataset[k]))]
        for k in judged[:STRUCTURES_TRIED]
    ]
    if not found:
        return 0.0, 0.0
    before, after = np.median(found, axis=0)  # large forces of one structure must not decide alone
    return float(before), float(after)


def _pulled(frame: Frame) -> bool:
    """Whether there are forces that symmetry does not forbid."""
    return frame.forces is not None and float(np.sqrt((frame.forces**2).mean())) > SMALL_FORCES


def _share(rows: Rows, fit: ForceFit, frame: Frame) -> float:
    """Share of the squared forces of a frame that a fit explains."""
    try:
        design = label_rows.design(rows.basis, frame)[1:, rows.columns] / rows.scale
    except (DataError, StructureError):
        return 0.0
    assert frame.forces is not None
    predicted, labels = design[:-6] @ fit.posterior.mean, frame.forces.ravel()
    return 1.0 - float(((labels - predicted) ** 2).sum()) / max(float((labels**2).sum()), 1e-300)
