"""Figures of the page of an alloy: forces by element, energies of formation by composition."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mlip_rs.evaluate.evaluation import Evaluation
from mlip_rs.evaluate.figures import parity
from mlip_rs.plot.style import COLUMN_WIDTH, GUIDE, SMALL_SIZE, color, dress, legend, new_figure, span

LOW = 100.0
"""meV/atom; structures with lower energies of formation are drawn against composition."""


def force_figure(evaluation: Evaluation, tested: Sequence[Atoms]) -> Figure:
    """Force components against labels, by element, in the pure metals and in alloys."""
    pair = next(own for key, own in evaluation.pairs.items() if key.startswith("force"))
    groups = [
        f"{symbol} in {'alloys' if len(set(atoms.symbols)) > 1 else symbol}"
        for atoms in tested
        for symbol in atoms.symbols
        for _ in range(3)
    ]
    return parity(pair.reference, pair.predicted, label="force", unit="eV/Å", groups=groups)


def mixing_figure(
    parts: NDArray[np.float64], labels: NDArray[np.float64], predicted: NDArray[np.float64], second: str
) -> Figure:
    """Energies of formation (meV/atom): predicted against labels, and the lowest against composition."""
    figure = new_figure(2 * COLUMN_WIDTH, 3.2)
    left, right = figure.subplots(1, 2)
    limits = span([float(min(labels.min(), predicted.min())), float(max(labels.max(), predicted.max()))])
    left.plot(limits, limits, color=GUIDE, linewidth=0.8, zorder=1)
    cloud = left.scatter(labels, predicted, c=parts, cmap="viridis", s=14, linewidths=0)
    bar = figure.colorbar(cloud, ax=left)
    bar.set_label(f"part of {second}", fontsize=SMALL_SIZE)
    bar.ax.tick_params(labelsize=SMALL_SIZE)
    left.set(xlim=limits, ylim=limits)
    dress(left, x="formation, labels (meV/atom)", y="formation, predicted (meV/atom)")
    low = labels < LOW
    right.axhline(0.0, color=GUIDE, linewidth=0.8, zorder=1)
    right.plot(parts[low], labels[low], "o", mfc="none", color=GUIDE, ms=6, label="labels")
    right.plot(parts[low], predicted[low], ".", color=color(0), ms=5, label="potential")
    right.set_xlim(0.0, 1.0)
    dress(right, x=f"part of {second}", y="formation (meV/atom)")
    legend(right)
    return figure
