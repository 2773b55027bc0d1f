"""Slopes that are far from 1 but not sure enough to name a unit: a warning that some unit is wrong."""

from collections.abc import Iterator, Sequence
from math import log

import numpy as np

from mlip_rs.data import Dataset
from mlip_rs.label_check.energies import Energies
from mlip_rs.label_check.findings import CURE_IN_DOUBT, Finding, finding, place
from mlip_rs.label_check.regression import Slope
from mlip_rs.label_check.rows import Rows, concerned
from mlip_rs.label_check.stresses import Stresses
from mlip_rs.label_check.units import ENERGY_FACTORS, FORCE_FACTORS, STRESS_FACTORS, Factor

SIGNIFICANT: float = 3.5
"""Standard errors of a slope from which it says more than nothing."""

FAR: float = 6.0
"""Slopes above this are none of a small basis; those far below 1 may be, where forces are noise."""

NEIGHBOURS: float = 4.0
"""Ratio of a slope and a unit up to which the unit is named as one that may be."""

NAMES: dict[str, str] = {"energy": "energies", "stress": "stresses"}


def check_open_units(
    dataset: Dataset, rows: Rows, energies: Energies | None, stresses: Stresses | None
) -> Iterator[Finding]:
    """Warn of slopes against the forces that are far from 1: of both, the forces are off; of one, that label."""
    given = {
        "energy": None if energies is None else energies.slope,
        "stress": None if stresses is None else stresses.slope,
    }
    slopes = {label: slope for label, slope in given.items() if slope is not None and _far(slope)}
    if not slopes:
        return
    values = [slope.value for slope in slopes.values()]
    if len(values) == 2 and values[0] * values[1] > 0.0:
        middle = float(np.sign(values[0]) * np.exp(np.mean(np.log(np.abs(values)))))
        label, units = "forces", _near(1.0 / middle, FORCE_FACTORS)
    elif len(values) == 1:
        label = next(iter(slopes))
        units = _near(values[0], ENERGY_FACTORS if label == "energy" else STRESS_FACTORS)
    else:
        return
    frames = concerned(dataset, rows, label)
    text = " and ".join(f"{NAMES[name]} have slope {slope}" for name, slope in slopes.items())
    may_be = f" in {' or '.join(units)}" if units else " in another unit"
    yield finding(
        dataset,
        f"{label}: unit",
        False,
        f"{NAMES.get(label, label)} of {place(dataset, frames)} may be{may_be}: {text} against what the forces say, "
        "far from 1, though these structures do not determine it well.",
        CURE_IN_DOUBT,
        frames,
        {f"slope_{name}": slope.value for name, slope in slopes.items()},
    )


def _far(slope: Slope) -> bool:
    return not slope.sure and abs(slope.value) > FAR and slope.significance > SIGNIFICANT


def _near(value: float, factors: Sequence[Factor]) -> list[str]:
    """Names of usual units near a factor, of the same sign."""
    return [
        one.name
        for one in factors
        if not one.unusual and one.value * value > 0.0 and abs(log(one.value / value)) < log(NEIGHBOURS)
    ]
