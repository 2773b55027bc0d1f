"""Structures that are to be labelled, each with an identity that does not depend on order or file."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeAlias

import numpy as np
from ase import Atoms

from mlip_rs.data import RawFrame, read_structures
from mlip_rs.data.metadata import charge_of
from mlip_rs.errors import DataError
from mlip_rs.text import counted

DECIMALS: int = 5
"""Positions and cells (Å) are rounded to these for the identity, which survives a file of eight decimals."""

LABEL_ID: str = "label_id"
"""Key of the identity in `info`."""

Structures: TypeAlias = str | os.PathLike[str] | Atoms | Sequence[str | os.PathLike[str] | Atoms]
"""Files, structures, or a list of either."""


@dataclass(frozen=True, eq=False)
class Unlabelled:
    """A structure that is to be labelled.

    Parameters
    ----------
    label_id
        See `label_id`.
    atoms
        The structure, without labels and constraints.
    file, frame
        Where it comes from; frames count from 0.
    """

    label_id: str
    atoms: Atoms
    file: str
    frame: int

    @property
    def location(self) -> str:
        """File and index, such as "frame 17 of slab.xyz"."""
        return f"frame {self.frame} of {PurePath(self.file).name or self.file}"


def label_id(atoms: Atoms) -> str:
    """Identity of a structure: a hash of species, positions, cell, periodicity, initial moments and charges.

    Positions and cell are rounded to `DECIMALS`. Structures that are translated or wrapped have another identity.

    >>> from ase.build import bulk
    >>> label_id(bulk("Al")) == label_id(bulk("Al")), label_id(bulk("Al")) == label_id(bulk("Al", a=4.0))
    (True, False)
    """
    digest = hashlib.blake2b(digest_size=8)
    digest.update(atoms.numbers.astype("<i8").tobytes() + atoms.pbc.tobytes())
    for values in (atoms.positions, atoms.cell.array):
        digest.update((np.round(values, DECIMALS) + 0.0).astype("<f8").tobytes())  # + 0.0: no negative zeros
    for name in ("initial_magmoms", "initial_charges"):
        values = atoms.arrays.get(name)
        if values is not None and np.any(values):
            digest.update(name.encode() + (np.round(values, DECIMALS) + 0.0).astype("<f8").tobytes())
    charge = charge_of(RawFrame.of(atoms, "a structure", 0))
    if charge:
        digest.update(f"charge {charge:.5f}".encode())
    return digest.hexdigest()


def stored_id(atoms: Atoms) -> str:
    """Identity that `label` has written into a structure, whatever became of the structure since; empty without.

    >>> stored_id(Atoms("Al", info={LABEL_ID: "id-0a1b"})), stored_id(Atoms("Al"))
    ('0a1b', '')
    """
    return str(atoms.info.get(LABEL_ID, "")).removeprefix("id-")


def unlabelled(
    structures: Structures,
    *,
    index: str = ":",
    format: str | None = None,
    types: Sequence[str] = (),
    note: Callable[[str], None] = lambda remark: None,
) -> list[Unlabelled]:
    """Structures of files or of memory, each identity once, in order.

    Parameters
    ----------
    structures
        Files that ASE reads, ASE's `Atoms`, or a list of either.
    index, format, types
        As for `mlip_rs.read_dataset`; for files.
    note
        Receives a sentence on everything that was left out.

    Raises
    ------
    DataError
        A file cannot be read, or there are no structures.

    Examples
    --------
    >>> from ase.build import bulk
    >>> [one.location for one in unlabelled([bulk("Al"), bulk("Al", a=4.1), bulk("Al")])]
    ['frame 0 of memory', 'frame 1 of memory']
    """
    items = [structures] if isinstance(structures, str | os.PathLike | Atoms) else list(structures)
    found: dict[str, Unlabelled] = {}
    n_atoms, n_all = 0, 0
    for item in items:
        frames: tuple[RawFrame, ...]
        if isinstance(item, Atoms):
            frames, file = (RawFrame.of(item, f"frame {n_atoms} of memory", n_atoms),), "memory"
            n_atoms += 1
        else:
            frames = read_structures(item, index=index, format=format, types=types, note=note)
            file = os.fspath(item)
        n_all += len(frames)
        for frame in frames:
            atoms = frame.atoms.copy()
            atoms.set_constraint()
            if not len(atoms):
                raise DataError(f"{frame.location}: has no atoms; remove the frame")
            own = label_id(atoms)
            found.setdefault(own, Unlabelled(own, atoms, file, frame.index))
    if not found:
        raise DataError("there are no structures to label; name files with structures")
    molecules = sum(not one.atoms.pbc.any() for one in found.values())
    if molecules:
        note(
            f"{counted(molecules, 'structure')} of {len(found)} not periodic: calculated as molecules in vacuum, "
            "without stress; crystals need a cell (Lattice=, pbc=)"
        )
    if len(found) < n_all:
        note(f"{counted(n_all - len(found), 'structure')} of {n_all} repeat others and are labelled once")
    return list(found.values())
