"""Report of a learning loop on one page: the learning curve, what was chosen and why, the potential."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlip_rs.fitting import Run
from mlip_rs.learn.loop import Learned
from mlip_rs.learn.record import Chosen, Cycle
from mlip_rs.plot.style import MARKER_SIZE, PALETTE, dress, label_decades, legend_beside, new_figure
from mlip_rs.report.document import Image, Item, Report, Table
from mlip_rs.report.fit import accuracy_table
from mlip_rs.report.html import save_html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT_NAME: str = "learning.html"

REASONS: dict[str, str] = {
    "energy": "error bar of the energy",
    "forces": "error bars of the forces",
    "unfamiliar": "atoms unlike the data",
}
"""Why structures are uncertain, in words."""


def write_learning_report(directory: Path, learned: Learned, run: Run, notice: str = "") -> Path:
    """Write `learning.html` of a loop, and return its path.

    Parameters
    ----------
    directory
        Of the loop; must exist.
    learned
        What the loop has given.
    run
        The final fit.
    notice
        What was left out of it, a sentence without its period.

    Raises
    ------
    OSError
        The page cannot be written.
    """
    elements = "-".join(learned.potential.elements)
    n_chosen = sum(len(cycle.chosen) for cycle in learned.cycles)
    report = Report(
        f"Learning {elements}",
        f"{n_chosen} structures were chosen to be labelled in {len(learned.cycles)} turns; {learned.outcome}.",
    )
    report.add_section("Learning curve", *_curve(learned.cycles))
    report.add_section("What was chosen, and why", *_choices(learned.cycles))
    named = {"knee": run.points[run.knee_index], "best": run.points[run.best_index]}
    report.add_section(
        "The potential",
        *([f"{notice}."] if notice else []),
        accuracy_table(named, "Final fit to all labelled structures; its own page is fit/report.html."),
    )
    return save_html(report, Path(directory) / REPORT_NAME)


def learning_curves(cycles: Sequence[Cycle]) -> "Figure":
    """Errors and error bars against the number of labelled structures, energies left, forces right.

    Parameters
    ----------
    cycles
        Turns of a loop.
    """
    figure = new_figure(7.6, 2.6)
    for axes, name, label in zip(
        figure.subplots(1, 2),
        ("energy", "forces"),
        ("energy (meV/atom)", "force component (eV/Å)"),
        strict=True,
    ):
        key = {"energy": "energy_mev", "forces": "forces_ev_per_angstrom"}[name]
        series = {
            "cross-validation": [
                (cycle.n_labels, getattr(cycle.validation, name)) for cycle in cycles if cycle.validation
            ],
            "batch, before it was fitted": [
                (cycle.n_labels, getattr(cycle.fresh, name)) for cycle in cycles if cycle.fresh
            ],
        }
        for color, shape, (title, points) in zip(PALETTE, "os", series.items(), strict=False):
            known = [(n, own.rmse) for n, own in points if own is not None and own.rmse > 0.0]
            if known:
                axes.plot(*zip(*known, strict=True), f"{shape}-", color=color, ms=MARKER_SIZE, label=title)
        bars = [(cycle.n_labels, cycle.bars.get(key)) for cycle in cycles]
        shown = [(n, own) for n, own in bars if own]
        if shown:
            axes.plot(
                *zip(*shown, strict=True),
                "^--",
                color=PALETTE[2],
                ms=MARKER_SIZE,
                label="error bar, 90 % of pool",
            )
        axes.set_yscale("log")
        label_decades(axes.yaxis)
        dress(axes, x="labelled structures", y=label)
        if axes.lines and name == "forces":
            legend_beside(axes)
    return figure


def _curve(cycles: Sequence[Cycle]) -> list[Item]:
    rows = []
    for cycle in cycles:
        if cycle.validation is None:
            continue
        cells = [str(cycle.n_labels)]
        for errors in (cycle.validation, cycle.fresh):
            for name, digits in (("energy", 2), ("forces", 4)):
                own = None if errors is None else getattr(errors, name)
                cells.append("–" if own is None else f"{own.rmse:.{digits}f}")
        rows.append([*cells, f"{cycle.n_uncertain} of {cycle.n_pool}", f"{cycle.seconds:.1f}"])
    header = (
        "labelled structures",
        "validation, energy (meV/atom)",
        "force (eV/Å)",
        "new batch, energy (meV/atom)",
        "force (eV/Å)",
        "uncertain in the pool",
        "fit and choice (s)",
    )
    return [
        Image(
            learning_curves(cycles),
            "Root mean squared errors of the cross-validation, and on each batch by the fit before it, which was asked "
            "for because that fit was uncertain about it. Error bars are without the residual that more data leave.",
        ),
        Table(header, rows),
    ]


def _choices(cycles: Sequence[Cycle]) -> list[Item]:
    chosen = [one for cycle in cycles for one in cycle.chosen]
    kinds: dict[str, list[Chosen]] = {}
    for one in chosen:
        kinds.setdefault(one.config_type, []).append(one)
    rows = []
    for kind, own in sorted(kinds.items(), key=lambda entry: -len(entry[1])):
        why = Counter(reason for one in own for reason in one.reasons)
        first = sum(not one.reasons for one in own)
        words = [f"{REASONS[reason]} {n}" for reason, n in why.most_common()]
        words += [f"first batch {first}"] if first else []
        rows.append((kind, str(len(own)), str(sum(one.n_atoms for one in own)), ", ".join(words)))
    return [
        "Among the uncertain structures of the pool, those are chosen that together make the predicted variance of "
        "energies and forces of the whole pool fall most for the cost of their labels (I-optimality).",
        Table(("kind", "structures", "atoms", "uncertain because of"), rows),
    ]
