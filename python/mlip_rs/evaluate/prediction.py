"""Structures with predicted energies, forces and stresses."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from numpy.typing import NDArray

from mlip_rs.data import RawFrame, files_meant, read_structures
from mlip_rs.data.core_structures import cell_volume, structure_from_atoms
from mlip_rs.data.distances import is_crowded, pairs_within
from mlip_rs.data.label_names import label_name
from mlip_rs.data.reference import ISOLATED_ATOMS_CURE
from mlip_rs.errors import ConfigError, StructureError
from mlip_rs.evaluate.labelled_file import LabelledFile
from mlip_rs.evaluate.uncertain_frames import UncertainPrediction, uncertain_frames
from mlip_rs.potential import Potential, Prediction
from mlip_rs.potential.data_range import surroundings
from mlip_rs.progress import Progress, Silent
from mlip_rs.text import counted
from mlip_rs.threads import number_of_threads
from mlip_rs.uncertainty.domain import CLEARLY_OUTSIDE, Departure

LEAST_VOLUME: float = 0.01
"""Å³ per atom; crystals that are denser (atoms 0.2 Å apart) are refused: each atom would have 100,000 neighbours."""

UNCERTAINTY_KEYS: tuple[str, ...] = (
    "energy_uncertainty",
    "forces_uncertainty",
    "stress_uncertainty",
    "uncertainty_level",
    "largest_index",
)
"""Names of error bars in files; those of another potential go with its labels."""


def predict_file(
    potential: Potential | str | os.PathLike[str],
    structures: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    index: str = ":",
    format: str | None = None,
    types: Sequence[str] = (),
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Atoms]:
    """Write the structures of files with predicted labels to a file, whole or not at all.

    Parameters
    ----------
    potential
        A potential, or the path of its file.
    structures
        Files that ASE reads; labels are not needed and not kept.
    output
        The file; its name says the format, see `mlip_rs.evaluate.labelled_file`.
    index, format, types
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
        The output is one of the files read, or its name says a format that holds no labels.
    OSError
        The output cannot be written.
    """
    written = LabelledFile(output)
    note = noticing(progress)
    loaded, frames = read_for(
        output, potential, structures, index=index, format=format, types=types, note=note
    )
    found = list(raw_predictions(loaded, frames, error_bars=False, threads=threads, progress=progress))
    undetermined = loaded.undetermined_atoms
    predicted = [
        with_labels(frame.atoms, own.prediction, not is_free(frame, undetermined, loaded.cutoff))
        for frame, own in zip(frames, found, strict=True)
    ]
    for remark in (*remarks(loaded, frames, predicted), *outside(frames, found)):
        note(remark)
    written.write(predicted)
    return predicted


def noticing(progress: Progress | None) -> Callable[[str], None]:
    """Function that passes remarks on as notices."""
    note = (progress or Silent()).note
    return lambda remark: note(f"notice: {remark}")


def read_for(
    output: str | os.PathLike[str],
    potential: Potential | str | os.PathLike[str],
    structures: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    index: str,
    format: str | None,
    types: Sequence[str],
    note: Callable[[str], None],
) -> tuple[Potential, list[RawFrame]]:
    """Load a potential and read structures whose predictions are to be written; arguments as of `predict_file`.

    Raises
    ------
    DataError
        A file cannot be read.
    PotentialFileError
        The potential cannot be read.
    ConfigError
        The output is one of the files read.
    """
    potential_file = None if isinstance(potential, Potential) else potential
    if not isinstance(potential, Potential):
        potential = Potential.load(potential)
    names = [structures] if isinstance(structures, str | os.PathLike) else list(structures)
    frames = read_structures(names, index=index, format=format, types=types, note=note)
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
    return potential, list(frames)


def remarks(potential: Potential, frames: Sequence[RawFrame], predicted: Sequence[Atoms]) -> list[str]:
    """What to know of predictions: free atoms without energy, and atoms closer than in the training data."""
    free = [frame for frame, own in zip(frames, predicted, strict=True) if "energy" not in own.calc.results]
    return ([_without_energies(free)] if free else []) + _too_close(potential, frames)


def outside(frames: Sequence[RawFrame], predictions: Sequence[UncertainPrediction]) -> list[str]:
    """Say which structures have atoms clearly outside the training data; empty if none, or without an index."""
    found: list[tuple[float, str]] = []
    for frame, own in zip(frames, predictions, strict=True):
        if own.index is not None:
            departure = Departure.of(frame.atoms.get_chemical_symbols(), own.index, CLEARLY_OUTSIDE)
            if departure is not None:
                found.append((-departure.index, departure.sentence(f"{frame.location}: ")))
    if not found:
        return []
    more = f"; {counted(len(found) - 1, 'other structure')} likewise" if len(found) > 1 else ""
    return [f"{min(found)[1]}{more}"]


def raw_predictions(
    potential: Potential,
    frames: Sequence[RawFrame],
    *,
    error_bars: bool,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[UncertainPrediction]:
    """Predictions for structures as they were read, with the index of their atoms and error bars if these are wanted.

    Raises
    ------
    StructureError
        A structure cannot be evaluated; names file, frame, atom.
    """
    for frame in frames:
        check_density(frame)
    return uncertain_frames(
        potential,
        frames,
        structure=lambda frame: structure_from_atoms(frame.atoms),
        volume=lambda frame: cell_volume(frame.atoms.cell.array),
        name=lambda k: frames[k].location,
        threads=number_of_threads(threads),
        progress=progress,
        error_bars=error_bars,
    )


def is_free(frame: RawFrame, undetermined: Sequence[str], cutoff: float) -> bool:
    """Whether a frame is one atom without neighbours, of an element whose energy nothing has determined."""
    atoms = frame.atoms
    return (
        len(atoms) == 1
        and atoms.get_chemical_symbols()[0] in undetermined
        and not len(_distances(frame, cutoff))
    )


def check_density(frame: RawFrame) -> None:
    """Refuse a cell that is far too small for its atoms; anything else that is wrong the core says."""
    atoms = frame.atoms
    volume = cell_volume(atoms.cell.array) if atoms.pbc.all() and len(atoms) else None
    if volume is None or not np.isfinite(atoms.positions).all():
        return
    if volume < LEAST_VOLUME * len(atoms) or is_crowded(atoms.positions, atoms.cell.array, atoms.pbc):
        raise StructureError(
            f"{frame.location}: the cell has {volume / len(atoms):.2g} Å³ for each atom, and crystals have 5 to 100; "
            f"check the units of the cell (Å) and its lattice vectors, or remove the frame"
        )


def _too_close(potential: Potential, frames: Sequence[RawFrame]) -> list[str]:
    """Say which structures have atoms closer than those of the training data; empty if none, or if that is unknown."""
    data = potential.data_range
    if data is None or not data.closest:
        return []
    reach = max(data.closest.values())
    close = []
    for frame in frames:
        symbols = frame.atoms.get_chemical_symbols()
        seen = replace(surroundings(structure_from_atoms(frame.atoms), symbols, reach), density={})
        outside = seen.outside(data)
        if outside:
            close.append((min(seen.closest.values()), frame.location, outside))
    if not close:
        return []
    _, where, outside = min(close)
    more = f", and {counted(len(close) - 1, 'other structure')}" if len(close) > 1 else ""
    return [
        f"{where}{more}: atoms are closer than in the training data, where nothing was fitted: {'; '.join(outside)}; "
        "check the cell and positions (Å) before you use its energy and forces"
    ]


def _distances(frame: RawFrame, cutoff: float) -> NDArray[np.float64]:
    """Distances of all pairs of a frame within the cutoff, Å."""
    atoms = frame.atoms
    return pairs_within(atoms.positions, atoms.cell.array, atoms.pbc, cutoff)[2]


def _without_energies(free: Sequence[RawFrame]) -> str:
    symbols = ", ".join(sorted({frame.atoms.get_chemical_symbols()[0] for frame in free}))
    rest = f" and {len(free) - 1} more" if len(free) > 1 else ""
    return (
        f"{free[0].location}{rest}: energies of isolated atoms are not determined for {symbols} and left out: "
        f"{ISOLATED_ATOMS_CURE}"
    )


def with_labels(atoms: Atoms, prediction: Prediction, with_energy: bool) -> Atoms:
    """Copy of a structure with predicted labels in place of what it had; the energy is left out if it is arbitrary."""
    out = atoms.copy()
    out.set_constraint()
    out.info = {
        key: value
        for key, value in atoms.info.items()
        if not _contradicts(key) and isinstance(value, str | bool | int | float | np.generic | np.ndarray)
    }
    for key in [key for key in out.arrays if _contradicts(key)]:
        del out.arrays[key]
    labels: dict[str, object] = {"forces": prediction.forces}
    if with_energy:
        labels |= {"energy": prediction.energy, "free_energy": prediction.energy}
    if prediction.stress is not None:
        labels["stress"] = prediction.stress
    out.calc = SinglePointCalculator(out, **labels)
    return out


def _contradicts(key: str) -> bool:
    """Tell whether an old label has the name of a new one, in any spelling."""
    name = label_name(key)
    gone = key.lower() in ("energies", "stresses", *UNCERTAINTY_KEYS)
    return gone or (name is not None and name.origin == "")
