"""Coverage of error bars and errors by index, as tables and sentences."""

from mlip_rs.evaluate.errors import ENERGY_KEY, FORCE_KEY, STRESS_KEY
from mlip_rs.evaluate.trust import PROPERTIES, Trust
from mlip_rs.uncertainty.calibration import LEVELS

UNITS: dict[str, str] = {ENERGY_KEY: "meV/atom", FORCE_KEY: "eV/Å", STRESS_KEY: "GPa"}

Rows = tuple[list[str], list[list[str]]]


def coverage_table(trust: Trust) -> Rows:
    """Header and rows of the coverage by property and config type; no rows without error bars."""
    header = ["structures", "property", *(f"in {100.0 * level:.0f} % bars" for level in LEVELS)]
    header += ["± 90 %", "unit", "± / mean error", "values"]
    rows = []
    for own in trust.coverages():
        reached = [f"{100.0 * value:.0f} %" for value in own.reached]
        ratio = "–" if own.width_ratio is None else f"{own.width_ratio:.1f}"
        numbers = [f"{own.half_width:.3g}", UNITS[own.key], ratio, str(own.n)]
        rows.append([own.group or "all", PROPERTIES[own.key][1], *reached, *numbers])
    return header, rows


def index_table(trust: Trust) -> Rows:
    """Header and rows of the force errors by index; no rows without an index."""
    rows = [
        [own.name, str(own.n_atoms), "–" if own.rms_error is None else f"{own.rms_error:.3g}"]
        for own in trust.index_ranges()
    ]
    return ["index", "atoms", "RMS force error (eV/Å)"], rows


def promise(trust: Trust) -> str:
    """What the error bars promise, in a sentence; empty without any."""
    if trust.committee is None:
        return ""
    calibration = trust.committee.calibration
    if calibration is None:
        return (
            "The error bars have no factors from held-out classes: for a class of structures that the data lack, "
            "they promise nothing."
        )
    n = len(calibration.classes)
    return (
        f"The error bars have factors from {n} held-out classes: of a new class of structures they promise "
        f"{100.0 * calibration.promise:.0f} % at most ({n}/{n + 1})."
    )


def finding(trust: Trust) -> str:
    """How well the index finds the worst forces, in a sentence; empty if that cannot be said."""
    area = trust.worst_found()
    if area is None:
        return ""
    return (
        f"For the 5 % of the forces with the largest errors, the area under the ROC curve of the index is {area:.2f} "
        "(1: finds all, 0.5: chance)."
    )
