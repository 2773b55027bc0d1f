"""Figure of the energies of formation of ordered compounds."""

from matplotlib.figure import Figure

from mlip_rs.plot.series import Members, Results, series
from mlip_rs.units import MEV_PER_EV
from mlip_rs.validate.figures.bars import grouped_bars
from mlip_rs.validate.properties.compounds import Compounds


def formation_bars(
    potentials: Results[Compounds],
    reference: Compounds | None = None,
    members: Members[Compounds] | None = None,
) -> Figure:
    """Energies of formation of the compounds, with ± σ where there are members."""
    return grouped_bars(
        series(potentials, reference, members),
        lambda found: {compound.name: MEV_PER_EV * compound.formation for compound in found.compounds},
        "energy of formation (meV/atom)",
    )
