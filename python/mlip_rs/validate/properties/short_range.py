"""Dimers and compressed crystals: the energy has to rise at distances shorter than those of the data."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlip_rs.errors import NotApplicableError
from mlip_rs.potential.short_range import ShortRange, ShortRangeCurve, short_range
from mlip_rs.validate.case import ValidationCase
from mlip_rs.validate.property import Property


def compute(case: ValidationCase) -> ShortRange:
    """Curves of a potential file, with fewer points if the case is quick."""
    if case.potential is None:
        raise NotApplicableError("the check at short range needs a potential file of this package")
    return short_range(case.potential, n_points=60 if case.quick else 120, whole=not case.quick)


def restored(document: Mapping[str, Any]) -> ShortRange:
    """Rebuild the result from its `to_dict`."""
    return ShortRange(
        tuple(
            ShortRangeCurve(
                curve["kind"],
                tuple(curve["elements"]),
                np.array(curve["distances_angstrom"]),
                np.array(curve["energies_ev_per_atom"]),
            )
            for curve in document["curves"]
        )
    )


PROPERTY = Property(
    "short-range",
    "Dimers and compressed crystals",
    ShortRange,
    compute,
    failures=lambda found: found.failures,
    beyond_data=True,
    restore=restored,
)
