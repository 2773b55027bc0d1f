"""A file of structures with predictions, error bars and the index of anomaly of every atom."""

import os
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from mlip_rs.data import RawFrame
from mlip_rs.data.frames import DEFAULT_CONFIG_TYPE
from mlip_rs.data.metadata import CONFIG_TYPE_NAMES, text_of
from mlip_rs.errors import ConfigError
from mlip_rs.evaluate.labelled_file import LabelledFile
from mlip_rs.evaluate.prediction import (
    is_free,
    noticing,
    raw_predictions,
    read_for,
    remarks,
    with_labels,
)
from mlip_rs.evaluate.uncertain_frames import UncertainPrediction, committee_of
from mlip_rs.evaluate.uncertain_summary import TrustSummary
from mlip_rs.plot.saving import figure_format, save_figure
from mlip_rs.potential import Potential
from mlip_rs.progress import Progress
from mlip_rs.uncertainty.atom_figures import atoms_by_index
from mlip_rs.uncertainty.calibration import normal_quantile
from mlip_rs.uncertainty.domain import CURE, NO_INDEX, shown
from mlip_rs.uncertainty.half_widths import LEVEL, HalfWidths


def uncertainty_file(
    potential: Potential | str | os.PathLike[str],
    structures: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    level: float = LEVEL,
    index: str = ":",
    format: str | None = None,
    types: Sequence[str] = (),
    figure: str | os.PathLike[str] | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> TrustSummary:
    """Write the structures of files with predicted labels, error bars and index to a file, whole or not at all.

    Parameters
    ----------
    potential
        A potential with a committee, an index, or both, or the path of its file.
    structures
        Files that ASE reads; labels are not needed and not kept.
    output
        Extended XYZ, also compressed. The columns of the atoms are `forces` (eV/Å), `index`, and
        `forces_uncertainty` (eV/Å); the header has `energy` and `energy_uncertainty` of the whole structure (eV),
        `stress` and `stress_uncertainty` (eV/Å³, the latter as xx yy zz yz xz xy), `largest_index` and
        `uncertainty_level`. What the potential lacks is left out.
    level
        Part of the labels that the error bars, half-widths, cover.
    figure
        File (.png, .pdf, .svg) for a picture of the structure with the largest index, its atoms coloured by theirs.
    index, format, types, threads, progress
        As for `mlip_rs.evaluate.prediction.predict_file`.

    Returns
    -------
    Largest index, share of atoms above 1, and mean error bars, by config type.

    Raises
    ------
    ConfigError
        The potential has neither error bars nor an index; the message says how to make them. The output is one of
        the files read, or its name says a format without columns. The level is not between 0 and 1. A figure is asked
        for, and its name says no format, or the potential has no index.
    DataError, StructureError, OSError
        As of `predict_file`.
    """
    normal_quantile(level)
    written = LabelledFile(output)
    if written.format != "extxyz":
        raise ConfigError(f"{output}: {written.format} holds no columns of the atoms; write .extxyz")
    note = noticing(progress)
    loaded, frames = read_for(
        output, potential, structures, index=index, format=format, types=types, note=note
    )
    for lacking in check_trust(loaded, potential):
        note(lacking)
    if figure is not None:
        check_figure(figure, loaded)
    copies, summary = uncertain_copies(loaded, frames, level, threads=threads, progress=progress)
    for remark in remarks(loaded, frames, copies):
        note(remark)
    written.write(copies)
    if figure is not None and copies:
        k = int(np.argmax([copy.info["largest_index"] for copy in copies]))
        title = f"{frames[k].location}: largest index {shown(copies[k].info['largest_index'])}"
        save_figure(atoms_by_index(copies[k], copies[k].arrays["index"], title=title), figure)
    return summary


def check_figure(figure: str | os.PathLike[str], potential: Potential) -> None:
    """That a figure of the index can be made.

    Raises
    ------
    ConfigError
        The name of its file says no format, or the potential has no index.
    """
    figure_format(figure)
    if not potential.has_index:
        raise ConfigError(f"{figure}: there is nothing to show: {NO_INDEX}")


def check_trust(potential: Potential, name: object) -> list[str]:
    """What a potential lacks of error bars and index, in words.

    Raises
    ------
    ConfigError
        It has neither; the message says how to make them. `name` is that of its file, or the potential itself.
    PotentialFileError
        Those it has are damaged.
    """
    committee, index = committee_of(potential, name) is not None, potential.has_index
    if not committee and not index:
        file = "" if isinstance(name, Potential) else f"{name}: "
        raise ConfigError(f"{file}the potential has neither error bars nor an index of anomaly: {CURE}")
    return [
        f"the potential has no {what}, which are left out: {CURE}"
        for what, there in (("error bars", committee), ("indices of anomaly", index))
        if not there
    ]


def uncertain_copies(
    potential: Potential,
    frames: Sequence[RawFrame],
    level: float,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> tuple[list[Atoms], TrustSummary]:
    """Copies of structures with predicted labels, error bars and index, as in the files, and their summary.

    Raises
    ------
    StructureError
        A structure cannot be evaluated; names file, frame, atom.
    """
    found = raw_predictions(potential, frames, error_bars=True, threads=threads, progress=progress)
    undetermined, summary, copies = potential.undetermined_atoms, TrustSummary(level), []
    for frame, own in zip(frames, found, strict=True):
        with_energy = not is_free(frame, undetermined, potential.cutoff)
        bars = None if own.uncertainty is None else HalfWidths.of(own.uncertainty, level)
        copies.append(_marked(frame.atoms, own, bars, level, with_energy))
        kind = text_of(frame, CONFIG_TYPE_NAMES).strip() or DEFAULT_CONFIG_TYPE
        symbols = frame.atoms.get_chemical_symbols()
        energy = own.prediction.energy if with_energy else None
        summary.add(frame.location, kind, symbols, own.index, bars, energy)
    return copies, summary


def _marked(
    atoms: Atoms, own: UncertainPrediction, bars: HalfWidths | None, level: float, with_energy: bool
) -> Atoms:
    """Copy of a structure with labels, columns and header."""
    copy = with_labels(atoms, own.prediction, with_energy)
    if own.index is not None:
        copy.arrays["index"] = np.array(own.index)
        copy.info["largest_index"] = float(own.index.max(initial=0.0))
    elif "index" in copy.arrays and copy.arrays["index"].dtype.kind == "f":
        del copy.arrays["index"]  # of another potential; whole numbers are the user's own
    if bars is not None:
        copy.arrays["forces_uncertainty"] = np.array(bars.forces)
        copy.info["uncertainty_level"] = level
        if with_energy:
            copy.info["energy_uncertainty"] = bars.energy * len(copy)
        if bars.stress is not None:
            copy.info["stress_uncertainty"] = np.array(bars.stress)
    return copy
