"""The structure of a run as LAMMPS takes it: repeated, with one type for each element."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from ase.io.lammpsdata import write_lammps_data

from mlip_rs.data.core_structures import cell_volume, structure_from_atoms
from mlip_rs.data.occupancy import check_occupancy
from mlip_rs.errors import ConfigError, StructureError
from mlip_rs.files import write_atomically
from mlip_rs.lammps.settings import RunSettings
from mlip_rs.potential import Potential
from mlip_rs.potential.data_range import surroundings
from mlip_rs.potential.stress_record import failed_stress_test

LIGHT: float = 5.0
"""u: the vibrations of lighter atoms need a shorter timestep than 1 fs."""

LIGHT_TIMESTEP: float = 0.25
"""fs, for them."""

MARGIN: float = 5.0
"""Å of vacuum on each side of a structure without a cell vector."""

MOST_ATOMS: int = 20_000_000


@dataclass(frozen=True)
class Prepared:
    """A structure ready for LAMMPS.

    Parameters
    ----------
    atoms
        Repeated, with three cell vectors.
    elements
        Element of each atom type, in order.
    repeat
        How often the cell was repeated.
    notes
        What the user should know, one sentence each.
    """

    atoms: Atoms
    elements: tuple[str, ...]
    repeat: tuple[int, int, int]
    notes: tuple[str, ...]

    @property
    def boundary(self) -> str:
        """Boundaries as LAMMPS names them: periodic, or wrapped around the atoms but not narrower than the cell."""
        return " ".join("p" if periodic else "m" for periodic in self.atoms.pbc)

    @property
    def masses(self) -> tuple[float, ...]:
        """Mass of each atom type, u."""
        return tuple(float(atomic_masses[atomic_numbers[symbol]]) for symbol in self.elements)

    def write(self, path: str | os.PathLike[str], *, triclinic: bool) -> None:
        """Write the data file; a triclinic one may change its angles.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        text = StringIO()
        write_lammps_data(
            text,
            self.atoms,
            specorder=list(self.elements),
            masses=True,
            force_skew=triclinic,
            units="metal",
            atom_style="atomic",
        )
        write_atomically(path, text.getvalue())


def prepare(structure: Atoms, potential: Potential, settings: RunSettings) -> Prepared:
    """Check a structure against a potential and settings, and repeat its cell.

    Raises
    ------
    ConfigError
        An element that the potential does not know, a pressure without three periodic directions, or dynamics of one
        atom.
    StructureError
        The structure has no atoms or partly occupied sites, or cannot be evaluated.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from mlip_rs import Basis
    >>> basis = Basis(["Al"], cutoff=5.0, r_min=2.0, hierarchy="pair", n_radial=1)
    >>> potential = Potential.from_coefficients(basis, [1.0], {"Al": 0.0})
    >>> found = prepare(bulk("Al", cubic=True), potential, RunSettings("nve"))
    >>> found.repeat, len(found.atoms), found.elements
    ((3, 3, 3), 108, ('Al',))
    """
    if len(structure) == 0:
        raise StructureError("the structure has no atoms; there is nothing to simulate")
    present = set(structure.get_chemical_symbols())
    foreign = sorted(present - set(potential.elements))
    if foreign:
        raise ConfigError(
            f"the structure has {', '.join(foreign)}, which the potential does not know "
            f"({', '.join(potential.elements)}); fit a potential to data with all elements, or change the structure"
        )
    if settings.moves_cell and not structure.pbc.all():
        raise ConfigError(
            "a pressure needs three periodic directions, which the structure does not have; take nvt or nve"
        )
    check_occupancy(structure)
    whole = _with_cell(structure)
    repeat = settings.repeat or _repeats(whole, potential.cutoff, settings)
    if len(whole) * math.prod(repeat) > MOST_ATOMS:
        raise ConfigError(
            f"{len(whole) * math.prod(repeat)} atoms are more than {MOST_ATOMS}; repeat fewer cells"
        )
    if len(whole) * math.prod(repeat) == 1 and settings.ensemble != "minimize":
        raise ConfigError(
            "one atom alone has no temperature, as its centre of mass rests; repeat its cell (--repeat), or take a "
            "structure with more atoms"
        )
    elements = tuple(symbol for symbol in potential.elements if symbol in present)
    notes = [
        *_size_notes(whole, repeat, potential.cutoff, settings),
        *_notes(whole, elements, potential, settings),
    ]
    return Prepared(whole.repeat(repeat), elements, repeat, tuple(notes))


def widths(atoms: Atoms) -> list[float]:
    """Distance between opposite faces of the cell in each direction, Å."""
    volume = abs(float(np.linalg.det(atoms.cell.array)))
    a, b, c = atoms.cell.array
    return [volume / float(np.linalg.norm(np.cross(u, v))) for u, v in ((b, c), (c, a), (a, b))]


def _with_cell(structure: Atoms) -> Atoms:
    """The structure alone, with open directions wide enough for the atoms."""
    atoms = Atoms(structure.numbers, structure.positions, cell=structure.cell, pbc=structure.pbc)
    missing = ~structure.cell.array.any(axis=1)
    if (missing & structure.pbc).any():
        raise StructureError("a periodic direction of the structure has no cell vector; add it to the file")
    atoms.cell = atoms.cell.complete()
    scaled = atoms.cell.scaled_positions(atoms.positions)
    outside = (scaled.min(axis=0) < 0) | (scaled.max(axis=0) >= 1)  # LAMMPS would lose those atoms
    for axis in np.flatnonzero(missing | (outside & ~atoms.pbc)):
        length = float(np.linalg.norm(atoms.cell.array[axis]))
        atoms.cell[axis] *= float(np.ptp(scaled[:, axis])) + 2 * MARGIN / length
        atoms.center(axis=int(axis))
    if cell_volume(atoms.cell.array) is None:
        raise StructureError("the cell of the structure is flat; check its cell vectors")
    return atoms


def _repeats(atoms: Atoms, cutoff: float, settings: RunSettings) -> tuple[int, int, int]:
    """Cells that make each periodic direction twice as wide as the cutoff."""
    if settings.ensemble == "minimize":
        return (1, 1, 1)
    counts = [
        max(1, math.ceil(2 * cutoff / width - 1e-6)) if periodic else 1
        for width, periodic in zip(widths(atoms), atoms.pbc, strict=True)
    ]
    return counts[0], counts[1], counts[2]


def _size_notes(atoms: Atoms, repeat: Sequence[int], cutoff: float, settings: RunSettings) -> list[str]:
    narrow = min(
        (w * n for w, n, periodic in zip(widths(atoms), repeat, atoms.pbc, strict=True) if periodic),
        default=math.inf,
    )
    shown = " ".join(map(str, repeat))
    if settings.repeat is None and max(repeat) > 1:
        return [
            f"the cell is repeated {shown} times, to be twice as wide as the cutoff ({cutoff:g} Å); --repeat chooses "
            "another size"
        ]
    if settings.ensemble != "minimize" and narrow < 2 * cutoff * (1 - 1e-6):
        return [
            f"the cell is {narrow:.1f} Å wide, less than twice the cutoff ({cutoff:g} Å): atoms move together with "
            "their images; repeat it more often (--repeat)"
        ]
    return []


def _notes(atoms: Atoms, elements: Sequence[str], potential: Potential, settings: RunSettings) -> list[str]:
    notes = []
    light = [symbol for symbol in elements if atomic_masses[atomic_numbers[symbol]] < LIGHT]
    if light and settings.ensemble != "minimize" and settings.timestep > LIGHT_TIMESTEP:
        notes.append(
            f"{', '.join(light)} is light: a timestep of {settings.timestep:g} fs may be too long for its vibrations; "
            f"--timestep {LIGHT_TIMESTEP:g} is safe"
        )
    if failed_stress_test(potential.info):
        notes.append(
            "the potential has failed its stress test: where the data end it may have holes; watch the temperature and "
            "the closest distances (mlip-rs verify says more)"
        )
    return notes + outside_the_data(potential, [atoms], "the structure is")


def outside_the_data(potential: Potential, frames: Sequence[Atoms], what: str) -> list[str]:
    """Say in a sentence where structures leave the surroundings that the training data contain; nothing if they do not.

    Raises
    ------
    StructureError
        A structure cannot be evaluated.
    """
    data = potential.data_range
    if data is None or not frames:
        return []
    seen = None
    for atoms in frames:
        found = surroundings(structure_from_atoms(atoms), atoms.get_chemical_symbols(), data.cutoff)
        seen = found if seen is None else seen | found
    assert seen is not None
    outside = seen.outside(data)
    return [f"{what} outside the training data: {'; '.join(outside)}"] if outside else []
