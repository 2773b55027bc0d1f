"""Energies in other units, per atom, with constants, and single ones that are wrong."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlip_rs.arrays import Array, Mask
from mlip_rs.data import Dataset
from mlip_rs.label_check.findings import Correction, Finding, finding, place
from mlip_rs.label_check.offsets import Offset, find_offsets, groups
from mlip_rs.label_check.posterior import Posterior
from mlip_rs.label_check.regression import Slope, confirm, energy_expectation, regress
from mlip_rs.label_check.rows import Rows, concerned
from mlip_rs.label_check.units import ENERGY_FACTORS, FORCE_FACTORS, nearest_factor
from mlip_rs.text import counted, with_error

CERTAIN_OFFSET: float = 0.5
"""eV/atom; a constant between kinds of structures that no physics of theirs makes."""

SURE_OFFSET: float = 0.1
"""Error of a constant in its value, from which on it may be one of the small fit, in structures unlike the others."""

HOTTEST: float = 0.9
"""Share of pairs of a frame of a family and another frame in which the first has the larger forces, beyond which the
family may be told apart by the errors of the small basis."""

LEAST_OFFSET: float = 0.1
"""eV/atom; constants below may be errors of the small basis."""

STRUCTURE_CONSTANT_ERRORS: float = 20.0
"""Standard errors of such a constant."""

LEAST_STRUCTURE_CONSTANT: float = 10.0
"""eV; a constant of each structure."""

SAME_LEVEL: float = 0.04
"""Relative agreement of the energies of a group, divided by a unit, with those of the others."""

MINORITY: float = 0.4
"""Share of the frames up to which a group that is apart is the wrong one, where there are several files."""

LEVEL: float = 0.3
"""eV/atom; where energies are smaller their ratio says nothing."""

PER_ATOM_GAIN: float = -10.0
"""Logarithm of the ratio of likelihoods for energies per atom with a right slope against others without."""


@dataclass(frozen=True)
class Energies:
    """Energies of the sample against their expectation.

    Parameters
    ----------
    labels
        (n,) per atom, eV, those of the file divided by N unless they look per atom.
    per_atom
        Whether the file holds energies per atom.
    slope
        Labels over expectation.
    offsets
        Constants found.
    columns
        (n, B) constants of elements and offsets.
    """

    labels: Array
    per_atom: bool
    slope: Slope
    offsets: tuple[Offset, ...]
    columns: Array

    def without(self, rows: Sequence[int]) -> "Energies":
        """Copy whose regression does not use some rows."""
        used = self.slope.used.copy()
        used[list(rows)] = False
        return replace(self, slope=replace(self.slope, used=used))


def analyse_energies(rows: Rows, fit: Posterior) -> Energies | None:
    """Compare the energies with what a fit to other labels says; None where too few have one."""
    present = np.isfinite(rows.energies)
    if present.sum() < 8:
        return None
    total = _confirmed(rows, fit, _analysed(rows, fit, rows.energies, present))
    if np.ptp(rows.n_atoms[present]) == 0 and rows.n_atoms[0] < 3:
        return total
    single = _analysed(rows, fit, rows.energies * rows.n_atoms, present)
    # Densities of the same numbers: those of E/N are Π N times those of E.
    jacobian = float(np.log(rows.n_atoms[present]).sum())
    gain = single.slope.comparison.evidence - (total.slope.comparison.evidence - jacobian)
    fits = single.slope.sure and single.slope.right and not (total.slope.sure and total.slope.right)
    if fits and gain > PER_ATOM_GAIN:
        return Energies(single.labels, True, single.slope, single.offsets, single.columns)
    return total


def _analysed(rows: Rows, fit: Posterior, labels: Array, present: Mask) -> Energies:
    mean, doubt = energy_expectation(rows, fit)
    constants = rows.compositions
    slope = regress(labels, mean, constants, doubt, present)
    factor = abs(slope.value) if slope.sure else 1.0
    offsets = find_offsets(
        rows, labels, np.column_stack([mean, constants]), doubt * factor, present, groups(rows)
    )
    columns = np.column_stack([constants, *(offset.candidate.column for offset in offsets)])
    if offsets:
        slope = regress(labels, mean, columns, doubt, present & ~_foreign(offsets, factor, present))
    return Energies(labels, False, slope, tuple(offsets), columns)


def _confirmed(rows: Rows, fit: Posterior, energies: Energies) -> Energies:
    """Look at the likelihood of units where the regression is not sure."""
    if energies.slope.sure and (
        energies.slope.right or nearest_factor(energies.slope.value, ENERGY_FACTORS, 0.3)
    ):
        return energies
    mean, doubt = energy_expectation(rows, fit)
    factors = [f.value for f in ENERGY_FACTORS] + [1.0 / f.value for f in FORCE_FACTORS]
    return replace(
        energies, slope=confirm(energies.slope, energies.labels, mean, energies.columns, doubt, factors)
    )


def _foreign(offsets: Sequence[Offset], factor: float, present: Mask) -> Mask:
    """Frames with a constant that no physics makes: their unit may be another, too; at most half of all."""
    foreign = np.zeros(len(present), dtype=bool)
    for offset in offsets:
        size = abs(offset.value) / factor * float(offset.candidate.column.max())
        if offset.candidate.kind != "structure" and size > CERTAIN_OFFSET:
            foreign |= offset.candidate.members
    return foreign if 2 * (foreign & present).sum() <= present.sum() else ~foreign


def check_per_atom(dataset: Dataset, rows: Rows, energies: Energies) -> list[Finding]:
    """Find energies per atom where those of the whole structure belong."""
    frames = concerned(dataset, rows, "energy")
    where, slope = place(dataset, frames), energies.slope
    evidence = {"slope": slope.value, "error": slope.error}
    found = []
    if energies.per_atom:
        found.append(
            finding(
                dataset,
                "energy: per atom",
                True,
                f"energies of {where} look like energies per atom: their slope against forces is {slope} if they are "
                "taken so, and none is near 1 if they are not.",
                "give the energy of the whole structure (multiply by the number of atoms)",
                frames,
                evidence,
                Correction("energy", times_atoms=True),
            )
        )
    return found


def check_offsets(dataset: Dataset, rows: Rows, energies: Energies, factor: float) -> list[Finding]:
    """Report constants of groups, families and structures."""
    found = []
    for offset in energies.offsets:
        value = offset.value / factor
        if offset.candidate.kind == "structure":
            if abs(value) > max(LEAST_STRUCTURE_CONSTANT, STRUCTURE_CONSTANT_ERRORS * offset.error / factor):
                found.append(_structure_constant(dataset, rows, offset, value))
            continue
        size = value * float(offset.candidate.column.max())
        if abs(size) > LEAST_OFFSET or abs(size) < abs(value):
            found.append(_group_offset(dataset, rows, energies, offset, value))
    return found


def _structure_constant(dataset: Dataset, rows: Rows, offset: Offset, value: float) -> Finding:
    frames = concerned(dataset, rows, "energy")
    return finding(
        dataset,
        "energy: constant per structure",
        True,
        f"energies of {place(dataset, frames)} carry one constant of {with_error(value, offset.error)} eV per "
        "structure, whatever its size, as energies relative to some structure do.",
        "give total energies, or energies relative to the free atoms",
        frames,
        {"constant": value, "error": offset.error},
    )


def _group_offset(dataset: Dataset, rows: Rows, energies: Energies, offset: Offset, value: float) -> Finding:
    candidate = offset.candidate
    members = candidate.members & np.isfinite(energies.labels)
    frames = _frames_of(dataset, rows, candidate.kind, members)
    named = _level_factor(rows, energies, offset, members)
    per_structure = bool(candidate.column.max() < 1.0)
    amount = f"{'+' if value > 0 else ''}{with_error(value, offset.error)} eV" + (
        "" if per_structure else "/atom"
    )
    size = abs(value) * float(candidate.column.max())
    evidence = {"offset": value, "error": offset.error, "scatter": offset.scatter, "frames": len(frames)}
    where = f"charge {candidate.name}" if candidate.kind == "charge" else place(dataset, frames)
    if named is not None:
        name, conversion, reverse = named
        if reverse:
            frames = [k for k in range(len(dataset)) if k not in set(frames)]
            where = place(dataset, frames)
        return finding(
            dataset,
            "energy: unit of a group",
            True,
            f"energies of {where} look like {name}, the others do not: they are off by {amount} against what forces "
            "and the other energies say.",
            "convert them to eV of the whole structure",
            frames,
            evidence,
            conversion,
        )
    either = (
        _other_files(dataset, frames)
        if not energies.slope.sure or len(frames) > MINORITY * len(dataset)
        else ""
    )
    correction = None if per_structure or not energies.slope.sure else Correction("energy", per_atom=-value)
    reason = ", whatever their size, as charged cells or cells of another spin are" if per_structure else ""
    return finding(
        dataset,
        "energy: constant of a charge" if candidate.kind == "charge" else "energy: constant of a group",
        (size > CERTAIN_OFFSET or per_structure)
        and offset.error < SURE_OFFSET * abs(value)
        and not (candidate.kind == "family" and _are_hottest(rows, members)),
        f"energies of {where} ({counted(len(frames), 'frame')}) are off by {amount}{reason}, against all others, by "
        f"what forces and the other energies say; the rest scatters by {1e3 * offset.scatter:.0f} meV/atom{either}.",
        "use one code, with the same settings, charge and spin, for all frames, or shift one of the groups"
        + _without_energies(rows, candidate.kind, members),
        frames,
        evidence,
        correction,
    )


def _are_hottest(rows: Rows, members: Mask) -> bool:
    """Whether nearly all of these frames have larger forces than nearly all others: a small basis errs on them."""
    sizes = np.array([np.nan if own is None else np.sqrt(np.mean(own**2)) for own in rows.forces])
    own, others = sizes[members & np.isfinite(sizes)], sizes[~members & np.isfinite(sizes)]
    if not len(own) or not len(others):
        return False
    return bool(np.mean(own[:, None] > others) > HOTTEST)


def _without_energies(rows: Rows, kind: str, members: Mask) -> str:
    """How to fit without the energies of a config type; empty if the frames are not one, or its name needs quotes."""
    names = {rows.names[g][1] for g in rows.groups[members]}
    if kind != "config_type" or len(names) > 1 or not re.fullmatch(r"[\w-]+", *names):
        return ""
    return f", or fit without their energies (--set weights.config_types.{names.pop()}.energy=0)"


def _other_files(dataset: Dataset, frames: list[int]) -> str:
    """Say that the files beside those of some frames may be the wrong ones as well; empty if there are none."""
    own = {dataset[k].file for k in frames}
    others = [k for k, frame in enumerate(dataset) if frame.file not in own]
    return (
        f"; it cannot be told whether these are wrong or those of {place(dataset, others)}" if others else ""
    )


def _frames_of(dataset: Dataset, rows: Rows, kind: str, members: Mask) -> list[int]:
    """Frames of the dataset that a set of rows stands for: whole groups, or only those rows."""
    if kind in ("file", "config_type"):
        names = {rows.names[g] for g in rows.groups[members]}
        return [k for k, f in enumerate(dataset) if (f.file, f.config_type) in names and f.energy is not None]
    return [int(k) for k in rows.indices[members]]


def _level_factor(
    rows: Rows, energies: Energies, offset: Offset, members: Mask
) -> tuple[str, Correction, bool] | None:
    """Unit that the level of the energies of a group betrays, as name, correction and whether the others have it."""
    if energies.per_atom or offset.candidate.column.max() < 1.0:
        return None
    own = energies.labels[members]
    level = own - offset.value  # in the way of the others
    for reverse in (False, True):
        have, want = (level, own) if reverse else (own, level)
        if np.median(abs(want)) < LEVEL:
            continue
        ratio = float(np.median(have / want))
        named = nearest_factor(ratio, [f for f in ENERGY_FACTORS if f.value > 0 or ratio < 0], SAME_LEVEL)
        if named is not None:
            return named.name, Correction("energy", 1.0 / named.value), reverse
        sizes = rows.n_atoms[members]
        if abs(np.median(have * sizes / want) - 1.0) < SAME_LEVEL and np.median(sizes) > 1.5 and not reverse:
            return "energies per atom", Correction("energy", times_atoms=True), reverse
    return None
