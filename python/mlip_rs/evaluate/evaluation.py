"""Errors of a potential on labelled structures, and their parity plots."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlip_rs.data import Dataset, Frame
from mlip_rs.data.convert import Data, as_dataset
from mlip_rs.data.core_structures import structure_from_arrays
from mlip_rs.errors import DataError
from mlip_rs.evaluate.errors import (
    ENERGY_KEY,
    FORCE_KEY,
    STRESS_KEY,
    Errors,
    Labels,
    PairedValues,
    evaluate_errors,
    paired_values,
)
from mlip_rs.evaluate.trust import Trust
from mlip_rs.evaluate.uncertain_frames import UncertainPrediction, committee_of, uncertain_frames
from mlip_rs.potential import Potential, Prediction
from mlip_rs.progress import Progress
from mlip_rs.threads import number_of_threads
from mlip_rs.units import MEV_PER_EV

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = {
    ENERGY_KEY: ("energy per atom", "meV/atom"),
    FORCE_KEY: ("force", "eV/Å"),
    STRESS_KEY: ("stress", "GPa"),
}


@dataclass(frozen=True)
class Evaluation:
    """Predictions beside labels.

    Parameters
    ----------
    errors
        RMSE, MAE and maximum, overall and by config type.
    pairs
        Labels and predictions by property.
    config_types
        Of each structure.
    trust
        Error bars and index beside the errors; None if the potential has neither, or they were not asked for.
    """

    errors: Errors
    pairs: dict[str, PairedValues]
    config_types: tuple[str, ...]
    trust: Trust | None = None

    def to_dict(self) -> dict[str, Any]:
        """What `mlip-rs evaluate --json` prints."""
        trust = {} if self.trust is None else self.trust.to_dict()
        return {"n_structures": len(self.config_types), **self.errors.to_dict(), **trust}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Header and rows, one for each config type and property, the total first."""
        header = ["structures", "property", "RMSE", "MAE", "max", "unit", "values"]
        rows = []
        groups = {"all": self.errors}
        if len(self.errors.by_config_type) > 1:
            groups |= self.errors.by_config_type
        for name, errors in groups.items():
            for key, (label, unit) in _SHOWN.items():
                summary = errors.summary(key)
                if summary is not None:
                    numbers = [f"{value:.4g}" for value in (summary.rmse, summary.mae, summary.max)]
                    rows.append([name, label, *numbers, unit, str(summary.n)])
        return header, rows

    def figures(self) -> "dict[str, Figure]":
        """Parity plots of the properties that have labels, by energy, force and stress."""
        from mlip_rs.evaluate.figures import parity

        names = np.array(self.config_types)
        figures = {}
        for key, (label, unit) in _SHOWN.items():
            pair = self.pairs[key]
            if len(pair.reference):
                groups = names[pair.structure].tolist() if len(set(self.config_types)) > 1 else None
                scale, unit = (1.0 / MEV_PER_EV, "eV/atom") if key == ENERGY_KEY else (1.0, unit)
                figures[key.split("_")[0]] = parity(
                    scale * pair.reference, scale * pair.predicted, label=label, unit=unit, groups=groups
                )
        return figures

    def trust_figures(self) -> "dict[str, Figure]":
        """Coverage of the error bars, and force errors by index, of a potential that has them."""
        from mlip_rs.evaluate.trust_figures import calibration_figure, index_figure

        figures: dict[str, Figure] = {}
        if self.trust is not None:
            for name, draw in (("coverage", calibration_figure), ("force-error-by-index", index_figure)):
                with suppress(DataError):  # nothing to draw
                    figures[name] = draw(self.trust)
        return figures


def evaluate(
    potential: Potential | str | os.PathLike[str],
    data: Data,
    *,
    error_bars: bool = True,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Compare a potential with labelled structures.

    Parameters
    ----------
    potential
        A potential, or the path of its file.
    data
        Files that ASE reads, or a dataset.
    error_bars
        Compute index and error bars, if the potential has them: one evaluation more for each member of its committee.
    threads
        None: `MLIP_RS_NUM_THREADS`, or all cores.
    progress
        Receives the advance through many structures.

    Raises
    ------
    DataError
        Data that cannot be used, or without any label; names file, frame, atom.
    StructureError
        A structure that the potential cannot evaluate; names file, frame, atom.
    """
    name = potential
    if not isinstance(potential, Potential):
        potential = Potential.load(potential)
    if error_bars:
        committee_of(potential, name)  # damage is told with the name of the file
    dataset = as_dataset(data, require_energies=False)
    labels = labels_in(dataset)
    found = _predictions(potential, dataset, error_bars, number_of_threads(threads), progress)
    predicted = labels_in([entry.prediction for entry in found])
    n_atoms = [frame.n_atoms for frame in dataset]
    config_types = tuple(frame.config_type for frame in dataset)
    errors = evaluate_errors(labels, predicted, n_atoms, config_types)
    if errors.energy is None and errors.forces is None and errors.stress is None:
        raise DataError(
            f"{', '.join(dataset.files)}: no labels to compare with; use predict for such structures"
        )
    pairs = paired_values(labels, predicted, n_atoms)
    return Evaluation(errors, pairs, config_types, Trust.of(labels, pairs, found, n_atoms, config_types))


def labels_in(labelled: Iterable[Frame | Prediction]) -> Labels:
    """Labels of frames, or predictions, as errors are computed from."""
    own = list(labelled)
    return Labels([one.energy for one in own], [one.forces for one in own], [one.stress for one in own])


def _predictions(
    potential: Potential, dataset: Dataset, error_bars: bool, threads: int, progress: Progress | None
) -> list[UncertainPrediction]:
    return list(
        uncertain_frames(
            potential,
            dataset.frames,
            structure=lambda f: structure_from_arrays(f.numbers, f.positions, f.cell, f.pbc),
            volume=lambda frame: frame.volume,
            name=lambda k: dataset.frames[k].location,
            threads=threads,
            progress=progress,
            error_bars=error_bars,
            index=error_bars,
        )
    )


def save_figures(
    figures: "dict[str, Figure]", directory: str | os.PathLike[str], prefix: str = "parity-"
) -> list[Path]:
    """Write figures as `parity-NAME.png`, or with another prefix; makes the directory.

    Raises
    ------
    OSError
        The directory cannot be made or written to.
    """
    from mlip_rs.plot.saving import save_figure

    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    return [save_figure(figure, folder / f"{prefix}{name}.png") for name, figure in figures.items()]
