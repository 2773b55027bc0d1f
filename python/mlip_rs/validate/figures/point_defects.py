"""Figure of the formation energies of point defects."""

from matplotlib.figure import Figure

from mlip_rs.plot.series import Results, series
from mlip_rs.validate.figures.bars import Bars, grouped_bars
from mlip_rs.validate.properties.point_defects import PointDefects


def point_defect_bars(potentials: Results[PointDefects], reference: PointDefects | None = None) -> Figure:
    """Formation energies of the vacancy, divacancies and interstitials."""
    bars: Bars = [(entry, entry.result.energies) for entry in series(potentials, reference)]
    return grouped_bars(bars, "formation energy (eV)")
