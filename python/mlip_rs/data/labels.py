"""Labels of ASE `Atoms`, from calculator results or from keys of `info` and `arrays`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from mlip_rs.data.occupancy import check_occupancy
from mlip_rs.errors import ConfigError, DataError
from mlip_rs.settings import check_types
from mlip_rs.units import VOIGT, ase_stress_from_virial

ENERGY_AGREEMENT: float = 1e-4
"""Energies of one structure that differ by less (eV/atom) count as equal."""

COMPONENTS: tuple[str, ...] = ("xx", "yy", "zz", "yz", "xz", "xy")
"""Components of a stress in the order of ASE."""

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
        Key of the stress, eV/Å³, positive under tension; 6 or 9 numbers.
    virial
        Key of the virial W = −dE/dε, eV, positive under compression; 6 or 9 numbers; it is divided by the volume.
    components
        Order of the components where a stress or virial has six numbers: VASP writes "xx yy zz xy yz xz", LAMMPS
        "xx yy zz xy xz yz".

    The key "none" leaves a label out.

    Raises
    ------
    ConfigError
        A key that is not a string, or components that are not the six.
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
    components: str = "xx yy zz yz xz xy"

    def __post_init__(self) -> None:
        check_types(self)
        if sorted(self.order) != list(range(6)):
            raise ConfigError(
                f"components is {self.components!r}; it must be an order of {' '.join(COMPONENTS)}"
            )
        if self.stress is not None and self.virial is not None:
            raise DataError("give a stress key or a virial key, not both")

    @property
    def order(self) -> list[int]:
        """Position in a file of each of xx yy zz yz xz xy; -1 for one that is not named."""
        names = ["".join(sorted(name)) for name in self.components.replace(",", " ").split()]
        return [names.index(name) if len(names) == 6 and name in names else -1 for name in COMPONENTS]


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
        """Collect the candidates, including stored results of a calculator; nothing is calculated.

        Raises
        ------
        StructureError
            A site is partly occupied.
        """
        check_occupancy(atoms, location)
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


@dataclass(frozen=True)
class FrameLabels:
    """Keys of the labels of one frame; None for a label that it does not have.

    Parameters
    ----------
    energy, free_energy, forces, stress, virial
        Keys; of `stress` and `virial` at most one.
    per_atom
        Whether the energy is one per atom.
    """

    energy: str | None = None
    free_energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    virial: str | None = None
    per_atom: bool = False


def energy_of(frame: RawFrame, labels: FrameLabels) -> float | None:
    """Return the plain energy, eV; None if absent.

    Raises
    ------
    DataError
        The entry is not one number.
    """
    energy = _energy(frame, labels.energy)
    return energy * len(frame.atoms) if energy is not None and labels.per_atom else energy


def free_energy_of(frame: RawFrame, labels: FrameLabels) -> float | None:
    """Return the free energy, eV; None if absent.

    Raises
    ------
    DataError
        The entry is not one number.
    """
    return _energy(frame, labels.free_energy)


def _energy(frame: RawFrame, key: str | None) -> float | None:
    if key is None or frame.values.get(key) is None:
        return None
    value = numbers_of(frame, key)
    if value.size != 1:
        raise DataError(
            f"{frame.location}: energy {key!r} has {value.size} numbers, not 1; correct the label"
        )
    return float(value.reshape(()))


def forces_of(frame: RawFrame, labels: FrameLabels) -> NDArray[np.float64] | None:
    """Return the forces (N, 3), eV/Å, as computed (not zeroed by constraints); None if absent."""
    key = labels.forces
    return None if key is None or frame.values.get(key) is None else numbers_of(frame, key)


def stress_of(frame: RawFrame, labels: FrameLabels, keys: LabelKeys) -> NDArray[np.float64] | None:
    """Return the stress (6,), eV/Å³ positive under tension, from the stress or virial key; None if absent.

    Raises
    ------
    DataError
        Not 6 or 9 numbers, or a virial in a cell without volume.
    """
    key = labels.stress if labels.stress is not None else labels.virial
    if key is None or frame.values.get(key) is None:
        return None
    value = numbers_of(frame, key)
    if value.size not in (6, 9):
        raise DataError(f"{frame.location}: {key!r} has {value.size} numbers, not 6 or 9; correct the label")
    if labels.stress is not None:
        return voigt(value, keys)
    volume = abs(float(np.linalg.det(frame.atoms.cell.array)))
    if volume == 0.0 or not np.isfinite(volume):
        return np.zeros(6)  # without a volume there is no stress; the frame is refused or the stress dropped
    return ase_stress_from_virial(voigt(value, keys), volume)


def voigt(tensor: NDArray[np.float64], keys: LabelKeys) -> NDArray[np.float64]:
    """Return the components xx yy zz yz xz xy of 6 numbers, or of 9, which are symmetrised."""
    if tensor.size == 6:
        return tensor.reshape(6)[keys.order]
    square = tensor.reshape(3, 3)
    return np.array([0.5 * (square[a, b] + square[b, a]) for a, b in VOIGT])


def numbers_of(frame: RawFrame, key: str) -> NDArray[np.float64]:
    """Return the value under a key as numbers.

    Raises
    ------
    DataError
        The value is something else.
    """
    try:
        return np.asarray(frame.values[key], dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{frame.location}: {key!r} is not a number or an array of numbers ({error})"
        ) from error
