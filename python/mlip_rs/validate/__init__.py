"""Does the potential know the material? Physical properties with any ASE calculator, and errors.

Figures are in `mlip_rs.validate.figures`, reports in `mlip_rs.validate.reports`, and the whole judgement in
`mlip_rs.validate.validation`, imported only when wanted because matplotlib takes its time.
"""

from mlip_rs.validate.calculations import isolated_atom_energy, relaxed, relaxed_crystal
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
from mlip_rs.validate.metrics import (
    ENERGY_KEY,
    FORCE_KEY,
    STRESS_KEY,
    Errors,
    ErrorSummary,
    Labels,
    PairedValues,
    error_summary,
    evaluate_errors,
    paired_values,
)
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
from mlip_rs.validate.prototypes import BINARY_PROTOTYPES, PROTOTYPES, binary_prototype, prototype
from mlip_rs.validate.quasi_harmonic import QuasiHarmonic, quasi_harmonic
from mlip_rs.validate.reference import Reference, ReferenceElastic, load_reference
from mlip_rs.validate.reports.document import Code, Image, Item, Report, Table
from mlip_rs.validate.short_range import ShortRange, ShortRangeCurve, short_range
from mlip_rs.validate.stacking_faults import StackingFault, stacking_fault
from mlip_rs.validate.surfaces import SurfaceEnergy, Surfaces, surface_energies
from mlip_rs.validate.symmetry import CrystalSymmetry, conventional_supercell, crystal_symmetry
from mlip_rs.validate.thresholds import Threshold
from mlip_rs.validate.vacancy import (
    VacancyConvergence,
    VacancyFormation,
    cubic_fcc_supercell,
    vacancy_convergence,
    vacancy_formation,
)

__all__ = [
    "BINARY_PROTOTYPES",
    "DEFAULT_THRESHOLDS",
    "ENERGY_KEY",
    "FORCE_KEY",
    "PROTOTYPES",
    "STRESS_KEY",
    "BainPath",
    "BandSegment",
    "Code",
    "Comparison",
    "Compound",
    "Compounds",
    "CrystalSymmetry",
    "ElasticAnalysis",
    "ElasticConstants",
    "EnergyConservation",
    "EnergyVolumeFit",
    "ErrorSummary",
    "Errors",
    "GrainBoundaries",
    "GrainBoundary",
    "Image",
    "Item",
    "Labels",
    "MeltQuench",
    "PairedValues",
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
    "Report",
    "ShortRange",
    "ShortRangeCurve",
    "StackingFault",
    "SurfaceEnergy",
    "Surfaces",
    "Table",
    "Threshold",
    "Transition",
    "VacancyConvergence",
    "VacancyFormation",
    "VacancyMigration",
    "ZoneBoundaryPhonons",
    "bain_path",
    "binary_prototype",
    "compare",
    "compound_energies",
    "conventional_supercell",
    "crystal_symmetry",
    "cubic_fcc_supercell",
    "elastic_analysis",
    "elastic_constants",
    "energy_conservation",
    "energy_volume",
    "equation_of_state",
    "error_summary",
    "evaluate_errors",
    "fit_birch_murnaghan",
    "grain_boundaries",
    "isolated_atom_energy",
    "load_phonons",
    "load_reference",
    "melt_quench",
    "paired_values",
    "phonon_error",
    "phonons",
    "point_defects",
    "polycrystal_averages",
    "pressure_transitions",
    "prototype",
    "prototype_energies",
    "quasi_harmonic",
    "radial_distribution",
    "relaxed",
    "relaxed_crystal",
    "short_range",
    "stacking_fault",
    "surface_energies",
    "transitions_between",
    "vacancy_convergence",
    "vacancy_formation",
    "vacancy_migration",
    "zone_boundary_phonons",
]
