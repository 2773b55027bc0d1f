"""Conversion of ASE `Atoms` to the arrays and structures of the compiled core."""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from mlip_rs import _core
from mlip_rs.data.frames import Frame
from mlip_rs.errors import ConfigError, StructureError

FLATNESS: float = 1e-10
"""Cells with a smaller volume, relative to the product of the lengths of their vectors, count as flat."""


class StructureArrays(NamedTuple):
    """Structure as C-contiguous arrays of the types that the core takes.

    Parameters
    ----------
    numbers
        (N,) atomic numbers, uint8.
    positions
        (N, 3) Å, float64, inside the cell or not.
    cell
        (3, 3) lattice vectors in rows, Å, float64.
    pbc
        Periodic directions.
    """

    numbers: NDArray[np.uint8]
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    pbc: list[bool]


def arrays_from_atoms(atoms: Atoms) -> StructureArrays:
    """Return the arrays of a structure; positions and cell are not copied.

    Raises
    ------
    StructureError
        Not `Atoms`, or an invalid atomic number. The core checks everything else.
    """
    if not isinstance(atoms, Atoms):
        raise StructureError(f"expected ase.Atoms, got {type(atoms).__name__}; read files with ase.io.read")
    return StructureArrays(
        _atomic_numbers(atoms.arrays["numbers"]),
        np.ascontiguousarray(atoms.arrays["positions"], dtype=np.float64),
        np.ascontiguousarray(atoms.cell.array, dtype=np.float64),
        atoms.pbc.tolist(),
    )


def structure_from_atoms(atoms: Atoms) -> _core.Structure:
    """Convert `Atoms` to a structure of the core, which validates it.

    Raises
    ------
    StructureError
        Non-finite or absurd positions or cell, a flat periodic cell, an invalid atomic number.
    """
    return _core.Structure(*arrays_from_atoms(atoms))


def pair_counts(
    atoms: Atoms, elements: Sequence[str], cutoffs: Sequence[float] | NDArray[np.float64]
) -> NDArray[np.int64]:
    """Count ordered pairs of atoms by element of the centre, element of the neighbour, and cutoff.

    Parameters
    ----------
    atoms
        Structure.
    elements
        Chemical symbols of n elements.
    cutoffs
        (k,) Å.

    Returns
    -------
    ndarray
        (n, n, k) numbers of pairs within each cutoff.


    Raises
    ------
    StructureError
        The structure cannot be evaluated.
    ConfigError
        The structure has atoms of other elements.
    """
    first, second, _, vectors = _core.neighbor_list(structure_from_atoms(atoms), max(cutoffs), 1)
    distances = np.linalg.norm(vectors, axis=1)
    symbols = np.array(atoms.get_chemical_symbols())
    foreign = sorted(set(symbols.tolist()) - set(elements))
    if foreign:
        raise ConfigError(
            f"{atoms.get_chemical_formula()}: {', '.join(foreign)} not in the basis ({', '.join(elements)}); "
            "count neighbours in a structure of the elements of the basis"
        )
    own, other = symbols[first], symbols[second]
    between = [[np.sort(distances[(own == a) & (other == b)]) for b in elements] for a in elements]
    return np.array([[np.searchsorted(r, cutoffs) for r in row] for row in between])


def structure_from_arrays(
    numbers: ArrayLike, positions: ArrayLike, cell: ArrayLike, pbc: ArrayLike
) -> _core.Structure:
    """Convert arrays, or lists that NumPy converts to arrays, to a structure of the core.

    Parameters
    ----------
    numbers
        (N,) atomic numbers.
    positions
        (N, 3) Å.
    cell
        (3, 3) lattice vectors in rows, Å.
    pbc
        Periodic directions: three booleans, or one for all.

    Raises
    ------
    StructureError
        A structure that the core refuses (see `structure_from_atoms`), or an array of the wrong shape or type.
    """
    try:
        positions = np.ascontiguousarray(positions, dtype=np.float64)
        cell = np.ascontiguousarray(cell, dtype=np.float64)
        periodic = np.broadcast_to(np.asarray(pbc, dtype=bool), (3,)).tolist()
        numbers = np.asarray(numbers)
        if numbers.size == 0 and positions.size == 0:
            numbers, positions = np.zeros(0, dtype=np.uint8), np.zeros((0, 3))
    except (TypeError, ValueError) as error:
        raise StructureError(f"not the arrays of a structure: {error}") from None
    for name, array, shape in (
        ("numbers", numbers, (len(positions),)),
        ("positions", positions, (len(positions), 3)),
        ("cell", cell, (3, 3)),
    ):
        if array.shape != shape:
            raise StructureError(f"{name}: expected shape {shape}, got {array.shape}")
    return _core.Structure(_atomic_numbers(numbers), positions, cell, periodic)


def cell_volume(cell: NDArray[np.float64]) -> float | None:
    """Return the volume (Å³) of a cell (3, 3) of lattice vectors in rows (Å); None if the cell is flat."""
    # Plain numbers: for nine of them, NumPy's overhead is ten times the work.
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = cell.tolist()
    volume = abs(ax * (by * cz - bz * cy) + ay * (bz * cx - bx * cz) + az * (bx * cy - by * cx))
    box = math.hypot(ax, ay, az) * math.hypot(bx, by, bz) * math.hypot(cx, cy, cz)
    # Written so that a NaN has no volume.
    return volume if volume > FLATNESS * box else None


def _atomic_numbers(numbers: NDArray[np.generic]) -> NDArray[np.uint8]:
    if numbers.dtype.kind not in "iuf":
        raise StructureError(f"atomic numbers must be numbers, not {numbers.dtype}")
    # A cast to eight bits wraps around; what comes back different was never an atomic number.
    with np.errstate(invalid="ignore") if numbers.dtype.kind == "f" else nullcontext():
        narrow = numbers.astype(np.uint8)
    if not np.array_equal(narrow, numbers):
        atom = int(np.flatnonzero(narrow != numbers)[0])
        raise StructureError(
            f"atom {atom}: {numbers[atom]} is not the atomic number of an element; check the input"
        )
    return np.ascontiguousarray(narrow)


def core_structure(frame: Frame) -> _core.Structure:
    """Convert a frame to a structure of the core.

    Raises
    ------
    StructureError
        Naming file and frame.
    """
    try:
        return structure_from_arrays(frame.numbers, frame.positions, frame.cell, frame.pbc)
    except StructureError as error:
        raise StructureError(f"{frame.location}: {error}") from None


def named(error: StructureError, frames: Sequence[Frame]) -> StructureError:
    """Prepend file and frame to an error of the core, which knows the index of the structure only."""
    if len(error.args) == 2:
        message, index = error.args
        return StructureError(f"{frames[index].location}: {message}")
    return error
