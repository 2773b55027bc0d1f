"""Labels of ASE `Atoms`, from calculator results or from keys of `info` and `arrays`.

One key is chosen for each label and file, so that a file cannot mix two kinds of numbers. A notice names keys other
than those of ASE, and keys that were passed over.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from mlip_rs.errors import DataError
from mlip_rs.settings import check_types
from mlip_rs.units import VOIGT, ase_stress_from_virial

ENERGY_KEYS = (
    "energy",
    "REF_energy",
    "ref_energy",
    "dft_energy",
    "DFT_energy",
    "Energy",
    "TotEnergy",
    "total_energy",
)
FREE_ENERGY_KEYS = ("free_energy", "REF_free_energy", "dft_free_energy")
FORCES_KEYS = (
    "forces",
    "REF_forces",
    "ref_forces",
    "dft_forces",
    "DFT_forces",
    "dft_force",
    "force",
    "Forces",
)
STRESS_KEYS = ("stress", "REF_stress", "ref_stress", "dft_stress", "DFT_stress")
VIRIAL_KEYS = ("virial", "virials", "REF_virial", "REF_virials", "ref_virial", "dft_virial", "dft_virials")
GROUP_KEYS = ("group", "trajectory", "group_id")

ENERGY_AGREEMENT: float = 1e-4
"""Energies of one structure that differ by less (eV/atom) count as equal."""

STRESS_AGREEMENT: float = 1e-3
"""Stresses of one structure that differ by less (eV/Å³; 0.16 GPa) count as equal."""


@dataclass(frozen=True)
class LabelKeys:
    """Keys of the labels in `info`, `arrays` or calculator results; the usual keys are tried for those that are None.

    Parameters
    ----------
    energy
        Key of the total energy, eV.
    forces
        Key of the forces (N, 3), eV/Å.
    stress
        Key of the stress, eV/Å³, positive under tension. 6 numbers xx yy zz yz xz xy, or 9.
    virial
        Key of the virial W = −dE/dε, eV, positive under compression. 6 numbers xx yy zz yz xz xy, or 9; it is divided
        by the volume.

    Raises
    ------
    ConfigError
        A key that is not a string.
    DataError
        Keys of both stress and virial.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs.data import dataset_from_atoms
    >>> atoms = bulk("Al")
    >>> atoms.info["E_PBE"] = -3.74
    >>> dataset_from_atoms([atoms], keys=LabelKeys(energy="E_PBE"))[0].energy
    -3.74
    """

    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    virial: str | None = None

    def __post_init__(self) -> None:
        check_types(self)
        if self.stress is not None and self.virial is not None:
            raise DataError("give a stress key or a virial key, not both")


@dataclass(frozen=True)
class RawFrame:
    """Atoms as ASE read them, with all values that can be labels.

    Parameters
    ----------
    atoms
        The structure.
    location
        File and index, such as "frame 17 of slab.xyz".
    index
        Position in the file, from 0.
    values
        Candidates by key: calculator results over `arrays` over `info` over database entries.

    Examples
    --------
    >>> from ase.build import bulk
    >>> atoms = bulk("Al")
    >>> atoms.info["energy"] = -3.74
    >>> RawFrame.of(atoms, "frame 0 of al.extxyz", 0).values["energy"]
    -3.74
    """

    atoms: Atoms
    location: str
    index: int
    values: Mapping[str, Any] = field(repr=False)

    @classmethod
    def of(cls, atoms: Atoms, location: str, index: int) -> "RawFrame":
        """Collect the candidates, including stored results of a calculator; nothing is calculated."""
        info = dict(atoms.info)
        values: dict[str, Any] = {}
        for nested in ("data", "key_value_pairs"):
            if isinstance(info.get(nested), Mapping):
                values.update(info[nested])
        values.update(info)
        values.update(
            {key: array for key, array in atoms.arrays.items() if key not in ("numbers", "positions")}
        )
        calculator = atoms.calc
        if calculator is not None:
            values.update({key: value for key, value in calculator.results.items() if value is not None})
        return cls(atoms, location, index, values)

    def text(self, keys: Sequence[str]) -> str:
        """Return the value of the first of `keys` that is present as text; empty without any."""
        return next((str(self.values[key]) for key in keys if self.values.get(key) is not None), "")


@dataclass(frozen=True)
class LabelChoice:
    """Keys chosen for the frames of one file; None for a label that was not found.

    Parameters
    ----------
    energy, free_energy
        Keys of the total energy and of the free energy.
    forces, stress, virial
        Keys of the other labels; of `stress` and `virial` at most one.
    notices
        What is worth reporting about the choice.
    """

    energy: str | None
    free_energy: str | None
    forces: str | None
    stress: str | None
    virial: str | None
    notices: tuple[str, ...] = ()


def choose_labels(frames: Sequence[RawFrame], file: str, keys: LabelKeys) -> LabelChoice:
    """Choose one key per label for all frames of a file.

    Raises
    ------
    DataError
        A key named by the user occurs in no frame.
    """
    present = Counter[str]()
    for frame in frames:
        present.update(frame.values.keys())
    for slot in fields(keys):
        key = getattr(keys, slot.name)
        if key is not None and key not in present:
            found = ", ".join(sorted(map(str, present))) or "none"
            raise DataError(f"{file}: no frame has the {slot.name} key {key!r}; keys present: {found}")
    notices: list[str] = []

    def choose(label: str, given: str | None, candidates: tuple[str, ...]) -> str | None:
        if given is not None:
            return given
        found = [key for key in candidates if key in present]
        if not found:
            return None
        if found[0] != candidates[0]:
            notices.append(f"{file}: {label} taken from {found[0]!r}")
        if len(found) > 1:
            others = ", ".join(map(repr, found[1:]))
            notices.append(
                f"{file}: {label} taken from {found[0]!r}, not from {others}{_disagreement(frames, found)}"
            )
        return found[0]

    energy = choose("energy", keys.energy, ENERGY_KEYS)
    free_energy = None if keys.energy else choose("free energy", None, FREE_ENERGY_KEYS)
    forces = choose("forces", keys.forces, FORCES_KEYS)
    stress = None if keys.virial else choose("stress", keys.stress, STRESS_KEYS)
    virial = keys.virial
    if stress is None and virial is None:
        virial = choose("virial", None, VIRIAL_KEYS)
        if virial is not None:
            notices.append(
                f"{file}: stress is {virial!r} (W = −dE/dε, positive under compression) over −volume"
            )
    elif keys.stress is None and stress is not None:
        notices.extend(_unused_virial(frames, file, stress))
    return LabelChoice(energy, free_energy, forces, stress, virial, tuple(dict.fromkeys(notices)))


def _disagreement(frames: Sequence[RawFrame], keys: Sequence[str]) -> str:
    """Describe the largest difference of the candidates, as the end of a sentence; empty if they agree."""
    worst = 0.0
    for frame in frames:
        values = [_numbers(frame, key) for key in keys if key in frame.values]
        for other in values[1:]:
            if other.shape != values[0].shape:
                return " (of another shape); name the right key if this is wrong"
            scale = len(frame.atoms) if other.ndim == 0 else 1
            worst = max(worst, float(np.max(np.abs(other - values[0]), initial=0.0)) / scale)
    if worst <= ENERGY_AGREEMENT:
        return ""
    return f", which differ by up to {worst:.3g} (energies: per atom); name the right key if this is wrong"


def _unused_virial(frames: Sequence[RawFrame], file: str, stress: str) -> list[str]:
    worst, key = 0.0, None
    for frame in frames:
        key = next((name for name in VIRIAL_KEYS if name in frame.values), key)
        if key in frame.values and stress in frame.values and frame.atoms.pbc.all():
            volume = abs(float(np.linalg.det(frame.atoms.cell.array)))
            if volume > 0.0:
                from_virial = ase_stress_from_virial(voigt(_numbers(frame, str(key))), volume)
                worst = max(worst, float(np.max(np.abs(from_virial - voigt(_numbers(frame, stress))))))
    if worst <= STRESS_AGREEMENT:
        return []
    return [
        f"{file}: stress {stress!r} and virial {key!r} disagree by up to {worst:.3g} eV/Å³; the stress "
        "was taken, name the virial key if this is wrong"
    ]


def energy_of(frame: RawFrame, key: str | None) -> float | None:
    """Return the energy under `key`, eV; None if absent.

    Raises
    ------
    DataError
        The entry is not one number.
    """
    if key is None or frame.values.get(key) is None:
        return None
    value = _numbers(frame, key)
    if value.size != 1:
        raise DataError(
            f"{frame.location}: energy {key!r} has {value.size} numbers, not 1; correct the label"
        )
    return float(value.reshape(()))


def forces_of(frame: RawFrame, key: str | None) -> NDArray[np.float64] | None:
    """Return the forces (N, 3) under `key`, eV/Å, as computed (not zeroed by constraints); None if absent."""
    return None if key is None or frame.values.get(key) is None else _numbers(frame, key)


def stress_of(frame: RawFrame, choice: LabelChoice) -> NDArray[np.float64] | None:
    """Return the stress (6,), eV/Å³ positive under tension, from the stress or virial key; None if absent.

    Raises
    ------
    DataError
        Not 6 or 9 numbers, or a virial in a cell without volume.
    """
    key = choice.stress if choice.stress is not None else choice.virial
    if key is None or frame.values.get(key) is None:
        return None
    value = _numbers(frame, key)
    if value.size not in (6, 9):
        raise DataError(f"{frame.location}: {key!r} has {value.size} numbers, not 6 or 9; correct the label")
    if choice.stress is not None:
        return voigt(value)
    volume = abs(float(np.linalg.det(frame.atoms.cell.array)))
    if volume == 0.0 or not np.isfinite(volume):
        return np.zeros(6)  # without a volume there is no stress; the frame is refused or the stress dropped
    return ase_stress_from_virial(voigt(value), volume)


def voigt(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the components xx yy zz yz xz xy of 6 numbers, or of 9, which are symmetrised."""
    if tensor.size == 6:
        return tensor.reshape(6)
    square = tensor.reshape(3, 3)
    return np.array([0.5 * (square[a, b] + square[b, a]) for a, b in VOIGT])


def _numbers(frame: RawFrame, key: str) -> NDArray[np.float64]:
    try:
        return np.asarray(frame.values[key], dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{frame.location}: {key!r} is not a number or an array of numbers ({error})"
        ) from error
