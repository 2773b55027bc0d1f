"""Figure of the error of the force against its size."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.errors import DataError
from mlip_rs.evaluate.errors import PairedValues
from mlip_rs.plot.series import series
from mlip_rs.plot.style import COLUMN_WIDTH, GUIDE, dress, label_decades, legend, new_figure

FORCE_GROUPS = 20
"""Groups of atoms by the length of their force."""

SMALLEST_FORCE = 1e-3
"""eV/Å; shorter forces, which symmetry or relaxation made zero, are left out."""

TENTH = 0.1
"""Relative error of the guide."""


def force_error_by_size(potentials: PairedValues | Mapping[str, PairedValues]) -> Figure:
    """Root mean squared length of the error of the force vector against the length of the force, both in eV/Å.

    Parameters
    ----------
    potentials
        Labels and predictions of force components, (3 n,) with those of an atom next to each other, of one potential
        or of several by name.

    Raises
    ------
    DataError
        No force is longer than `SMALLEST_FORCE`.
    """
    figure = new_figure(1.2 * COLUMN_WIDTH, 2.9)
    axes = figure.subplots()
    limits: list[float] = []
    for entry in series(potentials):
        sizes, errors = _grouped_errors(entry.result)
        axes.plot(sizes, errors, label=entry.label, **(entry.line_style | entry.symbol_style))
        limits += [float(sizes[0]), float(sizes[-1])]
    ends = np.array([min(limits), max(limits)])
    axes.plot(ends, TENTH * ends, "--", color=GUIDE, linewidth=0.8, label="10 %")
    axes.set_xscale("log")
    axes.set_yscale("log")
    dress(axes, x="length of the force (eV/Å)", y="RMS error of the force (eV/Å)")
    for axis in (axes.xaxis, axes.yaxis):
        label_decades(axis)
    legend(axes)
    return figure


def _grouped_errors(pairs: PairedValues) -> tuple[np.ndarray, np.ndarray]:
    """Mean length and root mean squared error of groups of as many atoms, by length."""
    forces = pairs.reference.reshape(-1, 3)
    lengths = np.linalg.norm(forces, axis=1)
    errors = np.linalg.norm(pairs.predicted.reshape(-1, 3) - forces, axis=1)
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > SMALLEST_FORCE]
    if not len(order):
        raise DataError(f"no force is longer than {SMALLEST_FORCE} eV/Å")
    groups = np.array_split(order, min(FORCE_GROUPS, len(order)))
    sizes = np.array([lengths[group].mean() for group in groups])
    return sizes, np.array([np.sqrt(np.mean(errors[group] ** 2)) for group in groups])
