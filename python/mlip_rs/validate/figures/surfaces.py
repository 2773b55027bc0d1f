"""Figure of the surface energies."""

from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, series
from mlip_rs.validate.figures.bars import Bars, grouped_bars
from mlip_rs.validate.properties.surfaces import Surfaces


def surface_bars(potentials: Results[Surfaces], reference: Surfaces | None = None) -> Figure:
    """Relaxed energies of the surfaces."""
    drawn = series(potentials, reference)
    bars: Bars = [(entry, {s.name: s.relaxed for s in entry.result.surfaces}) for entry in drawn]
    return grouped_bars(bars, "surface energy (J/m²)")
