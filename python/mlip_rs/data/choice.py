"""Choice of the keys of the labels by frame: those of a frame have one origin, and none is lost without a word."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mlip_rs.data.label_names import COLUMNS, METHODS, LabelName, label_name
from mlip_rs.data.labels import (
    ENERGY_AGREEMENT,
    STRESS_AGREEMENT,
    FrameLabels,
    LabelKeys,
    RawFrame,
    numbers_of,
    voigt,
)
from mlip_rs.data.overlooked import missing_cells, overlooked_forces
from mlip_rs.data.xyz import CP2K_ENERGY
from mlip_rs.errors import DataError
from mlip_rs.text import counted
from mlip_rs.units import ase_stress_from_virial

_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
"""A key that is a bare number in a comment line."""

NONE: str = "none"
"""Key that leaves a label out."""

SLOTS: dict[str, str] = {
    "energy": "energy",
    "energy per atom": "energy",
    "free energy": "energy",
    "forces": "forces",
    "stress": "stress",
    "virial": "stress",
}
"""What competes with what; a key given for one label of a slot stands for the slot."""


@dataclass(frozen=True)
class LabelChoice:
    """Keys chosen for the frames of one file.

    Parameters
    ----------
    frames
        Keys of each frame, in order.
    notices
        What is worth reporting about the choice.
    """

    frames: tuple[FrameLabels, ...]
    notices: tuple[str, ...]


def choose_labels(frames: Sequence[RawFrame], file: str, keys: LabelKeys) -> LabelChoice:
    """Choose the keys of the labels of every frame of a file.

    Labels that say whose they are ("REF_energy") win over bare ones ("energy"). Where both differ, the bare ones are
    those of something else, and a label that exists under its bare name only is refused.

    Raises
    ------
    DataError
        A key named by the user occurs in no frame; labels of several origins that only the user can tell apart.
    """
    return _Chooser(frames, file, keys).chosen()


class _Chooser:
    """The candidates of one file.

    Parameters
    ----------
    frames
        Of the file.
    file
        Name for messages.
    keys
        Keys named by the user.
    """

    def __init__(self, frames: Sequence[RawFrame], file: str, keys: LabelKeys) -> None:
        self._frames, self._file, self._keys = frames, file, keys
        present = Counter[str]()
        for frame in frames:
            present.update(str(key) for key in frame.values)
        self._present = present
        self._notices: list[str] = []
        self._names = {key: name for key in present if (name := label_name(key)) is not None}
        given = {slot: getattr(keys, slot) for slot in ("energy", "forces", "stress", "virial")}
        self._given = {slot: self._resolved(slot, key) for slot, key in given.items() if key is not None}
        origins = {slot: self._names[key].origin for slot, key in self._given.items() if key in self._names}
        self._wanted = next((origin for origin in origins.values() if origin), origins.get("energy"))
        self._bare_is_foreign = self._wanted != "" and self._differ()
        self._taken: dict[str, Counter[str]] = {
            slot: Counter() for slot in ("energy", "free energy", "forces", "stress")
        }
        self._passed_over: dict[str, Counter[str]] = {slot: Counter() for slot in self._taken}

    def chosen(self) -> LabelChoice:
        """Choose for all frames, and say what was chosen."""
        labels = tuple(self._frame_labels(frame) for frame in self._frames)
        self._report(labels)
        return LabelChoice(labels, tuple(dict.fromkeys(self._notices)))

    # ---- keys given by the user ---------------------------------------------------------------------------

    def _resolved(self, slot: str, key: str) -> str:
        """Return a key as it is spelt in the file."""
        if key in self._present or key.lower() == NONE:
            return key
        alike = [other for other in self._present if other.lower() == key.lower()]
        if len(alike) == 1:
            self._notices.append(f"{self._file}: {slot} key {key!r} is {alike[0]!r} there")
            return alike[0]
        raise DataError(f"{self._file}: no frame has the {slot} key {key!r}; {keys_present(self._frames)}")

    # ---- origins ------------------------------------------------------------------------------------------

    def _candidates(self, frame: RawFrame, slot: str) -> dict[str, LabelName]:
        """Keys of a frame that may be taken for a slot, the best first."""
        found = {
            key: name
            for key in frame.values
            if (name := self._names.get(str(key))) is not None
            and SLOTS[name.label] == slot
            and (name.is_taken or name.origin == self._wanted)
            and _fits(frame, str(key), name.label)
        }
        return dict(sorted(found.items(), key=lambda item: self._order(item[1])))

    def _order(self, name: LabelName) -> tuple[bool, bool, bool, int]:
        """Sort key: the origin that is wanted, then those that are named, then stress before virial, then spelling."""
        unwanted = self._wanted is not None and name.origin != self._wanted
        return unwanted, not name.origin, name.label == "virial", name.rank

    def _differ(self) -> bool:
        """Tell whether bare and named labels of any frame differ, so that they are of two origins."""
        for frame in self._frames:
            for slot in ("energy", "forces"):
                found = self._candidates(frame, slot)
                for label in ("energy", "free energy", "energy per atom", "forces"):
                    bare = [key for key, name in found.items() if name.label == label and not name.origin]
                    named = [key for key, name in found.items() if name.label == label and name.origin]
                    if bare and named and _difference(frame, named[0], bare[0]) > ENERGY_AGREEMENT:
                        return True
                    if slot not in self._given and self._wanted is None and (bare or named):
                        self._refuse_methods(frame, label, (named or bare)[0])
                    if slot not in self._given and self._wanted is None:
                        self._require_one_origin(frame, {key: found[key].origin for key in named})
        return False

    def _refuse_methods(self, frame: RawFrame, label: str, taken: str) -> None:
        """Refuse a label beside one that is named after a functional or program and differs."""
        for key, name in self._names.items():
            if name.label != label or name.origin not in METHODS or frame.values.get(key) is None:
                continue
            if _difference(frame, taken, key) > ENERGY_AGREEMENT:
                raise DataError(
                    f"{frame.location}: {taken!r} and {key!r} differ, and either may be the reference; "
                    f"name the right one ({_option(label)} {key}, or {_option(label)} {taken})"
                )

    def _require_one_origin(self, frame: RawFrame, origins: dict[str, str]) -> None:
        keys = list(origins)
        for key in keys[1:]:
            if origins[key] != origins[keys[0]] and _difference(frame, keys[0], key) > ENERGY_AGREEMENT:
                raise DataError(
                    f"{frame.location}: {keys[0]!r} and {key!r} differ, and either may be the reference; name the "
                    f"right one ({_option(self._names[key].label)} {keys[0]})"
                )

    # ---- choice -------------------------------------------------------------------------------------------

    def _frame_labels(self, frame: RawFrame) -> FrameLabels:
        energy, per_atom, free = self._energies(frame)
        return FrameLabels(energy, free, self._forces(frame), *self._stress(frame), per_atom)

    def _pick(self, frame: RawFrame, slot: str, labels: Sequence[str], name: str) -> str | None:
        """Take the best candidate, note those passed over, refuse one of a foreign origin."""
        found = {k: n for k, n in self._candidates(frame, slot).items() if n.label in labels}
        if not found:
            return None
        best, *others = found
        if self._bare_is_foreign and not found[best].origin:
            self._refuse_foreign(frame, best, name)
        self._taken[name][best] += 1
        self._passed_over[name].update(other for other in others if found[other].label == found[best].label)
        return best

    def _refuse_foreign(self, frame: RawFrame, key: str, label: str) -> None:
        option = _option(label)
        named = ", ".join(other for other, name in self._names.items() if name.origin and name.is_taken)
        raise DataError(
            f"{frame.location}: {label} only under {key!r}, but other labels of the file differ from "
            f"those with a name ({named}), so that {key!r} is "
            f"of another origin; pass {option} {key} to take it all the same, or {option} {NONE} to leave it out"
        )

    def _energies(self, frame: RawFrame) -> tuple[str | None, bool, str | None]:
        """Keys of energy and free energy, and whether the energy is one per atom."""
        given = self._given.get("energy")
        if given is not None:
            name = self._names.get(given)
            return (
                (None if given.lower() == NONE else given),
                bool(name and name.label == "energy per atom"),
                None,
            )
        free = (
            self._pick(frame, "energy", ["free energy"], "free energy")
            if self._has(frame, "free energy")
            else None
        )
        energy = self._pick(frame, "energy", ["energy"], "energy") if self._has(frame, "energy") else None
        if energy is None and free is None:
            energy = self._pick(frame, "energy", ["energy per atom"], "energy")
        per_atom = energy is not None and self._names[energy].label == "energy per atom"
        return energy, per_atom, free

    def _has(self, frame: RawFrame, label: str) -> bool:
        """Tell whether a kind of energy of the best origin is there; one of a foreign origin is not asked for."""
        found = self._candidates(frame, "energy")
        mine = [name for name in found.values() if name.label == label]
        best = next(iter(found.values()), None)
        return bool(mine) and not (self._bare_is_foreign and best and best.origin and not mine[0].origin)

    def _forces(self, frame: RawFrame) -> str | None:
        given = self._given.get("forces")
        if given is not None:
            return None if given.lower() == NONE else given
        return self._pick(frame, "forces", ["forces"], "forces")

    def _stress(self, frame: RawFrame) -> tuple[str | None, str | None]:
        stress, virial = self._given.get("stress"), self._given.get("virial")
        if NONE in [key.lower() for key in (stress, virial) if key is not None]:
            return None, None
        if stress is not None or virial is not None:
            return stress, virial
        key = self._pick(frame, "stress", ["stress", "virial"], "stress")
        if key is None:
            return None, None
        return (key, None) if self._names[key].label == "stress" else (None, key)

    # ---- notices ------------------------------------------------------------------------------------------

    def _report(self, labels: Sequence[FrameLabels]) -> None:
        for name, taken in self._taken.items():
            usual = {
                "energy": "energy",
                "free energy": "free_energy",
                "forces": "forces",
                "stress": "stress",
            }[name]
            said_below = list(taken) == ["virial"] or (
                name == "stress" and all(self._names[k].label == "virial" for k in taken)
            )
            if not taken or ((list(taken) == [usual] or said_below) and not self._passed_over[name]):
                continue
            where = ", ".join(
                f"{key!r}" + (f" in {counted(count, 'frame')}" if len(taken) > 1 else "")
                for key, count in taken.items()
            )
            others = ", ".join(map(repr, self._passed_over[name]))
            rest = (
                f", not from {others}{self._disagreement([*taken, *self._passed_over[name]])}"
                if others
                else ""
            )
            self._notices.append(f"{self._file}: {name} taken from {where}{rest}")
        self._report_conversions(labels)
        self._report_missing(labels)
        if "forces" not in self._given:
            self._notices.extend(overlooked_forces(self._frames, labels, self._file))
        self._notices.extend(missing_cells(self._frames, self._file))

    def _report_conversions(self, labels: Sequence[FrameLabels]) -> None:
        virials = dict.fromkeys(
            x.virial for x in labels if x.virial is not None and x.virial not in self._given.values()
        )
        for key in virials:
            self._notices.append(
                f"{self._file}: stress is {key!r} (W = −dE/dε, positive under compression) over −volume"
            )
        per_atom = dict.fromkeys(x.energy for x in labels if x.per_atom)
        for energy in per_atom:
            self._notices.append(
                f"{self._file}: {energy!r} is an energy per atom and was multiplied by the number of atoms"
            )
        six = sum(
            (tensor := x.stress or x.virial) is not None and np.size(frame.values.get(tensor, ())) == 6
            for frame, x in zip(self._frames, labels, strict=True)
            if frame.atoms.calc is None or (x.stress or x.virial) not in frame.atoms.calc.results
        )
        if six:
            self._notices.append(
                f"{self._file}: six numbers of a stress or virial taken in the order "
                f"{self._keys.components} ({counted(six, 'frame')})"
            )
        if "stress" not in self._given:
            self._notices.extend(self._virials_that_disagree(labels))

    def _report_missing(self, labels: Sequence[FrameLabels]) -> None:
        """Count frames without a key that the user named, and name keys that look like labels that were not found."""
        for slot, key in self._given.items():
            absent = sum(frame.values.get(key) is None for frame in self._frames)
            if key.lower() != NONE and absent:
                self._notices.append(
                    f"{self._file}: {absent} of {len(labels)} frames have no {key!r} ({slot} key)"
                )
        if not any(x.energy or x.free_energy for x in labels):
            return  # refused by the reader, or of no interest, with the keys that are there
        chosen = {key for x in labels for key in (x.energy, x.free_energy, x.forces, x.stress, x.virial)}
        others = [key for key, name in self._names.items() if not name.is_taken and key not in chosen]
        slots = {SLOTS[self._names[key].label] for key in chosen if key in self._names}
        others = [key for key in others if SLOTS[self._names[key].label] in slots]
        if others:
            self._notices.append(
                f"{self._file}: look like labels and were not taken: {', '.join(map(repr, others))}"
            )
        for slot, missing in (
            ("forces", not any(x.forces for x in labels)),
            ("stress", not any(x.stress or x.virial for x in labels)),
        ):
            alike = [
                key
                for key, name in self._names.items()
                if SLOTS[name.label] == slot and key.lower() not in COLUMNS
            ]
            if (
                missing
                and alike
                and slot not in self._given
                and not (slot == "stress" and "virial" in self._given)
            ):
                self._notices.append(
                    f"{self._file}: no {slot} taken; {', '.join(map(repr, alike))} may be meant: pass "
                    f"{_option(self._names[alike[0]].label)} {alike[0]}"
                )

    def _disagreement(self, keys: Sequence[str]) -> str:
        """Describe the largest difference of the candidates, as the end of a sentence; empty if they agree."""
        worst = 0.0
        for frame in self._frames:
            own = [key for key in keys if frame.values.get(key) is not None]
            own = [key for key in own if self._names[key].label == self._names[own[0]].label]
            worst = max([worst, *(_difference(frame, own[0], key) for key in own[1:])])
        if worst == np.inf:
            return " (of another shape); name the right key if this is wrong"
        if worst <= ENERGY_AGREEMENT:
            return ""
        return (
            f", which differ by up to {worst:.3g} (energies: per atom); name the right key if this is wrong"
        )

    def _virials_that_disagree(self, labels: Sequence[FrameLabels]) -> list[str]:
        worst, names = 0.0, ("", "")
        for frame, own in zip(self._frames, labels, strict=True):
            virial = next(
                (k for k, n in self._candidates(frame, "stress").items() if n.label == "virial"), None
            )
            if virial is None or own.stress is None or not frame.atoms.pbc.all():
                continue
            volume = abs(float(np.linalg.det(frame.atoms.cell.array)))
            if volume > 0.0:
                values = [voigt(numbers_of(frame, key), self._keys) for key in (virial, own.stress)]
                gap = float(np.max(np.abs(ase_stress_from_virial(values[0], volume) - values[1])))
                worst, names = max((worst, names), (gap, (own.stress, virial)))
        if worst <= STRESS_AGREEMENT:
            return []
        return [
            f"{self._file}: stress {names[0]!r} and virial {names[1]!r} disagree by up to {worst:.3g} eV/Å³; "
            "the stress was taken, name the virial key if this is wrong"
        ]


def keys_present(frames: Sequence[RawFrame]) -> str:
    """Say which keys there are, those that look like labels first, with the options that take them."""
    present = Counter[str]()
    for frame in frames:
        present.update(str(key) for key in frame.values)
    if CP2K_ENERGY in present:
        return (
            "it is a trajectory of CP2K, which holds neither cell nor forces, and energies in Hartree: write extxyz "
            "with Lattice, energy in eV and forces"
        )
    named = {key: name for key in present if (name := label_name(key)) is not None}
    options = [f"{_option(name.label)} {key}" for key, name in named.items() if not name.is_taken]
    hint = f"; perhaps you mean {' '.join(options)}" if options else ""
    keys = sorted(key for key in present if not _NUMBER.fullmatch(key))
    if len(keys) < len(present):
        hint += "; comment lines hold bare numbers: write what they are, such as energy=-3.2"
    return f"keys present: {', '.join(keys) or 'none'}{hint}"


def _option(label: str) -> str:
    return "--" + {"energy per atom": "energy", "free energy": "energy"}.get(label, label) + "-key"


def _fits(frame: RawFrame, key: str, label: str) -> bool:
    """Tell whether a value can be such a label: columns of atoms are forces and nothing else."""
    value = frame.values[key]
    if value is None:
        return False
    of_atoms = key in frame.atoms.arrays or (
        key == "stresses" and np.ndim(value) == 2 and np.shape(value) != (3, 3)
    )
    if label == "forces":
        return key.lower() not in COLUMNS or np.shape(value) == (len(frame.atoms), 3)
    return not of_atoms


def _difference(frame: RawFrame, first: str, second: str) -> float:
    """Largest difference of two labels of a frame; energies per atom. inf if their shapes differ."""
    a, b = numbers_of(frame, first), numbers_of(frame, second)
    if a.size != b.size:
        return np.inf
    per = len(frame.atoms) if a.size == 1 else 1
    return float(np.max(np.abs(a.ravel() - b.ravel()), initial=0.0)) / per
