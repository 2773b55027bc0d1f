"""Does the potential know the material? Physical properties with any ASE calculator, and errors.

Figures are in `mlip_rs.validate.figures`, imported only when wanted because matplotlib takes its time.
"""

from mlip_rs.validate.calculations import isolated_atom_energy, relaxed
from mlip_rs.validate.compare import DEFAULT_THRESHOLDS, Comparison, PropertyRow, Threshold, compare
from mlip_rs.validate.elastic import ElasticConstants, elastic_constants
from mlip_rs.validate.elastic_analysis import (
    ElasticAnalysis,
    PolycrystalAverages,
    elastic_analysis,
    polycrystal_averages,
)
from mlip_rs.validate.eos import EnergyVolumeFit, energy_volume, equation_of_state, fit_birch_murnaghan
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
from mlip_rs.validate.prototypes import PROTOTYPES, prototype
from mlip_rs.validate.quasi_harmonic import QuasiHarmonic, quasi_harmonic
from mlip_rs.validate.reference import Reference, ReferenceElastic, load_reference
from mlip_rs.validate.report import Code, Image, Item, Report, Table
from mlip_rs.validate.short_range import ShortRange, ShortRangeCurve, short_range
from mlip_rs.validate.vacancy import VacancyFormation, cubic_fcc_supercell, vacancy_formation

__all__ = [
    "DEFAULT_THRESHOLDS",
    "ENERGY_KEY",
    "FORCE_KEY",
    "PROTOTYPES",
    "STRESS_KEY",
    "BandSegment",
    "Code",
    "Comparison",
    "ElasticAnalysis",
    "ElasticConstants",
    "EnergyVolumeFit",
    "ErrorSummary",
    "Errors",
    "Image",
    "Item",
    "Labels",
    "PairedValues",
    "PhononError",
    "Phonons",
    "PolycrystalAverages",
    "PropertyRow",
    "QuasiHarmonic",
    "Reference",
    "ReferenceElastic",
    "Report",
    "ShortRange",
    "ShortRangeCurve",
    "Table",
    "Threshold",
    "VacancyFormation",
    "ZoneBoundaryPhonons",
    "compare",
    "cubic_fcc_supercell",
    "elastic_analysis",
    "elastic_constants",
    "energy_volume",
    "equation_of_state",
    "error_summary",
    "evaluate_errors",
    "fit_birch_murnaghan",
    "isolated_atom_energy",
    "load_phonons",
    "load_reference",
    "paired_values",
    "phonon_error",
    "phonons",
    "polycrystal_averages",
    "prototype",
    "quasi_harmonic",
    "relaxed",
    "short_range",
    "vacancy_formation",
    "zone_boundary_phonons",
]
