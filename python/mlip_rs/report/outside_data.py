"""Section of the report of a fit on what its potentials do where no data are."""

from collections.abc import Mapping
from typing import Any

from mlip_rs.fitting import Run
from mlip_rs.fitting.stress_warnings import stress_test_warnings
from mlip_rs.potential.stress_record import stress_test_text
from mlip_rs.report.document import Item, Table


def outside_data_content(run: Run) -> list[Item]:
    """Stress tests of the potentials of the front, of those that it lost by them, and the anchor rows of the fit."""
    record = run.record
    noted = [(point, point.potential.info) for point in run.points if "stress_test" in point.potential.info]
    if not noted:
        return [
            "Not tested: the basis has no repulsion, so nothing keeps atoms apart that are closer than in the data. "
            + _anchors_text(record)
        ]
    failed = [point for point, _ in noted if point.failed_stress_test]
    sentences = [
        "Potentials are taken where no data are: atoms that crowd as random spheres, hot and compressed crystals, open "
        "cells, clusters, and structures that shrink. The energy must not fall below that of the lowest crystal, and "
        "the temperature must not run away.",
        *_systems_text(noted[0][1]["stress_test"]),
        f"{len(noted) - len(failed)} of {len(noted)} potentials held.",
        *(f"{warning[0].upper()}{warning[1:]}." for warning in _warnings(run)),
        _anchors_text(record),
    ]
    if len(failed) == len(noted):
        sentences.append("No potential held: do not use them beyond the data.")
    rows = [
        (str(point.potential.n_nonzero), f"{point.score:.3f}", stress_test_text(info), _weight_text(info))
        for point, info in noted
        if point.failed_stress_test or "anchor_weight" in info
    ]
    items: list[Item] = ["\n".join(sentences)]
    if rows:
        items.append(Table(("coefficients", "score", "stress test", "anchor rows"), rows))
    return items


def _warnings(run: Run) -> list[str]:
    named = {"best": run.best_index, "knee": run.knee_index}
    return stress_test_warnings([point.to_dict("") for point in run.points], run.front, named)


def _systems_text(noted: Mapping[str, Any]) -> list[str]:
    """What the structures are made of."""
    systems = noted.get("systems")
    if not isinstance(systems, list) or not systems:
        return []
    names = ", ".join(map(str, systems))
    return [
        f"They are made of {names}. Elements are taken alone, and mixed, only if the data have crystals of each; of "
        "others, the compounds of the data are taken, and nothing is known beyond their compositions."
    ]


def _anchors_text(record: Mapping[str, Any]) -> str:
    """Which anchor rows a fit has, or why it has none."""
    anchors = record.get("anchors")
    if anchors is not None:
        return (
            f"Anchor rows: {anchors['n_structures']} structures outside the data with {anchors['n_atoms']} atoms and "
            f"weight {anchors['weight']:g}, for which a fit that held, with {anchors['teacher_n_nonzero']} "
            f"coefficients, gives the energies, forces and stresses. {_slight_text(anchors)}No error on this page "
            "includes them."
        )
    if record.get("basis", {}).get("repulsion") is None:
        why = "its basis has no repulsion, without which no potential can be followed there"
    elif not record.get("settings", {}).get("anchor_weight"):
        why = "anchor_weight is 0"
    else:
        why = "no dense fit passes the stress test, so that none could give their labels"
    return f"The fit has no anchor rows, which keep potentials stable outside the data: {why}."


def _slight_text(anchors: Mapping[str, Any]) -> str:
    """How a fit to all features was made to hold, if it had to be; ends with a space."""
    if "teacher_weight" not in anchors:
        return ""
    return (
        f"It holds because the rows were part of it too, with weight {anchors['teacher_weight']:g} and the predictions "
        f"of a less accurate fit that held, with {anchors['teacher_n_nonzero_before']} coefficients. "
    )


def _weight_text(info: Mapping[str, Any]) -> str:
    weight = info.get("anchor_weight")
    return "" if weight is None else f"refitted with weight {weight:g}"
