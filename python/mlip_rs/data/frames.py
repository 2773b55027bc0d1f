"""A labelled structure; its constructor validates it and names file, frame and atom of an error."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import chemical_symbols
from numpy.typing import NDArray

from mlip_rs.data.distances import is_crowded, pairs_within, periodic_volume
from mlip_rs.data.paths import shown_name
from mlip_rs.errors import DataError, StructureError
from mlip_rs.text import counted

COINCIDENCE: float = 0.1
"""Atoms closer than this (Å) are refused as being on one spot."""

FLATNESS: float = 1e-4
"""Cells with a smaller volume, relative to the product of the lengths of their vectors, are refused as flat."""

LARGEST: float = 1e15
"""Labels beyond this (eV, eV/Å, eV/Å³) are refused as meaningless."""

DEFAULT_CONFIG_TYPE: str = "default"

_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Frame:
    """A structure with its first-principles labels. Arrays are read-only.

    >>> frame = Frame([13], [[0.0, 0.0, 0.0]], 2.8 * np.eye(3), [True] * 3, energy=-3.4, file="al.extxyz")
    >>> frame.location, frame.symbols, round(frame.volume, 3)
    ('frame 0 of al.extxyz', ('Al',), 21.952)

    Parameters
    ----------
    numbers
        (N,) atomic numbers.
    positions
        (N, 3) Å, not wrapped.
    cell
        (3, 3) lattice vectors in rows, Å; vectors along non-periodic directions may be zero.
    pbc
        (3,) periodic directions.
    energy
        Total energy, eV, or None.
    forces
        (N, 3) eV/Å, or None.
    stress
        (6,) eV/Å³, positive under tension, xx yy zz yz xz xy, or None; only with three periodic directions.
    config_type
        Kind of the structure; an empty text becomes "default".
    group
        Key shared by frames that must not be separated in cross-validation (a trajectory), or None.
    file
        Where the frame comes from; `location` shows its last part, of files of VASP the path.
    index
        Position in that file, counted from 0 as in ASE.
    weights
        Factors on the squared residuals of energy, forces and stress, that the file gives.
    charge
        Total charge, e, if the file tells it.
    label_source
        What made the labels, if the file tells it, such as "teacher 7net-0 (sevenn 0.13.0)".
    converged
        False where the file tells that the electronic loop ended before it had converged.

    Raises
    ------
    StructureError
        No atoms, unknown element, non-finite position or cell, flat cell, two atoms on one spot.
    DataError
        Label that is not finite or has the wrong shape, or a stress without three periodic directions.
    """

    numbers: NDArray[np.int64]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: NDArray[np.bool_]
    energy: float | None = None
    forces: NDArray[np.float64] | None = None
    stress: NDArray[np.float64] | None = None
    config_type: str = DEFAULT_CONFIG_TYPE
    group: str | None = None
    file: str = "memory"
    index: int = 0
    weights: tuple[float, float, float] = (1.0, 1.0, 1.0)
    charge: float | None = None
    label_source: str = ""
    converged: bool = True

    def __post_init__(self) -> None:
        _set(self, "numbers", _read_only(self.numbers, np.int64))
        _set(self, "pbc", _read_only(self.pbc, np.bool_))
        _set(self, "positions", self._number_array("positions", self.positions))
        _set(self, "cell", self._number_array("cell", self.cell))
        if self.energy is not None:
            _set(self, "energy", float(self._number_array("energy", self.energy)))
        if self.forces is not None:
            _set(self, "forces", self._number_array("forces", self.forces))
        if self.stress is not None:
            _set(self, "stress", self._number_array("stress", self.stress))
        _set(self, "config_type", self.config_type.strip() or DEFAULT_CONFIG_TYPE)
        self._check_structure()
        self._check_labels()
        self._check_overlaps()

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return len(self.numbers)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Chemical symbols of the atoms, in order."""
        return tuple(chemical_symbols[number] for number in self.numbers)

    @property
    def volume(self) -> float | None:
        """Cell volume in Å³; None unless all three directions are periodic."""
        return periodic_volume(self.cell, self.pbc) if self.pbc.all() else None

    @property
    def location(self) -> str:
        """File and index, such as "frame 17 of slab.xyz"; frames count from 0, as in ASE's `read(file, index=17)`."""
        return f"frame {self.index} of {shown_name(Path(self.file)) or self.file}"

    def to_atoms(self) -> Atoms:
        """Convert to ASE `Atoms` with the labels in a `SinglePointCalculator` (energy also as `free_energy`)."""
        atoms = Atoms(numbers=self.numbers, positions=self.positions, cell=self.cell, pbc=self.pbc)
        atoms.info["config_type"] = self.config_type
        if self.group is not None:
            atoms.info["group"] = self.group
        if self.charge is not None:
            atoms.info["charge"] = self.charge
        if self.label_source:
            atoms.info["label_source"] = self.label_source
        if not self.converged:
            atoms.info["converged"] = False
        for name, weight in zip(("energy", "forces", "stress"), self.weights, strict=True):
            if weight != 1.0:
                atoms.info[f"{name}_weight"] = weight
        labels = {
            "energy": self.energy,
            "free_energy": self.energy,
            "forces": self.forces,
            "stress": self.stress,
        }
        present = {name: value for name, value in labels.items() if value is not None}
        if present:
            atoms.calc = SinglePointCalculator(atoms, **present)
        return atoms

    def _number_array(self, name: str, values: object) -> NDArray[np.float64]:
        try:
            return _read_only(values, np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(f"{self.location}: {name} is not an array of numbers ({error})") from error

    def _check_structure(self) -> None:
        if self.n_atoms == 0:
            raise StructureError(f"{self.location}: has no atoms; remove the frame")
        if self.positions.shape != (self.n_atoms, 3):
            raise StructureError(
                f"{self.location}: positions have shape {self.positions.shape} for {counted(self.n_atoms, 'atom')}"
            )
        if self.cell.shape != (3, 3) or self.pbc.shape != (3,):
            raise StructureError(
                f"{self.location}: cell must be (3, 3) and pbc (3,), not {self.cell.shape}, {self.pbc.shape}"
            )
        unknown = (self.numbers < 1) | (self.numbers >= len(chemical_symbols))
        for atom in np.flatnonzero(unknown)[:1]:
            raise StructureError(
                f"{self.location}: atom {atom}: {self.numbers[atom]} is not the atomic number of an element; "
                "remove dummy atoms"
            )
        for atom in _non_finite_rows(self.positions):
            raise StructureError(f"{self.location}: atom {atom}: position is not finite; remove the frame")
        for row in _non_finite_rows(self.cell):
            raise StructureError(f"{self.location}: lattice vector {row} is not finite; remove the frame")
        vectors = self.cell[self.pbc]
        lengths = np.linalg.norm(vectors, axis=1)
        if vectors.size and not self.cell.any():
            raise StructureError(
                f"{self.location}: is periodic, but has no cell; write its lattice, or set pbc to no direction if it "
                "is a cluster"
            )
        if periodic_volume(self.cell, self.pbc) <= FLATNESS * np.prod(lengths):
            raise StructureError(
                f"{self.location}: the periodic cell is flat: its lattice vectors span no volume; "
                "correct the lattice, or set pbc to the periodic directions only"
            )

        if is_crowded(self.positions, self.cell, self.pbc):
            raise StructureError(
                f"{self.location}: thousands of atoms or periodic images share one place; check the units of positions "
                "and cell, or remove the frame"
            )

    def _check_labels(self) -> None:
        cure = "remove the frame or its label"
        labels = {"energy": self.energy, "force": self.forces, "stress": self.stress}
        for name, value in labels.items():
            if (
                value is not None
                and np.isfinite(value).all()
                and np.max(np.abs(value), initial=0.0) > LARGEST
            ):
                raise DataError(f"{self.location}: {name} exceeds {LARGEST:g}, which nothing has; {cure}")
        if self.energy is not None and not np.isfinite(self.energy):
            raise DataError(f"{self.location}: energy is not finite; {cure}")
        if self.forces is not None:
            if self.forces.shape != (self.n_atoms, 3):
                raise DataError(
                    f"{self.location}: forces have shape {self.forces.shape} for {counted(self.n_atoms, 'atom')}, "
                    f"not ({self.n_atoms}, 3); {cure}"
                )
            for atom in _non_finite_rows(self.forces):
                raise DataError(f"{self.location}: atom {atom}: force is not finite; {cure}")
        if self.stress is not None:
            if self.stress.shape != (6,):
                raise DataError(f"{self.location}: stress has shape {self.stress.shape}, not (6,); {cure}")
            if not np.isfinite(self.stress).all():
                raise DataError(f"{self.location}: stress is not finite; {cure}")
            if not self.pbc.all():
                raise DataError(
                    f"{self.location}: a stress needs three periodic directions, pbc is {self.pbc.tolist()}; "
                    "remove the stress or correct pbc"
                )

    def _check_overlaps(self) -> None:
        i, j, distances = pairs_within(self.positions, self.cell, self.pbc, COINCIDENCE)
        if len(i) == 0:
            return
        worst = int(np.argmin(distances))
        first, second = int(i[worst]), int(j[worst])
        if first == second:
            raise StructureError(
                f"{self.location}: atom {first} and its own periodic image are {distances[worst]:.3f} Å "
                "apart; correct the lattice"
            )
        raise StructureError(
            f"{self.location}: atoms {first} ({self.symbols[first]}) and {second} ({self.symbols[second]}) "
            f"are {distances[worst]:.3f} Å apart, on one spot; remove one of them or the frame"
        )


def _set(frame: Frame, name: str, value: object) -> None:
    object.__setattr__(frame, name, value)  # the dataclass is frozen for everyone but its constructor


def _read_only(values: object, dtype: type[_Scalar]) -> NDArray[_Scalar]:
    array: NDArray[_Scalar] = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array


def _non_finite_rows(values: NDArray[np.float64]) -> Iterator[int]:
    return (int(row) for row in np.flatnonzero(~np.isfinite(values).all(axis=1)))
