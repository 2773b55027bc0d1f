"""Structures with predicted energies, forces and stresses."""

import os
from collections.abc import Sequence
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from mlip_rs.data import RawFrame, files_meant, read_structures
from mlip_rs.data.core_structures import cell_volume, structure_from_atoms
from mlip_rs.errors import ConfigError
from mlip_rs.files import atomic_file, check_writable
from mlip_rs.potential import Potential, Prediction
from mlip_rs.potential.prediction import evaluate_frames
from mlip_rs.progress import Progress
from mlip_rs.threads import number_of_threads

_REPLACED = frozenset(
    ("energy", "free_energy", "energies", "forces", "force", "stress", "stresses", "virial", "virials")
)
"""Old labels that would contradict the new ones."""


def predict_file(
    potential: Potential | str | os.PathLike[str],
    structures: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    index: str = ":",
    format: str | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Atoms]:
    """Write the structures of files with predicted labels to an extxyz file, whole or not at all.

    Parameters
    ----------
    potential
        A potential, or the path of its file.
    structures
        Files that ASE reads; labels are not needed and not kept.
    output
        The extxyz file.
    index, format
        As in `read_dataset`.
    threads
        None: `MLIP_RS_NUM_THREADS`, or all cores.
    progress
        Receives the advance through many structures.

    Returns
    -------
    The labelled structures.

    Raises
    ------
    DataError
        A file cannot be read.
    StructureError
        A structure cannot be evaluated; names file, frame, atom.
    ConfigError
        The output is one of the files read.
    OSError
        The output cannot be written.
    """
    potential_file = None if isinstance(potential, Potential) else potential
    if not isinstance(potential, Potential):
        potential = Potential.load(potential)
    names = [structures] if isinstance(structures, str | os.PathLike) else list(structures)
    frames = read_structures([Path(name) for name in names], index=index, format=format)
    for source in (*files_meant(names), potential_file):
        if (
            source is not None
            and Path(output).exists()
            and Path(source).exists()
            and Path(output).samefile(source)
        ):
            raise ConfigError(
                f"{output}: is read from as well and would be overwritten; choose another output"
            )
    check_writable(output)
    predicted = labelled(potential, frames, threads=threads, progress=progress)
    with atomic_file(output) as file:
        ase.io.write(file, predicted, format="extxyz")
    return predicted


def labelled(
    potential: Potential,
    frames: Sequence[RawFrame],
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Atoms]:
    """Copies of structures with predicted energy, forces and, where there is a volume, stress.

    Raises
    ------
    StructureError
        A structure cannot be evaluated; names file, frame, atom.
    """
    predictions = evaluate_frames(
        potential.core,
        frames,
        structure=lambda frame: structure_from_atoms(frame.atoms),
        volume=lambda frame: cell_volume(frame.atoms.cell.array),
        name=lambda k: frames[k].location,
        threads=number_of_threads(threads),
        progress=progress,
    )
    return [_with_labels(f.atoms, p) for f, p in zip(frames, predictions, strict=True)]


def _with_labels(atoms: Atoms, prediction: Prediction) -> Atoms:
    out = atoms.copy()
    out.set_constraint()
    out.info = {
        key: value
        for key, value in atoms.info.items()
        if key not in _REPLACED and isinstance(value, str | bool | int | float | np.generic | np.ndarray)
    }
    for key in _REPLACED & out.arrays.keys():
        del out.arrays[key]
    labels = {"energy": prediction.energy, "free_energy": prediction.energy, "forces": prediction.forces}
    if prediction.stress is not None:
        labels["stress"] = prediction.stress
    out.calc = SinglePointCalculator(out, **labels)
    return out
