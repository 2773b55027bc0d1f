"""Figures of the validated properties, one module for each, named like the module of the property."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from matplotlib.figure import Figure

from mlip_rs.validate.figures.bain import bain_curve
from mlip_rs.validate.figures.compounds import formation_bars
from mlip_rs.validate.figures.elastic import young_modulus_directions
from mlip_rs.validate.figures.energy_conservation import total_energy
from mlip_rs.validate.figures.grain_boundaries import grain_boundary_angles
from mlip_rs.validate.figures.melt_quench import melt_and_quench
from mlip_rs.validate.figures.migration import migration_path
from mlip_rs.validate.figures.phonons import phonon_bands
from mlip_rs.validate.figures.point_defects import point_defect_bars
from mlip_rs.validate.figures.pressure import enthalpy_differences
from mlip_rs.validate.figures.prototypes import prototype_curves
from mlip_rs.validate.figures.quasi_harmonic import quasi_harmonic_curves
from mlip_rs.validate.figures.short_range import short_range_curves
from mlip_rs.validate.figures.stacking_fault import fault_curve
from mlip_rs.validate.figures.stress_test import stress_test_margins
from mlip_rs.validate.figures.surfaces import surface_bars
from mlip_rs.validate.figures.vacancy import vacancy_sizes


@dataclass(frozen=True)
class PropertyFigure:
    """Figure of a property.

    Attributes
    ----------
    draw
        Draws the result of one potential, or of several by name, and that of the reference if it is not None.
    caption
        Sentence below the figure.
    bars
        True if `draw` takes the results of the members of committees, too, by the name of the potential: `Members`.
    """

    draw: Callable[..., Figure]
    caption: str
    bars: bool = False


FIGURES: Mapping[str, PropertyFigure] = MappingProxyType(
    {
        "prototypes": PropertyFigure(
            prototype_curves,
            "Energy against volume of the prototypes, above the isolated atom; above the lowest crystal where "
            "an isolated atom is not determined.",
            bars=True,
        ),
        "pressure": PropertyFigure(
            enthalpy_differences,
            "Enthalpy against pressure, relative to the structure stable at zero pressure; each line ends with"
            " the computed volumes.",
        ),
        "compounds": PropertyFigure(
            formation_bars,
            "Energies of formation of ordered compounds; a negative one is stable against the pure elements.",
            bars=True,
        ),
        "bain": PropertyFigure(
            bain_curve, "Energy of the body-centred tetragonal crystal at constant volume.", bars=True
        ),
        "elastic": PropertyFigure(
            young_modulus_directions, "Young's modulus against direction, with relaxed ions.", bars=True
        ),
        "phonons": PropertyFigure(
            phonon_bands,
            "Phonon bands along the standard path, and density of states; imaginary frequencies are drawn below zero.",
            bars=True,
        ),
        "quasi-harmonic": PropertyFigure(
            quasi_harmonic_curves,
            "Quasi-harmonic volume, linear expansion and Gibbs energy at zero pressure.",
        ),
        "vacancy": PropertyFigure(
            vacancy_sizes,
            "Vacancy formation energy at constant volume; filled symbols: relaxed, open symbols: unrelaxed.",
            bars=True,
        ),
        "point-defects": PropertyFigure(
            point_defect_bars,
            "Formation energies at constant volume, each relaxed from its ideal configuration.",
            bars=True,
        ),
        "migration": PropertyFigure(
            migration_path,
            "Energy along the jump of a neighbour into a vacancy, by the climbing-image nudged elastic band.",
            bars=True,
        ),
        "surfaces": PropertyFigure(surface_bars, "Energies of relaxed low-index surfaces.", bars=True),
        "stacking-fault": PropertyFigure(
            fault_curve,
            "Generalised stacking-fault energy, with planes relaxed along their normal.",
            bars=True,
        ),
        "grain-boundaries": PropertyFigure(
            grain_boundary_angles,
            "Energies of symmetric tilt boundaries against the misorientation about their axis.",
            bars=True,
        ),
        "energy-conservation": PropertyFigure(
            total_energy,
            "Total energy of a crystal in a velocity-Verlet run that starts with velocities of 600 K.",
        ),
        "melt-quench": PropertyFigure(
            melt_and_quench, "Langevin dynamics at constant volume: a melt, then linear cooling to 300 K."
        ),
        "short-range": PropertyFigure(
            lambda found, _: short_range_curves(found),
            "Energy far below the distances of the data; it has to rise monotonically as the distance shrinks.",
        ),
        "stress-test": PropertyFigure(
            lambda found, _: stress_test_margins(found),
            "Lowest energy of each structure above the limit, which lies a little below the lowest crystal; crosses: "
            "structures that fell below it or heated up by themselves.",
        ),
    }
)
"""By the name of the property; the zone-boundary phonons have none."""
