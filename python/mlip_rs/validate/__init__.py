"""Does the potential know the material? Physical properties with any ASE calculator, and errors.

Figures are in `mlip_rs.validate.figures`, reports in `mlip_rs.report`; `mlip_rs.workflows.validation` runs them all.
"""

from mlip_rs.validate.compare import DEFAULT_THRESHOLDS, Comparison, PropertyRow, compare
from mlip_rs.validate.compounds import Compound, Compounds, compound_energies
from mlip_rs.validate.dynamics import (
    EnergyConservation,
    MeltQuench,
    energy_conservation,
    melt_quench,
    radial_distribution,
)
from mlip_rs.validate.elastic import ElasticConstants, elastic_constants
from mlip_rs.validate.elastic_analysis import (
    ElasticAnalysis,
    PolycrystalAverages,
    elastic_analysis,
    polycrystal_averages,
)
from mlip_rs.validate.eos import EnergyVolumeFit, energy_volume, equation_of_state, fit_birch_murnaghan
from mlip_rs.validate.grain_boundaries import GrainBoundaries, GrainBoundary, grain_boundaries
from mlip_rs.validate.phonons import BandSegment, PhononError, Phonons, load_phonons, phonon_error, phonons
from mlip_rs.validate.phonons_frozen import ZoneBoundaryPhonons, zone_boundary_phonons
from mlip_rs.validate.point_defects import PointDefects, VacancyMigration, point_defects, vacancy_migration
from mlip_rs.validate.pressure import (
    PressureTransitions,
    Transition,
    pressure_transitions,
    transitions_between,
)
from mlip_rs.validate.prototype_energies import BainPath, PrototypeEnergies, bain_path, prototype_energies
from mlip_rs.validate.quasi_harmonic import QuasiHarmonic, quasi_harmonic
from mlip_rs.validate.reference import Reference, ReferenceElastic, load_reference
from mlip_rs.validate.stacking_faults import StackingFault, stacking_fault
from mlip_rs.validate.surfaces import SurfaceEnergy, Surfaces, surface_energies
from mlip_rs.validate.thresholds import Threshold
from mlip_rs.validate.vacancy import (
    VacancyConvergence,
    VacancyFormation,
    cubic_fcc_supercell,
    vacancy_convergence,
    vacancy_formation,
)

__all__ = [
    "DEFAULT_THRESHOLDS",
    "BainPath",
    "BandSegment",
    "Comparison",
    "Compound",
    "Compounds",
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
    "PropertyRow",
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
    "compare",
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
