"""Errors of a potential on labelled structures, and their parity plots."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlip_rs.data import Dataset
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
from mlip_rs.potential import Potential
from mlip_rs.potential.prediction import evaluate_frames
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
    """

    errors: Errors
    pairs: dict[str, PairedValues]
    config_types: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """What `mlip-rs evaluate --json` prints."""
        return {"n_structures": len(self.config_types), **self.errors.to_dict()}

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


def evaluate(
    potential: Potential | str | os.PathLike[str],
    data: Data,
    *,
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
    if not isinstance(potential, Potential):
        potential = Potential.load(potential)
    dataset = as_dataset(data, require_energies=False)
    labels = Labels([f.energy for f in dataset], [f.forces for f in dataset], [f.stress for f in dataset])
    predicted = _predictions(potential, dataset, number_of_threads(threads), progress)
    n_atoms = [frame.n_atoms for frame in dataset]
    config_types = tuple(frame.config_type for frame in dataset)
    errors = evaluate_errors(labels, predicted, n_atoms, config_types)
    if errors.energy is None and errors.forces is None and errors.stress is None:
        raise DataError(
            f"{', '.join(dataset.files)}: no labels to compare with; use predict for such structures"
        )
    return Evaluation(errors, paired_values(labels, predicted, n_atoms), config_types)


def _predictions(potential: Potential, dataset: Dataset, threads: int, progress: Progress | None) -> Labels:
    predictions = list(
        evaluate_frames(
            potential.core,
            dataset.frames,
            structure=lambda f: structure_from_arrays(f.numbers, f.positions, f.cell, f.pbc),
            volume=lambda frame: frame.volume,
            name=lambda k: dataset.frames[k].location,
            threads=threads,
            progress=progress,
        )
    )
    return Labels(
        [p.energy for p in predictions], [p.forces for p in predictions], [p.stress for p in predictions]
    )


def save_figures(figures: "dict[str, Figure]", directory: str | os.PathLike[str]) -> list[Path]:
    """Write figures as `parity-NAME.png`; makes the directory.

    Raises
    ------
    OSError
        The directory cannot be made or written to.
    """
    from mlip_rs.plot.saving import save_figure

    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    return [save_figure(figure, folder / f"parity-{name}.png") for name, figure in figures.items()]
