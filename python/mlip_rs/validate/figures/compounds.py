"""Figure of the energies of formation of ordered compounds."""

from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, series
from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.figures.bars import Bars, grouped_bars
from mlip_rs.validate.properties.compounds import Compounds


def formation_bars(potentials: Results[Compounds], reference: Compounds | None = None) -> Figure:
    """Energies of formation of the compounds."""
    drawn = series(potentials, reference)
    bars: Bars = [
        (entry, {c.name: MEV_PER_EV * c.formation for c in entry.result.compounds}) for entry in drawn
    ]
    return grouped_bars(bars, "energy of formation (meV/atom)")
