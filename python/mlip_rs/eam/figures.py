"""Figures of the embedded-atom potential inside a potential."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlip_rs.arrays import Array
from mlip_rs.eam.coverage import Coverage, inside, uncovered
from mlip_rs.eam.embedding import SHARES, EmbeddingSpectrum
from mlip_rs.eam.explain import Explanation
from mlip_rs.eam.gauge import EffectiveForm
from mlip_rs.eam.shares import LIMIT, Level
from mlip_rs.plot.style import (
    COLUMN_WIDTH,
    GUIDE,
    LINE_WIDTH,
    MARKER_SIZE,
    NEUTRAL,
    color,
    dress,
    legend,
    marker,
    new_figure,
    plain,
)

PATTERNS: tuple[str, ...] = ("-", "--", "-.", ":")

SHOWN_PAIR: float = 1.2
"""The axis of pair functions reaches this multiple of the depth of the deepest one, upwards four times as far."""

SHOWN_CLOSER: float = 0.95
"""The axis of distances begins at this multiple of the shortest one."""

OUTSIDE: dict[str, Any] = {"linestyle": (0, (1, 1.5)), "linewidth": 0.8 * LINE_WIDTH}
"""Style of functions where there are no data."""

MOST_KINDS: int = 16
"""Kinds of structure in the figure of angular forces: those with the largest."""


def functions_figure(explanation: Explanation) -> Figure:
    """Pair function, density and embedding function, all in the effective pair gauge, beside published ones.

    Where the structures tell nothing of a function it is dotted; where they tell nothing of any of ours, the ground is
    grey.
    """
    forms = [explanation.form, *(own.form for own in explanation.beside)]
    covered = [explanation.coverage, *(own.coverage for own in explanation.beside)]
    figure = new_figure(2.1 * COLUMN_WIDTH, 2.7)
    left, middle, right = figure.subplots(1, 3)
    for k, (form, own) in enumerate(zip(forms, covered, strict=True)):
        for number, (pair, label) in enumerate(_pairs(form, len(forms) > 1)):
            style = _style(k, number, len(forms))
            _draw(left, form.distances, form.pair[pair], own.distances[pair], label, style)
            _draw(middle, form.distances, form.density[pair], own.distances[pair], label, style)
        for number, (symbol, values) in enumerate(zip(form.elements, form.embedding, strict=True)):
            style = _style(k, number, len(forms))
            _draw(right, form.densities, values, own.densities[number], symbol, style)
    start, end = explanation.closest, float(forms[0].distances[-1])
    _pair_limits(left, forms, start)
    middle.set_ylim(*_around(middle, start))
    for axes in (left, middle):
        axes.set_xlim(SHOWN_CLOSER * start, end)
        _shade(axes, list(covered[0].distances.values()))
    right.set_xlim(0.0, float(forms[0].densities[-1]))
    right.set_ylim(*_within(forms, covered[0].densities))
    _shade(right, covered[0].densities)
    for axes in (left, middle):
        for crystal in explanation.crystals:
            axes.axvline(crystal.distance, color=NEUTRAL, linewidth=0.7, linestyle=":", zorder=0)
    right.axvline(1.0, color=NEUTRAL, linewidth=0.7, linestyle=":", zorder=0)
    dress(left, x="r (Å)", y="effective pair function (eV)")
    dress(middle, x="r (Å)", y="density (crystal: 1)")
    dress(right, x="density", y="embedding (eV)")
    legend(left, location="upper right")
    if len(explanation.elements) > 1:
        legend(right)
    return figure


def shares_figure(levels: Mapping[str, Sequence[Level]]) -> Figure:
    """What pair functions, densities and any function of densities leave of energies and forces, by what is fitted."""
    figure = new_figure(1.9 * COLUMN_WIDTH, 2.6)
    left, right = figure.subplots(1, 2)
    for k, (what, own) in enumerate(levels.items()):
        names = [_short(entry.name) for entry in own]
        style = {
            "marker": marker(k),
            "color": color(k),
            "ms": MARKER_SIZE,
            "linewidth": LINE_WIDTH,
            "label": what,
        }
        left.plot(names, [entry.energy_mev_per_atom for entry in own], **style)
        right.plot(names, [entry.force for entry in own], **style)
    for axes, label in ((left, "left of the energy (meV/atom)"), (right, "left of the force (eV/Å)")):
        axes.set_ylim(bottom=0.0)
        axes.set_xlim(-0.4, len(axes.get_xticks()) - 0.6)
        dress(axes, x="number of densities", y=label)
    legend(right)
    return figure


def embedding_figure(spectra: Sequence[EmbeddingSpectrum], covered: Coverage) -> Figure:
    """Share of the embedding energy against the number of densities, and the first densities themselves.

    Distances that do not occur have a grey ground.
    """
    figure = new_figure(1.9 * COLUMN_WIDTH, 2.6)
    left, right = figure.subplots(1, 2)
    for k, spectrum in enumerate(spectra):
        if not len(spectrum.shares):
            continue
        count = np.arange(1, len(spectrum.shares) + 1)
        style = {"marker": marker(k), "color": color(k), "ms": MARKER_SIZE, "linewidth": LINE_WIDTH}
        left.plot(count, 100.0 * spectrum.shares, label=spectrum.element, **style)
        own = spectrum.densities[:3, [s.element for s in spectra].index(spectrum.element)]
        for number, density in enumerate(own):
            sign = np.sign(density[np.abs(density * spectrum.distances).argmax()]) or 1.0
            energy = f"{1e3 * spectrum.strengths[number]:+.0f}".replace("-", "−")
            label = f"{spectrum.element}, {number + 1}: {energy} meV"
            right.plot(
                spectrum.distances, sign * density, color=color(k), linestyle=PATTERNS[number], label=label,
                linewidth=LINE_WIDTH,
            )  # fmt: skip
    for share in SHARES:
        left.axhline(100.0 * share, color=GUIDE, linewidth=0.7, linestyle=":")
    right.axhline(0.0, color=GUIDE, linewidth=0.6)
    right.set_xlim(1.5, max(float(spectrum.distances[-1]) for spectrum in spectra))
    right.set_ylim(*_around(right, 1.5))
    _shade(right, list(covered.distances.values()))
    dress(left, x="number of densities", y="share of the embedding energy (%)")
    dress(right, x="r (Å)", y="density (its deviations in the data)")
    legend(left, location="lower right")
    legend(right)
    return figure


def kinds_figure(explanation: Explanation) -> Figure:
    """Forces that no function of densities has, by kind of structure."""
    kinds = sorted(explanation.by_kind.items(), key=lambda item: item[1][1])[-MOST_KINDS:]
    figure = new_figure(1.4 * COLUMN_WIDTH, 0.9 + 0.19 * len(kinds))
    axes = figure.subplots()
    rows = np.arange(len(kinds))
    axes.barh(rows, [rms for _, (_, rms, _) in kinds], color=color(0), alpha=0.75, height=0.7)
    for row, (_, (_, rms, share)) in enumerate(kinds):
        axes.annotate(f" {100.0 * share:.2g} %", (rms, row), va="center", fontsize=7)
    axes.set_yticks(rows, [plain(kind) for kind, _ in kinds])
    axes.set_xlim(0.0, 1.25 * max((rms for _, (_, rms, _) in kinds), default=1.0) or 1.0)
    dress(axes, x="RMS of the angular part of forces (eV/Å), share of their square", y="")
    axes.tick_params(axis="y", length=0)
    return figure


def explanation_figures(explanation: Explanation) -> dict[str, Figure]:
    """All figures by name: functions, shares, embedding, kinds; those without anything to show are left out."""
    figures = {"functions": functions_figure(explanation)}
    levels = {"of the potential": explanation.levels}
    if explanation.label_levels:
        levels["of the labels"] = explanation.label_levels[: len(explanation.levels)]
    figures["shares"] = shares_figure(levels)
    if any(len(own.shares) for own in explanation.spectra):
        figures["embedding"] = embedding_figure(explanation.spectra, explanation.coverage)
    if len(explanation.by_kind) > 1:
        figures["kinds"] = kinds_figure(explanation)
    return figures


def _short(name: str) -> str:
    return {"pair functions": "0", "one density": "1", LIMIT: "any"}.get(name, name.split()[0])


def _style(potential: int, number: int, n_forms: int) -> dict[str, object]:
    """Colours tell potentials apart, or, of one alone, elements."""
    shade = color(potential) if n_forms > 1 else color(number)
    pattern = PATTERNS[number % len(PATTERNS)] if n_forms > 1 else "-"
    return {"color": shade, "linestyle": pattern, "linewidth": LINE_WIDTH}


def _pairs(form: EffectiveForm, several: bool) -> list[tuple[tuple[int, int], str]]:
    n, found = len(form.elements), []
    for i in range(n):
        for j in range(i, n):
            pair = f"{form.elements[i]}–{form.elements[j]}"
            label = pair if not several else plain(form.name) if n == 1 else f"{plain(form.name)}, {pair}"
            found.append(((i, j), label))
    return found


def _pair_limits(axes: Axes, forms: Sequence[EffectiveForm], start: float) -> None:
    deepest = min(float(form.pair[..., form.distances > start].min()) for form in forms)
    depth = max(-deepest, 1e-3)
    axes.set_ylim(-SHOWN_PAIR * depth, 4.0 * SHOWN_PAIR * depth)
    axes.axhline(0.0, color=GUIDE, linewidth=0.6)


def _around(axes: Axes, start: float) -> tuple[float, float]:
    """Limits of what is drawn beyond a distance."""
    values = np.concatenate(
        [np.asarray(line.get_ydata())[np.asarray(line.get_xdata()) > start] for line in axes.get_lines()]
    )
    values = values[np.isfinite(values)]
    low, high = float(values.min(initial=0.0)), float(values.max(initial=0.0))
    pad = 0.06 * (high - low) or 1.0
    return low - pad, high + pad


def _draw(axes: Axes, x: Array, y: Array, covered: Array, label: str, style: Mapping[str, Any]) -> None:
    """Draw a function, dotted where it is not covered; the two parts touch."""
    within = inside(x, covered)
    beyond = ~within
    beyond[1:] |= ~within[:-1]
    beyond[:-1] |= ~within[1:]
    axes.plot(x, np.where(beyond, y, np.nan), **{**style, **OUTSIDE})
    axes.plot(x, np.where(within, y, np.nan), label=label, **style)


def _shade(axes: Axes, covered: Sequence[Array]) -> None:
    """Make the ground grey where nothing is covered."""
    low, high = axes.get_xlim()
    for first, last in uncovered(covered, low, high):
        axes.axvspan(first, last, color=GUIDE, alpha=0.15, linewidth=0, zorder=-1)
    axes.set_xlim(low, high)


def _within(forms: Sequence[EffectiveForm], covered: Sequence[Array]) -> tuple[float, float]:
    """Limits that show all embedding functions where the first form's are covered, by element."""
    found = [
        values[inside(form.densities, part)]
        for form in forms
        for values, part in zip(form.embedding, covered, strict=True)
    ]
    shown = np.concatenate(found)
    low, high = float(shown.min(initial=0.0)), float(shown.max(initial=0.0))
    pad = 0.08 * (high - low) or 1.0
    return low - pad, high + pad
