"""Reading of first-principles data from files that ASE reads, or from ASE `Atoms`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from ase.io.formats import string2index

from mlip_rs.data.choice import LabelChoice, choose_labels, keys_present
from mlip_rs.data.dataset import Dataset
from mlip_rs.data.frames import Frame
from mlip_rs.data.images import read_images
from mlip_rs.data.labels import (
    ENERGY_AGREEMENT,
    LabelKeys,
    RawFrame,
    energy_of,
    forces_of,
    free_energy_of,
    stress_of,
)
from mlip_rs.data.metadata import (
    CONFIG_TYPE_NAMES,
    GROUP_NAMES,
    LABEL_SOURCE_NAMES,
    charge_notices,
    charge_of,
    converged_of,
    text_of,
    weight_notices,
    weights_of,
)
from mlip_rs.data.paths import PathLike, files_meant, kinds_of_runs, shown_name
from mlip_rs.data.reference import is_isolated_atom
from mlip_rs.data.vasp_settings import differences
from mlip_rs.errors import DataError
from mlip_rs.text import counted
from mlip_rs.units import MEV_PER_EV

ENERGY_CHOICES = ("auto", "free_energy", "energy")


@dataclass(frozen=True)
class _Source:
    """Frames of one file with the keys of its labels."""

    file: str
    frames: tuple[RawFrame, ...]
    choice: LabelChoice
    settings: Mapping[str, str] = field(default_factory=dict)
    kind: str = ""


def read_dataset(
    paths: PathLike | Sequence[PathLike],
    *,
    index: str | int | slice = ":",
    format: str | None = None,
    energy: str = "auto",
    keys: LabelKeys | None = None,
    types: Sequence[str] = (),
    file_weights: bool = True,
    require_energies: bool = True,
) -> Dataset:
    """Read structures with energies, forces and stresses.

    >>> from mlip_rs.demo import DATA_PATH
    >>> dataset = read_dataset(DATA_PATH, index=":5")
    >>> len(dataset), dataset.elements, dataset.energy_source
    (5, ('Al',), 'free_energy')

    Parameters
    ----------
    paths
        One or more files that ASE reads (extxyz, vasprun.xml, OUTCAR, db, traj, …; also compressed), patterns
        such as `"runs/*/vasprun.xml"`, directories that hold a vasprun.xml or OUTCAR, or "-" for standard input.
    index
        Frames to take from every file, as in `ase.io.read`; all by default.
    format
        ASE's name of the file format, if the file name does not show it.
    energy
        "free_energy", "energy", or "auto": the free energy, from which the forces derive, when all frames
        have it.
    keys
        Keys of the labels, if they are not among the usual ones.
    types
        Elements of the types 1, 2, … of files without elements, or entries LABEL=SYMBOL.
    file_weights
        Let weights in the file (`config_weight`, `energy_weight`, …) count; labels of weight 0 are left out.
    require_energies
        Refuse data without any energy, to which nothing can be fitted.

    Returns
    -------
    Dataset
        Validated frames in the order of the files; `notices` say what was taken.

    Raises
    ------
    DataError
        A file is missing, empty or unreadable; a frame is invalid; no frame has an energy; energies of
        different kinds would be mixed.
    """
    files = files_meant(paths)
    if not files:
        raise DataError("no files given")
    slice_ = _as_slice(index)
    keys = keys or LabelKeys()
    kinds = kinds_of_runs(files)
    sources: list[_Source] = []
    notices: list[str] = []
    for file in files:
        images = read_images(file, slice_, format, types)
        notices.extend(images.remarks)
        choice = choose_labels(images.frames, shown_name(file), keys)
        sources.append(_Source(str(file), images.frames, choice, images.settings, kinds.get(file, "")))
        notices.extend(weight_notices(images.frames, shown_name(file), file_weights))
    return _Assembly(sources, energy, keys, file_weights, require_energies).dataset(notices)


def read_structures(
    paths: PathLike | Sequence[PathLike],
    *,
    index: str | int | slice = ":",
    format: str | None = None,
    types: Sequence[str] = (),
    note: Callable[[str], None] = lambda remark: None,
) -> tuple[RawFrame, ...]:
    """Read structures without labels, such as those to predict energies for; they are not validated.

    Parameters
    ----------
    paths, index, format, types
        See `read_dataset`.
    note
        Receives a sentence on everything that was made regular or left out.

    Raises
    ------
    DataError
        A file is missing, empty or unreadable.

    Examples
    --------
    >>> from mlip_rs.demo import DATA_PATH
    >>> frames = read_structures(DATA_PATH, index=":3")
    >>> [frame.atoms.get_chemical_formula() for frame in frames]
    ['Al', 'Al4', 'Al3']
    """
    slice_ = _as_slice(index)
    frames: list[RawFrame] = []
    for file in files_meant(paths):
        images = read_images(file, slice_, format, types)
        frames.extend(images.frames)
        for remark in images.remarks:
            note(remark)
    return tuple(frames)


def dataset_from_atoms(
    atoms: Iterable[Atoms],
    *,
    source: str = "atoms",
    energy: str = "auto",
    keys: LabelKeys | None = None,
    require_energies: bool = True,
) -> Dataset:
    """Build a dataset from ASE `Atoms` with labels in their calculator, `info` or `arrays`.

    Parameters
    ----------
    atoms
        Structures; nothing is calculated, only results that exist are taken.
    source
        Stands for the file name in messages.
    energy, keys, require_energies
        See `read_dataset`.

    Returns
    -------
    Dataset
        Validated frames in order.

    Raises
    ------
    DataError
        As in `read_dataset`; also when atoms were changed after their calculator had finished.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from ase.calculators.emt import EMT
    >>> crystal = bulk("Al")
    >>> crystal.calc = EMT()
    >>> energy = crystal.get_potential_energy()
    >>> dataset_from_atoms([crystal]).labels.energies
    1
    """
    frames: list[RawFrame] = []
    listed = [atoms] if isinstance(atoms, Atoms) else atoms
    for index, item in enumerate(listed):
        location = f"frame {index} of {source}"
        if not isinstance(item, Atoms):
            raise DataError(f"{location}: is a {type(item).__name__}, not ASE Atoms")
        if item.calc is not None and item.calc.results and item.calc.check_state(item):
            raise DataError(
                f"{location}: the atoms were changed after they were calculated; calculate again or set "
                "atoms.calc to None"
            )
        frames.append(RawFrame.of(item, location, index))
    if not frames:
        raise DataError(f"{source}: no structures given")
    keys = keys or LabelKeys()
    found = _Source(source, tuple(frames), choose_labels(frames, source, keys))
    return _Assembly([found], energy, keys, True, require_energies).dataset(
        weight_notices(frames, source, True)
    )


def _as_slice(index: str | int | slice) -> slice:
    try:
        parsed = string2index(index) if isinstance(index, str) else index
    except ValueError as error:
        raise DataError(
            f"index {index!r} is not understood; give a number or a slice such as '::10'"
        ) from error
    if isinstance(parsed, int):
        return slice(parsed, parsed + 1 or None)
    if not isinstance(parsed, slice) or parsed.step == 0:
        raise DataError(f"index {index!r} is not understood; give a number or a slice such as '::10'")
    return parsed


@dataclass(frozen=True)
class _Assembly:
    """From frames of files and the keys of their labels to a dataset."""

    sources: Sequence[_Source]
    energy: str
    keys: LabelKeys
    file_weights: bool
    require_energies: bool

    def dataset(self, notices: list[str]) -> Dataset:
        """Build all frames; `notices` are those that there are already."""
        for source in self.sources:
            notices.extend(source.choice.notices)
        kind = self._choose_energy(notices)
        dropped = switched_off = 0
        frames: list[Frame] = []
        for source in self.sources:
            for raw, labels in zip(source.frames, source.choice.frames, strict=True):
                energy = free_energy_of(raw, labels) if kind == "free_energy" else energy_of(raw, labels)
                forces, stress = forces_of(raw, labels), stress_of(raw, labels, self.keys)
                if stress is not None and not raw.atoms.pbc.all():
                    stress, dropped = None, dropped + 1
                weights = weights_of(raw) if self.file_weights else (1.0, 1.0, 1.0)
                if not any(weights):
                    switched_off += 1
                    continue
                frames.append(
                    Frame(
                        numbers=raw.atoms.numbers,
                        positions=raw.atoms.positions,
                        cell=raw.atoms.cell.array,
                        pbc=raw.atoms.pbc,
                        energy=energy if weights[0] else None,
                        forces=forces if weights[1] else None,
                        stress=stress if weights[2] else None,
                        config_type=text_of(raw, CONFIG_TYPE_NAMES) or source.kind,
                        group=text_of(raw, GROUP_NAMES) or None,
                        file=source.file,
                        index=raw.index,
                        weights=weights,
                        charge=charge_of(raw),
                        label_source=text_of(raw, LABEL_SOURCE_NAMES),
                        converged=converged_of(raw),
                    )
                )
        if dropped:
            notices.append(
                f"stress of {counted(dropped, 'frame')} ignored: it needs three periodic directions"
            )
        if switched_off:
            notices.append(f"{counted(switched_off, 'frame')} left out, for the file gives them the weight 0")
        if not frames:
            raise DataError(f"{self._files}: all frames have the weight 0; nothing is left")
        notices.extend(charge_notices([frame.charge for frame in frames]))
        atoms = {frame.file for frame in frames if is_isolated_atom(frame)}
        runs = [(own.file, own.settings, own.file in atoms) for own in self.sources if own.settings]
        notices.extend(differences(runs))
        return Dataset(tuple(frames), kind, tuple(dict.fromkeys(notices)))

    @property
    def _files(self) -> str:
        shown = ", ".join(source.file for source in self.sources[:3])
        return shown + (", …" if len(self.sources) > 3 else "")

    def _choose_energy(self, notices: list[str]) -> str:
        """Choose one kind of energy for all frames, which must not be mixed unintentionally."""
        if self.energy not in ENERGY_CHOICES:
            raise DataError(f"energy {self.energy!r} is not known; choose one of {', '.join(ENERGY_CHOICES)}")
        both = [
            (energy_of(raw, labels), free_energy_of(raw, labels), len(raw.atoms))
            for source in self.sources
            for raw, labels in zip(source.frames, source.choice.frames, strict=True)
        ]
        n_energy = sum(plain is not None for plain, _, _ in both)
        n_free = sum(free is not None for _, free, _ in both)
        n_any = sum(plain is not None or free is not None for plain, free, _ in both)
        if {"energy": n_energy, "free_energy": n_free, "auto": n_any}[self.energy] == 0:
            if self.require_energies:
                raise DataError(self._without_energies(len(both)))
            self._require_any_label()
            return "none"
        if self.keys.energy is not None:
            return self.keys.energy if self.keys.energy not in ENERGY_CHOICES else "energy"
        if self.energy != "auto":
            return self.energy
        if n_free == n_any:
            return "free_energy"
        if n_energy < n_any:
            raise DataError(
                f"{self._files}: {counted(n_any - n_energy, 'frame')} with only a free energy, {n_any - n_free} with "
                "only an energy; "
                "they are not the same with smearing: choose --energy free_energy or --energy energy "
                "(the others go without energy)"
            )
        if n_free:
            gaps = [
                abs(plain - free) / n for plain, free, n in both if plain is not None and free is not None
            ]
            worst = float(np.max(gaps))
            if worst > ENERGY_AGREEMENT:
                notices.append(
                    f"{n_free} of {n_any} frames also have a free energy, off by up to {MEV_PER_EV * worst:.2f} "
                    "meV/atom; the plain energy was taken throughout, though forces derive from the free energy"
                )
        return "energy"

    def _require_any_label(self) -> None:
        """Refuse data without anything to compare with."""
        for source in self.sources:
            if any(labels.forces or labels.stress or labels.virial for labels in source.choice.frames):
                return
        raise DataError(
            f"{self._files}: no labels to compare with; use predict for such structures, or name the keys "
            f"(--energy-key, --forces-key, …); {self._keys_present}"
        )

    @property
    def _keys_present(self) -> str:
        return keys_present([raw for source in self.sources for raw in source.frames])

    def _without_energies(self, n_frames: int) -> str:
        label = "a free energy" if self.energy == "free_energy" else "an energy"
        which = f"none of the {n_frames} frames" if n_frames > 1 else "no frame"
        return (
            f"{self._files}: {which} has {label}, and nothing can be fitted without any, not "
            "even with energies left out (--energy-precision 0); "
            f"name the key that holds them (--energy-key); {self._keys_present}"
        )
