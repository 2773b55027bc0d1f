"""Figure of the surface energies."""

from matplotlib.figure import Figure

from mlip_rs.plot.series import Members, Results, series
from mlip_rs.validate.figures.bars import grouped_bars
from mlip_rs.validate.properties.surfaces import Surfaces


def surface_bars(
    potentials: Results[Surfaces], reference: Surfaces | None = None, members: Members[Surfaces] | None = None
) -> Figure:
    """Relaxed energies of the surfaces, with ± σ where there are members."""
    return grouped_bars(
        series(potentials, reference, members),
        lambda found: {surface.name: surface.relaxed for surface in found.surfaces},
        "surface energy (J/m²)",
    )
