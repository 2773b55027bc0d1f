"""Summary of a dataset: counts, ranges, duplicates and outliers."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlip_rs.data.dataset import Dataset, LabelCounts
from mlip_rs.data.duplicates import duplicate_groups
from mlip_rs.data.frames import Frame
from mlip_rs.data.label_source import sources_text
from mlip_rs.data.outliers import Outlier, OutlierLimits, find_outliers
from mlip_rs.data.reference import ReferenceEnergies, isolated_atoms, reference_energies
from mlip_rs.text import counted, table_lines
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA, MEV_PER_EV

ENERGY_SPREAD: float = 1e-3
"""Energy difference (eV/atom) beyond which duplicates disagree."""

ZERO_FORCE: float = 1e-8
"""eV/Å; components that are no larger are zero but for rounding."""

SHOWN: int = 10
"""Number of outliers, duplicates and notices that `DataSummary.lines` lists; the rest is counted."""


@dataclass(frozen=True)
class Range:
    """Lowest and highest value of a quantity.

    Examples
    --------
    >>> Range(-3.412, -2.958).text()
    '-3.41 … -2.96'
    """

    low: float
    high: float

    def text(self, digits: int = 2, factor: float = 1.0) -> str:
        """Format as "1.20 … 3.45", in units of 1/`factor`."""
        return f"{self.low * factor:.{digits}f} … {self.high * factor:.{digits}f}"


@dataclass(frozen=True)
class GroupSummary:
    """Counts and ranges over the frames of one config type, or over all.

    Parameters
    ----------
    name
        The config type; "all" for the whole dataset.
    n_frames, n_atoms
        Numbers of frames and atoms.
    labels
        Numbers of frames with each label.
    energy_per_atom
        Total energy as in the data, eV/atom; None without energies.
    binding_energy_per_atom
        Energy relative to the reference energies, eV/atom; None without energies.
    max_force
        Largest force, eV/Å.
    stress
        Range over all components, eV/Å³, positive under tension.
    volume_per_atom
        Volume of fully periodic frames, Å³/atom.
    nearest_distance
        Nearest-neighbour distance, Å, without isolated atoms.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> summary = summarize(read_dataset(DATA_PATH, index="::8"))
    >>> liquid = next(group for group in summary.config_types if group.name == "md_liquid")
    >>> liquid.n_frames, liquid.nearest_distance.text()
    (3, '2.23 … 2.79')
    """

    name: str
    n_frames: int
    n_atoms: int
    labels: LabelCounts
    energy_per_atom: Range | None
    binding_energy_per_atom: Range | None
    max_force: float | None
    stress: Range | None
    volume_per_atom: Range | None
    nearest_distance: Range | None


@dataclass(frozen=True)
class Duplicate:
    """Frames with the same structure up to translation and wrapping.

    Parameters
    ----------
    frames
        Indices in the dataset.
    locations
        File and index of each.
    energy_spread
        Highest minus lowest energy, eV/atom; None if fewer than two have an energy.

    Examples
    --------
    >>> pair = Duplicate((0, 7), ("frame 0 of a.extxyz", "frame 3 of b.extxyz"), energy_spread=0.012)
    >>> pair.disagrees
    True
    """

    frames: tuple[int, ...]
    locations: tuple[str, ...]
    energy_spread: float | None

    @property
    def disagrees(self) -> bool:
        """True if the energies differ by more than `ENERGY_SPREAD`."""
        return self.energy_spread is not None and self.energy_spread > ENERGY_SPREAD


@dataclass(frozen=True)
class DataSummary:
    """Result of `summarize`.

    Parameters
    ----------
    files, elements, energy_source, notices, fingerprint
        Attributes of the dataset.
    total
        Counts and ranges over all frames.
    config_types
        Counts and ranges over the frames of each config type.
    reference
        Reference energies; None without energies.
    isolated_atoms
        Indices of isolated atoms by element.
    duplicates
        Groups of equal structures.
    outliers
        Outliers with reasons.
    limits
        Limits beyond which a frame is an outlier.
    label_sources
        Numbers of frames by what made their labels, where the files tell it.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> summary = summarize(read_dataset(DATA_PATH, index="::8"))
    >>> summary.lines()[0]
    '40 structures, 135 atoms of Al, from 1 file'
    """

    files: tuple[str, ...]
    elements: tuple[str, ...]
    energy_source: str
    notices: tuple[str, ...]
    fingerprint: str
    total: GroupSummary
    config_types: tuple[GroupSummary, ...]
    reference: ReferenceEnergies | None
    isolated_atoms: Mapping[str, tuple[int, ...]]
    duplicates: tuple[Duplicate, ...]
    outliers: tuple[Outlier, ...]
    limits: OutlierLimits
    label_sources: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Convert to a JSON document; eV, Å, eV/Å, eV/Å³."""
        document: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return document

    def lines(self) -> list[str]:
        """Format for a terminal or a log."""
        total, made_by = self.total, sources_text(self.label_sources, self.total.n_frames)
        lines = [
            f"{counted(total.n_frames, 'structure')}, {counted(total.n_atoms, 'atom')} of {', '.join(self.elements)}, "
            f"from {counted(len(self.files), 'file')}",
            f"labels: {_label_text(total.labels)}; energy taken: {self.energy_source}",
            *([f"labels made by: {made_by}"] if made_by else []),
        ]
        if self.reference is not None:
            lines.append(f"reference energies: {self.reference.text()}")
        if self.isolated_atoms:
            found = ", ".join(f"{symbol} ({len(frames)})" for symbol, frames in self.isolated_atoms.items())
            lines.append(f"isolated atoms: {found}")
        lines.extend(_table([*self.config_types, total] if len(self.config_types) > 1 else [total]))
        lines.extend(_listed("duplicates", [_duplicate_text(duplicate) for duplicate in self._by_spread()]))
        lines.extend(
            _listed("outliers", [f"{outlier.location}: {outlier.reason}" for outlier in self.outliers])
        )
        lines.extend(_listed("notices", list(self.notices)))
        return lines

    def _by_spread(self) -> list[Duplicate]:
        return sorted(self.duplicates, key=lambda duplicate: -(duplicate.energy_spread or 0.0))


def _silent_forces(dataset: Dataset) -> list[str]:
    """Give a notice if there are no forces, or none differs from zero, as in perfect crystals and cells of one atom."""
    forces = [frame.forces for frame in dataset if frame.forces is not None]
    if not forces:
        return [
            "no structure has forces: little determines the energies of displaced atoms (phonons, dynamics); add "
            "their forces (--forces-key names them) or cells of several atoms with displacements and forces"
        ]
    if max(float(np.abs(own).max(initial=0.0)) for own in forces) > ZERO_FORCE:
        return []
    alone = all(frame.n_atoms == 1 for frame in dataset)
    which = "all structures have one atom, on which no force can act" if alone else "all forces are zero"
    return [
        f"{which}: force errors of 0 say nothing, and nothing determines the energies of displaced atoms (phonons, "
        "dynamics); add cells of several atoms with displacements"
    ]


def _energies_per_atom(dataset: Dataset) -> list[str]:
    """Give a notice if the energies hardly change with the number of atoms, as total energies would."""
    groups: dict[bytes, list[Frame]] = {}
    for frame, counts in zip(dataset, dataset.compositions(), strict=True):
        if frame.energy is not None and frame.n_atoms > 1:
            groups.setdefault(np.round(counts / counts.sum(), 6).tobytes(), []).append(frame)
    frames = max(groups.values(), key=len, default=[])
    sizes = np.array([frame.n_atoms for frame in frames])
    if len(frames) < 5 or sizes.max() < 2 * sizes.min():
        return []
    energies = np.array([float(frame.energy or 0.0) for frame in frames])
    as_total, as_mean = (
        float(np.std(e)) / (abs(float(np.mean(e))) or 1.0) for e in (energies / sizes, energies)
    )
    if as_mean < 0.2 and as_mean < 0.3 * as_total:
        return [
            f"energies are nearly the same for {sizes.min()} and for {sizes.max()} atoms: they look like "
            "energies per atom; total energies are needed"
        ]
    return []


def summarize(
    dataset: Dataset,
    *,
    energy_window: float = OutlierLimits.energy_window,
    max_force: float = OutlierLimits.max_force,
    min_distance_ratio: float = OutlierLimits.min_distance_ratio,
    max_stress: float = OutlierLimits.max_stress,
    reference: Mapping[str, float] | ReferenceEnergies | None = None,
) -> DataSummary:
    """Count frames, atoms and labels, and find duplicates and outliers; the dataset is not changed.

    Parameters
    ----------
    dataset
        The frames.
    energy_window, max_force, min_distance_ratio, max_stress
        Limits for outliers, see `OutlierLimits`.
    reference
        Isolated-atom energies by element, eV, if known; or reference energies with their origins.

    Raises
    ------
    DataError
        `reference` lacks an element of the data.

    Examples
    --------
    >>> from mlip_rs.data import read_dataset
    >>> from mlip_rs.demo import DATA_PATH
    >>> summary = summarize(read_dataset(DATA_PATH, index="::8"), max_force=7.0)
    >>> [outlier.reason for outlier in summary.outliers]
    ['force on atom 3 is 7.4 eV/Å (limit 7.0)']
    """
    limits = OutlierLimits(energy_window, max_force, min_distance_ratio, max_stress)
    if reference is None or isinstance(reference, ReferenceEnergies):
        energies = reference or (reference_energies(dataset) if dataset.labels.energies else None)
    else:
        energies = reference_energies(dataset, reference) if dataset.labels.energies or reference else None
    isolated = isolated_atoms(dataset)
    measured = _measure(dataset, energies)
    members: dict[str, list[int]] = {name: [] for name in dataset.config_types}
    for index, frame in enumerate(dataset):
        members[frame.config_type].append(index)
    lonely = frozenset(index for frames in isolated.values() for index in frames)
    return DataSummary(
        files=dataset.files,
        elements=dataset.elements,
        energy_source=dataset.energy_source,
        notices=(*dataset.notices, *_energies_per_atom(dataset), *_silent_forces(dataset)),
        fingerprint=dataset.fingerprint(),
        total=_group("all", dataset, range(len(dataset)), measured),
        config_types=tuple(_group(name, dataset, indices, measured) for name, indices in members.items()),
        reference=energies,
        isolated_atoms=isolated,
        duplicates=tuple(_duplicate(dataset, group) for group in duplicate_groups(dataset)),
        outliers=find_outliers(dataset, measured.binding, lonely, limits),
        limits=limits,
        label_sources=dataset.label_sources,
    )


@dataclass(frozen=True)
class _Measured:
    """Energies (n,) in eV/atom, and shortest and longest nearest-neighbour distances (n, 2) in Å; nan if unknown."""

    energy: NDArray[np.float64]
    binding: NDArray[np.float64]
    nearest: NDArray[np.float64]


def _measure(dataset: Dataset, reference: ReferenceEnergies | None) -> _Measured:
    energy, binding = np.full(len(dataset), np.nan), np.full(len(dataset), np.nan)
    nearest = np.full((len(dataset), 2), np.nan)
    for index, frame in enumerate(dataset):
        if frame.energy is not None:
            energy[index] = frame.energy / frame.n_atoms
            if reference is not None:
                binding[index] = (frame.energy - reference.of(frame)) / frame.n_atoms
        distances = dataset.nearest_distances[index]
        distances = distances[np.isfinite(distances)]
        if len(distances):
            nearest[index] = distances.min(), distances.max()
    return _Measured(energy, binding, nearest)


def _group(name: str, dataset: Dataset, indices: list[int] | range, measured: _Measured) -> GroupSummary:
    part = dataset.subset(indices)
    chosen = list(indices)
    forces = [float(np.linalg.norm(frame.forces, axis=1).max()) for frame in part if frame.forces is not None]
    stresses = [frame.stress for frame in part if frame.stress is not None]
    volumes = [frame.volume / frame.n_atoms for frame in part if frame.volume is not None]
    return GroupSummary(
        name=name,
        n_frames=len(part),
        n_atoms=part.n_atoms,
        labels=part.labels,
        energy_per_atom=_range(measured.energy[chosen]),
        binding_energy_per_atom=_range(measured.binding[chosen]),
        max_force=max(forces, default=None),
        stress=_range(np.array(stresses)),
        volume_per_atom=_range(np.array(volumes)),
        nearest_distance=_range(measured.nearest[chosen]),
    )


def _range(values: NDArray[np.float64]) -> Range | None:
    known = values[np.isfinite(values)]
    return Range(float(known.min()), float(known.max())) if known.size else None


def _duplicate(dataset: Dataset, group: tuple[int, ...]) -> Duplicate:
    frames = [dataset[index] for index in group]
    energies = [frame.energy / frame.n_atoms for frame in frames if frame.energy is not None]
    spread = max(energies) - min(energies) if len(energies) > 1 else None
    return Duplicate(group, tuple(frame.location for frame in frames), spread)


def _duplicate_text(duplicate: Duplicate) -> str:
    shown = ", ".join(duplicate.locations[:4]) + (", …" if len(duplicate.locations) > 4 else "")
    if duplicate.energy_spread is None:
        return shown
    mark = " and DISAGREE" if duplicate.disagrees else ""
    return f"{shown}: energies within {duplicate.energy_spread * MEV_PER_EV:.2f} meV/atom{mark}"


def _label_text(labels: LabelCounts) -> str:
    return ", ".join(
        f"{name} {present}" + (f" ({labels.n_frames - present} missing)" if present < labels.n_frames else "")
        for name, present in (
            ("energy", labels.energies),
            ("forces", labels.forces),
            ("stress", labels.stresses),
        )
    )


def _table(groups: list[GroupSummary]) -> list[str]:
    """Format a table with one row per group."""
    header = [
        "config type",
        "frames",
        "atoms",
        "E−E0 eV/atom",
        "max |F| eV/Å",
        "stress GPa",
        "Å³/atom",
        "nearest Å",
    ]
    rows = [
        [
            group.name,
            str(group.n_frames),
            str(group.n_atoms),
            group.binding_energy_per_atom.text() if group.binding_energy_per_atom else "–",
            f"{group.max_force:.2f}" if group.max_force is not None else "–",
            group.stress.text(1, EV_PER_ANGSTROM3_IN_GPA) if group.stress else "–",
            group.volume_per_atom.text(1) if group.volume_per_atom else "–",
            group.nearest_distance.text() if group.nearest_distance else "–",
        ]
        for group in groups
    ]
    return table_lines(header, rows)


def _listed(title: str, entries: list[str]) -> list[str]:
    if not entries:
        return [f"{title}: none"] if title != "notices" else []
    rest = [f"  … and {len(entries) - SHOWN} more"] if len(entries) > SHOWN else []
    return [f"{title}: {len(entries)}", *(f"  {entry}" for entry in entries[:SHOWN]), *rest]
