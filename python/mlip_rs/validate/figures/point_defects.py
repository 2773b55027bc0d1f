"""Figure of the formation energies of point defects."""

from matplotlib.figure import Figure

from mlip_rs.plot.series import Members, Results, series
from mlip_rs.validate.figures.bars import grouped_bars
from mlip_rs.validate.properties.point_defects import PointDefects


def point_defect_bars(
    potentials: Results[PointDefects],
    reference: PointDefects | None = None,
    members: Members[PointDefects] | None = None,
) -> Figure:
    """Formation energies of the vacancy, divacancies and interstitials, with ± σ where there are members."""
    drawn = series(potentials, reference, members)
    return grouped_bars(drawn, lambda found: found.energies, "formation energy (eV)")
