"""Section of the report of a fit on its error bars: what they consist of, and how often labels lie inside."""

from collections.abc import Mapping

from mlip_rs.data.label_source import teacher_sentence
from mlip_rs.fitting import Point, Run
from mlip_rs.report.document import Image, Item, Table
from mlip_rs.uncertainty import Calibration, Committee
from mlip_rs.uncertainty.calibration import LEVELS
from mlip_rs.uncertainty.figures import force_error_curves
from mlip_rs.units import EV_PER_ANGSTROM3_IN_GPA, MEV_PER_EV

UNITS: Mapping[str, tuple[str, float]] = {
    "energy": ("meV/atom", MEV_PER_EV),
    "forces": ("eV/Å", 1.0),
    "stress": ("GPa", EV_PER_ANGSTROM3_IN_GPA),
}
"""Unit of each property in reports, and its size in the units of `Committee.noise`."""

NINETY: int = LEVELS.index(0.9)


def error_bars_content(run: Run) -> list[Item]:
    """Members, coverage in the cross-validation and on classes held out, and the expected error by index."""
    named = {name: run.points[k] for name, k in (("best", run.best_index), ("knee", run.knee_index))}
    found = {name: (point, Committee.of(point.potential)) for name, point in named.items()}
    known = {name: (point, own) for name, (point, own) in found.items() if own is not None}
    if not known:
        return [
            "The potentials of this run have no error bars: an earlier version made them. Fit again to have them."
        ]
    committee = next(iter(known.values()))[1]
    items: list[Item] = [
        f"The error bar of every prediction comes from {len(committee.deviations)} other fits and the residual on the "
        f"training data: {committee.kind}. Members of the committee give the error bars of derived "
        "properties as well (mlip-rs validate).",
        *filter(None, [teacher_sentence(run.record.get("data", {}).get("label_sources", {}))]),
        _coverage_table(known),
        *_calibration_items(committee.calibration),
    ]
    curves = {name: own.force_error for name, (_, own) in known.items() if own.force_error is not None}
    if curves:
        items.append(
            Image(
                force_error_curves(curves),
                "Expected error of the force on an atom by its index of anomaly, from fits that had not seen the atom. "
                "99 % of the training atoms lie below 1; above it, the surroundings are unlike the data.",
            )
        )
    return items


def coverage_sentence(point: Point) -> str:
    """How often labels lie inside the 90 % error bars of a potential in the cross-validation; empty if not known.

    Examples
    --------
    >>> from mlip_rs import Basis, Potential
    >>> from mlip_rs.evaluate.errors import Errors
    >>> basis = Basis(["Al"], cutoff=6.0, r_min=2.0, hierarchy="pair", n_radial=1)
    >>> potential = Potential.from_coefficients(basis, [1.0], {"Al": 0.0})
    >>> none = Errors(energy=None, forces=None, stress=None)
    >>> coverage_sentence(Point(potential, 1.0, score=1.0, penalty=0.0, training=none, validation=none))
    ''
    """
    committee = Committee.of(point.potential)
    if committee is None or not committee.coverage:
        return ""
    parts = [f"{name} {100.0 * own[NINETY]:.0f} %" for name, own in committee.coverage.items()]
    return f"inside 90 % error bars in the cross-validation: {', '.join(parts)}"


def _coverage_table(known: Mapping[str, tuple[Point, Committee]]) -> Table:
    rows = []
    for name, (_, committee) in known.items():
        for key, own in committee.coverage.items():
            unit, size = UNITS[key]
            noise = f"{committee.noise[key] * size:.3g} {unit}" if key in committee.noise else "–"
            rows.append((name, key, noise, *(f"{100.0 * share:.1f}" for share in own)))
    return Table(
        (
            "potential",
            "property",
            "residual",
            *(f"inside {100.0 * level:.0f} % bars (%)" for level in LEVELS),
        ),
        rows,
        "In the data's own domain: structures of the training data, predicted without their fold.",
    )


def _calibration_items(calibration: Calibration | None) -> list[Item]:
    if calibration is None:
        return [
            "For classes of structures unlike the data, nothing has been held out: --hold-out-classes repeats the fit "
            "without each class and widens the bars where they were too narrow."
        ]
    names = list(calibration.coverage)
    rows = []
    for own in calibration.classes:
        shares = [calibration.coverage[name].get(own) for name in names]
        rows.append((own, *("–" if share is None else f"{100.0 * share[NINETY]:.0f}" for share in shares)))
    rows.append(("factor on the bars", *(f"{calibration.factor(name, 0.9):.2f}" for name in names)))
    n_classes = len(calibration.classes)
    return [
        f"Each of {n_classes} classes was held out of the whole fit. The factor widens the 90 % bars until every class "
        f"is covered. A class that none of these resembles is covered with a chance of {n_classes} in {n_classes + 1} "
        "at most: no more can be promised from so many classes.",
        *(
            f"The class {name} was not held out and does not count: {reason}."
            for name, reason in calibration.not_held_out.items()
        ),
        Table(("class held out", *(f"{name}, inside 90 % bars (%)" for name in names)), rows),
    ]
