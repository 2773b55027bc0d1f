"""Reference properties of a file as results of validated properties."""

from typing import Any

import numpy as np

from mlip_rs.validate.elastic_constants import ElasticConstants
from mlip_rs.validate.properties.elastic import ElasticAnalysis
from mlip_rs.validate.properties.pressure import transitions_between
from mlip_rs.validate.properties.vacancy import VacancyConvergence, VacancyFormation
from mlip_rs.validate.prototype_energies import PrototypeEnergies
from mlip_rs.validate.reference import Reference
from mlip_rs.validate.stiffness import polycrystal_averages


def reference_results(reference: Reference) -> dict[str, Any]:
    """Convert a file of reference properties to results, by the name of the property."""
    elastic = reference.elastic
    stiffness = np.diag([elastic.c11 - elastic.c12] * 3 + [elastic.c44] * 3)
    stiffness[:3, :3] += elastic.c12
    constants = ElasticConstants(tuple(map(tuple, stiffness.tolist())), 0.0, elastic.volume)
    stable = constants.is_stable
    curves = tuple(reference.curves.values())
    pressure = {"pressure": transitions_between(reference.element, curves)} if len(curves) > 1 else {}
    return pressure | {
        "prototypes": PrototypeEnergies(reference.element, curves),
        "elastic": ElasticAnalysis(
            "Fm-3m",
            "cubic",
            3,
            constants,
            constants,
            0.0,
            polycrystal_averages(stiffness) if stable else None,
        ),
        "zone-boundary": reference.phonons,
        "vacancy": VacancyConvergence(
            (VacancyFormation(reference.vacancy_sites, reference.vacancy_unrelaxed, None),)
        ),
    }
