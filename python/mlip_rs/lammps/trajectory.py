"""Trajectories of LAMMPS as extended XYZ."""

import os
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import ase.io
from ase import Atoms
from ase.io.lammpsrun import read_lammps_dump_text

from mlip_rs.files import atomic_file


def dump_frames(path: str | os.PathLike[str]) -> Iterator[tuple[int, str]]:
    """Yield step and text of each frame of a dump; one that was cut short is left out.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    frame: list[str] = []
    with Path(path).open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("ITEM: TIMESTEP") and frame:
                yield from _whole(frame)
                frame = []
            frame.append(line)
    yield from _whole(frame)


def read_trajectory(path: str | os.PathLike[str], timestep: float) -> Iterator[Atoms]:
    """Yield the frames of a dump, one at a time; of a step that occurs twice, the last.

    Parameters
    ----------
    path
        A text dump with the column `element`.
    timestep
        fs.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    last = {step: number for number, (step, _) in enumerate(dump_frames(path))}
    for number, (step, text) in enumerate(dump_frames(path)):
        if last[step] != number:
            continue
        atoms = read_lammps_dump_text(StringIO(text))
        plain = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        plain.info.update(step=step, time_ps=round(step * timestep / 1000, 9))
        yield plain


def write_extxyz(
    dump: str | os.PathLike[str], target: str | os.PathLike[str], timestep: float
) -> list[Atoms]:
    """Write a dump as extended XYZ, and return some of its frames (at most 20, the first and the last among them).

    Raises
    ------
    OSError
        A file cannot be read or written.
    """
    count = 0
    with atomic_file(target) as file:
        for atoms in read_trajectory(dump, timestep):
            ase.io.write(file, atoms, format="extxyz")
            count += 1
    wanted = set(_spread(count, 20))
    return [atoms for number, atoms in enumerate(read_trajectory(dump, timestep)) if number in wanted]


def _spread(count: int, most: int) -> Sequence[int]:
    """Indices spread over a range, both ends among them."""
    if count <= most:
        return range(count)
    return [round(k * (count - 1) / (most - 1)) for k in range(most)]


def _whole(frame: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Step and text of a frame that has all its atoms."""
    text = "".join(frame)
    if len(frame) < 9 or not text.endswith("\n") or not frame[8].startswith("ITEM: ATOMS"):
        return
    if len(frame) - 9 == int(frame[3]):
        yield int(frame[1]), text
