"""Physical properties of a material with any ASE calculator, compared with a reference.

Each property has a module in `mlip_rs.validate.properties` (result, computation, criteria) and a figure of the same
name in `mlip_rs.validate.figures`. `mlip_rs.workflows.validation.validate` computes them all and writes a report.
"""

from mlip_rs.validate.criteria import Threshold
from mlip_rs.validate.cubic_metal import CubicMetal
from mlip_rs.validate.elastic_constants import ElasticConstants, elastic_constants
from mlip_rs.validate.eos import EnergyVolumeFit, energy_volume, equation_of_state, fit_birch_murnaghan
from mlip_rs.validate.properties.bain import BainPath, bain_path
from mlip_rs.validate.properties.compounds import Compound, Compounds, compound_energies
from mlip_rs.validate.properties.elastic import ElasticAnalysis, elastic_analysis
from mlip_rs.validate.properties.energy_conservation import EnergyConservation, energy_conservation
from mlip_rs.validate.properties.grain_boundaries import GrainBoundaries, GrainBoundary, grain_boundaries
from mlip_rs.validate.properties.melt_quench import MeltQuench, melt_quench, radial_distribution
from mlip_rs.validate.properties.migration import VacancyMigration, vacancy_migration
from mlip_rs.validate.properties.phonons import (
    BandSegment,
    PhononError,
    Phonons,
    load_phonons,
    phonon_error,
    phonons,
)
from mlip_rs.validate.properties.point_defects import PointDefects, point_defects
from mlip_rs.validate.properties.pressure import (
    PressureTransitions,
    Transition,
    pressure_transitions,
    transitions_between,
)
from mlip_rs.validate.properties.quasi_harmonic import QuasiHarmonic, quasi_harmonic
from mlip_rs.validate.properties.stacking_fault import StackingFault, stacking_fault
from mlip_rs.validate.properties.surfaces import SurfaceEnergy, Surfaces, surface_energies
from mlip_rs.validate.properties.vacancy import (
    VacancyConvergence,
    VacancyFormation,
    cubic_fcc_supercell,
    vacancy_convergence,
    vacancy_formation,
)
from mlip_rs.validate.properties.zone_boundary import ZoneBoundaryPhonons, zone_boundary_phonons
from mlip_rs.validate.prototype_energies import PrototypeEnergies, prototype_energies
from mlip_rs.validate.reference import Reference, ReferenceElastic, load_reference
from mlip_rs.validate.stiffness import PolycrystalAverages, polycrystal_averages

__all__ = [
    "BainPath",
    "BandSegment",
    "Compound",
    "Compounds",
    "CubicMetal",
    "ElasticAnalysis",
    "ElasticConstants",
    "EnergyConservation",
    "EnergyVolumeFit",
    "GrainBoundaries",
    "GrainBoundary",
    "MeltQuench",
    "PhononError",
    "Phonons",
    "PointDefects",
    "PolycrystalAverages",
    "PressureTransitions",
    "PrototypeEnergies",
    "QuasiHarmonic",
    "Reference",
    "ReferenceElastic",
    "StackingFault",
    "SurfaceEnergy",
    "Surfaces",
    "Threshold",
    "Transition",
    "VacancyConvergence",
    "VacancyFormation",
    "VacancyMigration",
    "ZoneBoundaryPhonons",
    "bain_path",
    "compound_energies",
    "cubic_fcc_supercell",
    "elastic_analysis",
    "elastic_constants",
    "energy_conservation",
    "energy_volume",
    "equation_of_state",
    "fit_birch_murnaghan",
    "grain_boundaries",
    "load_phonons",
    "load_reference",
    "melt_quench",
    "phonon_error",
    "phonons",
    "point_defects",
    "polycrystal_averages",
    "pressure_transitions",
    "prototype_energies",
    "quasi_harmonic",
    "radial_distribution",
    "stacking_fault",
    "surface_energies",
    "transitions_between",
    "vacancy_convergence",
    "vacancy_formation",
    "vacancy_migration",
    "zone_boundary_phonons",
]
