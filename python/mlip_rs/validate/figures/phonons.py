"""Figure of phonon bands beside the density of states."""

from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mlip_rs.plot.series import Members, Results, Series, first_of, series
from mlip_rs.plot.style import COLUMN_WIDTH, GUIDE, dress, legend_above, new_figure
from mlip_rs.validate.figures.spread import shade, spread
from mlip_rs.validate.properties.phonons import Phonons, Rows


def phonon_bands(
    potentials: Results[Phonons], reference: Phonons | None = None, members: Members[Phonons] | None = None
) -> Figure:
    """Frequencies along the standard path, shaded ± σ, and density of states; imaginary ones below zero."""
    figure = new_figure(2 * COLUMN_WIDTH, 3.0)
    bands, states = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    frame = first_of(potentials)
    for entry in series(potentials, reference, members):
        _draw_bands(bands, entry, frame)
        states.plot(entry.result.dos, entry.result.dos_frequencies, **entry.line_style)
    ticks: dict[float, str] = {}
    for segment in frame.bands:
        for distance, label in ((segment.distances[0], segment.start), (segment.distances[-1], segment.end)):
            key = round(distance, 6)
            known = ticks.get(key, label)
            ticks[key] = known if known == label else f"{known}|{label}"
    bands.set_xlim(min(ticks), max(ticks))
    for axes in (bands, states):
        axes.axhline(0.0, color=GUIDE, linewidth=0.8)
    dress(bands, x="wave vector", y="frequency (THz)")
    dress(states, x="states per THz", y="")
    states.set_xlim(left=0.0)
    bands.set_xticks(list(ticks), list(ticks.values()))
    bands.grid(axis="x", color=GUIDE, linewidth=0.5)
    legend_above(bands)
    return figure


def _draw_bands(axes: Axes, entry: Series[Phonons], frame: Phonons) -> None:
    """Draw each segment stretched to its place in the path of `frame`, whose lattice constant may differ."""
    for k, (segment, place) in enumerate(zip(entry.result.bands, frame.bands, strict=False)):
        x = np.array(segment.distances)
        length = float(np.ptp(x)) or 1.0
        x = place.distances[0] + (x - x[0]) / length * float(np.ptp(place.distances))
        sigma = spread(segment.frequencies, entry.members, partial(_frequencies, segment=k))
        if sigma is not None:
            for branch, width in zip(np.array(segment.frequencies).T, sigma.T, strict=True):
                shade(axes, x, branch, width, entry.color)
        axes.plot(x, segment.frequencies, **entry.line_style)
    axes.plot([], [], label=entry.label, **entry.line_style)


def _frequencies(found: Phonons, segment: int) -> Rows:
    """Frequencies of a segment of the path; none if the path of a member is another."""
    return found.bands[segment].frequencies if segment < len(found.bands) else ()
