"""The validated properties, one module for each, in the order in which they are computed."""

from mlip_rs.validate.properties import (
    bain,
    compounds,
    elastic,
    energy_conservation,
    grain_boundaries,
    melt_quench,
    migration,
    phonons,
    point_defects,
    pressure,
    prototypes,
    quasi_harmonic,
    short_range,
    stacking_fault,
    stress_test,
    surfaces,
    vacancy,
    zone_boundary,
)
from mlip_rs.validate.property import Property

PROPERTIES: tuple[Property, ...] = (
    prototypes.PROPERTY,
    pressure.PROPERTY,
    compounds.PROPERTY,
    bain.PROPERTY,
    elastic.PROPERTY,
    phonons.PROPERTY,
    zone_boundary.PROPERTY,
    quasi_harmonic.PROPERTY,
    vacancy.PROPERTY,
    point_defects.PROPERTY,
    migration.PROPERTY,
    surfaces.PROPERTY,
    stacking_fault.PROPERTY,
    grain_boundaries.PROPERTY,
    energy_conservation.PROPERTY,
    melt_quench.PROPERTY,
    short_range.PROPERTY,
    stress_test.PROPERTY,
)
