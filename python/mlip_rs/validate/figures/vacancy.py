"""Figure of the vacancy formation energy against the size of the supercell."""

import numpy as np
from matplotlib.figure import Figure

from mlip_rs.plot.series import Members, Results, series
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    dress,
    legend_above,
    new_figure,
)
from mlip_rs.validate.figures.spread import ERROR_BARS, spread
from mlip_rs.validate.properties.vacancy import VacancyConvergence


def vacancy_sizes(
    potentials: Results[VacancyConvergence],
    reference: VacancyConvergence | None = None,
    members: Members[VacancyConvergence] | None = None,
) -> Figure:
    """Formation energy against one over the number of sites; dotted: unrelaxed; ± σ of the relaxed ones."""
    figure = new_figure(COLUMN_WIDTH, 2.6)
    axes = figure.subplots()
    for entry in series(potentials, reference, members):
        sizes = entry.result.sizes
        inverse = [1000 / size.n_sites for size in sizes]
        relaxed = [
            (x, size.relaxed) for x, size in zip(inverse, sizes, strict=True) if size.relaxed is not None
        ]
        unrelaxed = [size.unrelaxed for size in sizes]
        style = entry.line_style | entry.symbol_style
        label = entry.label if relaxed else f"{entry.label}, unrelaxed"
        axes.plot(
            inverse,
            unrelaxed,
            **(style | {"linestyle": ":", "mfc": "white"}),
            label="" if relaxed else label,
        )
        sigma = spread(_relaxed(entry.result), entry.members, _relaxed)
        if sigma is not None:
            axes.errorbar(
                inverse,
                _relaxed(entry.result),
                sigma,
                color=entry.color,
                linestyle="none",
                **ERROR_BARS,
            )
        if relaxed:
            axes.plot(*zip(*relaxed, strict=True), label=label, **style)
    axes.set_xlim(left=0.0)
    dress(axes, x="1000 / number of sites", y="vacancy formation energy (eV)")
    legend_above(axes, columns=2)
    return figure


def _relaxed(found: VacancyConvergence) -> list[float]:
    return [np.nan if size.relaxed is None else size.relaxed for size in found.sizes]
